"""What an instance remembers on /data: marker, versions, steps, backup, lock."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess

import pytest

from tests.support.home import WW, Home
from tests.support.waiting import until
from ww.events.spool import read_journal


def image(home: Home, version: str, *steps: str) -> Home:
    """Make the home's image `version`, with these upgrade steps and no others."""
    (home.root / "ww/etc/version").write_text(version + "\n")
    directory = home.root / "ww/usr/upgrade.d"
    for old in directory.glob("*") if directory.exists() else ():
        old.unlink()
    for step in steps:
        home.hook(f"upgrade.d/{step}")
    return home


def steps_run(home: Home) -> list[str]:
    return [call for call in home.calls() if call.startswith("upgrade.d/")]


def boot_and_stop(home: Home) -> None:
    assert home.start().wait_state("UP").stop() == 0


@pytest.mark.rule("D-steps-once", "D-upgrade-versions")
def test_after_a_first_boot_all_steps_count_as_done(home: Home) -> None:
    image(home.all_hooks(), "1.0", "0001-a", "0002-b")
    boot_and_stop(home)
    boot_and_stop(home)
    assert steps_run(home) == []
    assert [c for c in home.calls() if c.startswith("upgrade ")] == ["upgrade 1.0 1.0"] * 2
    assert (home.root / "data/.ww/version").read_text() == "1.0\n"


@pytest.mark.rule("D-steps-once", "D-upgrade-versions")
def test_new_steps_run_once_in_order_with_both_versions(home: Home) -> None:
    image(home.all_hooks(), "1.0", "0001-a")
    boot_and_stop(home)
    image(home, "2.0", "0001-a", "0003-c", "0002-b")
    boot_and_stop(home)
    boot_and_stop(home)
    assert steps_run(home) == ["upgrade.d/0002-b 1.0 2.0", "upgrade.d/0003-c 1.0 2.0"]
    assert (home.root / "data/.ww/version").read_text() == "2.0\n"


@pytest.mark.rule("D-steps-once", "WW-16")
def test_data_of_an_original_image_has_had_no_step(home: Home) -> None:
    image(home.all_hooks(), "2.0", "0001-a")
    (home.root / "data/whaleup").touch()
    boot_and_stop(home)
    assert steps_run(home) == ["upgrade.d/0001-a  2.0"]


@pytest.mark.rule("D-steps-once")
def test_a_failed_step_is_an_error_and_is_resumed_where_it_failed(home: Home) -> None:
    """The steps before it are not run again, and the failed one is told that it is a second try."""
    image(home.all_hooks(), "1.0")
    boot_and_stop(home)
    image(home, "2.0", "0001-a", "0002-b", "0003-c")
    home.hook("upgrade.d/0002-b", f'echo "attempt $WW_ATTEMPT" >> {home.calls_file}; exit 9')
    assert home.run_to_end().process.returncode == 70
    assert (home.root / "data/.ww/version").read_text() == "1.0\n"
    home.hook("upgrade.d/0002-b", f'echo "attempt $WW_ATTEMPT" >> {home.calls_file}')
    boot_and_stop(home)
    names = [c.split()[0] for c in steps_run(home)]
    assert names == ["upgrade.d/0001-a", "upgrade.d/0002-b", "upgrade.d/0002-b", "upgrade.d/0003-c"]
    assert [c for c in home.calls() if c.startswith("attempt")] == ["attempt 1", "attempt 2"]


@pytest.mark.rule("D-steps-newer", "D-exit-78")
def test_data_newer_than_the_image_is_refused_with_nothing_touched(home: Home) -> None:
    image(home.all_hooks(), "2.0", "0001-a", "0002-b")
    boot_and_stop(home)
    (home.root / "data/app.db").write_text("precious")
    before = _tree(home.root / "data")
    count = len(home.calls())
    image(home, "1.0", "0001-a")
    instance = home.run_to_end()
    assert instance.process.returncode == 78
    assert "newer than this image" in instance.messages()
    assert "0002-b" in instance.messages()
    assert not [c for c in home.calls()[count:] if c.startswith(("firstboot", "upgrade", "backup", "svcup"))]
    assert _tree(home.root / "data") == before


