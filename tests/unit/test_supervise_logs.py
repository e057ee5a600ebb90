from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator

import pytest

from ww.clock import FakeClock
from ww.supervise.logs import SPLIT_MARK, Capture, ContainerLog, Formatter, LogCopy, Pump
from ww.supervise.loop import Loop

PREFIX = b"2023-11-14T22:13:20.000Z boot | "


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def loop(clock: FakeClock) -> Iterator[Loop]:
    loop = Loop(clock)
    yield loop
    loop.close()


class Reader:
    """The far end of a log."""

    def __init__(self) -> None:
        self.fd, self.writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.fd, False)
        fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, 4096)

    def read(self, limit_bytes: int = 1 << 24) -> bytes:
        """What is in the pipe."""
        try:
            return os.read(self.fd, limit_bytes)
        except BlockingIOError:
            return b""

    def read_all(self, loop: Loop) -> bytes:
        """What comes while the loop turns, until nothing does."""
        found = b""
        while True:
            loop.turn(wait=False)
            more = self.read()
            if not more:
                return found
            found += more

    def close(self) -> None:
        for fd in (self.fd, self.writer):
            if fd >= 0:
                os.close(fd)
        self.fd = self.writer = -1


@pytest.fixture
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


def a_log(loop: Loop, reader: Reader, clock: FakeClock, limit_bytes: int = 1 << 16) -> ContainerLog:
    return ContainerLog(loop, reader.writer, Formatter("plain", clock), limit_bytes=limit_bytes)


@pytest.mark.rule("D-log-lines")
def test_plain_lines_say_when_and_who(clock: FakeClock) -> None:
    formatter = Formatter("plain", clock)
    assert (
        formatter.lines("boot", "stdout", b"a\n\nb \xff\n") == PREFIX + b"a\n" + PREFIX + b"\n" + PREFIX + b"b \xff\n"
    )
    assert formatter.piece("boot", "stdout", b"long") == PREFIX + b"long" + SPLIT_MARK.encode() + b"\n"
    assert formatter.own("info", "up\nnow", {"a": 1}) == (
        b"2023-11-14T22:13:20.000Z ww | up\n2023-11-14T22:13:20.000Z ww | now\n"
    )


@pytest.mark.rule("D-log-lines")
def test_json_lines_are_one_object_each(clock: FakeClock) -> None:
    formatter = Formatter("json", clock)
    lines = formatter.lines("boot", "stderr", 'a "q" é\n\nb \x00\n'.encode() + b"\xff\n").splitlines()
    objects = [json.loads(line) for line in lines]
    assert [found["message"] for found in objects] == ['a "q" é', "", "b \x00", "\ufffd"]
    assert all(found["time"] == "2023-11-14T22:13:20.000Z" for found in objects)
    assert all((found["source"], found["stream"]) == ("boot", "stderr") for found in objects)
    assert json.loads(formatter.piece("boot", "stdout", b"x"))["partial"] is True
    own = json.loads(formatter.own("error", "no\nmore", {"code": 70, "source": "mine"}))
    assert own == {
        "time": "2023-11-14T22:13:20.000Z",
        "source": "ww",
        "stream": "stderr",
        "level": "error",
        "message": "no\nmore",
        "code": 70,
    }


def test_an_unknown_format_is_refused(clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="plain or json, not 'xml'"):
        Formatter("xml", clock)


@pytest.mark.rule("D-log-never-blocks")
def test_a_slow_reader_gets_every_line_in_order(loop: Loop, clock: FakeClock, reader: Reader) -> None:
    log = a_log(loop, reader, clock)
    sent = b"".join(b"line %d\n" % n for n in range(5000))
    for start in range(0, len(sent), 1000):
        log.write(sent[start : start + 1000])
    assert reader.read_all(loop) == sent
    assert (log.dropped_lines, log.dropped_bytes) == (0, 0)
    assert log.flush(clock.mono_ms())


@pytest.mark.rule("D-log-never-blocks")
def test_a_full_log_pauses_its_pumps_and_wakes_them(loop: Loop, clock: FakeClock, reader: Reader) -> None:
    log = a_log(loop, reader, clock, limit_bytes=1000)
    fd, child = os.pipe2(os.O_CLOEXEC)
    Pump(loop, fd, "boot", log)
    log.write(b"x" * 6000 + b"\n")
    assert log.full
    os.write(child, b"late\n")
    for _ in range(5):
        clock.advance(100)
        loop.turn(wait=False)
    assert reader.read(4096) == b"x" * 4096
    assert reader.read_all(loop).endswith(b" boot | late\n")
    assert log.dropped_lines == 0
    os.close(child)
    loop.turn()


