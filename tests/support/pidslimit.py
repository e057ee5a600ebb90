"""A limit on the number of processes around an instance, changed while it runs: by a cgroup, v2 or v1."""

from __future__ import annotations

import contextlib
import os
import pathlib
from typing import Self

import pytest

from tests.support.firstprocess import First
from tests.support.waiting import until

V1 = pathlib.Path("/sys/fs/cgroup/pids")
V2 = pathlib.Path("/sys/fs/cgroup")


class PidsLimit:
    """Use it as a context; skips the test, with the reason, where this machine lets us make no such cgroup."""

    _made = 0

    def __enter__(self) -> Self:
        PidsLimit._made += 1
        parent, self.words = _place()
        self.directory = parent / f"ww-test-{os.getpid()}-{PidsLimit._made}"
        try:
            self.directory.mkdir()
        except OSError as error:
            pytest.skip(f"pids-cgroup: no cgroup can be made in {parent}: {error.strerror}")
        self.prefix = ("/bin/sh", "-c", f'echo $$ > {self.directory}/cgroup.procs && exec "$@"', "sh")
        return self

    def __exit__(self, *_exception: object) -> None:
        def removed() -> bool:
            for pid in self.directory.joinpath("cgroup.procs").read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
            with contextlib.suppress(OSError):
                self.directory.rmdir()
            return not self.directory.exists()

        until(removed, "the end of everything in the cgroup")

    def set(self, most: int) -> None:
        """From now on there are at most so many processes; those that are there stay."""
        (self.directory / "pids.max").write_text(str(most))

    def count(self) -> int:
        """How many there are."""
        return int((self.directory / "pids.current").read_text())

    def full(self, _first: First) -> bool:
        """No process can be started."""
        return self.count() >= int((self.directory / "pids.max").read_text())


def _place() -> tuple[pathlib.Path, str]:
    if (V1 / "cgroup.procs").exists():
        return V1, "cgroup v1"
    control = V2 / "cgroup.subtree_control"
    if control.exists() and "pids" in control.read_text().split():
        return V2, "cgroup v2"
    pytest.skip("pids-cgroup: there is no pids controller, neither v1 nor v2")
