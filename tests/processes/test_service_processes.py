"""Service processes with real processes: order, readiness, death, restarts, stop, and what is recorded."""

from __future__ import annotations

import os
import pathlib
import pwd
import re
import signal
from typing import Any

import pytest

from tests.support.freeports import free_port
from tests.support.home import Home, Instance
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until

FAST = {"backoff_s": 0.05, "jitter": 0}


def runs(home: Home) -> list[str]:
    return [call.removeprefix("run ") for call in home.calls() if call.startswith("run ")]


def pid_of(home: Home, name: str) -> int:
    (row,) = [row for row in home.status()["services"] if row["name"] == name]
    return int(row["pid"])


def restarting(home: Home) -> dict[str, Any]:
    """The last RESTARTING event."""
    return [event for event in home.events() if event["state"] == "RESTARTING"][-1]


def given_up_at(limit_s: float, reason: object, machine: Stopwatch) -> bool:
    """Whether the seconds in `not ready after 0.5 s` are the limit, and no more but for what `machine` took."""
    told = re.search(r"not ready after (\d+(?:\.\d)?) s", str(reason))
    assert told, reason
    return limit_s <= float(told[1]) <= limit_s + 0.5 + machine.stalled_s


@pytest.mark.rule("D-service-order")
def test_services_start_by_readiness_and_stop_in_reverse(home: Home) -> None:
    gate, looks = home.root / "gate", home.root / "looks"
    note = f"trap 'echo down $0 >> {home.calls_file}; exit 0' TERM; touch {home.root}/$0; while :; do sleep 0.05; done"
    home.service("db", note.replace("$0", "db"), check=f"echo >> {looks}; test -e {gate}")
    home.service("web", note.replace("$0", "web"), after=["db"])
    home.hooks("svcup", "warmup", "svcdown")
    instance = home.start().wait_message("service db runs")
    until(lambda: looks.exists() and len(looks.read_text().splitlines()) >= 3, "three looks")
    assert runs(home) == ["db"]
    assert "warmup" not in home.calls()
    assert "UP" not in instance.states()
    gate.touch()
    instance.wait_state("UP")
    until(lambda: len(home.calls()) == 4, "four calls")
    until(lambda: all((home.root / name).exists() for name in ("db", "web")), "both are ready to be told")
    assert home.calls()[:2] == ["svcup", "run db"]
    assert instance.stop() == 0
    assert home.calls()[4:] == ["down web", "down db", "svcdown"]


@pytest.mark.rule("D-service-restart", "D-service-reason")
def test_a_dead_service_comes_back_with_its_dependents_only_and_long_before_the_monitor(home: Home) -> None:
    home.service("db", f"echo last words of db; test -e {home.root}/fall && exit 3; exec sleep 300")
    home.service("web", after=["db"])
    home.service("other")
    home.all_hooks()
    instance = home.start().wait_state("UP").wait_message("last words of db")
    before = {name: pid_of(home, name) for name in ("db", "web", "other")}
    os.kill(before["db"], signal.SIGKILL)
    instance.wait_state("UP", count=2)
    until(lambda: len(runs(home)) == 5, "the first lines of all, which count as ready before them")
    after = {name: pid_of(home, name) for name in ("db", "web", "other")}
    assert after["other"] == before["other"]
    assert after["db"] != before["db"]
    assert after["web"] != before["web"]
    assert sorted(runs(home)) == ["db", "db", "other", "web", "web"]
    assert home.calls().count("svcup") == 1, "the instance as a whole was not restarted"
    assert home.calls().count("warmup") == 2
    event = restarting(home)
    assert event["reason"] == "service db ended: killed by SIGKILL"
    detail = event["detail"]
    assert detail["reason"] == "signal"
    assert detail["signal"] == 9
    assert detail["with"] == ["web"]
    assert detail["last_lines"] == ["last words of db"]
    (row,) = [row for row in home.status()["services"] if row["name"] == "db"]
    assert row["restarts"] == 1
    assert row["last"]["reason"] == "signal"


