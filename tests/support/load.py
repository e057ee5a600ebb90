"""A client in a container of its own that writes numbers and notes which were acknowledged, and ways to end a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.engine import Box

PATIENCE_S = 60.0
NOTES = "/notes"
"""Where the client has the directory of this side that both look into: who asks by `docker exec` takes the processor from it."""
LOOP = f"""
n=0
while [ ! -e {NOTES}/over ]; do
    n=$((n + 1))
    if {{write}}; then echo $n >> {NOTES}/acked; fi
done
touch {NOTES}/ended
"""
LOAD = f"while [ ! -e {NOTES}/over ]; do {{load}} || sleep 0.1; done > /dev/null 2>&1"


class Writer:
    """What the client in `box` does: `write` is shell that succeeds when number $n was acknowledged."""

    def __init__(self, box: Box, notes: Path, write: str, load: str) -> None:
        self._notes = notes
        box.exec(["sh", "-c", LOOP.format(write=write)], detach=True)
        box.exec(["sh", "-c", LOAD.format(load=load)], detach=True)

    def acknowledged(self) -> set[int]:
        """The numbers so far."""
        try:
            text = (self._notes / "acked").read_text()
        except FileNotFoundError:
            return set()
        whole, _, _ = text.rpartition("\n")
        return {int(line) for line in whole.split()}

    def more(self, count: int) -> None:
        """Until `count` more were acknowledged than there are now."""
        had = len(self.acknowledged())
        until(lambda: len(self.acknowledged()) >= had + count, f"{count} writes more than {had}", PATIENCE_S)

    def end(self) -> set[int]:
        """No more writes; the numbers."""
        (self._notes / "over").touch()
        until((self._notes / "ended").exists, "the client's end", PATIENCE_S)
        return self.acknowledged()


@contextmanager
def writing(box: Box, notes: Path, write: str, load: str) -> Iterator[Writer]:
    """Write for as long as the block lasts; the directory `notes` is bound to NOTES in `box`."""
    writer = Writer(box, notes, write, load)
    try:
        yield writer
    finally:
        (notes / "over").touch()


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
