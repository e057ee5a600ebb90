"""The sinks `file` and `stdout`: whole lines, in order."""

from __future__ import annotations

import json
import os
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.stopwatch import Stopwatch
from ww.config.sinktypes import filled, own_schema
from ww.sinks import file, stdout
from ww.sinks.base import Accepted, Context, Item, Origin, RetryAfter, Sink


def item(seq: int, size: int = 0) -> Item:
    event = {"id": f"{seq:012d}", "data": "x" * size}
    return Item("b1", seq, "health", event, json.dumps(event).encode())


def context(root: Path) -> Context:
    return Context(
        name="out",
        origin=Origin("s", "i", "b1"),
        secret=str,
        advise=lambda _: None,
        log=lambda _: None,
        place=lambda path: f"{root}{path}" if path.startswith("/") else f"{root}/data/{path}",
    )


def made(root: Path, **settings: Any) -> Sink:
    given = filled({"type": "file", "path": "/out/events.ndjson", **settings}, own_schema("file"))
    return file.make(given, context(root))


def soon() -> float:
    return time.monotonic() + 5


def numbers(path: Path) -> list[int]:
    return [int(json.loads(line)["id"]) for line in path.read_text().splitlines()]


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """What a full disk does, for this process alone."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.rule("D-sink-file")
def test_a_line_for_each_event_below_the_root(tmp_path: Path) -> None:
    sink = made(tmp_path)
    assert sink.reach(soon()) == ""
    assert sink.deliver([item(1), item(2)], soon()) == [Accepted(), Accepted()]
    sink.close(soon())
    assert made(tmp_path).deliver([item(3)], soon()) == [Accepted()]
    path = tmp_path / "out/events.ndjson"
    assert numbers(path) == [1, 2, 3]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.rule("D-sink-file")
def test_a_relative_path_lies_in_the_data_and_the_mode_is_as_asked(tmp_path: Path) -> None:
    assert made(tmp_path, path="a/b.ndjson", mode="0644").deliver([item(1)], soon()) == [Accepted()]
    assert (tmp_path / "data/a/b.ndjson").stat().st_mode & 0o777 == 0o644


@pytest.mark.rule("D-sink-file")
def test_it_is_rotated_by_size_and_keeps_as_many_as_asked_without_losing_a_line(tmp_path: Path) -> None:
    sink = made(tmp_path, max_bytes=4096, keep=3, fsync=False)
    for first in range(1, 200, 7):
        batch = [item(seq, 50) for seq in range(first, min(first + 7, 200))]
        assert set(sink.deliver(batch, soon())) == {Accepted()}
    path = tmp_path / "out/events.ndjson"
    files = [Path(f"{path}.{number}") for number in (3, 2, 1)] + [path]
    assert sorted(p.name for p in path.parent.iterdir()) == sorted(p.name for p in files)
    assert all(p.stat().st_size <= 4096 for p in files)
    kept = [number for p in files for number in numbers(p)]
    assert kept == list(range(kept[0], 200))


@pytest.mark.rule("D-sink-file")
def test_an_event_larger_than_a_file_has_one_of_its_own(tmp_path: Path) -> None:
    sink = made(tmp_path, max_bytes=4096)
    assert sink.deliver([item(1), item(2, 9000), item(3)], soon()) == [Accepted()] * 3
    path = tmp_path / "out/events.ndjson"
    assert [numbers(Path(f"{path}{end}")) for end in (".2", ".1", "")] == [[1], [2], [3]]


@pytest.mark.rule("D-sink-file")
def test_with_keep_0_the_full_file_goes(tmp_path: Path) -> None:
    sink = made(tmp_path, max_bytes=4096, keep=0)
    for seq in range(1, 100):
        sink.deliver([item(seq, 50)], soon())
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["events.ndjson"]


@pytest.mark.rule("D-sink-file")
def test_a_full_disk_leaves_whole_lines_and_what_is_not_written_is_not_accepted(tmp_path: Path) -> None:
    sink = made(tmp_path, fsync=False)
    assert sink.deliver([item(1, 100)], soon()) == [Accepted()]
    with no_file_larger_than(500):
        answers = sink.deliver([item(seq, 100) for seq in range(2, 12)], soon())
    refused = [answer for answer in answers if isinstance(answer, RetryAfter)]
    assert len(refused) == 10
    assert refused[0].reason.endswith("File too large")
    assert numbers(tmp_path / "out/events.ndjson") == [1]
    assert set(sink.deliver([item(seq, 100) for seq in range(2, 12)], soon())) == {Accepted()}
    assert numbers(tmp_path / "out/events.ndjson") == list(range(1, 12))


@pytest.mark.rule("D-sink-file")
def test_half_a_line_of_a_kill_is_ended_first(tmp_path: Path) -> None:
    path = tmp_path / "out/events.ndjson"
    path.parent.mkdir()
    path.write_text('{"id":"000000000001"}\n{"id":"0000')
    assert made(tmp_path).deliver([item(2)], soon()) == [Accepted()]
    assert path.read_text().splitlines()[1:] == ['{"id":"0000', item(2).text.decode()]


@pytest.mark.rule("D-sink-file")
def test_a_file_that_somebody_moves_away_is_made_again(tmp_path: Path) -> None:
    sink = made(tmp_path)
    sink.deliver([item(1)], soon())
    path = tmp_path / "out/events.ndjson"
    path.rename(tmp_path / "out/taken")
    assert sink.deliver([item(2)], soon()) == [Accepted()]
    assert (numbers(tmp_path / "out/taken"), numbers(path)) == ([1], [2])


@pytest.mark.rule("D-sink-file")
def test_what_is_no_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="names a directory"):
        made(tmp_path, path="/out/")
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out/pipe")
    sink = made(tmp_path, path="/out/pipe")
    assert sink.reach(soon()).endswith("it is no regular file")
    (answer,) = sink.deliver([item(1)], soon())
    assert isinstance(answer, RetryAfter)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for fd in ends:
        os.close(fd)


@pytest.mark.rule("D-sink-stdout")
def test_a_line_for_each_event_in_the_log(pipe: tuple[int, int]) -> None:
    assert stdout.Stdout(pipe[1]).deliver([item(1), item(2)], soon()) == [Accepted()] * 2
    assert os.read(pipe[0], 65536) == item(1).text + b"\n" + item(2).text + b"\n"


@pytest.mark.rule("D-sink-stdout")
def test_a_log_that_takes_nothing_is_waited_for_until_the_deadline_and_lines_stay_whole(pipe: tuple[int, int]) -> None:
    sink = stdout.Stdout(pipe[1])
    batch = [item(seq, 20_000) for seq in range(1, 8)]
    with Stopwatch() as watch:
        answers = list(sink.deliver(batch, time.monotonic() + 0.2))
    assert watch.seconds < 1
    taken = answers.count(Accepted())
    assert 2 <= taken < 7
    assert all(isinstance(answer, RetryAfter) for answer in answers[taken:])
    text: list[bytes] = []
    reader = threading.Thread(target=lambda: text.extend(_until(pipe[0], 7)))
    reader.start()
    assert sink.deliver(batch[taken:], soon()) == [Accepted()] * (7 - taken)
    reader.join(5)
    assert [json.loads(line)["id"] for line in b"".join(text).splitlines()] == [f"{seq:012d}" for seq in range(1, 8)]


def _until(fd: int, lines: int) -> Iterator[bytes]:
    while lines > 0:
        data = os.read(fd, 65536)
        lines -= data.count(b"\n")
        yield data


@pytest.mark.rule("D-sink-file")
def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "secret").write_text("ours\n")
    (tmp_path / "out" / "events.ndjson").symlink_to(tmp_path / "secret")
    sink = made(tmp_path)
    (answer,) = sink.deliver([item(1)], soon())
    assert isinstance(answer, RetryAfter)
    assert answer.reason.endswith("it is a symbolic link, and none is followed")
    assert (tmp_path / "secret").read_text() == "ours\n"
    assert "symbolic link" in sink.reach(soon())


@pytest.mark.rule("D-sink-file")
def test_a_full_disk_takes_nothing_back_of_what_another_writer_has_written(tmp_path: Path) -> None:
    one, other = made(tmp_path, fsync=False), made(tmp_path, fsync=False)
    assert one.deliver([item(1)], soon()) == [Accepted()]
    assert other.deliver([item(2)], soon()) == [Accepted()]
    path = tmp_path / "out" / "events.ndjson"
    with no_file_larger_than(path.stat().st_size + 10):
        (answer,) = one.deliver([item(3)], soon())
    assert isinstance(answer, RetryAfter)
    assert numbers(path) == [1, 2]
    assert one.deliver([item(3)], soon()) == [Accepted()]
    assert numbers(path) == [1, 2, 3]
