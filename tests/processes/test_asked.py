"""What operators ask of a running instance, end to end: status, restart, reload, maintenance, stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import Any

import pytest

from tests.support.home import Home
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until


def runs(home: Home) -> list[str]:
    return [call.removeprefix("run ") for call in home.calls() if call.startswith("run ")]


def pids(home: Home) -> dict[str, int]:
    return {row["name"]: row["pid"] for row in home.status()["services"]}


def rewrite(home: Home, **values: object) -> None:
    """Change the configuration of a running instance."""
    home.config.update(values)
    home.write_config()


@pytest.mark.rule("D-control-commands")
def test_status_tells_state_services_and_health(home: Home) -> None:
    home.all_hooks().service("db").service("web", after=["db"])
    home.start().wait_state("UP")
    status = until(lambda: (found := home.status())["health"] and found, "the first monitor")
    assert (status["state"], status["previous"]) == ("UP", "WARMUP")
    assert [(row["name"], row["state"], row["restarts"]) for row in status["services"]] == [
        ("db", "ready", 0),
        ("web", "ready", 0),
    ]
    assert status["health"]["healthy"] is True
    assert status["health"]["monitor"] == {"mem": 128}
    assert status["stop"] is None


@pytest.mark.rule("D-control-commands", "WWA-7")
def test_restart_takes_everything_down_and_up_and_waits_for_it(home: Home) -> None:
    home.all_hooks().service("db")
    home.start().wait_state("UP")
    before = pids(home)
    done = home.ww("restart")
    assert done.returncode == 0, done.stderr
    assert home.status()["state"] == "UP"
    assert pids(home)["db"] != before["db"]
    assert home.calls().count("svcdown") == 1
    assert home.calls().count("svcup") == 2


@pytest.mark.rule("D-control-commands", "D-service-restart")
def test_restart_of_one_service_touches_its_dependents_and_nobody_else(home: Home) -> None:
    home.service("db").service("web", after=["db"]).service("other")
    home.hooks("svcdown")
    home.start().wait_state("UP")
    before = pids(home)
    done = home.ww("restart", "db")
    assert done.returncode == 0, done.stderr
    after = pids(home)
    assert after["other"] == before["other"]
    assert after["db"] != before["db"]
    assert after["web"] != before["web"]
    assert "svcdown" not in home.calls()
    event = [event for event in home.events() if event["state"] == "RESTARTING"][-1]
    assert event["detail"]["reason"] == "asked"
    unknown = home.ww("restart", "nosuch")
    assert unknown.returncode == 64
    assert "the services are: db, other, web" in unknown.stderr


@pytest.mark.rule("D-reload")
def test_a_reload_restarts_only_the_service_whose_definition_changed(home: Home) -> None:
    home.service("db").service("web", env={"A": "1"})
    instance = home.start().wait_state("UP")
    before = pids(home)
    home.service("web", env={"A": "2"})
    home.service("new")
    home.write_config()
    done = home.ww("reload")
    assert done.returncode == 0, done.stderr
    assert "ww.services.web.env.A" in done.stdout
    status = home.status()
    assert status["state"] == "UP"
    after = pids(home)
    assert after["db"] == before["db"]
    assert after["web"] != before["web"]
    assert after["new"]
    assert instance.stop() == 0


@pytest.mark.rule("D-reload", "D-config-previous-kept")
@pytest.mark.parametrize(
    "broken",
    [
        {"ww": {"nosuch": 1}},
        {"ww": {"services": {"web": {"after": ["nosuch"]}}}},
        {"ww": {"signals": {"NOSUCH": "stop"}}},
    ],
)
def test_a_refused_reload_changes_nothing_at_all(home: Home, broken: dict[str, object]) -> None:
    home.hooks("reload").service("web")
    home.start().wait_state("UP")
    before = pids(home)
    kept = (home.root / "ww/etc/cfg.json").read_text()
    rewrite(home, **broken)
    done = home.ww("reload")
    assert done.returncode == 78
    assert "nosuch" in done.stderr.lower()
    assert (home.root / "ww/etc/cfg.json").read_text() == kept
    assert pids(home) == before
    assert "reload" not in home.calls()
    assert home.status()["state"] == "UP"


@pytest.mark.rule("D-reload")
def test_the_reload_hook_sees_the_new_values_and_then_nothing_need_restart(home: Home) -> None:
    home.hook("reload", f"ww cfg color >> {home.root}/seen")
    home.service("web")
    rewrite(home, color="red")
    home.start().wait_state("UP")
    before = pids(home)
    rewrite(home, color="green")
    assert home.ww("reload").returncode == 0
    assert (home.root / "seen").read_text() == "green\n"
    assert pids(home) == before


@pytest.mark.rule("D-reload")
def test_without_a_hook_a_service_restarts_or_is_signalled_for_the_keys_it_names(home: Home) -> None:
    got = home.root / "got"
    trap = f"trap 'echo hup >> {got}' HUP; touch {home.root}/armed; while :; do sleep 0.05; done"
    home.service("restarts", reload={"keys": ["color"]})
    home.service("hups", trap, reload={"keys": ["color"], "signal": "HUP"}, readiness={"file": "/armed"})
    home.service("other", reload={"keys": ["size"]})
    home.service("any")
    rewrite(home, color="red", size=1)
    home.start().wait_state("UP")
    before = pids(home)
    rewrite(home, color="green")
    done = home.ww("reload")
    assert done.returncode == 0, done.stderr
    after = pids(home)
    assert {name for name in before if before[name] != after[name]} == {"restarts", "any"}
    until(got.exists, "the signal")


@pytest.mark.rule("D-reload")
def test_an_image_of_hooks_alone_is_restarted_as_a_whole_when_its_configuration_changed(home: Home) -> None:
    home.hooks("svcup", "svcdown")
    rewrite(home, color="red")
    home.start().wait_state("UP")
    assert home.ww("reload").returncode == 0
    assert home.calls() == ["svcup"], "nothing changed"
    rewrite(home, color="green")
    done = home.ww("reload")
    assert done.returncode == 0, done.stderr
    until(lambda: home.calls() == ["svcup", "svcdown", "svcup"], "a restart")


@pytest.mark.rule("D-reload")
def test_a_failing_reload_hook_is_told_and_restarts_nothing(home: Home) -> None:
    home.hook("reload", "echo line 2: no such method; exit 3")
    home.service("web")
    rewrite(home, color="red")
    home.start().wait_state("UP")
    before = pids(home)
    rewrite(home, color="green")
    done = home.ww("reload")
    assert done.returncode == 1
    assert "reload failed: exit code 3: line 2: no such method; " in done.stderr
    assert pids(home) == before


@pytest.mark.rule("D-maintenance")
def test_in_maintenance_nothing_is_healed_and_everything_is_watched(home: Home) -> None:
    home.service("web")
    home.hooks("svcdown")
    home.hook("monitor", f"test ! -e {home.root}/sick; echo '{{}}'")
    home.settings(monitor={"interval_s": 0.1})
    instance = home.start().wait_state("UP")
    assert home.ww("maintenance", "on").returncode == 0
    assert home.status()["maintenance"] is True
    os.kill(pids(home)["web"], signal.SIGKILL)
    (home.root / "sick").write_text("")
    home.hook("monitor", "exit 1")
    instance.wait_message("left as it is in maintenance").wait_message("not started again in maintenance")
    status: dict[str, Any] = home.status()
    assert status["state"] == "UP"
    assert status["health"]["healthy"] is False
    assert status["services"][0]["state"] == "stopped"
    assert status["services"][0]["last"]["reason"] == "signal"
    assert runs(home) == ["web"]
    home.hook("monitor", "echo '{}'")
    until(lambda: home.status()["health"]["healthy"], "a look by the new one")
    assert home.ww("maintenance", "off").returncode == 0
    until(lambda: runs(home) == ["web", "web"], "the service is back")
    assert "svcdown" not in home.calls()
    until(lambda: home.status()["state"] == "UP", "UP again")


@pytest.mark.rule("D-control-commands", "D-exit-0")
def test_stop_ends_the_run_with_0_and_status_says_so_afterwards(home: Home) -> None:
    home.all_hooks().service("web")
    instance = home.start().wait_state("UP")
    done = home.ww("stop")
    assert done.returncode == 0, done.stderr
    assert instance.wait() == 0
    assert home.exit_record()["reason"] == "ww stop"
    later = home.ww("status")
    assert later.returncode == 69
    assert "STOPPED" in later.stderr


def test_while_going_down_status_says_what_it_waits_for(home: Home) -> None:
    go = home.root / "go"
    trap = f"trap 'until [ -e {go} ]; do sleep 0.05; done; exit 0' TERM"
    home.service("slow", f"{trap}; touch {home.root}/armed; while :; do sleep 0.05; done", readiness={"file": "/armed"})
    instance = home.start().wait_state("UP")
    instance.signal()
    instance.wait_state("STOPPING")
    status = until(
        lambda: (found := home.status())["stop"] and "slow" in found["stop"]["waiting_for"] and found, "slow is named"
    )
    assert 0 < status["stop"]["left_s"] <= 9
    go.touch()
    assert instance.wait() == 0


@pytest.mark.rule("D-secret-masked")
def test_a_status_masks_secrets(home: Home) -> None:
    (home.root / "ww/files/key").write_text("hunter22")
    home.hook("monitor", 'echo \'{"password": "hunter22"}\'')
    rewrite(home, password={"$file": str(home.root / "ww/files/key")})
    home.start().wait_state("UP")
    status = until(lambda: (found := home.status())["health"] and found, "the first monitor")
    assert "hunter22" not in json.dumps(status)


@pytest.mark.rule("D-reload")
def test_a_refused_reload_leaves_the_log_as_it_was(home: Home) -> None:
    """A file of which nothing can be read says nothing of the log either."""
    home.service("main")
    instance = home.start().wait_state("UP")
    (home.root / "ww/etc/default_cfg.json").write_text("{")
    assert home.ww("reload").returncode == 78
    assert instance.stop() == 0
    assert [line for line in instance.lines() if "time" not in line and "source" not in line] == []


@pytest.mark.rule("D-maintenance")
def test_a_monitor_that_failed_in_maintenance_goes_on_looking(home: Home) -> None:
    home.hook("monitor", f"test ! -e {home.root}/sick || exit 1; echo '{{}}'")
    home.settings(monitor={"interval_s": 0.1})
    instance = home.start().wait_state("UP")
    home.ww("maintenance", "on")
    (home.root / "sick").touch()
    instance.wait_message("left as it is in maintenance")
    (home.root / "sick").unlink()
    until(lambda: home.status()["health"]["healthy"], "well again")
    (home.root / "sick").touch()
    home.ww("maintenance", "off")
    instance.wait_state("RESTARTING")


@pytest.mark.rule("D-maintenance")
def test_a_daemon_that_died_in_maintenance_is_healed_when_it_is_over(home: Home) -> None:
    home.hook("svcup", f"sleep 300 & echo $! > {home.root}/run/daemon.pid")
    home.settings(svcup={"pidfiles": ["daemon.pid"]})
    instance = home.start().wait_state("UP")
    home.ww("maintenance", "on")
    os.kill(int((home.root / "run/daemon.pid").read_text()), signal.SIGKILL)
    instance.wait_message("left as it is in maintenance")
    assert home.calls().count("svcup") == 1
    home.ww("maintenance", "off")
    until(lambda: home.calls().count("svcup") == 2, "svcup again")


@pytest.mark.rule("D-service-restart")
def test_a_death_does_not_narrow_a_restart_of_the_whole_instance(home: Home) -> None:
    """The daemon of svcup died, and a service while `lifecycle RESTARTING` ran: svcdown and svcup run all the same."""
    home.hook("svcup", f"sleep 300 & echo $! > {home.root}/run/daemon.pid")
    go = home.root / "go"
    home.hook("lifecycle", f'test "$1" != RESTARTING || until [ -e {go} ]; do sleep 0.02; done')
    home.hooks("svcdown").service("web")
    home.settings(svcup={"pidfiles": ["daemon.pid"]})
    instance = home.start().wait_state("UP")
    web = pids(home)["web"]
    os.kill(int((home.root / "run/daemon.pid").read_text()), signal.SIGKILL)
    instance.wait_state("RESTARTING")
    os.kill(web, signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{web}"), "its end, which PID 1 has seen")
    go.touch()
    instance.wait_state("UP", count=2)
    assert home.calls().count("svcdown") == 1
    assert home.calls().count("svcup") == 2
    assert instance.states().count("RESTARTING") == 1


@pytest.mark.rule("D-reload")
def test_what_a_failed_reload_hook_did_not_take_over_is_taken_over_by_the_next(home: Home) -> None:
    home.hook("reload", f"test ! -e {home.root}/broken")
    home.service("web", reload={"keys": ["color"]})
    rewrite(home, color="red")
    home.start().wait_state("UP")
    before = pids(home)
    (home.root / "broken").touch()
    rewrite(home, color="green")
    assert home.ww("reload").returncode == 1
    assert pids(home) == before
    (home.root / "broken").unlink()
    done = home.ww("reload")
    assert done.returncode == 0, done.stderr
    assert pids(home)["web"] != before["web"]


@pytest.mark.rule("D-reload", "D-signal-table")
def test_a_signal_to_reload_is_never_lost(home: Home) -> None:
    home.hook("reload", f"sleep 0.3; ww cfg n > {home.root}/seen")
    home.settings(signals={"HUP": "reload"})
    rewrite(home, n=0)
    instance = home.start().wait_state("UP")
    for number in (1, 2):
        rewrite(home, n=number)
        instance.signal(signal.SIGHUP)
        until(lambda: "reload" in home.calls(), "a reload has begun")
    until(lambda: (home.root / "seen").exists() and (home.root / "seen").read_text() == "2\n", "the last value")


@pytest.mark.rule("D-reload")
def test_a_reload_applies_the_settings_of_the_watch(home: Home) -> None:
    home.hook("monitor", "echo '{}'")
    home.settings(monitor={"interval_s": 2})
    home.start().wait_state("UP")
    home.settings(monitor={"interval_s": 0.1})
    home.write_config()
    assert home.ww("reload").returncode == 0
    before = home.calls().count("monitor")
    with Stopwatch() as looks:
        until(lambda: home.calls().count("monitor") >= before + 8, "eight looks")
    assert looks.seconds < 5


@pytest.mark.rule("D-control-commands")
def test_a_restart_of_what_does_not_stay_up_is_no_success(home: Home) -> None:
    home.service(
        "flaky",
        f"test -e {home.root}/broken && exit 3; exec sleep 300",
        check=f"test ! -e {home.root}/broken",
        essential=False,
        limit=0,
    )
    home.start().wait_state("UP")
    (home.root / "broken").touch()
    done = home.ww("restart", "flaky")
    assert done.returncode == 1
    assert "flaky is failed" in done.stderr


@pytest.mark.rule("D-control-commands", "D-stop-second")
def test_two_who_ask_for_a_stop_do_not_force_it(home: Home) -> None:
    home.hook("svcdown", f"until [ -e {home.root}/go ]; do sleep 0.05; done")
    home.settings(stop={"budget_s": 60})
    instance = home.start().wait_state("UP")
    for _ in range(3):
        assert home.ww("stop", "--no-wait").returncode == 0
    instance.signal(signal.SIGTERM)
    assert home.status()["state"] == "STOPPING"  # who answers what is asked after the TERM has met that, too
    (home.root / "go").touch()
    assert instance.wait() == 0
    assert home.exit_record()["forced"] is False
    assert "svcdown" in home.calls()


@pytest.mark.rule("D-healthcheck")
def test_a_healthcheck_sees_a_dead_service_and_a_missing_monitor(home: Home) -> None:
    home.service("web")
    instance = home.start().wait_state("UP")
    assert home.ww("healthcheck").stdout == "UP; there is no monitor\n"
    home.ww("maintenance", "on")
    os.kill(pids(home)["web"], signal.SIGKILL)
    instance.wait_message("not started again in maintenance")
    sick = home.ww("healthcheck")
    assert sick.returncode == 1
    assert sick.stdout == "UP, but web is stopped\n"


@pytest.mark.rule("D-service-restart", "D-service-stop")
def test_asked_restarts_leave_nothing_behind(home: Home) -> None:
    stray = f"sleep 6666{os.getpid()}"
    home.service("web", f"setsid {stray} & exec sleep 1000")
    instance = home.start().wait_state("UP")

    def strays() -> int:
        found = subprocess.run(["pgrep", "-c", "-f", f"^{stray}$"], capture_output=True, text=True, check=False)
        return int(found.stdout)

    def held() -> int:
        return len(os.listdir(f"/proc/{instance.process.pid}/fd"))

    for _ in range(5):
        assert home.ww("restart", "web").returncode == 0
    until(lambda: strays() == 1, "the stray of the present life alone")
    before = held()
    for _ in range(5):
        assert home.ww("restart", "web").returncode == 0
    until(lambda: held() <= before, "no more descriptors than before")