@pytest.mark.rule("D-format-newer", "D-exit-78")
def test_a_newer_format_is_refused_in_words(home: Home) -> None:
    home.all_hooks()
    (home.root / "data/.ww").mkdir()
    (home.root / "data/.ww/format").write_text('{"format": 99}')
    instance = home.run_to_end()
    assert instance.process.returncode == 78
    assert "its format is 99 and this ww knows 1" in instance.messages()
    assert sorted(p.name for p in (home.root / "data/.ww").iterdir()) == ["format"]


@pytest.mark.rule("D-backup-before-upgrade")
def test_a_backup_is_made_before_data_changes_and_only_then(home: Home) -> None:
    image(home.all_hooks(), "1.0")
    home.hook("backup", 'cp -r "$WW_DATA" "$WW_BACKUP/$1"')
    boot_and_stop(home)
    boot_and_stop(home)
    assert "backup" not in {c.split()[0] for c in home.calls()}
    image(home, "2.0", "0001-a")
    boot_and_stop(home)
    calls = [c.split()[0] for c in home.calls()]
    assert calls.index("backup") < calls.index("upgrade.d/0001-a")
    (made,) = [path for path in (home.root / "backup").iterdir() if path.name != ".ww"]
    assert made.name.endswith("Z-1.0")


@pytest.mark.rule("D-backup-before-upgrade", "D-exit-70")
def test_a_failed_backup_keeps_the_data_from_being_changed(home: Home) -> None:
    image(home.all_hooks(), "1.0")
    boot_and_stop(home)
    home.hook("backup", "exit 1")
    image(home, "2.0", "0001-a")
    instance = home.run_to_end()
    assert instance.process.returncode == 70
    assert steps_run(home) == []
    assert "upgrade 1.0 2.0" not in home.calls()


@pytest.mark.rule("D-backup-on-demand")
def test_backup_and_restore_on_demand(home: Home) -> None:
    image(home.all_hooks(), "1.0")
    home.hook("backup", 'cp "$WW_DATA/app.db" "$WW_BACKUP/$1"')
    home.hook("restore", 'cp "$WW_BACKUP/$1" "$WW_DATA/app.db"')
    database = home.root / "data/app.db"
    instance = home.start().wait_state("UP")
    database.write_text("before")
    done = home.ww("backup", "mine")
    assert (done.returncode, done.stdout) == (0, "mine\n")
    refused = home.ww("restore", "mine")
    assert refused.returncode == 75
    assert "stop the instance first" in refused.stderr
    assert instance.stop() == 0
    database.write_text("after")
    assert home.ww("restore", "mine").returncode == 0
    assert database.read_text() == "before"


@pytest.mark.rule("D-backup-on-demand", "D-hook-contract")
def test_a_backup_hook_is_told_who_has_the_data(home: Home) -> None:
    home.hook("boot")
    home.hook("backup", f'echo "$WW_HOLDER" > {home.root}/holder; echo x > "$WW_BACKUP/$1"')
    instance = home.start().wait_state("UP")
    pid = json.loads(home.ww("status", "--json").stdout)["pid"]
    # As from another container on the same volume: without the run directory, by which `ww status` finds the instance.
    assert home.ww("backup", "one", env={"WW_RUN": str(home.root / "elsewhere")}).returncode == 0
    assert f"pid {pid}" in (home.root / "holder").read_text()
    assert instance.stop() == 0
    assert home.ww("backup", "two").returncode == 0
    assert (home.root / "holder").read_text() == "\n"


@pytest.mark.rule("D-backup-on-demand", "D-steps-newer")
def test_a_restore_brings_back_the_version_and_the_steps_of_its_backup(home: Home) -> None:
    """The way back from an upgrade: restore what was kept before it, then run the older image again."""
    image(home.all_hooks(), "1.0", "0001-a")
    home.hook("backup", 'cp "$WW_DATA/app.db" "$WW_BACKUP/$1"')
    home.hook("restore", 'cp "$WW_BACKUP/$1" "$WW_DATA/app.db"')
    (home.root / "data/app.db").write_text("of 1.0")
    boot_and_stop(home)
    image(home, "2.0", "0001-a", "0002-b")
    home.hook("upgrade.d/0002-b", 'echo "of 2.0" > "$WW_DATA/app.db"')
    boot_and_stop(home)
    (made,) = [path for path in (home.root / "backup").iterdir() if path.name != ".ww"]
    image(home, "1.0", "0001-a")
    assert home.run_to_end().process.returncode == 78
    assert home.ww("restore", made.name).returncode == 0
    boot_and_stop(home)
    assert (home.root / "data/.ww/version").read_text() == "1.0\n"
    image(home, "2.0", "0001-a", "0002-b")
    boot_and_stop(home)
    assert steps_run(home).count("upgrade.d/0002-b 1.0 2.0") == 2


