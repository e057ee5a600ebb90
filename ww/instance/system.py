"""The operating system as the tasks of this package see it: one loop, one reaper, one clock, one log."""

from __future__ import annotations

from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ww.clock import Clock
    from ww.instance.voice import Voice
    from ww.supervise.loop import Loop
    from ww.supervise.reaper import Reaper


class System(Value):
    """A bundle of the four; made once by the wiring module and never changed."""

    __slots__ = ("loop", "reaper", "clock", "voice")

    def __init__(self, loop: Loop, reaper: Reaper, clock: Clock, voice: Voice) -> None:
        self.loop = loop
        self.reaper = reaper
        self.clock = clock
        self.voice = voice
