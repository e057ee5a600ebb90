"""The whole life of an instance with real processes: WWA-1 … WWA-12, the hook contract, and what the world sees."""

from __future__ import annotations

import json
import signal

import pytest

from tests.support.home import Home
from tests.support.reporters import gone
from tests.support.waiting import until
from ww.instance.hookenv import VARIABLES

FIRST_BOOT = ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP"]
LATER_BOOT = ["BOOT", "UPGRADING", "WARMUP", "UP"]


@pytest.mark.rule("WWA-1", "WW-16", "WW-17", "WW-3", "WW-21", "D-lifecycle-first")
def test_a_clean_start_runs_every_hook_in_the_original_order(home: Home) -> None:
    """Each notification precedes its hook; monitor comes right after UP and then pushstats with its JSON."""
    home.all_hooks()
    instance = home.start().wait_state("UP")
    until(lambda: any(c.startswith("pushstats") for c in home.calls()), "pushstats")
    assert instance.states() == FIRST_BOOT
    calls = home.calls()
    assert calls[:-1] == [
        "lifecycle BOOT",
        "boot",
        "lifecycle FIRSTBOOT",
        "firstboot",
        "lifecycle UPGRADING",
        "upgrade  ",
        "lifecycle WARMUP",
        "svcup",
        "warmup",
        "lifecycle UP",
        "monitor",
    ]
    assert json.loads(calls[-1].removeprefix("pushstats "))["mem"] == 128
    assert instance.stop() == 0


@pytest.mark.rule("WWA-2")
def test_a_second_start_on_kept_data_has_no_firstboot(home: Home) -> None:
    home.all_hooks()
    home.start().wait_state("UP").stop()
    instance = home.start().wait_state("UP")
    assert instance.states() == LATER_BOOT
    assert instance.stop() == 0
    assert home.calls().count("firstboot") == 1


@pytest.mark.rule("WWA-3", "WW-18")
def test_without_kept_data_every_boot_is_a_first_boot(home: Home) -> None:
    home.all_hooks()
    for _ in range(2):
        assert home.start().wait_state("UP").stop() == 0
        home.wipe_data()
    assert home.calls().count("firstboot") == 2


@pytest.mark.rule("WW-16")
def test_the_marker_of_the_original_counts(home: Home) -> None:
    home.all_hooks()
    (home.root / "data/whaleup").touch()
    instance = home.start().wait_state("UP")
    assert instance.states() == LATER_BOOT
    instance.stop()


@pytest.mark.rule("WWA-6", "WW-22")
def test_a_failing_monitor_restarts_the_services_without_pushstats(home: Home) -> None:
    home.all_hooks()
    sick = home.root / "sick"
    sick.touch()
    home.hook("monitor", f"test ! -e {sick}")
    home.hook("svcup", f'test "$WW_STATE" = WARMUP || rm -f {sick}')
    instance = home.start().wait_state("UP", count=2)
    until(lambda: "pushstats" in home.calls()[-1], "pushstats after the restart")
    assert instance.states() == [*FIRST_BOOT, "RESTARTING", "UP"]
    after = home.calls()[home.calls().index("monitor") + 1 :]
    assert after[:6] == ["lifecycle RESTARTING", "svcdown", "svcup", "warmup", "lifecycle UP", "monitor"]
    assert instance.stop() == 0


@pytest.mark.rule("WWA-7", "WW-24")
def test_sighup_restarts_the_services(home: Home) -> None:
    home.all_hooks()
    instance = home.start().wait_state("UP")
    until(lambda: "pushstats" in home.calls()[-1], "the first health")
    instance.signal(signal.SIGHUP)
    instance.wait_state("UP", count=2)
    assert instance.states()[5:] == ["RESTARTING", "UP"]
    assert "svcdown" in home.calls()
    assert instance.stop() == 0


@pytest.mark.rule("WWA-8", "WW-24", "WW-25", "D-exit-0")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_stop_signal_takes_everything_down_and_exits_0(home: Home, number: int) -> None:
    home.all_hooks()
    instance = home.start().wait_state("UP")
    instance.signal(number)
    assert instance.wait() == 0
    assert instance.states()[-2:] == ["STOPPING", "STOPPED"]
    assert home.calls()[-3:] == ["lifecycle STOPPING", "svcdown", "lifecycle STOPPED"]
    record = home.exit_record()
    assert record["exit_code"] == 0
    assert record["reason"] == f"{signal.Signals(number).name} received"


@pytest.mark.rule("WWA-9", "WW-20", "D-exit-70")
def test_a_failed_firstboot_is_an_error_leaves_no_marker_and_is_told_on_the_next_try(home: Home) -> None:
    home.all_hooks()
    home.hook("firstboot", f'echo "attempt $WW_ATTEMPT" >> {home.calls_file}; echo "cannot make it" >&2; exit 7')
    instance = home.run_to_end()
    assert instance.process.returncode == 70
    assert instance.states() == ["BOOT", "FIRSTBOOT", "ERROR"]
    assert not (home.root / "data/.ww/version").exists()
    record = home.exit_record()
    assert "firstboot failed: exit code 7" in str(record["reason"])
    assert record["detail"]["last_lines"] == ["cannot make it"]  # type: ignore[index]
    home.hook("firstboot", f'echo "attempt $WW_ATTEMPT" >> {home.calls_file}')
    assert home.start().wait_state("UP").stop() == 0
    assert [c for c in home.calls() if c.startswith("attempt")] == ["attempt 1", "attempt 2"]