@pytest.mark.rule("D-backup-on-demand")
def test_a_restore_of_a_backup_that_nobody_noted_says_so(home: Home) -> None:
    home.all_hooks()
    home.hook("restore")
    boot_and_stop(home)
    done = home.ww("restore", "from-elsewhere")
    assert done.returncode == 0
    assert "nothing is noted of backup from-elsewhere" in done.stderr


@pytest.mark.rule("D-backup-on-demand")
def test_backup_without_a_hook_and_a_failed_one_say_so(home: Home) -> None:
    home.write_config()
    missing = home.ww("backup")
    assert missing.returncode == 64
    assert "no " in missing.stderr
    home.all_hooks()
    home.hook("backup", "exit 4")
    boot_and_stop(home)
    failed = home.ww("backup")
    assert failed.returncode == 70
    assert "exit code 4" in failed.stderr


@pytest.mark.rule("D-data-lock", "D-exit-75")
def test_a_second_instance_waits_for_the_data_and_then_gives_up_with_75(home: Home) -> None:
    home.all_hooks().settings(data={"lock_wait_s": 0.4})
    first = home.start().wait_state("UP")
    second = home.start(env={"WW_RUN": str(home.root / "run2")})
    assert second.wait() == 75
    assert second.states() == ["ERROR"]
    assert "the data is in use by instance of service" in second.messages()
    assert first.states()[-1] == "UP"
    assert first.stop() == 0


@pytest.mark.rule("D-refused-start-harmless", "D-exit-75", "D-exit-78")
@pytest.mark.parametrize("how", ["same home", "other run directory", "broken configuration", "stopped while it waits"])
def test_a_start_that_is_refused_harms_nobody(home: Home, how: str) -> None:
    """The live instance keeps its services, its state and its word; no hook of it is run by the other."""
    home.all_hooks().settings(data={"lock_wait_s": 0.3})
    home.hook("svcup", 'setsid sleep 300 & echo $! > "$WW_DATA/pid"')
    home.hook("svcdown", 'kill "$(cat "$WW_DATA/pid")"')
    first = home.start().wait_state("UP")
    until(lambda: "pushstats" in home.calls()[-1], "the first health")
    calls, state = home.calls(), (home.root / "run/state.json").read_text()
    other = {} if how == "same home" else {"WW_RUN": str(home.root / "run2")}
    if how == "stopped while it waits":
        home.settings(data={"lock_wait_s": 30})
    second = home.start(env={**other, **({"CFG": "{"} if how == "broken configuration" else {})})
    if how == "stopped while it waits":
        assert second.wait_message("waiting up to 30 s").stop() == 0
    else:
        assert second.wait() == (78 if how == "broken configuration" else 75)
    new = [call for call in home.calls()[len(calls) :] if how != "broken configuration" or "lifecycle" not in call]
    assert new == []
    assert first.states()[-1] == "UP"
    assert (home.root / "run/state.json").read_text() == state
    assert first.stop() == 0


@pytest.mark.rule("D-data-lock")
def test_a_second_instance_takes_over_as_soon_as_the_first_is_gone(home: Home) -> None:
    home.all_hooks()
    first = home.start().wait_state("UP")
    second = home.start(env={"WW_RUN": str(home.root / "run2")}).wait_message("waiting up to 30 s")
    assert second.states() == []
    assert first.stop() == 0
    assert second.wait_state("UP").stop() == 0
    assert home.calls().count("firstboot") == 1


@pytest.mark.rule("D-data-shared")
def test_shared_data_is_locked_only_until_the_upgrade_is_done(home: Home) -> None:
    home.all_hooks().settings(data={"shared": True, "lock_wait_s": 5})
    first = home.start().wait_state("UP")
    second = home.start(env={"WW_RUN": str(home.root / "run2")}).wait_state("UP")
    assert home.calls().count("firstboot") == 1
    assert (first.stop(), second.stop()) == (0, 0)


