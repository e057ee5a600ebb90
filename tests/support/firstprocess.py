"""`ww run` as the real PID 1 of a PID namespace, by the launcher that an image has; seen and signalled from outside."""

from __future__ import annotations

import os
import pathlib
import shlex
import signal
import sys
from collections.abc import Sequence

from tests.support.home import PATIENCE_S, Home, Instance
from tests.support.paths import PACKAGE
from tests.support.waiting import until

UNSHARE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child")


def launcher(home: Home) -> str:
    """The path of the launcher, written by `ww launcher`."""
    run = home.root / "ww/run"
    if not run.exists():
        done = home.ww("launcher", str(home.root / "ww"))
        assert done.returncode == 0, done.stderr
    return str(run)


class First:
    """An instance that is PID 1. `around`: a command line that is put before `unshare …`, which `unshare` replaces.

    `command`: what is run in place of the launcher.
    """

    def __init__(
        self,
        home: Home,
        *arguments: str,
        around: Sequence[str] = (),
        unshare: Sequence[str] = UNSHARE,
        env: dict[str, str] | None = None,
        command: Sequence[str] = (),
    ) -> None:
        run = command or [launcher(home)]
        self.home = home
        self.instance: Instance = home.start(*arguments, prefix=(*around, *unshare), command=run, env=env)
        self.pid = until(self._find, "PID 1 of the namespace")
        """As it is numbered outside."""

    def _find(self) -> int:
        """The first process below that is number 1 of a namespace."""
        todo = [self.instance.process.pid]
        while todo:
            pid = todo.pop(0)
            try:
                if inner_number(pid) == 1:
                    return pid
                todo += children(pid)
            except OSError:
                continue
        assert not self.instance.ended(), self.instance.messages()
        return 0

    def up(self, within_s: float = PATIENCE_S) -> First:
        """Wait until it is UP."""
        self.instance.wait_state("UP", within_s=within_s)
        return self

    def send(self, number: int) -> None:
        """A signal from outside, to PID 1."""
        os.kill(self.pid, number)

    def stop(self, within_s: float = PATIENCE_S) -> int:
        """TERM, and the exit code of PID 1 as `unshare` hands it on."""
        self.send(signal.SIGTERM)
        return self.instance.wait(within_s)

    def members(self) -> dict[int, str]:
        """Every other process of the namespace: its number outside, and its state letter."""
        namespace = os.readlink(f"/proc/{self.pid}/ns/pid")
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                # A zombie has no namespaces left to be looked at; its parent has.
                fields = (path / "stat").read_text().rpartition(")")[2].split()
                alive = fields[0] != "Z"
                of_ours = os.readlink(path / "ns/pid") == namespace if alive else int(fields[1]) == self.pid
            except OSError:
                continue
            if of_ours and int(path.name) != self.pid:
                found[int(path.name)] = fields[0]
        return found

    def outside(self, inner: int) -> int:
        """The number outside of the process that is `inner` inside."""
        for pid in self.members():
            try:
                if inner_number(pid) == inner:
                    return pid
            except OSError:
                continue
        raise AssertionError(f"there is no process {inner} in the namespace")

    def zombies(self) -> int:
        """Children of PID 1 that have ended and were not reaped."""
        return sum(state == "Z" for state in self.members().values())

    def descriptors(self) -> dict[int, str]:
        """What is open in PID 1: number to target."""
        found = {}
        for path in pathlib.Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                found[int(path.name)] = os.readlink(path)
            except OSError:
                continue
        return found

    def memory_kib(self) -> dict[str, int]:
        """Rss, Pss, Private_Dirty … of PID 1."""
        lines = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()[1:]
        return {line.split(":")[0]: int(line.split()[1]) for line in lines}

    def cpu_s(self) -> float:
        """Processor time that PID 1 has used."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def status_field(self, name: str) -> str:
        """One line of its /proc/PID/status."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return line.partition(":")[2].strip()
        raise AssertionError(f"/proc has no {name}")


def children(pid: int) -> list[int]:
    """The children of a process."""
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def inner_number(pid: int) -> int:
    """What a process is numbered in its own namespace; 0 if that is ours."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            numbers = line.split()[1:]
            return int(numbers[-1]) if len(numbers) > 1 else 0
    return 0


def opened(directory: pathlib.Path) -> Sequence[str]:
    """A command line to put before another one, in which anybody reaches the interpreter and ww (root only)."""
    hold = directory / "hold"
    hold.mkdir()
    script = "\n".join(_mounts(hold))
    return ("unshare", "--mount", "/bin/sh", "-ec", f'{script}\nexec "$@"', "sh")


def _mounts(hold: pathlib.Path) -> list[str]:
    """Mounts by which anybody reaches the interpreter and ww, where they lie in a directory of their owner alone.

    In place of each closed directory there is an open one that holds nothing but what is needed of it.
    """
    needed = {pathlib.Path(path).resolve() for path in (sys.base_prefix, sys.prefix, PACKAGE.parent)}
    lines = []
    for number, closed in enumerate(
        sorted({one for path in needed for one in path.parents if not one.stat().st_mode & 1})
    ):
        inside_of_it = sorted(path for path in needed if closed in path.parents)
        for place, path in enumerate(inside_of_it):
            kept = hold / f"{number}-{place}"
            lines.append(f"mkdir {kept}; mount --bind {shlex.quote(str(path))} {kept}")
        lines.append(f"mount -t tmpfs -o mode=0755 tmpfs {shlex.quote(str(closed))}")
        for place, path in enumerate(inside_of_it):
            lines.append(
                f"mkdir -p {shlex.quote(str(path))}; mount --bind {hold}/{number}-{place} {shlex.quote(str(path))}"
            )
    return lines
