"""PID 1 tells exactly how a process ended: all 256 codes and every signal, of a wrapped command and of services."""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.support.firstprocess import UNSHARE, First, launcher
from tests.support.home import Home
from tests.support.waiting import until

HARMLESS = {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
STOPPING = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
DEADLY = sorted(int(number) for number in signal.valid_signals() - HARMLESS - STOPPING)
"""Every signal that ends a process that does nothing about it; the two that libc keeps for itself cannot be named."""


def wrapped(home: Home, script: str) -> int:
    """The end of `ww run -- sh -c SCRIPT` as PID 1."""
    command = [*UNSHARE, launcher(home), "--root", str(home.root), "--", "sh", "-c", script]
    return subprocess.run(command, capture_output=True, check=False, timeout=20, stdin=subprocess.DEVNULL).returncode


@pytest.fixture
def plain(home: Home) -> Home:
    """A home without a setting, so that a wrapped command is all there is."""
    home.config = {}
    home.write_config()
    return home


@pytest.mark.rule("D-pid1-exit", "D-wrap")
@pytest.mark.timeout(240)
def test_each_of_the_256_codes_of_a_wrapped_command_is_that_of_the_run(plain: Home) -> None:
    ends = {code: wrapped(plain, f"exit {code}") for code in range(256)}
    assert {code: end for code, end in ends.items() if end != code} == {}


@pytest.mark.rule("D-pid1-exit", "D-wrap")
@pytest.mark.timeout(120)
def test_a_wrapped_command_that_a_signal_ends_is_128_and_its_number(plain: Home) -> None:
    ends = {number: wrapped(plain, f"ulimit -c 0; kill -{number} $$") for number in DEADLY}
    assert {number: end for number, end in ends.items() if end != 128 + number} == {}


@pytest.mark.rule("D-pid1-exit", "D-service-reason")
@pytest.mark.timeout(120)
def test_a_service_may_end_in_every_way_and_each_is_recorded_exactly(home: Home) -> None:
    """One boot, and a service whose lives end with the next code, then by the next signal."""
    counter = home.root / "lives"
    ends = [f"exit {code}" for code in range(256)] + [f"kill -{number} $$" for number in DEADLY]
    script = "\n".join(f"{life}) {end} ;;" for life, end in enumerate(ends))
    counter.write_text("0\n")
    home.service(
        "codes",
        f"read -r life < {counter}; echo $((life + 1)) > {counter}; ulimit -c 0\ncase $life in\n{script}\nesac\n"
        "exec sleep 300",
        backoff_s=0,
        limit=100_000,
    )
    first = First(home).up()
    until(lambda: counter.read_text() == f"{len(ends) + 1}\n", "every life", 60)
    until(lambda: home.status()["services"][0]["restarts"] == len(ends), "the last restart")
    last = home.status()["services"][0]["last"]
    assert first.stop() == 0
    died = [data["detail"] for data in home.events() if data["state"] == "RESTARTING"]
    told = [(detail["reason"], detail["exit_code"], detail["signal"]) for detail in died]  # type: ignore[index]
    expected = [("exit", code, None) for code in range(256)] + [("signal", None, number) for number in DEADLY]
    assert told == expected
    assert (last["reason"], last["words"]) == ("signal", f"killed by SIGRTMIN+{DEADLY[-1] - int(signal.SIGRTMIN)}")


@pytest.mark.rule("D-pid1-exit")
@pytest.mark.parametrize(("code", "end"), [(0, 0), (7, 1), (255, 1)])
def test_a_service_that_ends_for_good_ends_the_run_with_0_or_1(home: Home, code: int, end: int) -> None:
    home.service("job", f"exit {code}", restart="never")
    first = First(home)
    assert first.instance.wait() == end
    assert home.exit_record()["exit_code"] == end
