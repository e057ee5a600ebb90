"""`ww spool` on journals as instances leave them, and `ww spool drain` while somebody delivers."""

from __future__ import annotations

import json
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from tests.support.home import WW
from tests.support.paths import REPO
from tests.support.ports import TwinInstance, document
from tests.support.terminal import environ, on_terminal, ww
from ww.clock import FakeClock
from ww.events.journal import Journal
from ww.events.model import Event
from ww.events.segment import encode_event, header, segment_name
from ww.events.spool import Cursors, Position

BOOT = "0123456789abcdef" * 2


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """Two boots; the sink `web` has come to the middle of the second, `stock` is new."""
    directory = tmp_path / "data/.ww/journal"
    for number, boot in ((1, "first"), (2, BOOT)):
        journal = Journal(str(directory), number, boot, FakeClock(), 1 << 30, 0)
        for n in range(1, 101):
            journal.append("health" if n % 10 else "state", {"n": n})
        journal.append("gap", {"reason": "thinned", "boot": "old", "from": 1, "to": 9, "health": 7, "lifecycle": 1})
        journal.close()
    cursors = Cursors([str(directory)])
    cursors.set("web", Position(2, BOOT, 60))
    cursors.set("removed", Position(1, "first", 1))
    assert cursors.save(force=True)
    configure(tmp_path, web={}, stock={}, off={"enabled": False})
    return tmp_path


def configure(root: pathlib.Path, **sinks: Any) -> None:
    (root / "ww/etc").mkdir(parents=True, exist_ok=True)
    (root / "ww/etc/cfg.json").write_text(json.dumps({"ww": {"sinks": sinks}}))


@pytest.fixture
def running(root: pathlib.Path) -> Iterator[TwinInstance]:
    with TwinInstance(str(root / "run")) as instance:
        instance.port.status_document = document(
            boot=BOOT, reporter={"sinks": {"web": {"last_error": "connection refused"}}}
        )
        yield instance


def shown(root: pathlib.Path) -> dict[str, Any]:
    done = ww(root, "spool", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    text = (REPO / "docs/operations.md").read_text()
    schema = next(
        json.loads(block.split("```")[0]) for block in text.split("```json\n")[1:] if '"title": "spool"' in block
    )
    jsonschema.validate(found, schema)
    return found


@pytest.mark.rule("D-spool-command")
def test_it_tells_what_waits_for_whom_without_an_instance(root: pathlib.Path) -> None:
    found = shown(root)
    assert found["running"] is False
    assert found["journal"]["directory"] == str(root / "data/.ww/journal")
    assert (found["journal"]["segments"], found["journal"]["events"], found["journal"]["why"]) == (
        2,
        202,
        "on the volume",
    )
    assert found["missing"] == {"gaps": 2, "health": 14, "lifecycle": 2}
    stock, web = found["sinks"]
    assert (stock["name"], stock["seq"], stock["undelivered"]["events"]) == ("stock", None, 202)
    assert (web["name"], web["boot_no"], web["seq"]) == ("web", 2, 60)
    assert (web["undelivered"]["events"], web["undelivered"]["lifecycle"]) == (41, 5)
    assert found["undelivered"]["events"] == 202, "what the slowest one lacks"
    assert found["undelivered"]["oldest"] == "2023-11-14T22:13:20.000Z"


@pytest.mark.rule("D-spool-command")
def test_it_tells_more_of_an_instance_that_runs(root: pathlib.Path, running: TwinInstance) -> None:
    found = shown(root)
    assert found["running"] is True
    assert found["sinks"][1]["error"] == "connection refused"


@pytest.mark.rule("D-spool-command")
def test_it_tells_where_the_journal_went_and_what_was_set_aside(root: pathlib.Path) -> None:
    journal = root / "data/.ww/journal"
    (journal / "bad").mkdir()
    (journal / "bad/000007-00000001-first-000000000001.j").write_bytes(b"x")
    (journal / "rejected/web").mkdir(parents=True)
    (journal / "rejected/web/b-1.json").write_text("{}")
    (journal / "00000001-unreadable-000000000001.j").symlink_to("/nonexistent/x")
    moved = Event(102, "journal", 1_700_000_000_000, 1, {"where": "fallback", "reason": "one write took 300 ms"})
    (root / "run/journal").mkdir(parents=True)
    (root / "run/journal" / segment_name(2, BOOT, 102)).write_bytes(header(BOOT) + encode_event(moved))
    found = shown(root)
    assert found["journal"]["directory"] == str(root / "run/journal")
    assert "one write took 300 ms" in found["journal"]["why"]
    assert found["quarantined"] == {"files": 1, "ever": 7}
    assert found["sinks"][1]["rejected"] == 1
    assert found["unreadable"] == [str(journal / "00000001-unreadable-000000000001.j")]
    text = ww(root, "spool").stdout
    for words in ("7 damaged segments", "one write took 300 ms", "cannot be read", "203 events undelivered"):
        assert words in text, text


@pytest.mark.rule("D-spool-command")
def test_it_fits_a_terminal(root: pathlib.Path, running: TwinInstance) -> None:
    configure(root, **{"a-sink-with-a-rather-long-name-" * 2: {}, "web": {}})
    text = on_terminal(root, "spool", columns=80, NO_COLOR="1")
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "WAITING" in text


@pytest.mark.rule("D-spool-command")
def test_no_journal_and_no_sink_are_said_in_words(tmp_path: pathlib.Path, root: pathlib.Path) -> None:
    configure(root)
    assert "no sink is configured" in ww(root, "spool").stdout
    nowhere = ww(tmp_path / "nowhere", "spool")
    assert nowhere.returncode == 69
    assert "there is no journal" in nowhere.stderr


@pytest.mark.rule("D-spool-command", "D-spool-cursors")
def test_looking_changes_nothing(root: pathlib.Path) -> None:
    cursors = root / "data/.ww/journal/cursors.json"
    cursors.write_text("no json")
    before = {path: path.stat().st_mtime_ns for path in cursors.parent.iterdir()}
    assert shown(root)["sinks"][1]["undelivered"]["events"] == 202
    assert {path: path.stat().st_mtime_ns for path in cursors.parent.iterdir()} == before


# Draining


@pytest.mark.rule("D-spool-drain")
def test_draining_waits_for_what_was_there_and_no_longer(root: pathlib.Path, running: TwinInstance) -> None:
    directory = str(root / "data/.ww/journal")
    configure(root, web={})
    process = subprocess.Popen([*WW, "spool", "drain", "--timeout", "30"], env=environ(root))
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    cursors = Cursors([directory])
    cursors.set("web", Position(2, BOOT, 100))
    cursors.save(force=True)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.8)
    # What comes later is not waited for.
    later = Journal(directory, 3, "later", FakeClock(), 1 << 30, 0)
    later.append("state", {})
    cursors.set("web", Position(2, BOOT, 101))
    cursors.save(force=True)
    assert process.wait(10) == 0


@pytest.mark.rule("D-spool-drain")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--timeout", "0.3"], 75, "not everything was delivered within 0.3 s"),
        (["--sink", "web", "--timeout", "0.3"], 75, "web (41 events)"),
        (["--sink", "nobody"], 64, "it has stock, web"),
        (["--timeout", "x"], 64, "x"),
    ],
)
def test_draining_tells_by_its_code_what_came_of_it(
    root: pathlib.Path, running: TwinInstance, words: list[str], code: int, said: str
) -> None:
    done = ww(root, "spool", "drain", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
