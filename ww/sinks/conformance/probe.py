"""A sink under observation: each call in a thread of its own with a watch beside it, each answer looked at, each word kept."""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from ww.config.secrets import SecretError
from ww.sinks.base import Accepted, Answer, Context, Rejected, RetryAfter, Sink
from ww.sinks.conformance import verdict
from ww.sinks.conformance.bench import BenchError
from ww.sinks.conformance.events import ORIGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ww.sinks.base import Item, SinkType
    from ww.sinks.conformance.bench import Key
    from ww.types import Json

BUDGET_S = 2.0
"""What a call is given."""
GRACE_S = 0.5
"""How long after its deadline a call may still be under way: a machine is busy at times."""
ABANDONED_S = 20.0
"""After that a call is taken for one that never comes back."""
PATIENCE_S = 8.0
"""How long a sink whose receiver is well again may go on saying not now."""
PAUSE_S = 0.2
NAME = "examined"
_SIGNATURES = {
    "deliver": ("batch", "deadline"),
    "reach": ("deadline",),
    "idle": ("deadline",),
    "close": ("deadline",),
}
"""What the methods of a sink are given."""
_ANSWERS = (Accepted, RetryAfter, Rejected)


class AbandonedError(Exception):
    """A call did not come back; nothing more can be asked of this sink."""


class Words(logging.Handler):
    """All that a sink says anywhere: its log, what it prints, what its libraries log, what it raises and answers."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[tuple[str, str]] = []
        self.output = io.StringIO()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what went to a logger."""
        with contextlib.suppress(TypeError, ValueError):
            self.said.append((f"the logger {record.name}", record.getMessage()))

    def add(self, where: str, text: str) -> None:
        """Keep what was said elsewhere."""
        self.said.append((where, text))

    def leaks(self, secrets: Mapping[str, str]) -> list[str]:
        """Where one of the secrets was said, each place once."""
        everything = [*self.said, ("what it printed", self.output.getvalue())]
        found = {
            f"the secret {name} stands in {where}"
            for where, text in everything
            for name, value in secrets.items()
            if value and value in text
        }
        return sorted(found)

    @contextlib.contextmanager
    def listening(self) -> Any:
        """Keep what is printed and logged meanwhile."""
        root = logging.getLogger()
        level = root.level
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        try:
            with contextlib.redirect_stdout(self.output), contextlib.redirect_stderr(self.output):
                yield
        finally:
            root.removeHandler(self)
            root.setLevel(level)