@pytest.mark.rule("WWA-9", "D-exit-70")
@pytest.mark.parametrize("hook", ["boot", "upgrade", "svcup", "warmup"])
def test_any_failed_hook_on_the_way_up_is_an_error_with_exit_70(home: Home, hook: str) -> None:
    """svcdown is still tried, the ERROR is announced, and UP was never declared."""
    home.all_hooks()
    home.hook(hook, "exit 3")
    instance = home.run_to_end()
    assert instance.process.returncode == 70
    assert instance.states()[-1] == "ERROR"
    assert "UP" not in instance.states()
    assert home.calls()[-2:] == ["lifecycle ERROR", "svcdown"]


@pytest.mark.rule("WWA-11", "WW-23")
def test_a_hanging_monitor_is_ended_with_its_children_and_counts_as_a_failure(home: Home) -> None:
    home.all_hooks().settings(hooks={"monitor": {"timeout_s": 1.5}}, kill_grace_s=0.2)
    first = home.root / "first"
    first.touch()
    home.hook("monitor", f"test -e {first} || exit 0; rm {first}; sleep 300 & echo $! > {home.root}/child; wait")
    instance = home.start().wait_state("UP", count=2)
    assert "monitor was still running after 1.5 s" in instance.messages()
    child = int((home.root / "child").read_text())
    until(lambda: gone(child), "the end of the monitor's child")
    assert instance.stop() == 0


@pytest.mark.rule("WWA-12")
def test_missing_and_blank_hooks_are_skipped(home: Home) -> None:
    usr = home.root / "ww/usr"
    (usr / "boot").write_text("")
    (usr / "svcup").write_text("\n  \n")
    (usr / "warmup").write_text("")
    (usr / "warmup").chmod(0o755)
    instance = home.start().wait_state("UP")
    assert instance.stop() == 0


@pytest.mark.rule("D-hook-x-bit", "D-exit-78")
@pytest.mark.parametrize("name", ["boot", "monitor", "svcdown", "svcup.d/10-x", "upgrade.d/0001-x"])
def test_a_hook_that_lost_its_x_bit_is_an_error_at_start(home: Home, name: str) -> None:
    home.all_hooks()
    home.hook(name).chmod(0o644)
    instance = home.run_to_end()
    assert instance.process.returncode == 78
    assert instance.states() == ["ERROR"]
    assert f"{name} is not executable" in instance.messages()
    assert "boot" not in home.calls()


@pytest.mark.rule("D-hook-contract")
def test_a_hook_gets_the_contracts_environment_and_nothing_else_of_ours(home: Home) -> None:
    dump = home.root / "env"
    home.all_hooks().settings(service="shop", instance="shop-1")
    (home.root / "ww/etc/version").write_text("2.0\n")
    home.hook(
        "boot", f"env > {dump}; pwd >> {dump}; umask >> {dump}; cat >> {dump}; ls /proc/self/fd | wc -l >> {dump}"
    )
    env = {"CFG": "{}", "CFG__a__b": "1", "CFG_FILE": "", "TZ": "Europe/Zurich"}
    home.start(env=env).wait_state("UP").stop()
    *variables, cwd, umask, fds = dump.read_text().splitlines()
    seen = dict(line.split("=", 1) for line in variables if "=" in line)
    assert set(VARIABLES) <= set(seen)
    assert not [name for name in seen if name == "CFG" or name.startswith(("CFG__", "CFG_FILE"))]
    assert seen["TZ"] == "Europe/Zurich"
    assert (cwd, umask.lstrip("0")) == ("/", "22")
    assert int(fds) == 4  # 0, 1, 2 and the directory that ls reads
    assert seen["WW_HOOK_API"] == "1"
    assert seen["WW_STATE"] == "BOOT"
    assert (seen["WW_SERVICE"], seen["WW_INSTANCE"], seen["WW_TO"]) == ("shop", "shop-1", "2.0")
    assert seen["WW_DATA"] == str(home.root / "data")
    assert seen["WW_ROOT"] == str(home.root)


@pytest.mark.rule("D-hook-contract")
def test_a_hook_finds_ww_on_its_path(home: Home) -> None:
    home.all_hooks()
    home.config["memory"] = 512
    home.hook("boot", f"ww cfg memory >> {home.calls_file}")
    home.start().wait_state("UP").stop()
    assert "512" in home.calls()


@pytest.mark.rule("D-hook-d-order")
def test_parts_of_a_hook_run_after_it_in_name_order_and_leftovers_do_not(home: Home) -> None:
    home.all_hooks().hooks("boot.d/20-b", "boot.d/10-a", "boot.d/10-a~", "boot.d/.hidden", "boot.d/x.dpkg-old")
    home.start().wait_state("UP").stop()
    assert [c for c in home.calls() if c.startswith("boot")] == ["boot", "boot.d/10-a", "boot.d/20-b"]


