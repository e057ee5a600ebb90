"""What the instance tells the world: the journal, the log line, `state.json`, `exit.json` and the termination log."""

from __future__ import annotations

import os

from ww.clib import json_dumps
from ww.clock import stamp
from ww.home.smallfile import read_text, write_text
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ww.clock import Clock
    from ww.events.journal import Journal
    from ww.instance.driver import Situation
    from ww.instance.hookenv import Identity, Versions
    from ww.instance.voice import Voice
    from ww.types import JsonObject


READY_FILE = "ready.path"
"""In RUN: where the status file is, so that the next life can remove what a killed one left there."""


def forget_last_life(run: str) -> None:
    """Remove what an earlier `ww run` said of itself: after a kill it would go on saying UP."""
    for name in ("state.json", "exit.json"):
        try:
            os.unlink(f"{run}/{name}")
        except OSError:
            continue  # it was not there, or cannot be replaced later either, which is said then
    try:
        status_file = read_text(f"{run}/{READY_FILE}")
        if status_file:
            os.unlink(status_file)
    except OSError:
        return  # it was removed in time, as it is at every stop


class Lives(Value):
    """What tells a copied volume from the original: two boots with one number of one volume are two instances.

    `volume` is "" where nothing can be remembered, and `boot_no` 0.
    """

    __slots__ = ("host", "volume", "boot_no")

    def __init__(self, host: str, volume: str, boot_no: int) -> None:
        self.host = host
        self.volume = volume
        self.boot_no = boot_no


class Origin(Value):
    """Who speaks: identity, versions and labels as they are in every state event."""

    __slots__ = ("identity", "lives", "versions", "labels")

    def __init__(self, identity: Identity, lives: Lives, versions: Versions, labels: dict[str, str]) -> None:
        self.identity = identity
        self.lives = lives
        self.versions = versions
        self.labels = labels


class Recorder:
    """Writes events before they are acted on; never fails, never waits."""

    def __init__(
        self, clock: Clock, voice: Voice, journal: Callable[[], Journal], mask: Callable[[object], object]
    ) -> None:
        self._clock = clock
        self._voice = voice
        self._journal = journal
        self._mask = mask

    def state(self, at: Situation, origin: Origin, durations: dict[str, int], run: str | None) -> None:
        """The state that was entered: journal first, then state.json, then the log, which people and tools wait for."""
        data = self._state_data(at, origin, durations)
        self._journal().append("state", data)
        if run:
            document = {
                "format": 1,
                "boot": origin.identity.boot,
                "at": stamp(self._clock.wall_ms()),
                **data,
            }
            self._file(f"{run}/state.json", document, 0o644)
        name = str(data["state"])
        because = f" ({at.cause.words})" if at.cause and name in ("RESTARTING", "STOPPING", "ERROR") else ""
        alarming = name == "ERROR" and not (at.cause and at.cause.own_end)
        level = self._voice.error if alarming else self._voice.info
        level(f"state {name}{because}", state=name)

    def health(self, data: JsonObject) -> None:
        """One health sample."""
        masked = self._mask(data)
        self._journal().append("health", masked)  # type: ignore[arg-type]

    def notice(self, about: str, words: str, detail: JsonObject) -> None:
        """Something that changes no state: `about` is service, maintenance or reload."""
        self._journal().append("notice", self._mask({"about": about, "words": words, "detail": detail}))  # type: ignore[arg-type]

    def internal_error(self, words: str, trace: list[str]) -> None:
        """A bug of ww: never silent (runtime.md 8)."""
        self._journal().append("internal_error", self._mask({"error": words, "trace": trace[-40:]}))  # type: ignore[arg-type]
        self._voice.error(f"internal error: {words}; the instance stops. Please report this")
        for line in trace:
            self._voice.error(line)

    def end(self, at: Situation, run: str | None, termination_log: str, forced_end: str = "") -> None:
        """Why the run ended: exit.json, and the termination log of Kubernetes where there is one."""
        cause = at.cause
        words = forced_end or (cause.words if cause else "")
        document = {
            "format": 1,
            "exit_code": at.exit_code,
            "state": at.state.value if at.state else None,
            "reason": words,
            "detail": cause.detail if cause else {},
            "failures": list(at.collected),
            "forced": bool(at.budget and at.budget.forced),
            "restarts": at.restarts,
            "at": stamp(self._clock.wall_ms()),
        }
        if run:
            self._file(f"{run}/exit.json", document, 0o644)
        if termination_log:
            self._termination(termination_log, document)

    def _state_data(self, at: Situation, origin: Origin, durations: dict[str, int]) -> JsonObject:
        # Who it is is no secret, and has to stay the same where a secret happens to be the same word.
        whose: JsonObject = {
            "service": origin.identity.service,
            "instance": origin.identity.instance,
            "host": origin.lives.host,
            "volume": origin.lives.volume or None,
            "boot_no": origin.lives.boot_no,
        }
        data: dict[str, object] = {
            "state": at.state.value if at.state else "",
            "previous": at.previous.value if at.previous else None,
            "previous_ms": at.previous_ms,
            "restarts": at.restarts,
            "image_version": origin.versions.image,
            "data_version": origin.versions.data,
        }
        if origin.labels:
            data["labels"] = origin.labels
        if durations:
            data["hooks_ms"] = dict(durations)
        if at.cause and data["state"] in ("RESTARTING", "STOPPING", "STOPPED", "ERROR"):
            data["reason"] = at.cause.words
            if at.cause.detail:
                data["detail"] = at.cause.detail
        if data["state"] == "RESTARTING":
            data["delay_ms"] = at.delay_ms
        if at.budget is not None:
            data["exit_code"] = at.exit_code
        masked: JsonObject = self._mask(data)  # type: ignore[assignment]
        return {**whose, **masked}

    def _termination(self, path: str, document: object) -> None:
        if not os.path.isfile(path):
            return
        try:
            with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(json_dumps(self._mask(document))[:4096])
        except OSError as error:
            self._voice.debug(f"cannot write {path}: {error.strerror}")

    def _file(self, path: str, document: object, mode: int) -> None:
        try:
            write_text(path, json_dumps(self._mask(document)) + "\n", mode)
        except OSError as error:
            self._voice.warn(f"cannot write {path}: {error.strerror}")
