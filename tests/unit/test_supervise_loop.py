from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from ww.clock import FakeClock
from ww.supervise.loop import Loop


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def loop(clock: FakeClock) -> Iterator[Loop]:
    loop = Loop(clock)
    yield loop
    loop.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    yield reader, writer
    for fd in (reader, writer):
        try:
            os.close(fd)
        except OSError:
            pass


def test_timers_run_in_the_order_of_their_time_and_then_of_their_making(loop: Loop, clock: FakeClock) -> None:
    ran: list[str] = []
    loop.call_later(20, lambda: ran.append("c"))
    loop.call_later(10, lambda: ran.append("a"))
    loop.call_later(10, lambda: ran.append("b"))
    clock.advance(9)
    loop.turn(wait=False)
    assert ran == []
    clock.advance(11)
    loop.turn(wait=False)
    assert ran == ["a", "b", "c"]
    clock.advance(100)
    loop.turn(wait=False)
    assert ran == ["a", "b", "c"]


def test_a_cancelled_timer_never_runs_even_if_it_is_cancelled_by_one_due_with_it(loop: Loop, clock: FakeClock) -> None:
    ran: list[str] = []
    loop.call_later(10, lambda: (ran.append("first"), second.cancel()))  # type: ignore[func-returns-value]
    second = loop.call_later(10, lambda: ran.append("second"))
    third = loop.call_later(10, lambda: ran.append("third"))
    third.cancel()
    third.cancel()
    clock.advance(10)
    loop.turn(wait=False)
    assert ran == ["first"]
    assert not second.pending


def test_thousands_of_cancelled_timers_leave_the_others_alone(loop: Loop, clock: FakeClock) -> None:
    ran: list[int] = []
    timers = [loop.call_later(n, lambda n=n: ran.append(n)) for n in range(2000)]
    for n, timer in enumerate(timers):
        if n % 100:
            timer.cancel()
    clock.advance(2000)
    loop.turn(wait=False)
    assert ran == list(range(0, 2000, 100))


def test_a_callback_may_put_off_more_work_without_starving_the_turn(loop: Loop) -> None:
    ran: list[int] = []

    def again() -> None:
        ran.append(len(ran))
        loop.call_soon(again)

    loop.call_soon(again)
    loop.turn(wait=False)
    assert ran == [0]
    loop.turn()
    assert ran == [0, 1]


def test_an_exception_goes_to_on_error_and_the_loop_lives_on(
    loop: Loop, clock: FakeClock, pipe: tuple[int, int]
) -> None:
    errors: list[BaseException] = []
    ran: list[str] = []
    loop.on_error(errors.append)
    loop.add_reader(pipe[0], lambda: 1 // 0)
    os.write(pipe[1], b"x")
    loop.call_later(1, [].pop)
    loop.call_later(2, lambda: ran.append("timer"))
    loop.call_soon(lambda: ran.append("soon"))
    clock.advance(5)
    loop.turn(wait=False)
    assert [type(error) for error in errors] == [ZeroDivisionError, IndexError]
    assert ran == ["timer", "soon"]


def test_without_on_error_the_exception_is_raised(loop: Loop) -> None:
    loop.call_soon(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        loop.turn(wait=False)


def test_reader_and_writer_of_one_descriptor_come_and_go_apart(loop: Loop) -> None:
    import socket

    ours, theirs = socket.socketpair()
    seen: list[str] = []
    with ours, theirs:
        fd = ours.fileno()
        loop.add_reader(fd, lambda: seen.append("r"))
        loop.add_writer(fd, lambda: seen.append("w"))
        theirs.send(b"x")
        loop.turn()
        assert seen == ["r", "w"]
        loop.remove_writer(fd)
        loop.turn()
        assert seen == ["r", "w", "r"]
        loop.add_writer(fd, lambda: seen.append("w"))
        loop.remove_reader(fd)
        loop.turn()
        assert seen == ["r", "w", "r", "w"]
        loop.remove(fd)
        loop.remove(fd)
        loop.turn(wait=False)
        assert seen == ["r", "w", "r", "w"]


@pytest.mark.rule("D-log-never-blocks")
def test_what_epoll_refuses_is_always_ready(loop: Loop, tmp_path: object) -> None:
    path = f"{tmp_path}/file"
    with open(path, "wb") as file:
        file.write(b"abc")
    fd = os.open(path, os.O_RDONLY)
    seen: list[bytes] = []

    def take() -> None:
        seen.append(os.read(fd, 2))
        if not seen[-1]:
            loop.remove(fd)
            os.close(fd)

    loop.add_reader(fd, take)
    for _ in range(4):
        loop.turn(wait=False)
    assert seen == [b"ab", b"c", b""]


def test_a_number_that_was_closed_and_given_out_again_gets_no_event_of_its_predecessor(loop: Loop) -> None:
    first, first_writer = os.pipe2(os.O_NONBLOCK)
    second, second_writer = os.pipe2(os.O_NONBLOCK)
    seen: list[str] = []
    fresh: list[int] = []

    def replace(other: int) -> None:
        loop.remove(other)
        os.close(other)
        fresh.extend(os.pipe2(os.O_NONBLOCK))
        loop.add_reader(fresh[0], lambda: seen.append("new"))

    loop.add_reader(first, lambda: (replace(second), loop.remove(first)))  # type: ignore[func-returns-value]
    loop.add_reader(second, lambda: (replace(first), loop.remove(second)))  # type: ignore[func-returns-value]
    os.write(first_writer, b"x")
    os.write(second_writer, b"x")
    loop.turn()
    loop.turn(wait=False)
    assert fresh
    assert seen == []
    for fd in {first_writer, second_writer, *fresh, first, second}:
        try:
            os.close(fd)
        except OSError:
            continue


def test_a_closed_descriptor_that_nobody_removed_can_be_added_anew(loop: Loop) -> None:
    reader, writer = os.pipe()
    loop.add_reader(reader, lambda: None)
    os.close(reader)
    os.close(writer)
    again, writer = os.pipe()
    seen: list[str] = []
    loop.add_reader(again, lambda: (seen.append("x"), os.read(again, 1)))  # type: ignore[func-returns-value]
    os.write(writer, b"x")
    loop.turn()
    assert seen == ["x"]
    os.close(again)
    os.close(writer)


@pytest.mark.rule("D-pid1-stdlib")
@pytest.mark.timeout(20)
def test_supervise_and_the_journal_import_none_of_the_slow_modules() -> None:
    from tests.support.paths import PACKAGE

    forbidden = (
        "dataclasses typing json re socket signal subprocess logging argparse asyncio random pathlib tempfile shutil "
        "contextlib threading traceback ctypes selectors functools inspect warnings"
    )
    code = (
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); "
        "import ww.supervise.child, ww.supervise.exitcode, ww.supervise.ladder, ww.supervise.logs, ww.supervise.loop, "
        "ww.supervise.procs, ww.supervise.reaper, ww.supervise.signals, ww.supervise.sweep, ww.events.journal; "
        f"print(*[name for name in {forbidden.split()!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
