"""Whose events these are: named by configuration, by volume or by host, and told apart where a volume was copied."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.home import Home
from tests.support.paths import REPO
from tests.support.reporters import delivered, delivering, unhurried
from tests.support.waiting import until
from ww.config.validate import faults

pytestmark = pytest.mark.rule("D-wire-identity")

SCHEMA: dict[str, Any] = json.loads((REPO / "docs" / "schemas" / "event.schema.json").read_text())


def boots(events: list[dict[str, Any]]) -> list[tuple[str, str, str, int]]:
    """Each boot in `events`: source, instance, volume and number, as its BOOT event tells them."""
    return [
        (event["source"], event["data"]["instance"], event["data"]["volume"], event["data"]["boot_no"])
        for event in events
        if event["data"].get("state") == "BOOT"
    ]


def test_events_of_two_boots_say_whose_they_are(home: Home) -> None:
    unhurried(delivering(home.all_hooks()))
    home.settings(service="shop front", labels={"zone": "a"})
    for _ in range(2):
        assert home.start().wait_state("UP").stop() == 0
    events = delivered(home)
    (one, two) = boots(events)
    volume = (home.root / "data/.ww/id").read_text().strip()
    assert one[1:] == (volume, volume, 1)
    assert two[1:] == (volume, volume, 2)
    assert one[0].startswith(f"/instances/shop%20front/{volume}/boots/")
    assert one[0] != two[0]
    for event in events:
        assert faults(event, SCHEMA) == []
        if "state" in event["data"]:
            assert event["data"]["host"] == os.uname().nodename
            assert event["data"]["labels"] == {"zone": "a"}
    assert len({(event["source"], event["id"]) for event in events}) == len(events)


def test_a_configured_name_stands_before_the_volume(home: Home) -> None:
    unhurried(delivering(home.all_hooks()))
    home.settings(instance="shop-1")
    assert home.start().wait_state("UP").stop() == 0
    (boot,) = boots(delivered(home))
    assert boot[1] == "shop-1"
    assert boot[2] == (home.root / "data/.ww/id").read_text().strip()


@pytest.mark.rule("D-wire-pure")
def test_who_it_is_stays_readable_where_a_secret_is_the_same_word(home: Home) -> None:
    unhurried(delivering(home.all_hooks()))
    home.settings(service="shopfront")
    home.config["password"] = {"$secret": "password"}
    (home.root / "run/secrets").mkdir()
    (home.root / "run/secrets/password").write_text("shopfront")
    for _ in range(2):
        assert home.start().wait_state("UP").stop() == 0
    events = delivered(home)
    assert {event["source"].split("/")[2] for event in events} == {"shopfront"}
    assert {event["data"]["service"] for event in events if "service" in event["data"]} == {"shopfront"}


def test_without_a_volume_there_is_none_to_name(home: Home) -> None:
    unhurried(delivering(home.all_hooks(), out={"type": "file", "path": "/run/events.ndjson"}))
    home.settings(data={"shared": True})
    assert home.start().wait_state("UP").stop() == 0
    (boot,) = boots(delivered(home, "/run/events.ndjson"))
    assert boot[1] == os.uname().nodename


def test_a_copied_volume_shows_as_two_boots_with_one_number(home: Home, tmp_path: Path) -> None:
    unhurried(delivering(home.all_hooks()))
    assert home.start().wait_state("UP").stop() == 0
    copy = Home(tmp_path / "copy")
    shutil.copytree(home.root / "data", copy.root / "data", dirs_exist_ok=True)
    shutil.copytree(home.root / "ww", copy.root / "ww", dirs_exist_ok=True)
    copy.config = home.config
    original, copied = home.start(), copy.start()
    assert original.wait_state("UP").stop() == 0
    assert copied.wait_state("UP").stop() == 0
    mine, other = boots(delivered(home))[-1], boots(delivered(copy))[-1]
    assert mine[1:] == other[1:]
    assert mine[3] == 2
    assert mine[0] != other[0], "two ids of boots with one number of one volume"
    # What the copy had inherited undelivered, or sends again, is the same to the byte.
    first = {(event["source"], event["id"]): event for event in delivered(home)}
    for event in delivered(copy):
        assert first.get((event["source"], event["id"]), event) == event


def test_a_start_that_fails_says_which_boot_of_the_volume_it_was(home: Home) -> None:
    unhurried(delivering(home.all_hooks()))
    assert home.start().wait_state("UP").stop() == 0
    good = json.dumps(home.config)
    home.settings(nosuch=1)
    assert home.run_to_end().process.returncode == 78
    home.config = json.loads(good)
    assert home.start().wait_state("UP").stop() == 0
    volume = (home.root / "data/.ww/id").read_text().strip()
    found = {
        (event["data"]["volume"], event["data"]["boot_no"]) for event in delivered(home) if "state" in event["data"]
    }
    assert found == {(volume, 1), (volume, 2), (volume, 3)}


@pytest.mark.rule("D-identity", "D-reporter-delivers")
@pytest.mark.parametrize("left", ["", "9" * 5000])
def test_a_count_that_was_lost_goes_on_behind_the_journal(home: Home, left: str) -> None:
    """What a power cut or a person does to it: events are delivered in the order of these numbers."""
    unhurried(delivering(home.all_hooks()))
    for _ in range(3):
        assert home.start().wait_state("UP").stop() == 0
    (home.root / "data/.ww/boots").write_text(left)
    assert home.start().wait_state("UP").stop() == 0
    assert [boot[3] for boot in boots(delivered(home))] == [1, 2, 3, 4]


def audited(home: Home) -> int:
    """Up to which boot the keeper has found everything, or has declared what was missing."""
    file = home.root / "run/journal/audit.json"
    return int(json.loads(file.read_text())["sinks"]["audit"]["boot_no"]) if file.exists() else 0


@pytest.mark.rule("D-data-shared", "D-spool-declared")
def test_boots_of_others_on_shared_data_are_nothing_that_is_missing(home: Home, tmp_path: Path) -> None:
    unhurried(delivering(home.all_hooks()).settings(data={"shared": True}, instance="one"))
    other = Home(tmp_path / "other")
    other.config = {"ww": {**home.config["ww"], "instance": "two"}}  # type: ignore[dict-item]
    other.root.joinpath("data").rmdir()
    other.root.joinpath("data").symlink_to(home.root / "data")
    for number, each in enumerate((home, other, home), 1):
        instance = each.start().wait_state("UP")
        until(lambda each=each, number=number: audited(each) == number, "the sequence is looked at up to this boot")
        assert instance.stop() == 0
    spool = json.loads(home.ww("spool", "--json").stdout)
    assert spool["missing"]["gaps"] == 0
    assert [boot[3] for boot in boots(delivered(home))] == [1, 3]
    assert len(boots(delivered(other))) == 1