@pytest.mark.rule("D-service-reason")
def test_the_exit_code_and_both_streams_are_in_the_reason(home: Home) -> None:
    mark = home.root / "fell"
    home.service("job", f"echo out; echo err >&2; test -e {mark} && exec sleep 300; touch {mark}; exit 42")
    home.start().wait_state("RESTARTING")  # before UP or after it: the reason is the same
    detail = restarting(home)["detail"]
    assert (detail["reason"], detail["exit_code"], detail["signal"]) == ("exit", 42, None)
    assert detail["last_lines"] == ["out", "err"]


@pytest.mark.rule("D-service-restart", "D-exit-1")
def test_a_service_that_never_stays_up_is_given_up_and_ends_the_run_with_1(home: Home) -> None:
    home.service("bad", "exit 9").settings(restart={**FAST, "limit": 3})
    instance = home.start()
    assert instance.wait() == 1
    assert runs(home) == ["bad"] * 4
    assert instance.states()[-1] == "ERROR"
    record = home.exit_record()
    assert "service bad ended: exit code 9; gave up" in str(record["reason"])
    assert record["detail"]["exit_code"] == 9  # type: ignore[index]


@pytest.mark.rule("D-service-refused")
def test_a_program_that_is_not_there_is_not_tried_again(home: Home) -> None:
    home.settings(services={"ghost": {"command": ["/nosuch/program"]}})
    instance = home.run_to_end()
    assert instance.process.returncode == 1
    assert "cannot be started: /nosuch/program: there is no such program" in instance.messages()
    assert instance.states().count("RESTARTING") == 0


@pytest.mark.rule("D-service-no-program")
@pytest.mark.parametrize("check", ["", "exit 1"])
def test_a_run_file_whose_program_is_not_there_is_not_tried_again(home: Home, check: str) -> None:
    home.service("ghost", "exec /nosuch/program", check=check)
    instance = home.run_to_end()
    assert instance.process.returncode == 1
    assert runs(home) == ["ghost"]
    assert "RESTARTING" not in instance.states()
    record = home.exit_record()
    assert "exit code 127" in str(record["reason"])
    assert "a program is not found, and it has not run in this boot" in str(record["reason"])


@pytest.mark.rule("D-service-no-program", "D-service-restart")
def test_a_program_that_was_there_once_is_tried_again(home: Home) -> None:
    gone = home.root / "gone"
    home.service("web", f"test -e {gone} && exec /nosuch/program; exec sleep 300", check="exit 0")
    home.settings(restart={**FAST, "limit": 2})
    instance = home.start().wait_state("UP")
    gone.touch()
    os.kill(pid_of(home, "web"), signal.SIGKILL)
    assert instance.wait() == 1
    assert len(runs(home)) == 3
    assert "restart limit 2" in str(home.exit_record()["reason"])


@pytest.mark.rule("D-service-refused", "D-exit-78")
@pytest.mark.parametrize(
    ("services", "words"),
    [
        ({"web": {"command": ["true"], "after": ["nosuch"]}}, "there is no service nosuch"),
        ({"web": {}}, "neither a command"),
        ({"web": {"command": ["true"], "readiness": {"file": "x", "notify": True}}}, "exactly one of"),
        ({"web": {"command": ["true"], "stop": {"signal": "NOPE"}}}, "there is no signal NOPE"),
        ({"web": {"command": ["true"], "limits": {"nofile": [20, 10]}}}, "above the hard one"),
        ({"web": {"command": ["true"], "nosuch": 1}}, "no such setting"),
        ({"WEB": {"command": ["true"]}}, "WEB"),
    ],
)
def test_a_wrong_definition_is_refused_at_start_in_words(home: Home, services: dict[str, object], words: str) -> None:
    home.settings(services=services)
    instance = home.run_to_end()
    assert instance.process.returncode == 78
    assert words in instance.messages()


