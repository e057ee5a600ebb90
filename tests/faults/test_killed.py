"""kill -9 of a whole instance at every action, then a clean next boot: nothing is half done, nothing is lost."""

from __future__ import annotations

import os
import pathlib
import re
import signal

import pytest

from tests.support.home import Home, Instance
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until
from ww.events.model import Event
from ww.events.spool import read_journal

UNSHARE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child")
ACTIONS = 32
"""One more than a first boot has; a test below checks it."""


def at_action(home: Home, index: int) -> Instance:
    """An instance whose log has just said that action `index` begins."""
    instance = home.start(prefix=UNSHARE)
    # Before the configuration is compiled (action 1) nobody knows that debug lines are wanted.
    pattern = re.compile(rf"^action {index}: " if index > 1 else "whaleware .* is pid", re.MULTILINE)
    until(
        lambda: pattern.search(instance.messages()) or "UP" in instance.states() or instance.ended(), f"action {index}"
    )
    return instance


UPGRADE_ACTIONS = 27
"""One more than the actions of a later boot that has a backup to make and a step to run; a test below checks it."""


def upgrading(home: Home) -> Home:
    """Data of 1.0, and an image 2.0 whose step and backup leave traces; a half-done step knows that it is one."""
    service(home)
    (home.root / "ww/etc/version").write_text("1.0\n")
    assert home.start().wait_state("UP").stop() == 0
    (home.root / "ww/etc/version").write_text("2.0\n")
    home.hook("upgrade", 'test -e "$WW_DATA/db/schema"')
    home.hook("backup", 'rm -rf "$WW_BACKUP/$1"; cp -r "$WW_DATA/db" "$WW_BACKUP/$1"')
    home.hook(
        "upgrade.d/0001-schema",
        '[ ! -e "$WW_DATA/db/half" ] || [ "$WW_ATTEMPT" -gt 1 ] || exit 9\n'
        'touch "$WW_DATA/db/half"; echo 2 > "$WW_DATA/db/schema"; rm "$WW_DATA/db/half"',
    )
    return home


def child_of(instance: Instance) -> int:
    (child,) = pathlib.Path(f"/proc/{instance.process.pid}/task/{instance.process.pid}/children").read_text().split()
    return int(child)


@pytest.mark.rule("D-killed-any-instant", "D-steps-once")
@pytest.mark.parametrize("index", range(1, UPGRADE_ACTIONS))
def test_killed_at_every_action_of_an_upgrade_the_next_boot_completes_it(home: Home, index: int) -> None:
    upgrading(home)
    instance = at_action(home, index)
    os.kill(child_of(instance), signal.SIGKILL)
    instance.wait()
    assert home.start().wait_state("UP").stop() == 0
    assert (home.root / "data/db/schema").read_text() == "2\n"
    assert (home.root / "data/.ww/version").read_text() == "2.0\n"
    notes = list((home.root / "backup/.ww").iterdir())
    assert notes
    assert all(note.suffix == ".json" for note in notes), "no half of a note that the kill left"
    for note in notes:  # two, if the kill came between the note of the first and the word that it is enough
        kept = home.root / "backup" / note.name.removesuffix(".json")
        assert (kept / "schema").read_text() == "1\n", "a complete backup is of the data before the upgrade"


def test_the_indexes_cover_a_whole_upgrade(home: Home) -> None:
    upgrading(home)
    instance = home.start().wait_state("UP").wait_message("watch")
    last = max(int(n) for n in re.findall(r"^action (\d+):", instance.messages(), re.MULTILINE))
    instance.stop()
    assert last == UPGRADE_ACTIONS - 1


