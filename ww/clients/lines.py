"""An answer of HTTP that comes line by line and does not end: a watch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ww.clients.errors import TimedOut
from ww.clients.http import Answer, Options, told_as, unasked
from ww.clients.timed import within

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self


class Lines:
    """The answer to a POST, on a connection of its own; raises ClientError where none came by `deadline`.

    `refused` is the answer where it is not 200: there are no lines then.
    """

    def __init__(self, options: Options, url: str, deadline: float, *, body: bytes, headers: Mapping[str, str]) -> None:
        self._url = url
        self._session = unasked(options)
        self.refused: Answer | None = None
        try:
            with within(deadline), told_as(url):
                self._response = self._session.post(
                    url, data=body, headers={**headers}, stream=True, allow_redirects=False, verify=options.tls.verify
                )
                if self._response.status_code != 200:
                    self.refused = Answer(self._response.status_code, self._response.headers, self._response.content)
        except BaseException:
            self._session.close()
            raise

    def until_quiet(self, quiet_s: float) -> Iterator[bytes]:
        """Each line as it comes; ends when none came for `quiet_s`, or when the server ends. Raises Broken."""
        lines = self._response.iter_lines(chunk_size=None)
        while True:
            try:
                with within(time.monotonic() + quiet_s), told_as(self._url):
                    line = next(lines, None)
            except TimedOut:
                return
            if line is None:
                return
            yield line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._response.close()
        self._session.close()