@pytest.mark.rule("D-identity", "D-journal-written")
def test_boots_of_a_volume_are_counted_and_journalled_in_order(home: Home) -> None:
    home.all_hooks()
    boot_and_stop(home)
    boot_and_stop(home)
    base = home.root / "data/.ww"
    assert (base / "boots").read_text() == "2\n"
    assert len((base / "id").read_text().strip()) == 32
    assert oct(base.stat().st_mode & 0o777) == "0o700"
    events = read_journal(str(base / "journal"))
    states = [e.data["state"] for e in events if e.kind == "state"]
    up = ["BOOT", "UPGRADING", "WARMUP", "UP", "STOPPING", "STOPPED"]
    assert states == ["BOOT", "FIRSTBOOT", *up[1:], *up]
    firsts = [e.seq for e in events if e.kind == "state" and e.data["state"] == "BOOT"]
    assert firsts == [1, 1]


@pytest.mark.rule("D-identity")
def test_the_instance_is_the_volume_unless_configured(home: Home) -> None:
    home.all_hooks()
    boot_and_stop(home)
    state = json.loads((home.root / "run/state.json").read_text())
    assert state["instance"] == (home.root / "data/.ww/id").read_text().strip()


@pytest.mark.rule("D-data-unreadable", "D-exit-75")
def test_data_that_cannot_be_read_is_not_taken_for_fresh(home: Home) -> None:
    """A first boot would overwrite it. A link that leads to itself cannot be read by root either."""
    home.all_hooks()
    (home.root / "data/.ww").symlink_to(".ww")
    instance = home.run_to_end()
    assert instance.process.returncode == 75
    assert "cannot tell whether" in instance.messages()
    assert "firstboot" not in home.calls()


@pytest.mark.rule("D-steps-newer")
def test_a_step_that_was_only_begun_makes_the_data_newer_too(home: Home) -> None:
    """Rolling back onto half-upgraded data would run the old program on it."""
    image(home.all_hooks(), "1.0")
    boot_and_stop(home)
    image(home, "2.0", "0001-a")
    home.hook("upgrade.d/0001-a", "exit 1")
    assert home.run_to_end().process.returncode == 70
    image(home, "1.0")
    instance = home.run_to_end()
    assert instance.process.returncode == 78
    assert "0001-a" in instance.messages()


@pytest.mark.rule("D-hook-x-bit")
def test_a_hook_that_is_a_link_to_nothing_is_an_error_at_start(home: Home) -> None:
    home.all_hooks()
    (home.root / "ww/usr/firstboot").unlink()
    (home.root / "ww/usr/firstboot").symlink_to("/nonexistent")
    instance = home.run_to_end()
    assert instance.process.returncode == 78
    assert "is a link to nothing" in instance.messages()


@pytest.mark.rule("D-steps-once")
def test_a_step_that_was_blanked_later_does_not_make_the_data_newer(home: Home) -> None:
    image(home.all_hooks(), "1.0", "0001-a")
    boot_and_stop(home)
    (home.root / "ww/usr/upgrade.d/0001-a").write_text("")
    boot_and_stop(home)


@pytest.mark.rule("D-backup-before-upgrade")
def test_tries_at_one_upgrade_share_one_backup(home: Home) -> None:
    """The second would be of half-upgraded data under the old version's name, and a crash loop would fill the disk."""
    image(home.all_hooks(), "1.0")
    boot_and_stop(home)
    home.hook("backup", 'mkdir "$WW_BACKUP/$1"')
    image(home, "2.0", "0001-a")
    home.hook("upgrade.d/0001-a", "exit 1")
    for _ in range(3):
        assert home.run_to_end().process.returncode == 70
    home.hook("upgrade.d/0001-a")
    boot_and_stop(home)
    assert len([path for path in (home.root / "backup").iterdir() if path.name != ".ww"]) == 1
    image(home, "3.0", "0001-a", "0002-b")
    boot_and_stop(home)
    assert len([path for path in (home.root / "backup").iterdir() if path.name != ".ww"]) == 2