@pytest.mark.rule("D-stop-any-instant", "D-killed-any-instant")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("hook", ["lifecycle", "svcdown", "svcup", "warmup"])
def test_ended_in_every_hook_of_a_restart(home: Home, hook: str, number: int) -> None:
    """TERM: STOPPED and 0. KILL of everything: the next boot is clean."""
    service(home)
    home.hook(hook, f'[ "$WW_STATE" != RESTARTING ] || {{ touch {home.root}/here; sleep 300; }}')
    instance = home.start(prefix=UNSHARE).wait_state("UP")
    os.kill(child_of(instance), signal.SIGHUP)
    until((home.root / "here").exists, f"{hook} of the restart")
    os.kill(child_of(instance), number)
    code = instance.wait()
    if number == signal.SIGTERM:
        assert code == 0
        assert instance.states()[-2:] == ["STOPPING", "STOPPED"]
    assert home.start().wait_state("UP").stop() == 0


def journalled(home: Home) -> list[Event]:
    directory = home.root / "data/.ww/journal"
    return read_journal(str(directory)) if directory.exists() else []


def service(home: Home) -> Home:
    """Hooks that leave traces in the data, as a real first boot does: it fails on data that is half there."""
    home.all_hooks()
    home.hook(
        "firstboot",
        'if [ -e "$WW_DATA/db" ]; then [ "$WW_ATTEMPT" -gt 1 ] || exit 9; rm -rf "$WW_DATA/db"; fi\n'
        'mkdir "$WW_DATA/db"; echo 1 > "$WW_DATA/db/schema"',
    )
    home.hook("upgrade", 'test "$(cat "$WW_DATA/db/schema")" = 1')
    home.hook("svcup", "setsid sleep 300 &")
    return home


@pytest.mark.rule("D-killed-any-instant", "WW-20")
@pytest.mark.parametrize("index", range(1, ACTIONS))
def test_killed_at_every_action_the_next_boot_is_clean(home: Home, index: int) -> None:
    service(home)
    instance = at_action(home, index)
    (child,) = pathlib.Path(f"/proc/{instance.process.pid}/task/{instance.process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    instance.wait()
    seen = len(journalled(home))
    again = home.start().wait_state("UP")
    assert again.stop() == 0
    assert (home.root / "data/db/schema").read_text() == "1\n"
    events = journalled(home)
    assert len(events) > seen
    for states in _by_boot(events):
        assert states[0] in ("BOOT", "ERROR"), states


@pytest.mark.rule("D-stop-any-instant")
@pytest.mark.parametrize("index", range(1, ACTIONS))
def test_a_term_at_every_action_with_a_deaf_stray_ends_inside_the_budget(home: Home, index: int) -> None:
    """`boot` leaves a grandchild in a session of its own that ignores TERM; every stop still ends with STOPPED and 0."""
    service(home).settings(stop={"budget_s": 4})
    mark = home.root / "stray"
    home.hook(
        "boot",
        f"python3 -c 'import signal,time,os; signal.signal(15, signal.SIG_IGN); os.setsid(); "
        f'open("{mark}", "w").write("x"); time.sleep(300)\' & until [ -e {mark} ]; do sleep 0.01; done',
    )
    instance = at_action(home, index)
    (child,) = pathlib.Path(f"/proc/{instance.process.pid}/task/{instance.process.pid}/children").read_text().split()
    with Stopwatch() as stop:
        os.kill(int(child), signal.SIGTERM)
        assert instance.wait() == 0
    assert stop.seconds < 6
    assert instance.states()[-2:] == ["STOPPING", "STOPPED"]
    down = ["svcdown"] if "BOOT" in instance.states() else []  # before BOOT nothing was started
    assert home.calls()[-2 - len(down) :] == ["lifecycle STOPPING", *down, "lifecycle STOPPED"]


def test_the_indexes_cover_a_whole_first_boot(home: Home) -> None:
    service(home)
    instance = home.start().wait_state("UP").wait_message("watch")
    last = max(int(n) for n in re.findall(r"^action (\d+):", instance.messages(), re.MULTILINE))
    instance.stop()
    assert last == ACTIONS - 1


def _by_boot(events: list[Event]) -> list[list[str]]:
    boots: list[list[str]] = []
    for event in events:
        if event.kind != "state":
            continue
        if event.seq == 1:
            boots.append([])
        boots[-1].append(str(event.data["state"]))
    return boots