@pytest.mark.rule("D-service-refused")
def test_a_run_file_without_x_bit_is_refused_at_start(home: Home) -> None:
    home.service("web")
    (home.root / "ww/usr/services/web/run").chmod(0o644)
    instance = home.run_to_end()
    assert instance.process.returncode == 78
    assert "services/web/run is not executable" in instance.messages()


@pytest.mark.rule("D-service-readiness")
@pytest.mark.parametrize("way", ["http", "tcp", "file", "command", "delay_s"])
def test_up_waits_until_the_service_is_ready(home: Home, way: str) -> None:
    port, gate = free_port(), home.root / "gate"
    server = f"exec python3 -m http.server --bind 127.0.0.1 --directory {home.root} {port}"
    body = f"while ! test -e {gate}; do sleep 0.02; done; touch {home.root}/serving; {server}"
    target = {
        "http": f"http://127.0.0.1:{port}/",
        "tcp": f"127.0.0.1:{port}",
        "file": "/serving",
        "command": ["test", "-e", str(home.root / "serving")],
        "delay_s": 0.3,
    }[way]
    home.service("web", body, readiness={way: target, "interval_s": 0.02})
    instance = home.start().wait_message("service web runs")
    if way != "delay_s":
        assert "UP" not in instance.states()
        gate.touch()
    instance.wait_state("UP")
    (row,) = home.status()["services"]
    assert row["state"] == "ready"
    assert instance.stop() == 0


NOTIFY = """exec python3 -c '
import os, socket, time
address = os.environ["NOTIFY_SOCKET"]
peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
peer.connect("\\0" + address[1:])
{script}
time.sleep(300)'"""


@pytest.mark.rule("D-service-readiness", "D-service-notify")
def test_a_service_says_itself_that_it_is_ready_and_what_it_does(home: Home) -> None:
    script = f"""
while not os.path.exists("{home.root}/gate"): time.sleep(0.02)
peer.send(b"STATUS=warm and well\\nREADY=1")"""
    home.service("web", NOTIFY.format(script=script), readiness={"notify": True})
    instance = home.start().wait_message("service web runs")
    assert "UP" not in instance.states()
    (home.root / "gate").touch()
    instance.wait_state("UP")
    (row,) = home.status()["services"]
    assert row["status"] == "warm and well"


@pytest.mark.rule("D-service-check", "D-service-readiness")
def test_a_file_check_may_have_a_time_limit_and_an_interval_of_its_own(home: Home) -> None:
    gate, looks = home.root / "gate", home.root / "looks"
    look = f"read up _ < /proc/uptime; echo $up >> {looks}"
    home.service("web", check=f"{look}; test -e {gate} || {{ echo no gate; exit 3; }}")
    home.settings(services={"web": {"readiness": {"timeout_s": 1, "interval_s": 0.9}}}, restart={**FAST, "limit": 0})
    with Stopwatch() as machine:
        assert home.run_to_end().process.returncode == 1
    assert given_up_at(1, home.events()[-1]["reason"], machine)
    assert 1 <= len(looks.read_text().splitlines()) <= 2, "less often than every 0.2 s"
    looks.unlink()
    home.settings(services={"web": {"readiness": {"timeout_s": 30, "interval_s": 0.01}}})
    instance = home.start()

    def often() -> bool:
        at_s = [float(line) for line in looks.read_text().split("\n")[:-1]] if looks.exists() else []
        return any(fourth - first <= 0.5 for first, fourth in zip(at_s, at_s[3:], strict=False))

    # As there is never less than the interval between two looks, one of 0.2 s does not let four into half a second.
    until(often, "more than three looks within half a second", 25)
    assert "UP" not in instance.states()
    gate.touch()
    instance.wait_state("UP")


@pytest.mark.rule("D-service-check", "D-exit-78")
def test_a_time_limit_without_anything_to_look_at_is_refused(home: Home) -> None:
    home.service("web", readiness={"timeout_s": 5})
    instance = home.run_to_end()
    assert instance.process.returncode == 78
    assert "it has none" in instance.messages()