class Probe:
    """One sink, made from `type` and `settings`; `blame(fault, what)` is told what it does wrong."""

    def __init__(
        self,
        type_: SinkType,
        settings: Mapping[str, Json],
        secrets: Mapping[str, str],
        words: Words,
        blame: Callable[[str, str], None],
    ) -> None:
        self._words = words
        self._blame = blame
        self._misbehaves = False
        self.reasons: list[str] = []
        self.advised: list[object] = []
        context = context_of(secrets, self.advised.append, lambda line: words.add("its log", line))
        try:
            with words.listening():
                self.sink: Sink = type_.make(settings, context)
        except ValueError as error:
            raise BenchError(f"the sink cannot be made from the bench's settings: {error}") from error
        except TypeError as error:
            if _takes(type_.make, ("settings", "context")):
                raise
            raise BenchError(f"make is called as make(settings, context), and cannot be: {error}") from error
        words.add("its repr", repr(self.sink))
        self._wrong = {name for name, given in _SIGNATURES.items() if not _takes(getattr(self.sink, name, None), given)}
        for name in sorted(self._wrong):
            blame(verdict.SIGNATURE, f"{name} takes ({', '.join(('self', *_SIGNATURES[name]))}), and this one does not")

    def deliver(self, items: Sequence[Item], budget_s: float = BUDGET_S, *, well: bool = True) -> list[Answer]:
        """Deliver once; `well` says that nothing is wrong with the receiver. Raises AbandonedError."""
        if "deliver" in self._wrong:
            self._misbehaves = True
            return [RetryAfter(None, "deliver cannot be called")] * len(items)
        returned = self._timed("deliver", lambda deadline: self.sink.deliver(items, deadline), budget_s)
        if isinstance(returned, Exception):
            if well:
                self._misbehaves = True
                self._blame(verdict.RAISES, f"deliver raised {_named(returned)} while the receiver was well")
            return [RetryAfter(None, _named(returned))] * len(items)
        return self._checked(returned, len(items))

    def deliver_all(
        self, items: Sequence[Item], patience_s: float = PATIENCE_S, *, well: bool = True
    ) -> dict[Key, Answer]:
        """Deliver as the engine does: what is to be tried again is, at least once and for `patience_s`; the last answers."""
        last: dict[Key, Answer] = {}
        left = list(items)
        give_up = time.monotonic() + patience_s
        while left:
            for item, answer in zip(left, self.deliver(left, well=well), strict=True):
                last[item.boot, item.seq] = answer
            left = [item for item in left if isinstance(last[item.boot, item.seq], RetryAfter)]
            if self._misbehaves or time.monotonic() > give_up:
                break
            if left:
                time.sleep(PAUSE_S)
        return last

    def reach(self) -> str:
        """What the sink says of its receiver; an exception counts as words."""
        if "reach" in self._wrong:
            return ""
        returned = self._timed("reach", self.sink.reach)
        if isinstance(returned, Exception):
            return _named(returned)
        if not isinstance(returned, str):
            self._blame(verdict.ANSWERS, f"reach answered {type(returned).__name__}, not a text")
            return ""
        self._words.add("what reach says", returned)
        return returned

    def close(self) -> None:
        """The end; raising is a fault."""
        if "close" in self._wrong:
            return
        returned = self._timed("close", self.sink.close)
        if isinstance(returned, Exception):
            self._blame(verdict.RAISES, f"close raised {_named(returned)}")

    def _checked(self, returned: object, count: int) -> list[Answer]:
        answers = list(returned) if isinstance(returned, list | tuple) else None
        if answers is None:
            self._blame(verdict.ANSWERS, f"deliver returned {type(returned).__name__}, not a list of answers")
        elif len(answers) != count:
            self._blame(verdict.ANSWERS, f"{len(answers)} answers for {count} events")
        elif strange := {type(answer).__name__ for answer in answers if not isinstance(answer, _ANSWERS)}:
            self._blame(verdict.ANSWERS, f"answers that are none: {', '.join(sorted(strange))}")
        else:
            self.reasons += [answer.reason for answer in answers if isinstance(answer, RetryAfter | Rejected)]
            self._words.add("the reason of an answer", "\n".join(self.reasons))
            return answers
        self._misbehaves = True
        # The engine goes by what it knows, which is nothing.
        return [RetryAfter()] * count

    def _timed(self, what: str, call: Callable[[float], object], budget_s: float = BUDGET_S) -> object:
        """What `call` returns or raises; that it came late is a fault."""
        result: list[object] = []

        def run() -> None:
            try:
                result.append(call(deadline))
            except Exception as error:  # noqa: BLE001 - whatever a stranger's code raises is a result
                self._words.add(f"an exception of {what}", _named(error))
                result.append(error)

        started = time.monotonic()
        deadline = started + budget_s
        thread = threading.Thread(target=run, name=f"conformance-{what}", daemon=True)
        with self._words.listening():
            thread.start()
            thread.join(budget_s + GRACE_S)
            if not result:
                thread.join(ABANDONED_S)
                spent = f"{time.monotonic() - started:.1f} s" if result else "no end"
                self._blame(verdict.LATE, f"{what} was given {budget_s:g} s and took {spent}")
        if not result:
            raise AbandonedError(what)
        return result[0]


def context_of(secrets: Mapping[str, str], advise: Callable[[Any], None], log: Callable[[str], None]) -> Context:
    """What the sink may use: secrets by name, as in a real instance."""

    def secret(value: Json) -> str:
        if isinstance(value, str):
            return value
        name = value.get("$secret") if isinstance(value, dict) else None
        if not isinstance(name, str) or name not in secrets:
            raise SecretError(f"cannot resolve the $secret reference {name}: the bench has no such secret")
        return secrets[name]

    return Context(NAME, ORIGIN, secret, advise, log)


def _takes(call: object, given: Sequence[str]) -> bool:
    """Whether `call` can be called with so many arguments."""
    if not callable(call):
        return False
    try:
        inspect.signature(call).bind(*given)
    except TypeError:
        return False
    except ValueError:
        return True  # nobody can tell
    return True


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