@pytest.mark.rule("D-log-never-blocks")
def test_a_stuck_log_drops_after_a_second_and_says_so_once_it_moves(
    loop: Loop, clock: FakeClock, reader: Reader
) -> None:
    log = a_log(loop, reader, clock, limit_bytes=10_000)
    woken: list[int] = []
    log.write(b"a" * 15_000 + b"\n")
    assert log.full
    log.when_ready(lambda: woken.append(clock.mono_ms()))
    clock.advance(1000)
    loop.turn(wait=False)
    loop.turn(wait=False)
    assert not log.full
    assert woken
    log.write(b"lost\nlost\n")
    assert (log.dropped_lines, log.dropped_bytes) == (2, 10)
    text = reader.read_all(loop)
    assert text.startswith(b"a" * 15_000 + b"\n")
    assert text.endswith(b" ww | the log was not read: 2 lines (10 bytes) were dropped here\n")
    log.write(b"back\n")
    assert reader.read_all(loop) == b"back\n"


@pytest.mark.rule("D-log-never-blocks")
def test_a_full_log_is_not_stuck_before_a_second_without_progress(loop: Loop, clock: FakeClock, reader: Reader) -> None:
    clock.advance(1_000_000)
    log = a_log(loop, reader, clock, limit_bytes=10_000)
    log.write(b"a" * 30_000 + b"\n")
    for _ in range(3):
        clock.advance(900)
        loop.turn(wait=False)
        assert log.full
        assert len(reader.read(4096)) == 4096
        loop.turn(wait=False)
    clock.advance(999)
    loop.turn(wait=False)
    assert log.full
    clock.advance(1)
    loop.turn(wait=False)
    assert not log.full


@pytest.mark.rule("D-log-never-blocks")
def test_a_log_whose_reader_has_gone_discards_and_counts(loop: Loop, clock: FakeClock, reader: Reader) -> None:
    log = a_log(loop, reader, clock)
    os.close(reader.fd)
    reader.fd = -1
    log.line("info", "one")
    log.write(b"two\nthree\n")
    for _ in range(3):
        loop.turn(wait=False)
    assert log.dropped_lines == 3
    assert log.flush(clock.mono_ms())


@pytest.mark.rule("D-log-never-blocks")
def test_a_descriptor_that_is_closed_is_a_log_that_nobody_reads(loop: Loop, clock: FakeClock) -> None:
    fd = os.open(os.devnull, os.O_RDONLY)
    os.close(fd)
    log = ContainerLog(loop, fd, Formatter("plain", clock))
    log.line("info", "nobody hears")
    assert log.flush(clock.mono_ms())
    log.close()


@pytest.mark.rule("D-log-never-blocks")
def test_a_regular_file_is_written_through_the_offset_that_others_share(
    loop: Loop, clock: FakeClock, tmp_path: object
) -> None:
    path = f"{tmp_path}/log"
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    os.write(fd, b"before\n")
    log = ContainerLog(loop, fd, Formatter("plain", clock))
    log.write(b"ours\n" * 200_000)
    for _ in range(10):
        loop.turn(wait=False)
    os.write(fd, b"after\n")
    with open(path, "rb") as file:
        assert file.read() == b"before\n" + b"ours\n" * 200_000 + b"after\n"
    os.close(fd)


@pytest.mark.rule("D-log-never-blocks")
def test_a_socket_is_written_without_changing_it_for_others(loop: Loop, clock: FakeClock) -> None:
    import socket

    ours, theirs = socket.socketpair()
    with ours, theirs:
        log = ContainerLog(loop, ours.fileno(), Formatter("plain", clock), limit_bytes=1 << 16)
        sent = b"".join(b"%d\n" % n for n in range(200_000))
        log.write(sent)
        for _ in range(400):
            loop.turn(wait=False)
        assert os.get_blocking(ours.fileno())
        theirs.setblocking(False)
        got = b""
        while len(got) < len(sent):
            loop.turn(wait=False)
            got += theirs.recv(1 << 20)
        assert got == sent
        log.close()


def test_a_pipe_is_not_made_non_blocking_for_those_who_share_it(loop: Loop, clock: FakeClock, reader: Reader) -> None:
    log = a_log(loop, reader, clock)
    log.write(b"x\n")
    assert os.get_blocking(reader.writer)
    log.close()


@pytest.mark.rule("D-log-lines")
def test_the_copy_keeps_two_files(tmp_path: object) -> None:
    copy = LogCopy(f"{tmp_path}/log", limit_bytes=100)
    for n in range(30):
        copy.write(b"line %02d..\n" % n)
    copy.close()
    assert sorted(os.listdir(f"{tmp_path}/log")) == ["current", "previous"]
    text = b""
    for name in ("previous", "current"):
        with open(f"{tmp_path}/log/{name}", "rb") as file:
            part = file.read()
        assert len(part) <= 100
        text += part
    assert text.endswith(b"".join(b"line %02d..\n" % n for n in range(20, 30)))
    assert copy.failed == 0