@pytest.mark.rule("D-service-readiness", "D-service-reason")
@pytest.mark.parametrize(
    ("readiness", "why"),
    [
        # What takes a process to find out is given the time of one.
        ({"tcp": "127.0.0.1:1", "timeout_s": 2}, "refused"),
        ({"file": "/never"}, "/never is not there"),
        ({"command": ["sh", "-c", "echo not yet; exit 3"], "timeout_s": 2}, "exit code 3: not yet"),
        ({"notify": True}, "notify"),
    ],
)
def test_not_being_ready_in_time_is_a_failure_that_says_why(home: Home, readiness: dict[str, Any], why: str) -> None:
    home.service("web", readiness={"timeout_s": 0.5, "interval_s": 0.05, **readiness})
    home.settings(restart={**FAST, "limit": 1})
    with Stopwatch() as machine:
        instance = home.run_to_end()
    assert instance.process.returncode == 1
    detail = restarting(home)["detail"]
    assert detail["reason"] == "readiness"
    reason = str(restarting(home)["reason"])
    assert given_up_at(readiness.get("timeout_s", 0.5), reason, machine), reason
    assert why in reason
    assert "UP" not in instance.states()


@pytest.mark.rule("D-service-readiness", "D-service-reason")
def test_a_service_that_goes_silent_misses_its_watchdog(home: Home) -> None:
    script = 'peer.send(b"READY=1")\nfor _ in range(3):\n    time.sleep(0.1); peer.send(b"WATCHDOG=1")'
    home.service("web", NOTIFY.format(script=script), readiness={"notify": True}, watchdog_s=0.4)
    home.start().wait_state("RESTARTING")
    event = until(lambda: restarting(home), "the event")
    assert event["detail"]["reason"] == "watchdog"
    assert "WATCHDOG=1 for 0.4 s" in event["reason"]


@pytest.mark.rule("D-service-oneshot")
def test_a_oneshot_ends_before_its_dependents_start_and_its_failure_ends_the_run(home: Home) -> None:
    home.service("migrate", f"sleep 0.2; test ! -e {home.root}/broken", type="oneshot")
    home.service("web", after=["migrate"])
    instance = home.start().wait_state("UP")
    until(lambda: len(runs(home)) == 2, "the first line of web, which counts as ready before it")
    assert runs(home) == ["migrate", "web"]
    states = {row["name"]: row["state"] for row in home.status()["services"]}
    assert states == {"migrate": "done", "web": "ready"}
    assert instance.stop() == 0
    (home.root / "broken").touch()
    second = home.run_to_end()
    assert second.process.returncode == 1
    assert runs(home)[2:] == ["migrate"]


@pytest.mark.rule("D-service-essential")
def test_a_job_that_ends_well_ends_the_run_with_0(home: Home) -> None:
    home.service("job", "sleep 0.1", restart="never")
    home.service("helper")
    home.hooks("svcdown")
    instance = home.run_to_end()
    assert instance.process.returncode == 0
    assert instance.states()[-2:] == ["STOPPING", "STOPPED"]
    assert "svcdown" in home.calls()


@pytest.mark.rule("D-service-essential")
def test_an_optional_service_that_is_given_up_leaves_the_instance_up(home: Home) -> None:
    home.service("extra", "exit 5", essential=False, limit=1, backoff_s=0)
    home.service("web")
    instance = home.start().wait_message("it stays down")
    instance.wait_state("UP")
    states = {row["name"]: row["state"] for row in until_settled(home)["services"]}
    assert states == {"extra": "failed", "web": "ready"}
    assert instance.stop() == 0


def until_settled(home: Home) -> dict[str, Any]:
    return until(lambda: (status := home.status())["state"] == "UP" and status, "UP")


