"""The commands that ask an instance, run for real against a real control socket."""

from __future__ import annotations

import json
import os
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import TwinInstance, TwinProcess, document, service
from tests.support.stopwatch import Stopwatch
from tests.support.terminal import environ, on_terminal, ww
from tests.support.waiting import until
from ww.clock import stamp
from ww.home.control import Answer, _places, ask, looked_at
from ww.home.layout import Layout

WW = [sys.executable, "-P", "-m", "ww"]


def begin(root: Path | str, *words: str) -> subprocess.Popen[str]:
    out = subprocess.PIPE
    return subprocess.Popen([*WW, *words], env=environ(root), stdout=out, stderr=out, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=30)
    return process.returncode, out + err


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[TwinInstance]:
    with TwinInstance(str(tmp_path / "run")) as instance:
        yield instance


# Status


def test_status_shows_state_health_reason_and_services(tmp_path: Path, twin: TwinInstance) -> None:
    twin.port.status_document = document(
        "RESTARTING",
        reason="service db: exit code 3",
        restarts=1,
        maintenance=True,
        labels={"zone": "a"},
        data_version="6",
        health={"healthy": False, "at": stamp(0), "failure": "no answer on port 80", "monitor": {}},
        services=[
            service("db", "backoff", pid=None, last={"reason": "exit", "words": "exit code 3", "at": stamp(0)}),
            service("web", "waiting", pid=None, for_s=None, status="loading \x1b[2J"),
        ],
    )
    done = ww(tmp_path, "status")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "RESTARTING  since 2026-09-21 14:13:20 UTC, for 12 s"
    for wanted in (
        "web, instance i-1",
        "image 7 (data 6)",
        "zone=a",
        "restarted 1 time;",
        "maintenance is on",
        "unhealthy at 1970-01-01 00:00:00 UTC: no answer on port 80",
        "reason: service db: exit code 3",
    ):
        assert wanted in done.stdout
    assert [line.split()[:2] for line in lines[-2:]] == [["db", "backoff"], ["web", "waiting"]]
    assert "\x1b" not in done.stdout


def test_status_before_the_first_state_and_on_the_way_down(tmp_path: Path, twin: TwinInstance) -> None:
    twin.port.status_document = document(None, since=None, previous=None, health=None)
    assert ww(tmp_path, "status").stdout.startswith("starting, for 12 s\n")
    stop = {"budget_s": 9.0, "left_s": 7.2, "waiting_for": "hook svcdown"}
    twin.port.status_document = document("STOPPING", stop=stop)
    assert "going down: 7.2 of 9.0 s left, waiting for hook svcdown" in ww(tmp_path, "status").stdout


@pytest.mark.parametrize("columns", [80, 60])
def test_status_fits_the_terminal_and_has_colours_only_there(tmp_path: Path, twin: TwinInstance, columns: int) -> None:
    long = {"reason": "exit", "words": "exit code 3 " * 12, "at": stamp(0)}
    twin.port.status_document = document(
        services=[service("a" * 64, last=long), service("b", "failed")], reason="because " * 30
    )
    coloured = on_terminal(tmp_path, "status", columns=columns)
    plain = on_terminal(tmp_path, "status", columns=columns, NO_COLOR="1")
    assert "\x1b[32m" in coloured
    assert "\x1b" not in plain
    assert max(len(line) for line in plain.splitlines()) <= columns
    piped = ww(tmp_path, "status").stdout
    assert "\x1b" not in piped
    assert "a" * 64 in piped
    assert long["words"].strip() in piped


# Nobody answers

ASKING = [
    ["status"],
    ["status", "--json"],
    ["restart"],
    ["restart", "db", "--no-wait"],
    ["reload"],
    ["stop"],
    ["maintenance", "on"],
    ["wait", "--timeout", "0.2"],
    ["healthcheck", "--json"],
]


@pytest.mark.rule("D-control-client")
@pytest.mark.parametrize("words", ASKING, ids=" ".join)
def test_without_an_instance_every_command_exits_69_and_says_what_it_looked_for(
    tmp_path: Path, words: list[str]
) -> None:
    done = ww(tmp_path, *words)
    assert done.returncode == 69
    said = done.stdout + done.stderr
    assert f"{tmp_path}/run/ctl" in said
    assert "Traceback" not in said