@pytest.mark.rule("D-hook-75")
def test_exit_75_is_tried_again_within_its_retries(home: Home) -> None:
    home.all_hooks().settings(hooks={"boot": {"retries": 3, "retry_delay_s": 0.05}})
    home.hook("boot", 'test "$WW_ATTEMPT" -ge 3 || exit 75')
    home.start().wait_state("UP").stop()
    assert home.calls().count("boot") == 3


@pytest.mark.rule("D-hook-75", "D-exit-70")
def test_exit_75_for_ever_is_a_failure(home: Home) -> None:
    home.all_hooks().settings(hooks={"boot": {"retries": 2, "retry_delay_s": 0.02}})
    home.hook("boot", "exit 75")
    instance = home.run_to_end()
    assert instance.process.returncode == 70
    assert home.calls().count("boot") == 3
    assert "also after 2 retries" in instance.messages()


def test_a_hook_without_a_first_line_is_run_by_the_shell(home: Home) -> None:
    """Hooks of original images often had none; bash ran them all the same."""
    home.all_hooks()
    home.hook("boot", shebang="", body='echo "in the shell"')
    instance = home.start().wait_state("UP")
    assert "in the shell" in instance.messages()
    instance.stop()


def test_a_hook_whose_interpreter_is_missing_says_so(home: Home) -> None:
    home.all_hooks()
    home.hook("boot", shebang="#!/usr/bin/python9")
    instance = home.run_to_end()
    assert instance.process.returncode == 70
    assert "interpreter '/usr/bin/python9' does not exist" in instance.messages()


@pytest.mark.rule("D-exit-1", "WW-23")
def test_a_service_that_stays_sick_ends_the_instance_with_1(home: Home) -> None:
    home.all_hooks().settings(restart={"limit": 2, "backoff_s": 0.02})
    home.hook("monitor", "echo sick >&2; exit 1")
    instance = home.run_to_end()
    assert instance.process.returncode == 1
    assert instance.states()[5:] == ["RESTARTING", "UP", "RESTARTING", "UP", "ERROR"]
    assert "gave up: 3 failures" in instance.messages()


@pytest.mark.rule("D-monitor-thresholds")
def test_one_failure_below_the_threshold_restarts_nothing(home: Home) -> None:
    home.all_hooks().settings(monitor={"interval_s": 0.1, "failure_threshold": 2})
    home.hook("monitor", f'n=$(grep -c ^monitor {home.calls_file}); test "$n" != 2')
    instance = home.start().wait_state("UP")
    until(lambda: home.calls().count("monitor") >= 5, "five looks")
    instance.wait_message("1 of 2 failures")
    assert instance.stop() == 0
    assert instance.states()[: len(FIRST_BOOT) + 1] == [*FIRST_BOOT, "STOPPING"]


def test_a_monitor_that_prints_no_json_is_healthy_and_complained_of(home: Home) -> None:
    home.all_hooks()
    home.hook("monitor", "echo all is well")
    instance = home.start().wait_state("UP")
    until(lambda: "pushstats" in home.calls()[-1], "pushstats")
    assert json.loads(home.calls()[-1].removeprefix("pushstats "))["output"] == "all is well"
    instance.wait_message("did not print one JSON object")
    instance.stop()


def test_state_json_says_who_and_in_what_state(home: Home) -> None:
    home.all_hooks().settings(service="shop", labels={"zone": "a"})
    instance = home.start().wait_state("UP")
    state = json.loads((home.root / "run/state.json").read_text())
    assert (state["state"], state["service"], state["labels"]) == ("UP", "shop", {"zone": "a"})
    instance.stop()
    assert json.loads((home.root / "run/state.json").read_text())["state"] == "STOPPED"


@pytest.mark.rule("D-exit-64")
def test_a_root_that_is_not_there_is_a_wrong_command_line_and_is_not_made(home: Home) -> None:
    missing = home.root / "typo"
    done = home.ww("run", "--root", str(missing))
    assert done.returncode == 64
    assert "no such directory" in done.stderr
    assert not missing.exists()


def test_an_image_without_any_hook_says_that_nothing_will_be_started(home: Home) -> None:
    instance = home.start().wait_state("UP")
    assert "there is neither a hook nor a service in" in instance.messages()
    assert instance.stop() == 0


def test_what_an_earlier_life_said_of_itself_is_gone_when_the_next_begins(home: Home) -> None:
    """After kill -9, state.json would say UP for as long as the next start waits for the data."""
    home.all_hooks()
    (home.root / "run/state.json").write_text('{"state": "UP"}')
    (home.root / "run/exit.json").write_text('{"exit_code": 70}')
    home.hook("boot", "sleep 300")
    instance = home.start().wait_state("BOOT")
    assert json.loads((home.root / "run/state.json").read_text())["state"] == "BOOT"
    assert not (home.root / "run/exit.json").exists()
    instance.stop()