@pytest.mark.rule("D-service-stop")
def test_a_service_gets_its_own_signal_alone_and_a_deaf_one_is_killed(home: Home) -> None:
    home.service(
        "quits",
        f"""exec python3 -c '
import os, signal, subprocess, time
child = subprocess.Popen(["sleep", "300"])
def quit(*_):
    open("{home.root}/child", "w").write("alive" if child.poll() is None else "dead")
    child.kill(); os._exit(0)
signal.signal(signal.SIGQUIT, quit)
open("{home.root}/armed", "w").close()
time.sleep(300)'""",
        stop={"signal": "QUIT", "to": "process"},
        readiness={"file": "/armed"},
    )
    home.service("deaf", "trap '' TERM; while :; do sleep 0.1; done", stop={"timeout_s": 0.3})
    instance = home.start().wait_state("UP")
    with Stopwatch() as stop:
        assert instance.stop() == 0
    assert stop.seconds < 3
    assert (home.root / "child").read_text() == "alive", "the signal went to the process alone"
    assert "service deaf stopped" in instance.messages()
    assert "service quits stopped" in instance.messages()
    assert "exit code 0" in instance.messages().split("service quits stopped")[1]


@pytest.mark.rule("D-service-stop", "D-stop-budget")
def test_deaf_services_in_a_chain_are_all_ended_inside_the_budget(home: Home) -> None:
    for name, after in (("a", []), ("b", ["a"]), ("c", ["b"])):
        home.service(name, "trap '' TERM; while :; do sleep 0.1; done", after=after, stop={"timeout_s": 60})
    home.settings(stop={"budget_s": 3})
    instance = home.start().wait_state("UP")
    with Stopwatch() as stop:
        assert instance.stop() == 0
    assert stop.seconds < 3.5
    stopped = [words for words in instance.messages().splitlines() if " stopped after" in words]
    assert [words.split()[1] for words in stopped] == ["c", "b", "a"]


@pytest.mark.rule("D-service-stop")
def test_what_a_dead_service_left_behind_is_ended_before_it_comes_back(home: Home) -> None:
    left = home.root / "left"
    home.service("web", f"setsid sh -c 'trap \"\" HUP; echo $$ > {left}; exec sleep 301' & wait")
    instance = home.start().wait_state("UP")
    stray = int(until(lambda: left.exists() and left.read_text(), "the stray"))
    os.kill(pid_of(home, "web"), signal.SIGKILL)
    instance.wait_state("UP", count=2)
    assert not pathlib.Path(f"/proc/{stray}").exists()


@pytest.mark.rule("D-service-launch")
def test_a_service_has_what_is_configured(home: Home) -> None:
    says = home.root / "says"
    home.service(
        "web",
        f"(pwd; umask; ulimit -n; echo $EXTRA-$GONE-$WW_PROCESS-$WW_STATE; id -u) > {says}.new; mv {says}.new {says}; exec sleep 300",
        cwd=str(home.root),
        umask="027",
        limits={"nofile": [64, 128]},
        env={"EXTRA": "x y", "GONE": None},
        user=str(os.getuid()),
    )
    home.start(env={"GONE": "still"}).wait_state("UP")
    until(says.exists, "what it says")
    assert says.read_text().split("\n")[:5] == [
        str(home.root),
        "0027",
        "64",
        "x y--web-WARMUP",
        str(os.getuid()),
    ]


@pytest.mark.rule("D-service-launch", "D-service-identity")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_service_can_have_a_user_of_its_own(home: Home) -> None:
    nobody = pwd.getpwnam("nobody")
    home.service("web", "id -un; echo $HOME $USER; exec sleep 300", user="nobody")
    home.root.chmod(0o755)
    for part in home.root.parents:
        if part.stat().st_uid == os.getuid() and part != pathlib.Path("/"):
            part.chmod(part.stat().st_mode | 0o055)
    home.calls_file.chmod(0o666)
    instance = home.start().wait_state("UP").wait_message(f"{nobody.pw_dir} nobody")
    assert os.stat(f"/proc/{pid_of(home, 'web')}").st_uid == nobody.pw_uid
    assert instance.stop() == 0