@pytest.mark.rule("D-control-client")
def test_how_the_last_run_ended_is_told(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    stale = socket.socket(socket.AF_UNIX)
    fd = os.open(run, os.O_PATH)
    stale.bind(f"/proc/self/fd/{fd}/ctl")
    os.close(fd)
    stale.close()
    assert "left from an instance that was killed" in ww(tmp_path, "status").stderr
    (run / "state.json").write_text('{"state":"UP","at":"2026-11-21T16:00:00.000Z"}')
    assert "recorded no end, as after a kill; it last said UP, at 2026-11-21T16" in ww(tmp_path, "status").stderr
    (run / "exit.json").write_text('{"exit_code":70,"state":"ERROR","reason":"hook firstboot failed"}')
    said = ww(tmp_path, "status").stderr
    assert "not running; the last run ended with ERROR, exit code 70: hook firstboot failed (" in said
    (run / "exit.json").write_text("{ torn")
    assert "recorded no end" in ww(tmp_path, "status").stderr


@pytest.mark.rule("D-control-client")
def test_something_else_that_listens_there_is_not_taken_for_an_instance(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    listener = socket.socket(socket.AF_UNIX)
    fd = os.open(tmp_path / "run", os.O_PATH)
    listener.bind(f"/proc/self/fd/{fd}/ctl")
    os.close(fd)
    listener.listen()

    def answer_nonsense() -> None:
        for text in (b"what?\n", b"[1]\n", b""):
            client, _ = listener.accept()
            with client:
                client.sendall(text)

    other = threading.Thread(target=answer_nonsense)
    other.start()
    try:
        assert "does not speak the control protocol" in ww(tmp_path, "status").stderr
        assert "does not speak the control protocol" in ww(tmp_path, "status").stderr
        last = ww(tmp_path, "status")
        assert "closed the connection without an answer" in last.stderr
        assert last.returncode == 69
    finally:
        other.join()
        listener.close()


@pytest.mark.rule("D-control-client")
def test_a_client_that_was_not_heard_in_a_crowd_asks_again(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    listener = socket.socket(socket.AF_UNIX)
    fd = os.open(tmp_path / "run", os.O_PATH)
    listener.bind(f"/proc/self/fd/{fd}/ctl")
    os.close(fd)
    listener.listen()

    def answer_late() -> None:
        for text in (b'{"v":1,"ok":false,"code":"crowded"}\n', b'{"v":1,"ok":true,"pid":7}\n'):
            client, _ = listener.accept()
            with client, client.makefile("rb") as stream:
                stream.readline()
                client.sendall(text)

    other = threading.Thread(target=answer_late)
    other.start()
    try:
        assert ask(str(tmp_path / "run"), {"op": "ping"}, 5) == Answer({"v": 1, "ok": True, "pid": 7})
    finally:
        other.join(5)
        listener.close()


@pytest.mark.rule("D-control-client")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_is_told_whose_it_is(tmp_path: Path, twin: TwinInstance) -> None:
    script = (
        "import os, sys; from ww.home.control import ask\n"
        "assert ask(sys.argv[1], {'op': 'ping'}, 5).ok\n"  # whatever is imported late is imported as root
        "directory = os.open(sys.argv[1], os.O_PATH); os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "print(ask(f'/proc/self/fd/{directory}', {'op': 'stop'}, 5).words)"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    argv = [sys.executable, "-P", "-c", script, twin.run]
    done = subprocess.run(argv, env={"PYTHONPATH": path}, capture_output=True, text=True, check=True)
    assert "belongs to another user; ask as that user or as root" in done.stdout
    assert twin.port.asked == []


@pytest.mark.rule("D-control-client")
@pytest.mark.skipif(os.getuid() != 0, reason="only root looks for the instances of other users")
def test_root_looks_for_the_instances_of_other_users_but_not_where_a_third_one_could_have_put_them() -> None:
    container = Layout("")
    for uid, owner, taken in ((64_998, 64_998, True), (64_999, 64_997, False)):
        directory = f"/tmp/ww-{uid}"
        os.mkdir(directory, 0o700)
        try:
            os.chown(directory, owner, owner)
            assert directory in looked_at(container, {})
            assert (directory in _places(container, {})) is taken
        finally:
            os.rmdir(directory)


# Wait


@pytest.mark.rule("D-wait")
def test_wait_ends_when_the_state_is_reached(tmp_path: Path, twin: TwinInstance) -> None:
    assert ended(begin(tmp_path, "wait"))[0] == 0
    twin.become("WARMUP")
    waiting = begin(tmp_path, "wait", "up")
    until(lambda: twin.waiting() == 1, "the question has come")
    twin.become("UP")
    code, said = ended(waiting)
    assert code == 0
    assert said.startswith("UP after ")


@pytest.mark.rule("D-wait-told")
def test_wait_says_every_ten_seconds_how_far_it_is(tmp_path: Path, twin: TwinInstance) -> None:
    services = [
        service("db", "backoff", restarts=4, last={"reason": "exit", "words": "exit code 3", "at": stamp(0)}),
        service("web", "ready"),
    ]
    twin.port.status_document = document("WARMUP", action="warmup", services=services)
    code, said = ended(begin(tmp_path, "wait", "--timeout", "10.7"))
    assert code == 75
    assert "waiting for UP: it is in WARMUP for 12 s; warmup; db backoff, restarts 4, last exit code 3\n" in said
    assert "web" not in said


@pytest.mark.rule("D-wait")
@pytest.mark.parametrize(
    ("now", "wanted", "possible"),
    [
        (None, "BOOT", True),
        ("BOOT", "UP", True),
        ("UP", "RESTARTING", True),
        ("RESTARTING", "UP", True),
        ("UP", "STOPPED", True),
        ("UP", "BOOT", False),
        ("WARMUP", "FIRSTBOOT", False),
        ("STOPPING", "UP", False),
        ("STOPPED", "UP", False),
        ("ERROR", "UP", False),
        ("ERROR", "STOPPED", False),
    ],
)
def test_wait_gives_up_at_once_what_can_never_be_reached(
    tmp_path: Path, twin: TwinInstance, now: str | None, wanted: str, possible: bool
) -> None:
    twin.port.status_document = document(now, reason="a reason")
    with Stopwatch() as wait:
        code, said = ended(begin(tmp_path, "wait", wanted, "--timeout", "0.3" if possible else "20"))
    assert code == (75 if possible else 1)
    if not possible:
        assert wait.seconds < 2
        assert f"is in {now} (a reason) and will not be {wanted}" in said


@pytest.mark.rule("D-wait")
def test_wait_is_told_when_the_state_becomes_impossible_and_when_the_run_ends(
    tmp_path: Path, twin: TwinInstance
) -> None:
    waiting = begin(tmp_path, "wait", "RESTARTING")
    until(lambda: twin.waiting() == 1, "the question has come")
    twin.become("STOPPING", reason="SIGTERM received")
    assert ended(waiting)[0] == 1
    waiting = begin(tmp_path, "wait", "STOPPED")
    until(lambda: twin.waiting() == 1, "the question has come")
    twin.end()
    code, said = ended(waiting)
    assert code == 1
    assert "has ended" in said


@pytest.mark.rule("D-wait")
def test_wait_waits_for_an_instance_that_does_not_run_yet(tmp_path: Path) -> None:
    waiting = begin(tmp_path, "wait", "--timeout", "20")
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(0.5)
    with TwinInstance(str(tmp_path / "run")):
        assert ended(waiting)[0] == 0


@pytest.mark.rule("D-wait")
@pytest.mark.parametrize(("recorded", "code"), [("STOPPED", 0), ("ERROR", 1), ("", 1)])
def test_wait_for_an_end_that_nobody_lives_to_tell(tmp_path: Path, recorded: str, code: int) -> None:
    with TwinProcess(str(tmp_path)) as twin:
        waiting = begin(tmp_path, "wait", "STOPPED")
        until(lambda: twin.waiting() == 1, "the question has come")
        if recorded:
            (tmp_path / "run/exit.json").write_text(f'{{"exit_code":0,"state":"{recorded}"}}')
        os.kill(twin.pid, 9)
        assert ended(waiting)[0] == code


# Restart, reload, stop, maintenance


def test_restart_waits_until_it_is_up_again_and_says_how_long_it_took(tmp_path: Path) -> None:
    with TwinProcess(str(tmp_path)):
        for what, words in (("the instance", ["restart"]), ("service db", ["restart", "db"])):
            began = time.monotonic()
            code, said = ended(begin(tmp_path, *words))
            told = re.fullmatch(rf"{what} is up again after (\d+\.\d) s\n", said)
            assert code == 0
            assert told, said
            assert 0.1 <= float(told[1]) <= time.monotonic() - began
        assert ended(begin(tmp_path, "restart", "db", "--no-wait")) == (0, "service db restarts\n")


def test_a_restart_that_is_refused_or_fails_says_why(tmp_path: Path, twin: TwinInstance) -> None:
    twin.refuse("restart", "unknown_service", "there is no service bd; there are db, web")
    assert ended(begin(tmp_path, "restart", "bd")) == (64, "ww restart: there is no service bd; there are db, web\n")
    assert twin.port.asked[-1] == ("restart", {"v": 1, "op": "restart", "name": "bd", "wait": True})
    twin.refuse("restart", "busy", "a restart is under way")
    assert ended(begin(tmp_path, "restart")) == (75, "ww restart: a restart is under way\n")
    twin.refuse("restart", "ended", "hook svcup failed: exit code 2")
    assert ended(begin(tmp_path, "restart")) == (1, "ww restart: hook svcup failed: exit code 2\n")
    del twin.port.answers["restart"]
    code, said = ended(begin(tmp_path, "restart", "--timeout", "0.3"))
    assert code == 75
    assert "not over within the time limit" in said


def test_a_restart_that_the_instance_does_not_survive(tmp_path: Path, twin: TwinInstance) -> None:
    waiting = begin(tmp_path, "restart")
    twin.until_asked("restart")
    (tmp_path / "run/exit.json").write_text('{"exit_code":70,"state":"ERROR","reason":"hook svcup failed"}')
    twin.end()
    code, said = ended(waiting)
    assert code == 1
    assert "the instance ended: the last run ended with ERROR, exit code 70: hook svcup failed" in said


def test_reload_tells_what_changed_and_what_is_wrong(tmp_path: Path, twin: TwinInstance) -> None:
    twin.port.answers["reload"] = {"ok": True, "changed": []}
    assert ended(begin(tmp_path, "reload")) == (0, "the configuration is as it was\n")
    twin.port.answers["reload"] = {"ok": True, "changed": ["http.port", "db"], "reloaded": ["db"], "restarted": ["web"]}
    assert ended(begin(tmp_path, "reload")) == (0, "changed: http.port, db\nreloaded: db\nrestarted: web\n")
    problem = {"layer": "CFG", "line": 3, "path": "memory", "message": "must be a number"}
    twin.refuse("reload", "config", "the configuration is refused", problems=[problem])
    whole = "the configuration is refused\n  CFG:3: memory: must be a number\n"
    assert ended(begin(tmp_path, "reload")) == (78, f"ww reload: {whole}")
    twin.refuse("reload", "config", "refused: CFG:3: memory: must be a number", problems=[problem])
    code, said = ended(begin(tmp_path, "reload"))
    assert (code, said) == (78, "ww reload: refused: CFG:3: memory: must be a number\n")


def test_stop_waits_until_the_process_is_gone(tmp_path: Path) -> None:
    with TwinProcess(str(tmp_path)) as twin:
        code, said = ended(begin(tmp_path, "stop"))
        assert code == 0
        assert said.startswith("stopped after ")
        until(twin.has_ended, "it has ended", within_s=0.5)


def test_a_stop_that_did_not_end_well_exits_1(tmp_path: Path) -> None:
    with TwinProcess(str(tmp_path), exit_code=70):
        code, said = ended(begin(tmp_path, "stop"))
        assert code == 1
        assert "exit code 70: asked to stop" in said


def test_a_stop_that_takes_too_long_says_what_holds_it(tmp_path: Path, twin: TwinInstance) -> None:
    stop = {"budget_s": 9.0, "left_s": 7.2, "waiting_for": "hook svcdown"}
    twin.port.answers["stop"] = {"ok": True}
    twin.port.status_document = document("STOPPING", stop=stop)
    code, said = ended(begin(tmp_path, "stop", "--timeout", "0.3"))
    assert code == 75
    assert "it is still STOPPING, waiting for hook svcdown" in said
    assert ended(begin(tmp_path, "stop", "--no-wait")) == (0, "it stops\n")


def test_maintenance_is_switched(tmp_path: Path, twin: TwinInstance) -> None:
    twin.port.answers["maintenance"] = {"ok": True, "maintenance": True}
    assert ended(begin(tmp_path, "maintenance", "on")) == (0, "maintenance is on: nothing is healed\n")
    assert ended(begin(tmp_path, "maintenance", "off"))[0] == 0
    assert [request["on"] for _, request in twin.port.asked] == [True, False]
    assert ended(begin(tmp_path, "maintenance", "perhaps"))[0] == 64


@pytest.mark.rule("D-control-protocol")
def test_an_instance_of_another_version_is_named_as_such(tmp_path: Path, twin: TwinInstance) -> None:
    twin.refuse("maintenance", "unknown_op", "unknown op; this instance knows ping, status")
    code, said = ended(begin(tmp_path, "maintenance", "on"))
    assert (code, said) == (69, "ww maintenance: unknown op; this instance knows ping, status\n")


# Health check


@pytest.mark.rule("D-healthcheck")
@pytest.mark.parametrize(
    ("state", "health", "code", "words"),
    [
        ("UP", {"healthy": True}, 0, "UP, healthy"),
        ("UP", None, 0, "UP, not checked yet"),
        ("UP", {"healthy": False, "failure": "no answer\non port 80"}, 1, "UP, unhealthy: no answer on port 80"),
        ("UP", {"healthy": False}, 1, "UP, unhealthy: the monitor failed"),
        ("WARMUP", None, 1, "WARMUP: a reason"),
        ("RESTARTING", {"healthy": True}, 1, "RESTARTING: a reason"),
        (None, None, 1, "starting: a reason"),
    ],
)
def test_a_health_check_says_by_its_code_whether_it_is_up_and_healthy(
    tmp_path: Path, twin: TwinInstance, state: str | None, health: dict[str, object] | None, code: int, words: str
) -> None:
    twin.port.status_document = document(state, health=health, reason="a reason")
    plain = ww(tmp_path, "healthcheck")
    assert (plain.returncode, plain.stdout, plain.stderr) == (code, f"{words}\n", "")
    as_json = ww(tmp_path, "healthcheck", "--json")
    assert as_json.returncode == code
    assert json.loads(as_json.stdout) == {"format": 1, "healthy": code == 0, "state": state, "words": words}


@pytest.mark.rule("D-healthcheck")
def test_a_health_check_of_nobody_says_so_in_one_line(tmp_path: Path) -> None:
    plain = ww(tmp_path, "healthcheck")
    assert plain.returncode == 69
    assert plain.stdout.count("\n") == 1
    assert f"{tmp_path}/run/ctl" in plain.stdout


@pytest.mark.rule("D-healthcheck")
def test_a_health_check_is_as_quick_as_a_look_up(tmp_path: Path, twin: TwinInstance) -> None:
    """Less than twice `ww cfg`, both without click: in time of the processor, and in that of whoever waits for it."""
    (tmp_path / "ww/etc").mkdir(parents=True)
    (tmp_path / "ww/etc/cfg.json").write_text('{"a": 1}')

    def quickest(*words: str) -> tuple[float, float]:
        computed, waited = [], []
        for _ in range(7):
            begun = resource.getrusage(resource.RUSAGE_CHILDREN)
            with Stopwatch() as one:
                assert ww(tmp_path, *words).returncode == 0
            over = resource.getrusage(resource.RUSAGE_CHILDREN)
            computed.append(over.ru_utime + over.ru_stime - begun.ru_utime - begun.ru_stime)
            waited.append(one.seconds)
        return min(computed), min(waited)

    check, look_up = quickest("healthcheck"), quickest("cfg", "a")
    assert check[0] < 2 * look_up[0]
    assert check[1] < 2 * look_up[1]


@pytest.mark.rule("D-healthcheck")
def test_the_plain_health_check_imports_nothing_slow(tmp_path: Path, twin: TwinInstance) -> None:
    script = (
        "import sys, os; from ww.cli.health import run; code = run(['--root', sys.argv[1]], os.environ); "
        "print([n for n in ('re', 'json', 'click', 'dataclasses', 'typing', 'socket') if n in sys.modules])"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    argv = [sys.executable, "-S", "-c", script, str(tmp_path)]
    done = subprocess.run(argv, env={"PYTHONPATH": path}, capture_output=True, text=True, check=True)
    assert done.stdout == "UP, healthy\n[]\n"


# Completion


def complete(root: Path, *words: str) -> list[str]:
    """What bash is offered for the last of the words."""
    env = {**environ(root), "_WW_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(("ww", *words))}
    env["COMP_CWORD"] = str(len(words))
    done = subprocess.run(WW, env=env, capture_output=True, text=True, check=False, timeout=20)
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_the_shell_completes_commands_states_and_services(tmp_path: Path, twin: TwinInstance) -> None:
    twin.port.status_document = document(services=[service("db"), service("web"), service("db-backup")])
    assert complete(tmp_path, "st") == ["status", "stop"]
    assert complete(tmp_path, "wait", "ST") == ["STOPPING", "STOPPED"]
    assert complete(tmp_path, "restart", "db") == ["db", "db-backup"]
    assert complete(tmp_path, "logs", "w") == ["web"]
    assert complete(tmp_path, "maintenance", "o") == ["on", "off"]


def test_a_silent_instance_does_not_hold_up_the_shell(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        fd = os.open(tmp_path / "run", os.O_PATH)
        listener.bind(f"/proc/self/fd/{fd}/ctl")
        os.close(fd)
        listener.listen()
        with Stopwatch() as completion:
            assert complete(tmp_path, "restart", "d") == []
        assert completion.seconds < 5


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_names_the_shell_s_way(tmp_path: Path, shell: str) -> None:
    script = ww(tmp_path, "completion", shell).stdout
    assert f"_WW_COMPLETE={shell}_complete" in script
    if shell == "bash":
        assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
