"""`/ww/run ww …` is `ww …`: what `docker run IMAGE ww restore NAME` asks of a launcher as PID 1."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.support.firstprocess import UNSHARE, children, launcher
from tests.support.home import Home
from tests.support.waiting import until


def first(home: Home, *words: str) -> subprocess.CompletedProcess[str]:
    """The launcher as PID 1 with `words`, to its end."""
    command = [*UNSHARE, "env", f"WW_ROOT={home.root}", launcher(home), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, stdin=subprocess.DEVNULL)


@pytest.mark.rule("D-launch-ww")
def test_the_launcher_runs_any_command_of_ww_behind_the_word_ww(home: Home) -> None:
    home.hook("restore", "exit 0")
    assert first(home, "ww", "--version").stdout.startswith("ww")
    (home.root / "data/whaleup").touch()
    restored = first(home, "ww", "restore", "monday")
    assert restored.returncode == 0, restored.stderr
    assert "restore monday" in home.calls()
    refused = first(home, "ww", "nosuch")
    assert refused.returncode == 64
    assert "No such command 'nosuch'" in refused.stderr


@pytest.mark.rule("D-launch-ww", "D-launch-blocked")
def test_a_term_interrupts_what_it_runs_and_its_hook(home: Home) -> None:
    home.hook("restore", "exec sleep 300")
    (home.root / "data/whaleup").touch()
    command = [*UNSHARE, "env", f"WW_ROOT={home.root}", launcher(home), "ww", "restore", "monday"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL) as running:
        until(lambda: "restore monday" in home.calls(), "the hook")
        (pid,) = children(running.pid)
        os.kill(pid, signal.SIGTERM)
        assert running.wait(20) == 70
        assert running.stderr is not None
        assert "restore was interrupted" in running.stderr.read()


@pytest.mark.rule("D-launch-ww", "D-exit-64")
def test_another_word_is_refused_with_the_ways_to_run_a_program(home: Home) -> None:
    refused = first(home, "bash", "-l")
    assert refused.returncode == 64
    assert "unexpected argument 'bash'" in refused.stderr
    assert "ww run -- bash" in refused.stderr
    assert "--entrypoint" in refused.stderr
