"""The http sink itself: requests of one boot each, in order, and what their answers mean for each event."""

from __future__ import annotations

import time
from collections import deque
from itertools import groupby
from typing import TYPE_CHECKING

import ww
import ww.sinks.http.forms as http_forms
import ww.sinks.http.template as templates
from ww.clients.errors import ClientError
from ww.clients.http import url_fault
from ww.config.secrets import SecretError
from ww.sinks.base import RetryAfter, Sink
from ww.sinks.http.forms import BATCH, BINARY, STRUCTURED, TEMPLATE, Form
from ww.sinks.over_http.access import Access, http_client
from ww.sinks.over_http.sending import Sending
from ww.sinks.over_http.verdicts import Verdict, judge, read_reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ww.clients import http
    from ww.sinks.base import Advice, Answer, Context, Item
    from ww.sinks.over_http.verdicts import Judgement
    from ww.types import Json

SAMPLES = 8
_REACHED = (400, 405, 406, 411, 415, 422, 501)
"""Answers to HEAD of a receiver that knows POST only."""


class Clocks:
    """How far the receiver's clock is from ours, by the sample with the shortest way there and back of the last few."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=SAMPLES)

    def take(self, sent_ms: int, took_ms: float, server_ms: float) -> None:
        """One answer: the receiver wrote `server_ms` somewhere between our sending and our receiving."""
        self._samples.append((took_ms, server_ms - (sent_ms + took_ms / 2)))

    def headers(self) -> dict[str, str]:
        """What the next request tells about it; nothing before the first sample."""
        if not self._samples:
            return {}
        rtt, offset = min(self._samples)
        return {"Ww-Clock-Offset": f"{offset:.0f}", "Ww-Clock-Rtt": f"{rtt:.0f}"}


class HttpSink(Sink):
    """One receiver."""

    def __init__(self, settings: Mapping[str, Json], context: Context) -> None:
        self._context = context
        self._url = settings.get("url") or settings.get("secret_url")
        if (url := settings.get("url")) and (words := _url_fault(str(url))):
            raise ValueError(f"url: {words}")
        self._method = str(settings.get("method") or "POST")
        self._mode = str(settings.get("mode") or BATCH)
        self._template = _template(settings, context) if self._mode == TEMPLATE else None
        self._gzip = settings.get("gzip") is True
        self._key = settings.get("hmac_key")
        self._access = Access(settings, context.secret)
        self._client: http.HttpClient = http_client(settings)
        self._clocks = Clocks()
        self._sent_ms = 0
        self._proved = False
        """Whether the receiver has ever taken anything: then what it refuses is wrong, and not all that we send."""
        tls = settings.get("tls")
        if isinstance(tls, dict) and tls.get("verify") is False:
            context.log("tls.verify is false: the receiver's certificate is not checked, anyone may take its place")

    def deliver(self, batch: Sequence[Item], deadline: float) -> Sequence[Answer]:
        """One request per boot, or per event; after the first that must be sent again nothing is sent."""
        going = Sending(self, deadline)
        answers = [answer for _, group in groupby(batch, _boot) for answer in going.send(list(group))]
        if going.advice is not None:
            self._context.advise(going.advice)
        return answers

    def reach(self, deadline: float) -> str:
        """HEAD to the receiver's URL; any answer by which a POST may still work is good enough."""
        try:
            url = self._secret_url()
            answer = self._client.request(
                "HEAD", _without_placeholders(url), deadline, headers=self._headers(), proxy=self._access.proxy()
            )
        except (ClientError, SecretError, ValueError) as error:
            return str(error)
        if answer.status in _REACHED:
            self._context.log(f"credentials not checked: the receiver answers HEAD with {answer.status}")
            return ""
        judgement = self.judge(answer)
        return "" if judgement.verdict is Verdict.TAKEN else judgement.words

    def close(self, deadline: float) -> None:  # noqa: ARG002 - closing waits for nothing
        """Let go of the connection."""
        self._client.close()

    def ask(self, items: Sequence[Item], deadline: float) -> http.Answer:
        """One request with these events. Raises ClientError, SecretError, ValueError."""
        form = self._form(items)
        answer, credentials = self._try(items, form, deadline)
        if answer.status == 401 and self._headers() != credentials:
            # The secret was rotated between our reading it and theirs.
            answer, _ = self._try(items, form, deadline)
        self._proved = self._proved or 200 <= answer.status < 300
        return answer

    def judge(self, answer: http.Answer) -> Judgement:
        """By the table."""
        return judge(answer.status, answer.headers, time.time())

    def read(self, items: Sequence[Item], answer: http.Answer) -> tuple[Sequence[Answer], Advice | None]:
        """What a 2xx says about each event, and asks for."""
        if answer.cut and "json" in answer.headers.get("content-type", ""):
            return [RetryAfter(None, "the receiver's reply is longer than max_answer_bytes")] * len(items), None
        reply = read_reply(items, b"" if answer.cut else answer.body)
        if reply.server_time_ms is not None and reply.echo_time_ms == self._sent_ms:
            self._clocks.take(self._sent_ms, answer.took_s * 1000, reply.server_time_ms)
        return reply.answers, reply.advice

    def _try(self, items: Sequence[Item], form: Form, deadline: float) -> tuple[http.Answer, dict[str, str]]:
        credentials = self._headers()
        sent_ms = self._sent_ms = time.time_ns() // 1_000_000
        headers = {
            **credentials,
            **form.headers,
            **self._clocks.headers(),
            "Idempotency-Key": http_forms.idempotency_key(items),
            "Ww-Sent": str(sent_ms),
        }
        if self._key:
            headers["Ww-Signature"] = http_forms.signature(self._context.secret(self._key), sent_ms // 1000, form.body)
        answer = self._client.request(
            self._method, form.url, deadline, body=form.body, headers=headers, proxy=self._access.proxy()
        )
        return answer, credentials

    def _form(self, items: Sequence[Item]) -> Form:
        url = self._secret_url()
        if self._mode == BATCH:
            form = http_forms.batch(url, items)
        elif self._mode == BINARY:
            form = http_forms.binary(url, items[0])
        elif self._template is not None:
            form = self._template.form(url, items[0])
        else:
            form = http_forms.structured(url, items[0])
        return http_forms.packed(form) if self._gzip else form

    def _headers(self) -> dict[str, str]:
        return {"User-Agent": f"whaleware/{ww.__version__}", **self._access.headers()}

    def _secret_url(self) -> str:
        url = self._context.secret(self._url)
        if words := _url_fault(url):
            raise ValueError(words)
        return url

    @property
    def bisects(self) -> bool:
        """Whether what is refused is searched for the event that is to blame, to the last one."""
        return self._proved

    def simpler(self) -> bool:
        """Use the next simpler form from now on; False if there is none."""
        if self._gzip:
            self._gzip = False
            self._context.log("the receiver does not take this media type: gzip is left out from now on")
            return True
        if self._mode == BATCH:
            self._mode = STRUCTURED
            self._context.log("the receiver does not take this media type: one event per request from now on")
            return True
        return False

    @property
    def batched(self) -> bool:
        """Whether several events go into one request."""
        return self._mode == BATCH


def _boot(item: Item) -> str:
    return item.boot


def _template(settings: Mapping[str, Json], context: Context) -> http_forms.Template:
    said = settings.get("template")
    given = said if isinstance(said, dict) else {}
    body = given.get("body", "")
    headers = {name: str(value) for name, value in (given.get("headers") or {}).items()}
    kind = str(
        given.get("content_type") or ("text/plain; charset=utf-8" if isinstance(body, str) else "application/json")
    )
    for where, words in (
        ("template.body", templates.faults(body)),
        ("template.headers", templates.faults(headers)),
        ("url", templates.fault(str(settings.get("url") or ""))),
    ):
        if words:
            raise ValueError(f"{where}: {words}")
    return http_forms.Template(body, kind, headers, context.origin)


def _url_fault(url: str) -> str:
    if "$" in "/".join(url.split("/")[:3]):
        return "a placeholder cannot stand for the host: events would go wherever an event says"
    return url_fault(_without_placeholders(url))


def _without_placeholders(url: str) -> str:
    return url.replace("${", "").replace("}", "")
