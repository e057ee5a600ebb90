"""Whatever a hook does, it harms nothing but itself: hanging, flooding, closing its output, daemonising, ignoring TERM."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

from tests.support.home import Home
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until


@pytest.mark.rule("D-hook-timeout")
def test_a_hook_over_its_time_is_ended_with_its_whole_group_and_its_strays(home: Home) -> None:
    """One child in its group, one that ignores TERM, one in a session of its own: none is left."""
    home.all_hooks().settings(hooks={"boot": {"timeout_s": 2}}, kill_grace_s=0.3)
    pids = home.root / "pids"
    home.hook(
        "boot",
        f"sleep 300 & echo $! >> {pids}\n"
        f"(trap '' TERM; exec sleep 301) & echo $! >> {pids}\n"
        f"setsid sh -c 'echo $$ >> {pids}; exec sleep 302' &\n"
        "sleep 303",
    )
    instance = home.run_to_end()
    assert instance.process.returncode == 70
    assert "boot was still running after 2 s and was ended (ww.hooks.boot.timeout_s)" in instance.messages()
    started = [int(line) for line in pids.read_text().split()]
    assert len(started) == 3
    for pid in started:
        assert not pathlib.Path(f"/proc/{pid}").exists()


@pytest.mark.rule("D-hook-harmless", "D-log-lines")
def test_a_flood_without_newlines_and_one_with_is_logged_and_passes(home: Home) -> None:
    home.all_hooks()
    home.hook("boot", "head -c 3000000 /dev/zero | tr '\\0' x; echo; seq 20000; printf 'the end without a newline'")
    instance = home.start().wait_state("UP", within_s=30)
    assert instance.stop() == 0
    said = [str(line["message"]) for line in instance.lines() if line.get("source") == "boot"]
    assert sum(line.count("x") for line in said) == 3_000_000
    assert [line for line in said if line.isdigit()] == [str(n) for n in range(1, 20001)]
    assert said[-1] == "the end without a newline"
    assert instance.states() == ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP", "STOPPING", "STOPPED"]


@pytest.mark.rule("D-hook-harmless")
def test_a_hook_that_closes_its_output_goes_on(home: Home) -> None:
    home.all_hooks()
    home.hook("boot", f"exec >&- 2>&-; echo unheard; echo heard >> {home.calls_file}")
    instance = home.start().wait_state("UP")
    assert "heard" in home.calls()
    assert instance.stop() == 0


@pytest.mark.rule("D-hook-harmless")
def test_a_daemon_that_holds_the_hooks_output_open_does_not_hold_up_the_hook(home: Home) -> None:
    """And what the daemon prints later is still logged under the hook's name."""
    home.all_hooks()
    home.hook("svcup", f"(until [ -e {home.root}/go ]; do sleep 0.05; done; echo later; sleep 300) &")
    instance = home.start().wait_state("UP")
    (home.root / "go").touch()
    instance.wait_message("later")
    assert next(line["source"] for line in instance.lines() if line["message"] == "later") == "svcup"
    assert instance.stop() == 0


@pytest.mark.rule("D-hook-harmless")
def test_a_monitor_that_floods_its_output_is_cut_and_healthy(home: Home) -> None:
    home.all_hooks()
    home.hook("monitor", "head -c 1000000 /dev/zero | tr '\\0' x")
    instance = home.start().wait_state("UP")
    until(lambda: "pushstats" in home.calls()[-1], "pushstats")
    pushed = json.loads(home.calls()[-1].removeprefix("pushstats "))
    assert set(pushed["output"]) == {"x"}
    assert len(pushed["output"]) <= 65536
    assert instance.stop() == 0


