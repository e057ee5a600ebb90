"""What a signal does: `ww.signals` over the defaults, as a table from number to verb (WW-25, WW-26)."""

from __future__ import annotations

from ww.supervise import signals
from ww.types import Value

STOPPING = (signals.TERM, signals.INT, signals.QUIT)
"""Signals that stop the instance unless the table says otherwise, and where nobody is there to take what is forwarded."""
VERBS = ("stop", "restart", "reload", "hook", "forward", "ignore")
"""What the table may say; `rewrite:NAME` forwards another signal."""
_UNHEARD = (signals.KILL, signals.STOP, signals.CHLD)


class Deed(Value):
    """What one signal does; `number` is the signal that is passed on, where one is."""

    __slots__ = ("verb", "number")

    def __init__(self, verb: str, number: int = 0) -> None:
        self.verb = verb
        self.number = number


class SignalTable(Value):
    """`deeds` by signal number for what is configured; `default` answers for all others. `problems`: what is wrong."""

    __slots__ = ("deeds", "wrapping", "problems")

    def __init__(self, configured: dict[str, str], wrapping: bool) -> None:
        self.deeds: dict[int, Deed] = {}
        self.wrapping = wrapping
        self.problems: list[str] = []
        for name, words in configured.items():
            number = signals.number(name)
            verb, _, other = words.partition(":")
            target = signals.number(other) if other else number
            if number is None or target is None:
                self.problems.append(f"ww.signals.{name}: there is no signal {other if number else name}")
            elif verb == "rewrite" and target in _UNHEARD:
                self.problems.append(f"ww.signals.{name}: no service can take {signals.name(target)} as a request")
            elif number in _UNHEARD:
                self.problems.append(f"ww.signals.{name}: nobody can listen to this signal")
            else:
                self.deeds[number] = Deed("forward" if verb == "rewrite" else verb, target)

    def deed(self, number: int) -> Deed:
        """What signal `number` does."""
        found = self.deeds.get(number)
        if found is not None:
            return found
        if self.wrapping:
            return Deed("forward", number)
        if number in STOPPING:
            return Deed("stop")
        return Deed("restart" if number == signals.HUP else "ignore")
