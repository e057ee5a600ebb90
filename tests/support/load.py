"""A client in a container of its own that writes numbers and notes which were acknowledged, and ways to end a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.support.engine import Box

PATIENCE_S = 60.0
LOOP = """
n=0
while [ ! -e /tmp/over ]; do
    n=$((n + 1))
    if {write}; then echo $n >> /tmp/acked; fi
done
touch /tmp/ended
"""
LOAD = "while [ ! -e /tmp/over ]; do {load} || sleep 0.1; done > /dev/null 2>&1"


class Writer:
    """What the client in `box` does: `write` is shell that succeeds when number $n was acknowledged."""

    def __init__(self, box: Box, write: str, load: str) -> None:
        self._box = box
        box.exec(["sh", "-c", LOOP.format(write=write)], detach=True)
        box.exec(["sh", "-c", LOAD.format(load=load)], detach=True)

    def acknowledged(self) -> set[int]:
        """The numbers so far."""
        code, output = self._box.exec(["cat", "/tmp/acked"])
        return {int(line) for line in output.split()} if code == 0 else set()

    def more(self, count: int) -> None:
        """Until `count` more were acknowledged than there are now."""
        had = len(self.acknowledged())
        until(lambda: len(self.acknowledged()) >= had + count, f"{count} writes more than {had}", PATIENCE_S)

    def end(self) -> set[int]:
        """No more writes; the numbers."""
        self._box.exec(["touch", "/tmp/over"])
        until(lambda: self._box.exec(["test", "-e", "/tmp/ended"]).exit_code == 0, "the client's end", PATIENCE_S)
        return self.acknowledged()


@contextmanager
def writing(box: Box, write: str, load: str) -> Iterator[Writer]:
    """Write for as long as the block lasts."""
    writer = Writer(box, write, load)
    try:
        yield writer
    finally:
        box.exec(["touch", "/tmp/over"])


def ways_to_end(box: Box, server: str) -> list[Callable[[], None]]:
    """Each ends the store in its own way and has it UP again."""

    def stopped() -> None:
        assert box.stop() == 0, box.logs()[-3000:]
        box.start()

    def killed() -> None:
        box.kill("KILL")
        box.exit_code()
        box.start()

    def restarted() -> None:
        code, output = box.exec("ww restart")
        assert code == 0, output

    def server_killed() -> None:
        restarts = box.ask()["services"][0]["restarts"]
        pid = box.ask()["services"][0]["pid"]
        code, output = box.exec(["sh", "-c", f"kill -KILL {pid}"])
        assert code == 0, f"{server}: {output!r}"
        until(lambda: box.ask()["services"][0]["restarts"] > restarts, "the restart", PATIENCE_S)

    return [stopped, killed, restarted, server_killed]