@pytest.mark.rule("D-restore-safe", "D-exit-78")
@pytest.mark.parametrize("how", ["fails", "is killed", "is told to stop"])
def test_no_instance_starts_on_half_restored_data(home: Home, how: str) -> None:
    image(home.all_hooks(), "1.0")
    home.hook(
        "restore",
        f'echo half > "$WW_DATA/app.db"; echo begun >> {home.calls_file}; [ "$how" != fails ] || exit 1; sleep 300',
    )
    boot_and_stop(home)
    restore = subprocess.Popen(
        [*WW, "restore", "b1"], env={**os.environ, "WW_ROOT": str(home.root), "how": how}, stderr=subprocess.DEVNULL
    )
    until(lambda: "begun" in home.calls(), "the restore hook")
    if how != "fails":
        restore.send_signal(signal.SIGKILL if how == "is killed" else signal.SIGTERM)
    restore.wait(10)
    for survivor in home.left_behind():
        with contextlib.suppress(ProcessLookupError):  # one may end because another did
            os.kill(survivor, signal.SIGKILL)
    until(lambda: not home.left_behind(), "the end of all that was left")
    home.settings(data={"lock_wait_s": 1})
    instance = home.run_to_end()
    assert instance.process.returncode == 78
    assert "the restore of backup b1" in instance.messages()
    home.hook("restore", 'echo whole > "$WW_DATA/app.db"')
    assert home.ww("restore", "b1").returncode == 0
    boot_and_stop(home)


@pytest.mark.rule("D-restore-safe")
def test_a_restore_hook_that_empties_the_data_keeps_its_marker_and_identity(home: Home) -> None:
    image(home.all_hooks(), "1.0", "0001-a")
    home.hook("backup", 'cp "$WW_DATA/app.db" "$WW_BACKUP/$1"')
    home.hook("restore", 'find "$WW_DATA" -mindepth 1 -delete; cp "$WW_BACKUP/$1" "$WW_DATA/app.db"')
    (home.root / "data/app.db").write_text("precious")
    boot_and_stop(home)
    identity = (home.root / "data/.ww/id").read_text()
    assert home.ww("backup", "b1").returncode == 0
    assert home.ww("restore", "b1").returncode == 0
    boot_and_stop(home)
    assert home.calls().count("firstboot") == 1
    assert (home.root / "data/.ww/id").read_text() == identity
    assert (home.root / "data/app.db").read_text() == "precious"


EMPTYING = (
    'find "$WW_DATA" -mindepth 1 -delete; touch "$WW_ROOT/emptied"; {meanwhile}; cp "$WW_BACKUP/$1" "$WW_DATA/app.db"'
)
"""A restore hook that docs/hooks.md allows: it takes our own records, the sign and the lock file with it."""


def restorable(home: Home, meanwhile: str) -> Home:
    """Data with a backup `b1`, and an emptying restore hook that does `meanwhile` in the middle."""
    image(home.all_hooks(), "1.0", "0001-a")
    home.hook("backup", 'cp "$WW_DATA/app.db" "$WW_BACKUP/$1"')
    (home.root / "data/app.db").write_text("precious")
    boot_and_stop(home)
    assert home.ww("backup", "b1").returncode == 0
    home.hook("restore", EMPTYING.format(meanwhile=meanwhile))
    return home.settings(data={"lock_wait_s": 0.2})


def restoring(home: Home) -> subprocess.Popen[bytes]:
    """`ww restore b1` under way, with the data emptied."""
    env = {**os.environ, "WW_ROOT": str(home.root)}
    process = subprocess.Popen([*WW, "restore", "b1"], env=env, stderr=subprocess.DEVNULL)
    until((home.root / "emptied").exists, "the middle of the restore")
    return process


@pytest.mark.rule("D-restore-safe", "D-data-lock")
@pytest.mark.parametrize("run", [None, "run2"])
def test_no_instance_starts_beside_a_restore_that_has_emptied_the_data(home: Home, run: str | None) -> None:
    """Neither on the same home nor, as another container would, with a run directory of its own."""
    restorable(home, 'until [ -e "$WW_ROOT/go" ]; do sleep 0.02; done')
    process = restoring(home)
    instance = home.start(env={"WW_RUN": str(home.root / run)} if run else {})
    assert instance.wait() == 75
    (home.root / "go").touch()
    assert process.wait(10) == 0
    boot_and_stop(home)
    assert home.calls().count("firstboot") == 1
    assert (home.root / "data/app.db").read_text() == "precious"


