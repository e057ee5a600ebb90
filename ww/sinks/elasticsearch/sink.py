"""The elasticsearch sink itself: the nodes of one cluster, the template, and `_bulk` requests."""

from __future__ import annotations

import time
import zlib
from gzip import compress
from typing import TYPE_CHECKING

import ww
import ww.sinks.elasticsearch.bulk as bulk_format
from ww.clib import json_dumps
from ww.clients.errors import ClientError
from ww.clients.http import url_fault
from ww.config.secrets import SecretError
from ww.sinks.base import RetryAfter, Sink
from ww.sinks.over_http.access import Access, http_client
from ww.sinks.over_http.sending import Sending
from ww.sinks.over_http.verdicts import SLOW_S, Judgement, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ww.clients import http
    from ww.sinks.base import Advice, Answer, Context, Item
    from ww.types import Json

LABELS = {"elasticsearch": "flattened", "opensearch": "flat_object"}
_NODE_FAILED = (502, 503, 504)


class ElasticsearchSink(Sink):
    """One cluster."""

    batched = True
    bisects = True

    def __init__(self, settings: Mapping[str, Json], context: Context) -> None:
        self._context = context
        urls = settings.get("urls")
        self._urls = [str(url).rstrip("/") for url in urls] if isinstance(urls, list) else []
        for number, url in enumerate(self._urls):
            if words := url_fault(url):
                raise ValueError(f"urls[{number}]: {words}")
            if "?" in url or "#" in url:
                raise ValueError(f"urls[{number}]: a query does not belong into it")
        # Instances begin at different nodes.
        self._node = zlib.crc32(context.origin.instance.encode()) % max(1, len(self._urls))
        self._name = str(settings.get("index") or "whaleware-events")
        self._rotate = str(settings.get("rotate") or "month")
        self._pipeline = settings.get("pipeline")
        self._max_bytes = int(settings.get("max_request_bytes") or 5_242_880)  # type: ignore[arg-type]
        self._gzip = settings.get("gzip") is True
        self._has_template = settings.get("template") is False
        self._access = Access(settings, context.secret)
        self._client: http.HttpClient = http_client({"max_answer_bytes": 8_388_608, **settings})
        tls = settings.get("tls")
        if isinstance(tls, dict) and tls.get("verify") is False:
            context.log("tls.verify is false: the server's certificate is not checked, anyone may take its place")

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        """A request per index and per `max_request_bytes`; nothing is sent after one that failed."""
        if not self._has_template and (waiting := self._template(deadline)):
            return [waiting] * len(batch)
        going = Sending(self, deadline)
        rows = bulk_format.cut(batch, self._name, self._rotate, self._max_bytes)
        answers = [answer for row in rows for answer in going.send(row)]
        if going.advice is not None:
            self._context.advise(going.advice)
        return answers

    def ask(self, items: Sequence[Item], deadline: float) -> http.Answer:
        """One `_bulk` request. Raises ClientError, SecretError, ValueError."""
        body = b"".join(bulk_format.lines(item) for item in items)
        pipeline = f"&pipeline={self._pipeline}" if self._pipeline else ""
        index = bulk_format.index_of(items[0], self._name, self._rotate)
        return self._request(
            "POST", f"/{index}/_bulk?{bulk_format.FILTER}{pipeline}", deadline, body, bulk_format.BULK_TYPE
        )

    def judge(self, answer: http.Answer) -> Judgement:
        """By the table, but for what it refuses whole: it names each document that is at fault, so that was our setting."""
        judgement = judge(answer.status, answer.headers, time.time())
        words = judgement.words + bulk_format.reason(answer.body)
        if judgement.verdict in (Verdict.HALVE, Verdict.THERE, Verdict.GONE):
            return Judgement(Verdict.LATER, SLOW_S, words)
        return Judgement(judgement.verdict, judgement.after_s, words)

    def read(self, items: Sequence[Item], answer: http.Answer) -> tuple[Sequence[Answer], Advice | None]:
        """What became of each document."""
        if answer.cut:
            return [RetryAfter(None, "the answer is longer than max_answer_bytes")] * len(items), None
        return bulk_format.read_items(answer.body, len(items)), None

    def simpler(self) -> bool:
        """Without gzip, if it was on."""
        was, self._gzip = self._gzip, False
        return was

    def reach(self, deadline: float) -> str:
        """GET / on one of the nodes."""
        try:
            answer = self._request("GET", "/", deadline)
        except (ClientError, SecretError, ValueError) as error:
            return str(error)
        return "" if 200 <= answer.status < 300 else self.judge(answer).words

    def close(self, deadline: float) -> None:  # noqa: ARG002 - closing waits for nothing
        """Let go of the connections."""
        self._client.close()

    def _template(self, deadline: float) -> RetryAfter | None:
        """See to it that the template is there; what to answer if it cannot be done now."""
        try:
            there = self._request("GET", f"/_index_template/{self._name}", deadline)
            wanted = there.status == 404 or (there.status == 200 and not bulk_format.is_current(there.body))
            answer = self._put_template(deadline) if wanted else there
        except (ClientError, SecretError, ValueError) as error:
            return RetryAfter(None, f"the index template: {error}")
        if 200 <= answer.status < 300:
            self._has_template = True
            return None
        judgement = self.judge(answer)
        advice = "; put it there yourself and set template to false" if answer.status in (401, 403) else ""
        return RetryAfter(judgement.after_s, f"the index template: {judgement.words}{advice}")

    def _put_template(self, deadline: float) -> http.Answer:
        root = self._request("GET", "/", deadline)
        labels = LABELS[bulk_format.product(root.body)] if root.status == 200 else "object"
        answer = self._put(labels, deadline)
        if answer.status == 400 and labels != "object":
            # A server too old for a type that keeps all labels in one field.
            answer = self._put("object", deadline)
        return answer

    def _put(self, labels: str, deadline: float) -> http.Answer:
        body = json_dumps(bulk_format.template(self._name, self._rotate, labels)).encode()
        return self._request("PUT", f"/_index_template/{self._name}", deadline, body, "application/json")

    def _request(self, method: str, path: str, deadline: float, body: bytes = b"", kind: str = "") -> http.Answer:
        """The first answer that some node gives; each gets its share of the time. Raises as `ask` does."""
        headers = {"User-Agent": f"whaleware/{ww.__version__}", "Accept": "application/json", **self._access.headers()}
        if kind:
            headers["Content-Type"] = kind
        if body and self._gzip:
            body, headers["Content-Encoding"] = compress(body, 6, mtime=0), "gzip"
        for left in range(len(self._urls), 0, -1):
            now = time.monotonic()
            share = deadline if left == 1 else now + (deadline - now) / left
            url = self._urls[self._node] + path
            try:
                answer = self._client.request(
                    method, url, share, body=body, headers=headers, proxy=self._access.proxy()
                )
            except ClientError:
                self._next_node()
                if left == 1:
                    raise
                continue
            if answer.status not in _NODE_FAILED:
                return answer
            self._next_node()
            if left == 1:
                return answer
        raise AssertionError("there is a node")

    def _next_node(self) -> None:
        self._node = (self._node + 1) % len(self._urls)