@pytest.mark.rule("D-service-log")
def test_lines_are_whole_and_a_flood_without_newlines_holds_up_nobody(home: Home) -> None:
    home.service("flood", "exec head -c 300000000 /dev/zero | tr '\\0' x")
    home.service("talker", "for n in 1 2 3 4 5 6 7 8 9; do echo line $n; echo error $n >&2; done; exec sleep 300")
    home.service("slow", "printf half; sleep 0.3; echo ' and half'; exec sleep 300")
    instance = home.start().wait_state("UP").wait_message("half and half")
    assert instance.stop() == 0
    lines = instance.lines()
    talked = [(line["stream"], line["message"]) for line in lines if line.get("source") == "talker"]
    assert [text for stream, text in talked if stream == "stdout"] == [f"line {n}" for n in range(1, 10)]
    assert [text for stream, text in talked if stream == "stderr"] == [f"error {n}" for n in range(1, 10)]


def test_a_disabled_service_is_shown_and_not_started(home: Home) -> None:
    home.service("web", enabled=False)
    home.service("other")
    home.start().wait_state("UP")
    states = {row["name"]: row["state"] for row in home.status()["services"]}
    assert states == {"web": "disabled", "other": "ready"}
    until(lambda: runs(home) == ["other"], "its first line, which counts as ready before it")


@pytest.mark.rule("WWA-6", "D-service-order")
def test_a_failed_monitor_restarts_everything_and_services_come_before_svcdown(home: Home) -> None:
    armed = home.root / "armed"
    trap = f"trap 'echo down web >> {home.calls_file}; rm {armed}; exit 0' TERM; touch {armed}"
    home.service("web", f"{trap}; while :; do sleep 0.05; done", readiness={"file": "/armed"})
    home.hooks("svcup", "svcdown", "warmup")
    home.hook("monitor", f"test -e {home.root}/sick && rm {home.root}/sick && exit 1; echo '{{}}'")
    home.settings(monitor={"interval_s": 0.2})
    (home.root / "sick").touch()
    instance = home.start().wait_state("UP", count=2)
    calls = [call for call in home.calls() if call != "monitor"]
    assert calls == ["svcup", "run web", "warmup", "down web", "svcdown", "svcup", "run web", "warmup"]
    assert instance.stop() == 0


def crowd(home: Home, count: int) -> Instance:
    for number in range(count):
        home.service(f"s{number}")
    return home.start().wait_state("UP")


def test_twenty_services_go_down_together(home: Home) -> None:
    instance = crowd(home, 20)
    with Stopwatch() as stop:
        assert instance.stop() == 0
    assert stop.seconds < 3
    assert len([line for line in instance.messages().splitlines() if " stopped after" in line]) == 20


@pytest.mark.rule("D-service-reason")
def test_up_is_never_said_of_a_service_whose_process_is_dead_while_its_group_lives(home: Home) -> None:
    home.service("web", "sh -c 'trap \"\" TERM; while :; do sleep 0.1; done' & while :; do sleep 0.1; done")
    home.hook("warmup", f"while ! test -e {home.root}/warm; do sleep 0.05; done")
    instance = home.start().wait_state("WARMUP").wait_message("service web is ready")
    os.kill(pid_of(home, "web"), signal.SIGKILL)
    instance.wait_state("RESTARTING")
    assert "UP" not in instance.states()
    (home.root / "warm").touch()
    instance.wait_state("UP")
    assert instance.stop() == 0


@pytest.mark.rule("D-service-stop")
def test_a_signal_that_was_not_heeded_is_said(home: Home) -> None:
    body = f"trap '' USR1; touch {home.root}/armed; while :; do sleep 0.1; done"
    home.service("web", body, stop={"signal": "USR1", "timeout_s": 0.3}, readiness={"file": "/armed"})
    instance = home.start().wait_state("UP")
    assert instance.stop() == 0
    assert "it did not heed SIGUSR1 for 0.3 s and was killed" in instance.messages()