@pytest.mark.rule("D-restore-safe", "D-survivors")
def test_a_killed_restore_that_has_emptied_the_data_is_told(home: Home) -> None:
    """First its hook is a survivor, then the sign beside the backups speaks; a new restore mends it."""
    restorable(home, 'until [ -e "$WW_ROOT/go" ]; do sleep 0.02; done')
    process = restoring(home)
    process.kill()
    process.wait()
    beside = home.run_to_end()
    assert beside.process.returncode == 75
    assert "left when it was killed" in beside.messages()
    again = home.ww("restore", "b1")
    assert again.returncode == 75
    assert "end it first" in again.stderr
    for survivor in home.left_behind():
        with contextlib.suppress(ProcessLookupError):  # it starts one `sleep` after the other
            os.killpg(os.getpgid(survivor), signal.SIGKILL)
    until(lambda: not home.left_behind(), "the end of the hook")
    after = home.run_to_end()
    assert after.process.returncode == 78
    assert "the restore of backup b1" in after.messages()
    home.hook("restore", EMPTYING.format(meanwhile=":"))
    assert home.ww("restore", "b1").returncode == 0
    boot_and_stop(home)
    assert home.calls().count("firstboot") == 1


@pytest.mark.rule("D-restore-safe")
def test_a_sign_that_cannot_be_read_is_not_taken_for_none(home: Home) -> None:
    boot_and_stop(home.all_hooks())
    (home.root / "data/.ww/restoring").mkdir()
    instance = home.run_to_end()
    assert instance.process.returncode == 75
    assert "cannot tell whether a restore is complete" in instance.messages()


@pytest.mark.rule("D-restore-safe", "D-backup-on-demand")
def test_half_restored_data_is_not_backed_up(home: Home) -> None:
    restorable(home, "exit 3")
    assert home.ww("restore", "b1").returncode == 70
    done = home.ww("backup", "b2")
    assert done.returncode == 75
    assert not (home.root / "backup/b2").exists()


@pytest.mark.rule("D-restore-safe")
def test_notes_kept_with_the_data_outlive_an_emptying_restore(home: Home, tmp_path: pathlib.Path) -> None:
    """Where /backup cannot be written the notes are in /data/.ww/backups."""
    copies = tmp_path / "copies"
    copies.mkdir()
    image(home.all_hooks(), "1.0")
    (home.root / "backup").rmdir()
    (home.root / "backup").write_text("not a directory")
    home.hook("backup", f'echo "$1" > {copies}/$1')
    home.hook("restore", f'find "$WW_DATA" -mindepth 1 -delete; cp {copies}/$1 "$WW_DATA/app.db"')
    boot_and_stop(home)
    for name in ("n1", "n2"):
        assert home.ww("backup", name).returncode == 0
    assert home.ww("restore", "n1").returncode == 0
    done = home.ww("restore", "n2")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.rule("D-survivors")
def test_an_environment_that_knows_ww_data_is_no_survivor(home: Home) -> None:
    """`ENV WW_DATA=…` in an image whose PID 1 is not ww: everything there has it, `ww run` and its parents too."""
    home.all_hooks().settings(data={"lock_wait_s": 0})
    bystander = subprocess.Popen(["sleep", "300"], env={**os.environ, "WW_DATA": str(home.root / "data")})
    try:
        instance = home.start(env={"WW_DATA": str(home.root / "data")}).wait_state("UP")
        assert instance.stop() == 0
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.rule("D-survivors")
def test_a_survivor_is_known_by_its_directory_and_not_by_its_name(home: Home, tmp_path: pathlib.Path) -> None:
    home.all_hooks().settings(data={"lock_wait_s": 0.2})
    home.hook("svcup", f"setsid sleep 300 & echo $! > {home.root}/pid")
    instance = home.start().wait_state("UP")
    instance.kill()
    link = tmp_path / "link"
    link.symlink_to(home.root)
    again = home.start(command=[*WW, "run", "--root", str(link)])
    assert again.wait() in (64, 75)
    assert "UP" not in again.states()
    os.kill(int((home.root / "pid").read_text()), signal.SIGKILL)


@pytest.mark.rule("D-data-shared", "D-survivors")
def test_shared_data_with_daemons_has_room_for_two(home: Home) -> None:
    home.all_hooks().settings(data={"shared": True, "lock_wait_s": 5})
    home.hook("svcup", "setsid sleep 300 &")
    first = home.start().wait_state("UP")
    second = home.start(env={"WW_RUN": str(home.root / "run2")}).wait_state("UP")
    assert (first.stop(), second.stop()) == (0, 0)