@pytest.mark.rule("D-hook-harmless", "D-log-never-blocks")
def test_a_log_that_nobody_reads_holds_up_neither_hooks_nor_the_stop(home: Home, tmp_path: pathlib.Path) -> None:
    """4 MB of output into a pipe without a reader: UP all the same, and a stop inside the budget."""
    home.all_hooks()
    home.hook("boot", "seq 600000")
    home.write_config()
    reader, writer = os.pipe()
    import subprocess
    import sys

    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "ww", "run", "--root", str(home.root)], stdout=writer, stderr=subprocess.DEVNULL
    )
    try:
        os.close(writer)
        state = home.root / "run/state.json"
        until(lambda: state.exists() and json.loads(state.read_text())["state"] == "UP", "UP", 20)
        with Stopwatch() as stop:
            process.terminate()
            assert process.wait(15) == 0
        assert stop.seconds < 5
    finally:
        os.close(reader)
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.mark.rule("D-log-never-blocks")
def test_every_state_is_said_although_the_reader_slept_through_a_flood(home: Home) -> None:
    """The flood may be dropped and counted; what ww says has room of its own."""
    import subprocess
    import sys

    home.all_hooks()
    home.hook("boot", "seq 600000")
    home.write_config()
    command = [sys.executable, "-P", "-m", "ww", "run", "--root", str(home.root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        state = home.root / "run/state.json"
        until(lambda: state.exists() and json.loads(state.read_text())["state"] == "UP", "UP", 20)
        process.terminate()
        out, _ = process.communicate(timeout=20)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    said = [json.loads(line).get("state") for line in out.splitlines() if b'"state":' in line]
    assert said == ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP", "STOPPING", "STOPPED"]


@pytest.mark.rule("WW-6", "WW-4")
def test_without_any_hook_an_instance_lives_and_blank_reporting_is_off(home: Home) -> None:
    """Reporting leaves by hooks only, so no hook means nothing leaves; with one, it gets every state."""
    instance = home.start().wait_state("UP")
    assert instance.stop() == 0
    sent = home.root / "sent"
    home.hook("lifecycle", f'echo "POST $1" >> {sent}')
    home.hook("monitor", "echo '{\"n\": 1}'")
    home.hook("pushstats", f'echo "STATS $1" >> {sent}')
    instance = home.start().wait_state("UP")
    until(lambda: sent.exists() and "STATS" in sent.read_text(), "stats")
    assert instance.stop() == 0
    lines = sent.read_text().splitlines()
    assert [line for line in lines if line.startswith("POST")] == [f"POST {s}" for s in instance.states()]


@pytest.mark.rule("WW-19")
@pytest.mark.parametrize("hook", ["boot", "firstboot", "upgrade", "svcup", "warmup"])
def test_nothing_says_up_while_a_stage_is_not_over(home: Home, hook: str) -> None:
    """Neither the log, nor state.json, nor the lifecycle hook."""
    home.all_hooks()
    gate = home.root / "gate"
    home.hook(hook, f"until [ -e {gate} ]; do sleep 0.02; done")
    instance = home.start()
    until(lambda: any(call.split()[0] == hook for call in home.calls()), hook)
    assert "UP" not in instance.states()
    assert "lifecycle UP" not in home.calls()
    assert json.loads((home.root / "run/state.json").read_text())["state"] != "UP"
    gate.touch()
    assert instance.wait_state("UP").stop() == 0


@pytest.mark.rule("D-exit-record")
def test_why_it_ended_stands_in_exit_json_and_in_the_termination_log(home: Home) -> None:
    log = home.root / "termination-log"
    log.touch()
    home.all_hooks().settings(termination_log=str(log))
    home.hook("warmup", "echo 'no database at db:5432' >&2; exit 3")
    assert home.run_to_end().process.returncode == 70
    record = home.exit_record()
    assert record["exit_code"] == 70
    assert record["state"] == "ERROR"
    assert record["reason"] == "warmup failed: exit code 3: no database at db:5432"
    assert record["detail"]["last_lines"] == ["no database at db:5432"]  # type: ignore[index]
    assert json.loads(log.read_text()) == record


@pytest.mark.rule("D-secret-masked", "D-secret-refs")
def test_a_secret_that_a_hook_prints_is_masked_in_every_record_of_ours(home: Home) -> None:
    """The application's own line in the log is not rewritten; our events, state, exit record and messages are."""
    secret = "correct-horse-battery"
    (home.root / "run/secrets").mkdir()
    (home.root / "run/secrets/db").write_text(secret + "\n")
    home.all_hooks()
    home.config["db"] = {"password": {"$secret": "db"}}
    home.hook("monitor", 'printf \'{"dsn": "%s"}\' "$(ww cfg db.password)"')
    home.hook("svcdown", 'echo "cannot log in with $(ww cfg db.password)"; exit 1')
    home.hook("reload", 'echo "nor with $(ww cfg db.password)"; exit 1')
    instance = home.start().wait_state("UP")
    until(lambda: "pushstats" in home.calls()[-1], "pushstats")
    assert "reload failed: exit code 1: nor with ***" in home.ww("reload").stderr
    assert instance.stop() == 0
    assert home.exit_record()["failures"] == ["svcdown failed: exit code 1: cannot log in with ***"]
    ours = [str(line) for line in instance.lines() if line.get("source") == "ww"]
    assert not [line for line in ours if secret in line]
    for path in [
        *(home.root / "run").glob("*.json"),
        *(home.root / "run").glob("cfg.*"),
        home.root / "ww/etc/cfg.json",
    ]:
        assert secret not in path.read_bytes().decode("utf-8", "replace"), path
    for path in (home.root / "data/.ww/journal").iterdir():
        assert secret.encode() not in path.read_bytes(), path
    assert secret in home.calls()[home.calls().index("monitor") + 1], "pushstats itself gets the health as it is"


@pytest.mark.rule("D-run-directory")
def test_the_run_directory_is_ours_and_closed(home: Home, tmp_path: pathlib.Path) -> None:
    home.all_hooks()
    (home.root / "run").rmdir()
    home.start().wait_state("UP").stop()
    assert oct((home.root / "run").stat().st_mode & 0o777) == "0o700"
    elsewhere = tmp_path / "elsewhere"
    home.start(env={"WW_RUN": str(elsewhere)}).wait_state("UP").stop()
    assert (elsewhere / "exit.json").exists()


@pytest.mark.rule("D-run-directory")
def test_a_run_directory_that_is_a_link_is_not_used(home: Home, tmp_path: pathlib.Path) -> None:
    """Somebody else may have put it there."""
    home.all_hooks()
    target = tmp_path / "target"
    target.mkdir()
    link = tmp_path / "link"
    link.symlink_to(target)
    instance = home.start(env={"WW_RUN": str(link)}).wait_state("UP")
    assert "none writable" in instance.messages()
    assert instance.stop() == 0
    assert list(target.iterdir()) == []


@pytest.mark.rule("D-cfg-cache")
def test_unchanged_inputs_are_not_compiled_again_and_changed_ones_are(home: Home) -> None:
    home.all_hooks()
    home.start().wait_state("UP").stop()
    cfg = home.root / "ww/etc/cfg.json"
    first = cfg.stat().st_ino
    home.start().wait_state("UP").stop()
    assert cfg.stat().st_ino == first
    home.start("--set", "a=1").wait_state("UP").stop()
    assert cfg.stat().st_ino != first
    assert json.loads(cfg.read_text())["a"] == 1


@pytest.mark.rule("D-stop-budget", "D-hook-harmless")
def test_a_hook_whose_name_is_no_text_fails_like_any_other_and_a_stop_still_ends(home: Home) -> None:
    """A name that is not UTF-8 goes into events, records and messages."""
    home.all_hooks()
    directory = home.root / "ww/usr/boot.d"
    directory.mkdir()
    odd = os.path.join(os.fsencode(directory), b"50-\xff")
    with open(odd, "wb") as file:
        file.write(b"#!/bin/sh\nexit 3\n")
    pathlib.Path(os.fsdecode(odd)).chmod(0o755)
    instance = home.run_to_end()
    assert instance.process.returncode == 70
    assert home.exit_record()["exit_code"] == 70
    assert "failed: exit code 3" in instance.messages()


@pytest.mark.rule("D-steps-once")
def test_a_step_whose_name_is_no_text_runs_once(home: Home) -> None:
    home.all_hooks()
    (home.root / "data/whaleup").touch()
    directory = home.root / "ww/usr/upgrade.d"
    directory.mkdir()
    odd = os.path.join(os.fsencode(directory), b"0001-\xff")
    with open(odd, "wb") as file:
        file.write(f"#!/bin/sh\necho odd step >> {home.calls_file}\n".encode())
    pathlib.Path(os.fsdecode(odd)).chmod(0o755)
    for _ in range(2):
        assert home.start().wait_state("UP").stop() == 0
    assert home.calls().count("odd step") == 1


@pytest.mark.rule("D-hook-x-bit", "D-exit-78")
def test_a_directory_of_hooks_that_cannot_be_listed_is_an_error_at_start(home: Home) -> None:
    home.all_hooks()
    (home.root / "ww/usr/boot.d").symlink_to("boot.d")
    instance = home.run_to_end()
    assert instance.process.returncode == 78
    assert "boot.d" in instance.messages()


@pytest.mark.rule("D-stop-second")
def test_a_second_term_also_forces_what_the_first_one_interrupted(home: Home) -> None:
    home.all_hooks().settings(stop={"budget_s": 60})
    home.hook("boot", "trap '' TERM; while :; do sleep 1; done")
    instance = home.start()
    until(lambda: "boot" in home.calls(), "boot")
    with Stopwatch() as stop:
        instance.signal()
        instance.wait_state("STOPPING")
        instance.signal()
        assert instance.wait() == 0
    assert stop.seconds < 1.5


@pytest.mark.rule("D-exit-70")
def test_a_start_that_cannot_even_begin_says_so_and_never_with_code_1(tmp_path: pathlib.Path) -> None:
    """1 means that a service gave up."""
    import subprocess

    from tests.support.home import WW

    gone = tmp_path / "gone"
    gone.mkdir()
    command = ["/bin/sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh", *WW, "run", "--root", "relative"]
    done = subprocess.run(command, cwd=gone, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode in (64, 70)
    assert "Traceback" not in done.stderr
    assert "ww run" in done.stderr


@pytest.mark.rule("D-stop-names-holder", "D-exit-record")
def test_what_failed_on_the_way_down_is_in_the_exit_record(home: Home) -> None:
    home.all_hooks()
    home.hook("svcdown", "exit 9")
    instance = home.start().wait_state("UP")
    assert instance.stop() == 0
    assert home.exit_record()["failures"] == ["svcdown failed: exit code 9"]
    assert "on the way down: svcdown failed: exit code 9" in instance.messages()