@pytest.mark.rule("D-log-never-blocks")
def test_a_copy_that_cannot_be_written_is_counted_and_the_log_goes_on(
    loop: Loop, clock: FakeClock, reader: Reader
) -> None:
    copy = LogCopy("/proc/nowhere")
    copy.write(b"x\n")
    assert copy.failed >= 2
    log = ContainerLog(loop, reader.writer, Formatter("plain", clock), directory="/proc/nowhere")
    log.write(b"seen\n")
    assert reader.read() == b"seen\n"


@pytest.mark.rule("D-log-lines")
def test_a_pump_keeps_the_last_lines_and_ends_with_an_unended_one(loop: Loop, clock: FakeClock, reader: Reader) -> None:
    log = a_log(loop, reader, clock)
    fd, child = os.pipe2(os.O_CLOEXEC)
    ended: list[bool] = []
    pump = Pump(loop, fd, "boot", log, ring_lines=3)
    pump.on_eof = lambda: ended.append(True)
    os.write(child, b"".join(b"%d\n" % n for n in range(10)) + b"no end")
    loop.turn()
    assert pump.last_lines() == ["8", "9", "no end"]
    assert not ended
    os.close(child)
    loop.turn()
    assert ended == [True]
    assert not pump.open
    assert pump.last_lines() == ["8", "9", "no end"]
    assert reader.read_all(loop).endswith(b" boot | 9\n" + PREFIX + b"no end\n")


def test_the_ring_of_a_pump_is_bounded_in_bytes(loop: Loop, clock: FakeClock, reader: Reader) -> None:
    log = a_log(loop, reader, clock, limit_bytes=1 << 22)
    fd, child = os.pipe2(os.O_CLOEXEC)
    fcntl.fcntl(child, fcntl.F_SETPIPE_SZ, 1 << 20)
    pump = Pump(loop, fd, "boot", log, ring_lines=20)
    os.write(child, (b"x" * 3000 + b"\n") * 20)
    os.close(child)
    while pump.open:
        loop.turn()
    lines = pump.last_lines()
    assert lines == ["x" * 3000] * len(lines)
    assert 1 <= sum(map(len, lines)) <= 16 << 10


@pytest.mark.rule("D-hook-harmless")
def test_a_detached_pump_reads_on_for_the_daemon_that_was_left(loop: Loop, clock: FakeClock, reader: Reader) -> None:
    log = a_log(loop, reader, clock)
    fd, child = os.pipe2(os.O_CLOEXEC)
    pump = Pump(loop, fd, "svcup", log)
    pump.on_eof = lambda: pytest.fail("nobody waits any more")
    os.write(child, b"started")
    assert pump.drain() is False
    pump.detach()
    assert pump.last_lines() == ["started"]
    os.write(child, b"much later\n")
    loop.turn()
    os.close(child)
    loop.turn()
    assert reader.read_all(loop).endswith(b" svcup | much later\n")
    assert not pump.open


@pytest.mark.rule("D-hook-harmless")
def test_a_capture_takes_64_kib_and_drops_the_rest(loop: Loop) -> None:
    fd, child = os.pipe2(os.O_CLOEXEC)
    fcntl.fcntl(child, fcntl.F_SETPIPE_SZ, 1 << 20)
    capture = Capture(loop, fd)
    ended: list[bool] = []
    capture.on_eof = lambda: ended.append(True)
    os.write(child, b"x" * 200_000)
    for _ in range(6):
        loop.turn(wait=False)
    assert len(capture.data) == 65536
    assert capture.truncated
    os.close(child)
    loop.turn()
    assert ended == [True]
    assert not capture.open


@pytest.mark.rule("D-hook-harmless")
def test_a_capture_does_not_wait_for_a_grandchild_that_holds_the_pipe(loop: Loop) -> None:
    fd, child = os.pipe2(os.O_CLOEXEC)
    capture = Capture(loop, fd)
    os.write(child, b'{"mem":128}')
    assert capture.finish() == b'{"mem":128}'
    assert not capture.truncated
    assert not capture.open
    os.close(child)


def test_what_ww_says_itself_is_kept_longer_than_the_output_of_hooks(
    loop: Loop, clock: FakeClock, reader: Reader
) -> None:
    log = a_log(loop, reader, clock, limit_bytes=8000)
    log.write(b"x" * 12_500 + b"\n")
    assert log.full
    log.write(b"dropped\n")
    log.line("info", "kept")
    assert log.dropped_lines == 1
    text = reader.read_all(loop)
    assert b" ww | kept\n" in text
    assert b"dropped\n" not in text.replace(b"were dropped", b"")
