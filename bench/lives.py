"""One life of a PID 1: `unshare` makes the namespace, `stamp` notes the time and becomes it; here it is looked at and ended."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Self

from bench.install import BIN, INTERPRETER, PLACE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bench.peers import Start

PATIENCE_S = 20.0
POLL_S = 0.001
PIPE_BYTES = 1 << 20
UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
PRIVATE = 'mount --bind "$1" "$2" && eval "$3" && shift 3 && exec "$@"'
"""Inside the mount namespace Debian's interpreter is a copy that nobody else has mapped: PSS is that of a machine of its own."""


class Late(Exception):
    """Something did not happen in time; the words hold what the program said."""


class Note:
    """One line of the service's notes: what happened, to which pid of the namespace, when, and a number."""

    def __init__(self, line: str) -> None:
        word, pid, at_ns, number = line.split()
        self.word = word
        self.pid = int(pid)
        self.at_ns = int(at_ns)
        self.number = int(number)


class Memory:
    """KiB of all processes of a supervisor, without those of its services."""

    def __init__(self, rss_kib: int, pss_kib: int) -> None:
        self.rss_kib = rss_kib
        self.pss_kib = pss_kib


def clean_environment(extra: dict[str, str]) -> dict[str, str]:
    path = f"{PLACE / 'root' / 'usr' / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "LANG": "C.UTF-8", **extra}


class Life:
    """A running PID 1. Use as a context: whatever happens, the whole namespace is ended."""

    def __init__(self, start: Start, place: Path) -> None:
        self._log = place / "notes"
        self._log.write_text("")
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        private = [
            "sh",
            "-c",
            PRIVATE,
            "sh",
            str(PLACE / "python-private"),
            os.path.realpath(INTERPRETER),
            start.before,
        ]
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        full = clean_environment({"HOME": str(place), **start.env, "BENCH_LOG": str(self._log)})
        self._process = subprocess.Popen(
            [*start.outside, UNSHARE[0], *user, *UNSHARE[1:], *private, str(BIN / "stamp"), *start.argv],
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            env=full,
            cwd=place,
        )
        os.close(writing)
        self._output = reading
        self._above = 2 if start.outside else 1
        self.pid = 0
        """PID 1 of the namespace, as this namespace numbers it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Kill what is left of it, and wait for that."""
        if self._process.poll() is None:
            try:
                os.kill(self._first() or self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, FileNotFoundError):
                pass  # it ended by itself just now
        self._process.wait()
        os.close(self._output)

    def notes(self, word: str) -> list[Note]:
        notes = [Note(line) for line in self._log.read_text().splitlines()]
        return [note for note in notes if note.word == word]

    def await_notes(self, word: str, count: int = 1, patience_s: float = PATIENCE_S) -> list[Note]:
        """The notes of `word` once there are `count`. Raises Late."""
        deadline = time.monotonic() + patience_s
        while True:
            notes = self.notes(word)
            if len(notes) >= count:
                return notes
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise Late(f"{len(notes)} of {count} × {word!r}; it said: {self.said()[-600:]}")
            time.sleep(POLL_S)

    def born(self, count: int = 1) -> float:
        """Milliseconds from the exec of PID 1 to the first instruction of the last of `count` services."""
        starts = self.await_notes("start", count)
        self.pid = self._first()
        return (starts[count - 1].at_ns - self.notes("exec")[0].at_ns) / 1e6

    def said(self) -> str:
        """What it printed so far."""
        os.set_blocking(self._output, False)
        try:
            return os.read(self._output, PIPE_BYTES).decode("utf-8", "replace")
        except BlockingIOError:
            return ""

    def killed(self, patience_s: float) -> float:
        """Kill the first service: milliseconds to its replacement's first instruction. Raises Late."""
        starts = self.notes("start")
        victim = self._outer(starts[0].pid)
        at_ns = time.monotonic_ns()
        os.kill(victim, signal.SIGKILL)
        replaced = self.await_notes("start", len(starts) + 1, patience_s)
        return (replaced[-1].at_ns - at_ns) / 1e6

    def stopped(self, number: int) -> float:
        """Send `number` to PID 1: milliseconds until nothing is left of the namespace. Raises Late."""
        handle = os.pidfd_open(self.pid)
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        at_ns = time.monotonic_ns()
        signal.pidfd_send_signal(handle, number)
        gone = waiting.poll(PATIENCE_S * 1000)
        passed_ns = time.monotonic_ns() - at_ns
        os.close(handle)
        if not gone:
            raise Late(f"alive {PATIENCE_S:g} s after signal {number}; it said: {self.said()[-600:]}")
        return passed_ns / 1e6

    def memory(self) -> Memory:
        sizes = {"Rss": 0, "Pss": 0}
        for pid in self._own_pids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
                name, _, rest = line.partition(":")
                if name in sizes:
                    sizes[name] += int(rest.split()[0])
        return Memory(sizes["Rss"], sizes["Pss"])

    def switches(self) -> int:
        """How often all threads of the supervisor have been switched to and from so far."""
        count = 0
        for pid in self._own_pids():
            for status in Path(f"/proc/{pid}/task").glob("*/status"):
                lines = status.read_text().splitlines()
                count += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
        return count

    def _own_pids(self) -> list[int]:
        """PID 1 and its helpers: every process of the namespace but the services."""
        services = {note.pid for note in self.notes("start")}
        return [outer for outer, inner in self._members().items() if inner not in services]

    def _outer(self, inner: int) -> int:
        return next(outer for outer, number in self._members().items() if number == inner)

    def _members(self) -> dict[int, int]:
        """The processes of the namespace: our number → its number."""
        own = os.readlink(f"/proc/{self.pid}/ns/pid")
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(path / "ns" / "pid") == own:
                    status = (path / "status").read_text()
                    numbers = next(line for line in status.splitlines() if line.startswith("NSpid:"))
                    found[int(path.name)] = int(numbers.split()[-1])
            except OSError:
                continue
        return found

    def _first(self) -> int:
        """Our number of the namespace's PID 1; 0 if there is none."""
        pid = self._process.pid
        for _ in range(self._above):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if not children:
                return 0
            pid = int(children[0])
        return pid
