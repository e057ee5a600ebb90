from __future__ import annotations

import signal

import pytest

from ww.clib import SIGNALS
from ww.supervise import procs, signals
from ww.supervise.exitcode import Exit


@pytest.mark.rule("D-reaper")
def test_every_exit_code_and_signal_reads_as_a_shell_reports_it() -> None:
    for code in range(256):
        ended = Exit.from_wait(code << 8)
        assert (ended.code, ended.signal, ended.ok, ended.status) == (code, None, code == 0, code)
    assert Exit.from_wait(7 << 8).words() == "exit code 7"
    for signum in (9, 15, 11 | 0x80):
        ended = Exit.from_wait(signum)
        assert (ended.code, ended.signal, ended.ok, ended.status) == (None, signum & 0x7F, False, 128 + (signum & 0x7F))
    assert Exit.from_wait(9).words() == "killed by SIGKILL"


def test_signals_are_known_by_name_and_number() -> None:
    for member in signal.Signals:
        if member.name not in ("SIGRTMIN", "SIGRTMAX"):
            assert signals.name(member.value) == member.name
            assert signals.number(member.name) == signals.number(member.name[3:].lower()) == member.value
    assert signals.number("15") == signals.number(15) == signals.TERM
    assert signals.name(int(SIGNALS.SIGRTMIN) + 3) == "SIGRTMIN+3"
    assert signals.number("RTMIN+3") == int(SIGNALS.SIGRTMIN) + 3
    assert signals.number("SIGRTMIN") == int(SIGNALS.SIGRTMIN)


@pytest.mark.parametrize(
    "text", ["", "SIG", "_DFL", "SIG_IGN", "NOPE", "0", "99", "-1", "TERM+1", "RTMIN+99", "²", "RTMIN+x"]
)
def test_what_is_no_signal_has_no_number(text: str) -> None:
    assert signals.number(text) is None


@pytest.mark.parametrize("comm", ["sh", "a) b(", ")))", "((", "with blank", ") S 1 2 3 (", "\n"])
def test_a_process_may_be_called_anything(comm: str) -> None:
    fields = "S 1 42 43 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 98765 1000 2 18446744073709551615"
    proc = procs.parse_stat(f"77 ({comm}) {fields}\n".encode())
    assert proc is not None
    assert (proc.pid, proc.comm, proc.state, proc.ppid, proc.pgid, proc.session, proc.start) == (
        (77, comm, "S", 1, 42, 43, 98765)
    )  # fmt: skip


@pytest.mark.parametrize("text", [b"", b"77", b"77 (sh", b"77 (sh) S 1", b"x (sh) S" + b" 1" * 30, b")("])
def test_half_a_line_is_no_process(text: bytes) -> None:
    assert procs.parse_stat(text) is None


def test_descendants_come_parents_first_and_a_circle_ends() -> None:
    def proc(pid: int, ppid: int) -> procs.Proc:
        found = procs.parse_stat(f"{pid} (x) S {ppid}{' 0' * 30}".encode())
        assert found is not None
        return found

    family = [proc(5, 4), proc(2, 1), proc(3, 1), proc(4, 2), proc(1, 0), proc(9, 8), proc(8, 9)]
    assert [one.pid for one in procs.descendants(family, 1)] == [2, 3, 4, 5]
    assert [one.pid for one in procs.descendants(family, 9)] == [8]
    assert procs.descendants(family, 5) == []
