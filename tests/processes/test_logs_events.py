"""`ww logs` and `ww events`: on what a real instance wrote, and on files that rotate, tear and go away."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
from collections.abc import Iterator
from typing import Self

import pytest

from tests.support.home import WW, Home
from tests.support.waiting import until
from ww.clock import Clock
from ww.events.journal import Journal
from ww.supervise.logs import Formatter, LogCopy


@pytest.fixture
def home(tmp_path: pathlib.Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.end()


class Following:
    """A command that follows, and the lines it has printed."""

    def __init__(self, home: Home, *words: str) -> None:
        name = "-".join(("followed", *words))
        self._file = home.root / name
        self._errors = home.root / f"{name}.err"
        env = {**os.environ, "WW_ROOT": str(home.root)}
        with self._file.open("wb") as out, self._errors.open("wb") as err:
            self.process = subprocess.Popen([*WW, *words], env=env, stdout=out, stderr=err)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def lines(self) -> list[str]:
        return self._file.read_text().splitlines()

    def complaints(self) -> str:
        return self._errors.read_text()

    def until(self, text: str) -> None:
        until(lambda: any(text in line for line in self.lines()), f"{text!r} is shown")


class Log:
    """The copy of a log as PID 1 writes it, in files of 2,000 bytes."""

    def __init__(self, home: Home, fmt: str = "plain") -> None:
        self.directory = home.root / "run/log"
        self._formatter = Formatter(fmt, Clock())
        self._copy = LogCopy(str(self.directory), 2000)

    def say(self, source: str, *texts: str) -> None:
        for text in texts:
            self._copy.write(self._formatter.lines(source, "stdout", f"{text}\n".encode()))

    def close(self) -> None:
        self._copy.close()


def messages(out: str) -> list[str]:
    return [line.partition(" | ")[2] for line in out.splitlines()]


@pytest.mark.rule("D-logs-command")
def test_the_log_of_a_run_is_shown_whole_by_source_and_after_its_end(home: Home) -> None:
    home.settings(log={"format": "plain", "level": "info"})
    home.hook("boot", "echo one | two; echo three >&2; echo four", note=False)
    home.hook("boot.d/10-more", "echo five", note=False)
    instance = home.start()
    instance.wait_state("UP")
    assert messages(home.ww("logs", "boot", "-n", "2").stdout) == ["four", "five"]
    instance.stop()
    done = home.ww("logs", "ww")
    assert done.returncode == 0
    assert "state BOOT" in done.stdout
    assert messages(done.stdout)[-1].startswith("state STOPPED")
    whole = home.ww("logs", "-n", "all").stdout
    assert (home.root / "run/log/current").read_text() == whole
    records = [json.loads(line) for line in home.ww("logs", "--json").stdout.splitlines()]
    assert {"time": records[0]["time"], "source": "ww", "stream": None} == {
        key: records[0][key] for key in ("time", "source", "stream")
    }
    assert "four" in [record["message"] for record in records if record["source"] == "boot"]


@pytest.mark.rule("D-logs-command")
@pytest.mark.parametrize("fmt", ["plain", "json"])
def test_both_formats_give_the_same_records(home: Home, fmt: str) -> None:
    log = Log(home, fmt)
    log.say("web", "a | b", '{"source":"db"}', "")
    log.say("db", "é\x1b[1m")
    log.close()
    records = [json.loads(line) for line in home.ww("logs", "--json").stdout.splitlines()]
    assert [(one["source"], one["message"]) for one in records] == [
        ("web", "a | b"),
        ("web", '{"source":"db"}'),
        ("web", ""),
        ("db", "é\x1b[1m"),
    ]
    assert len(home.ww("logs", "web").stdout.splitlines()) == 3
    assert len(home.ww("logs", "db").stdout.splitlines()) == 1
    nobody = home.ww("logs", "w")
    assert (nobody.returncode, nobody.stdout) == (0, "")
    assert nobody.stderr == "ww logs: nothing by w is in the log; in it are db, web\n"
    assert home.ww("logs", "web").stderr == ""


@pytest.mark.rule("D-logs-command")
def test_both_files_are_shown_and_the_count_is_kept(home: Home) -> None:
    log = Log(home)
    log.say("web", *(f"line {number}" for number in range(60)))
    log.close()
    shown = messages(home.ww("logs", "-n", "all").stdout)
    assert len(shown) > 40
    assert shown[-1] == "line 59"
    assert shown == [f"line {number}" for number in range(60 - len(shown), 60)]
    assert messages(home.ww("logs", "-n", "3").stdout) == ["line 57", "line 58", "line 59"]
    assert home.ww("logs", "-n", "0").stdout == ""
    assert home.ww("logs", "-n", "-3").returncode == 64


@pytest.mark.rule("D-logs-command")
def test_following_goes_through_rotations_and_loses_nothing(home: Home) -> None:
    log = Log(home)
    log.say("web", "before")
    with Following(home, "logs", "-f", "-n", "1") as following:
        following.until("before")
        expected = ["before"]
        for batch in range(12):
            texts = [f"batch {batch} line {number}" for number in range(15)]
            log.say("web", *texts)
            expected += texts
            following.until(texts[-1])
        assert messages("\n".join(following.lines())) == expected
        assert following.complaints() == ""
        following.process.send_signal(signal.SIGINT)
        assert following.process.wait(10) == 130
    log.close()


@pytest.mark.rule("D-logs-command")
def test_a_follower_that_was_outrun_says_so(home: Home) -> None:
    log = Log(home)
    log.say("web", "before")
    with Following(home, "logs", "-f") as following:
        following.until("before")
        following.process.send_signal(signal.SIGSTOP)
        log.say("web", *(f"line {number}" for number in range(300)))
        following.process.send_signal(signal.SIGCONT)
        following.until("line 299")
        assert "some are missing" in following.complaints()
        numbers = [int(text.split()[1]) for text in messages("\n".join(following.lines()))[1:]]
        assert numbers == sorted(set(numbers))
    log.close()


@pytest.mark.rule("D-logs-command")
def test_following_begins_before_there_is_a_log_and_shows_no_half_lines(home: Home) -> None:
    with Following(home, "logs", "-f", "web") as following:
        log = Log(home)
        log.say("web", "first")
        following.until("first")
        with (log.directory / "current").open("ab") as file:
            file.write(b"2026-11-21T16:00:00.000Z web | half")
            file.flush()
            with Following(home, "logs", "-f", "db") as other:  # by the time that it shows anything, ours has looked
                log.say("web", "")
                log.say("db", "another")
                other.until("another")
        following.until("half")
        assert following.lines()[-1].partition("web | half")[2].endswith("web | ")
        log.close()


@pytest.mark.rule("D-logs-command", "D-events-command")
def test_what_is_not_there_is_said_with_its_place(home: Home) -> None:
    for command, place in (("logs", "run/log"), ("events", "data/.ww/journal")):
        done = home.ww(command)
        assert done.returncode == 69
        assert f"{home.root}/{place}" in done.stderr
        assert home.ww(command, "-n", "some").returncode == 64


# Events


@pytest.mark.rule("D-events-command")
def test_the_events_of_every_boot_are_shown_in_order(home: Home) -> None:
    first = home.all_hooks().start()
    until(lambda: '"health"' in home.ww("events", "--json").stdout, "the first health")
    first.stop()
    home.start().wait_state("UP").stop()
    done = home.ww("events", "-n", "all", "--kind", "state")
    assert done.returncode == 0
    names = [line.split()[3] for line in done.stdout.splitlines() if line[:6].strip().isdigit()]
    up, down = ["BOOT", "UPGRADING", "WARMUP", "UP"], ["STOPPING", "STOPPED"]
    assert names == ["BOOT", "FIRSTBOOT", *up[1:], *down, *up, *down]
    assert [line for line in done.stdout.splitlines() if line.startswith("boot 2, ")]
    assert "SIGTERM received" in done.stdout
    records = [json.loads(line) for line in home.ww("events", "-n", "all", "--json").stdout.splitlines()]
    second = [record["seq"] for record in records if record["boot_no"] == 2]
    assert second == list(range(1, len(second) + 1))
    assert len(home.ww("events", "-n", "3", "--json").stdout.splitlines()) == 3


@pytest.mark.rule("D-events-command")
def test_events_are_followed_into_the_next_boot(home: Home) -> None:
    first = home.all_hooks().start().wait_state("UP")
    with Following(home, "events", "-f", "--json", "--kind", "state") as following:
        following.until('"UP"')
        first.stop()
        following.until('"STOPPED"')
        home.start().wait_state("UP").stop()
        until(lambda: following.lines()[-1].count('"STOPPED"') and len(following.lines()) == 13, "the second boot")
        states = [json.loads(line)["data"]["state"] for line in following.lines()]
        assert states[5:] == ["STOPPING", "STOPPED", "BOOT", "UPGRADING", "WARMUP", "UP", "STOPPING", "STOPPED"]


@pytest.mark.rule("D-events-command")
def test_many_segments_and_two_directories_are_one_sequence(home: Home) -> None:
    """The journal moved to the run directory in the middle, and holds several segments."""
    big = {"x": "y" * 60_000}
    first = Journal(str(home.root / "data/.ww/journal"), 3, "b" * 32, Clock(), 1 << 24, 0)
    for _ in range(40):
        first.append("health", big)
    first.close()
    records = [json.loads(line) for line in home.ww("events", "-n", "all", "--json").stdout.splitlines()]
    assert [record["seq"] for record in records] == list(range(1, 41))
    with Following(home, "events", "-f", "-n", "1", "--json") as following:
        until(lambda: len(following.lines()) == 1, "the last one")
        other = Journal(str(home.root / "run/journal"), 4, "c" * 32, Clock(), 1 << 24, 0)
        other.append("state", {"state": "BOOT"})
        until(lambda: len(following.lines()) == 2, "the other directory's")
        assert [json.loads(line)["seq"] for line in following.lines()] == [40, 1]
        other.close()


@pytest.mark.rule("D-events-command")
def test_a_torn_tail_and_foreign_files_are_no_drama(home: Home) -> None:
    journal = Journal(str(home.root / "data/.ww/journal"), 1, "b" * 32, Clock(), 1 << 24, 0)
    journal.append("state", {"state": "ERROR", "reason": "a\x1b[2Jb\nc"})
    journal.append("gap", {"lost": 3})
    journal.close()
    directory = home.root / "data/.ww/journal"
    segment = next(directory.glob("*.j"))
    segment.write_bytes(segment.read_bytes() + b"\x00\x00\x01\x00torn")
    (directory / "notes.txt").write_text("mine")
    (directory / f"00000002-{'c' * 32}-000000000001.j").write_bytes(b"")
    done = home.ww("events")
    assert done.returncode == 0
    assert done.stdout.splitlines()[2].endswith("ERROR           a [2Jb c")
    assert '{"lost":3}' in done.stdout