@pytest.mark.rule("D-run-directory")
def test_an_instance_started_by_a_hook_of_another_has_its_own_run_directory(home: Home, tmp_path: pathlib.Path) -> None:
    inner = Home(tmp_path / "inner").all_hooks()
    inner.write_config()
    home.all_hooks()
    home.hook(
        "boot",
        f"ww run --root {inner.root} & until [ -e {inner.root}/run/state.json ]; do sleep 0.02; done; kill $!; wait $!",
    )
    instance = home.start().wait_state("UP")
    assert instance.stop() == 0
    assert (inner.root / "run/exit.json").exists()


@pytest.mark.rule("D-backup-on-demand", "D-exit-64")
@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "", " ", "x" * 201, "é" * 150, "new\nline"])
def test_a_backup_is_called_by_a_plain_name(home: Home, name: str) -> None:
    home.all_hooks()
    home.hook("backup", 'mkdir "$WW_BACKUP/$1"')
    boot_and_stop(home)
    done = home.ww("backup", name)
    assert done.returncode == 64
    assert "no name of a backup" in done.stderr
    assert not (home.root / "evil").exists()


@pytest.mark.rule("D-backup-on-demand")
def test_a_backup_of_data_that_is_being_upgraded_is_refused(home: Home) -> None:
    image(home.all_hooks(), "1.0")
    home.hook("backup")
    boot_and_stop(home)
    image(home, "2.0", "0001-a")
    home.hook("upgrade.d/0001-a", "sleep 300")
    instance = home.start()
    until(lambda: "upgrade.d/0001-a 1.0 2.0" in home.calls(), "the step")
    done = home.ww("backup", "meanwhile")
    assert done.returncode == 75
    assert "0001-a is not completed" in done.stderr
    assert instance.stop() == 0


@pytest.mark.rule("D-survivors", "D-exit-75")
def test_processes_that_outlived_a_killed_ww_run_are_named_and_not_joined(home: Home) -> None:
    """Outside a PID namespace kill -9 of `ww run` leaves its hooks alive: two firstboots at once would follow."""
    home.all_hooks().settings(data={"lock_wait_s": 0.3})
    home.hook("firstboot", f"echo $$ > {home.root}/pid; sleep 300")
    instance = home.start()
    until(lambda: (home.root / "pid").exists() and (home.root / "pid").read_text(), "firstboot")
    instance.kill()
    survivor = int((home.root / "pid").read_text())
    again = home.run_to_end()
    assert again.process.returncode == 75
    assert "left when it was killed" in again.messages()
    assert home.calls().count("firstboot") == 1
    os.killpg(survivor, signal.SIGKILL)
    until(lambda: not home.left_behind(), "the end of firstboot")
    home.hook("firstboot")
    assert home.start().wait_state("UP").stop() == 0


def test_a_marker_is_not_there_before_firstboot_is_over(home: Home) -> None:
    home.all_hooks()
    home.hook("firstboot", f'test ! -e "$WW_DATA/.ww/version" && echo unmarked >> {home.calls_file}')
    boot_and_stop(home)
    assert "unmarked" in home.calls()


@pytest.mark.rule("WW-18")
def test_data_that_cannot_be_written_is_said_and_nothing_is_remembered(home: Home) -> None:
    home.all_hooks()
    (home.root / "data").rmdir()
    (home.root / "data").write_text("not a directory")
    instance = home.start().wait_state("UP")
    assert "nothing is remembered" in instance.messages()
    assert instance.stop() == 0
    assert list((home.root / "run/journal").glob("*.j"))


def test_a_killed_firstboot_is_run_again_and_told_so(home: Home) -> None:
    home.all_hooks()
    home.hook("firstboot", f'echo "attempt $WW_ATTEMPT" >> {home.calls_file}; test "$WW_ATTEMPT" = 2 || sleep 60')
    instance = home.start()
    until(lambda: "attempt 1" in home.calls(), "firstboot")
    instance.stop()
    boot_and_stop(home)
    assert "attempt 2" in home.calls()


def _tree(path: pathlib.Path) -> dict[str, bytes]:
    """Every file below `path` but what ww keeps of the boot itself."""
    own = ("boots", "lock")
    files = [p for p in sorted(path.rglob("*")) if p.is_file()]
    return {str(p): p.read_bytes() for p in files if p.name not in own and "journal" not in p.parts}
