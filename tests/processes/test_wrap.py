"""`ww run -- COMMAND`: a drop-in for tini and dumb-init."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from tests.support.home import WW, Home
from tests.support.waiting import until


def wrap(home: Home, *command: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command under `ww run --`, with its output apart."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CFG", "WW_")) or k == "WW_TEST_TREE"}
    return subprocess.run(
        [*WW, "run", "--root", str(home.root), "--", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={**clean, **options.pop("env", {})},  # type: ignore[dict-item]
        **options,  # type: ignore[call-overload]
    )


@pytest.mark.rule("D-wrap")
@pytest.mark.parametrize("code", [0, 1, 7, 70, 75, 78, 126, 127, 143, 255])
def test_the_exit_code_is_the_commands_own(home: Home, code: int) -> None:
    assert wrap(home, "sh", "-c", f"exit {code}").returncode == code


@pytest.mark.rule("D-wrap")
@pytest.mark.parametrize("name", ["TERM", "KILL", "SEGV", "INT"])
def test_a_signal_that_killed_it_is_128_and_its_number(home: Home, name: str) -> None:
    assert wrap(home, "sh", "-c", f"kill -{name} $$").returncode == 128 + getattr(signal, f"SIG{name}")


@pytest.mark.rule("D-wrap")
def test_a_command_that_cannot_be_run_ends_as_in_a_shell(home: Home) -> None:
    missing = wrap(home, "/nosuch/program")
    assert missing.returncode == 127
    assert "/nosuch/program: there is no such program" in missing.stderr
    plain = home.root / "plain"
    plain.write_text("text\n")
    assert wrap(home, str(plain)).returncode == 126


@pytest.mark.rule("D-wrap")
def test_input_output_directory_mask_and_environment_are_its_own(home: Home, tmp_path: pathlib.Path) -> None:
    script = "cat; pwd; umask; echo $CFG $KEPT; echo to-stderr >&2"
    done = wrap(
        home,
        "sh",
        "-c",
        f"umask; {script}",
        input="from stdin\n",
        cwd=tmp_path,
        umask=0o027,
        env={"CFG": "{}", "KEPT": "x"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["0027", "from stdin", str(tmp_path), "0027", "{} x"]
    assert done.stderr == "to-stderr\n", "ww itself has nothing to say"


@pytest.mark.rule("D-wrap")
def test_ww_speaks_on_standard_error_where_it_is_asked_to(home: Home) -> None:
    home.settings(log={"format": "plain", "level": "info"})
    home.write_config()
    done = wrap(home, "echo", "out")
    assert done.stdout == "out\n"
    assert "state UP" in done.stderr


ECHO = """
import os, signal, sys, time
def note(number, _frame):
    with open(sys.argv[1], "a") as file:
        file.write(f"{number}\\n")
for number in map(int, sys.argv[2:]):
    signal.signal(number, note)
open(sys.argv[1], "a").close()
while True:
    time.sleep(300)
"""


@pytest.mark.rule("D-wrap", "D-signal-table")
def test_stop_signals_are_the_commands_own_and_nothing_else_ends_it(home: Home) -> None:
    got = home.root / "got"
    numbers = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH]
    command = [sys.executable, "-c", ECHO, str(got), *(str(int(number)) for number in numbers)]
    instance = home.start("--", *command)
    until(got.exists, "the command runs")
    for count, number in enumerate(numbers, 1):
        instance.signal(number)
        until(lambda count=count: len(got.read_text().split()) == count, number.name)
    assert got.read_text().split() == [str(int(number)) for number in numbers]
    assert home.status()["state"] == "UP"
    done = home.ww("stop", "--timeout", "1", "--no-wait")
    assert done.returncode == 0, done.stderr
    (row,) = home.status()["services"]
    assert row["name"] == "main"
    os.kill(row["pid"], signal.SIGKILL)
    instance.wait()


@pytest.mark.rule("D-wrap")
def test_a_command_that_ends_on_term_ends_the_run_as_stopped_with_its_code(home: Home) -> None:
    instance = home.start("--", "sleep", "300").wait_state("UP")
    instance.signal(signal.SIGTERM)
    assert instance.wait() == 143
    assert home.exit_record()["state"] == "STOPPED"


@pytest.mark.rule("D-wrap", "D-launch-blocked")
def test_a_term_before_the_command_has_started_stops_the_run(home: Home) -> None:
    home.hook("boot", "sleep 300")
    instance = home.start("--", "touch", str(home.root / "ran"))
    until(lambda: "boot" in home.calls(), "boot")
    instance.signal(signal.SIGTERM)
    assert instance.wait() == 0
    assert not (home.root / "ran").exists()


@pytest.mark.rule("D-wrap")
def test_hooks_and_services_stand_around_the_command(home: Home) -> None:
    db = f"touch {home.root}/armed; exec sleep 300"
    home.hooks("boot", "warmup", "svcdown").service("db", db, readiness={"file": "/armed"})
    done = home.run_to_end("--", "sh", "-c", f"echo command >> {home.calls_file}; sleep 0.2; exit 5")
    assert done.process.returncode == 5
    calls = home.calls()
    assert calls.index("run db") < calls.index("command") < calls.index("svcdown")
    assert calls[0] == "boot"


@pytest.mark.rule("D-wrap")
def test_the_command_may_be_restarted_where_that_is_set(home: Home) -> None:
    home.settings(services={"main": {"restart": "on-failure", "backoff_s": 0}})
    mark = home.root / "mark"
    done = home.run_to_end("--", "sh", "-c", f"test -e {mark} && exit 0; touch {mark}; exit 9")
    assert done.process.returncode == 0
    assert done.states().count("RESTARTING") == 1


@pytest.mark.rule("D-wrap")
def test_without_hooks_the_data_is_the_commands_own_affair(home: Home) -> None:
    (home.root / "data/.ww").mkdir()
    (home.root / "data/.ww/format").write_text("99\n")
    done = home.run_to_end("--", "ls", "-A", str(home.root / "data"))
    assert done.process.returncode == 0
    assert sorted(str(path) for path in (home.root / "data").rglob("*")) == [
        str(home.root / "data/.ww"),
        str(home.root / "data/.ww/format"),
    ]


@pytest.mark.rule("D-wrap", "D-exit-75")
def test_a_second_run_beside_it_needs_a_run_directory_of_its_own(home: Home) -> None:
    first = home.start("--", "sh", "-c", "touch $WW_RUN/begun; exec sleep 300")
    until(lambda: (home.root / "run/begun").exists() or first.ended(), "the command")
    assert wrap(home, "sh", "-c", "exit 7").returncode == 75
    own = home.root / "own"
    own.mkdir(0o700)
    assert wrap(home, "sh", "-c", "exit 7", env={"WW_RUN": str(own)}).returncode == 7
    assert first.stop() == 128 + signal.SIGTERM


@pytest.mark.rule("D-exit-64")
def test_nothing_behind_the_dashes_is_a_wrong_command_line(home: Home) -> None:
    assert wrap(home).returncode == 64
    assert "no command behind --" in wrap(home).stderr


@pytest.mark.rule("D-signal-table")
@pytest.mark.parametrize(
    ("table", "send", "effect"),
    [
        ({"USR1": "forward"}, "USR1", "got USR1"),
        ({"USR1": "rewrite:USR2"}, "USR1", "got USR2"),
        ({"USR2": "hook"}, "USR2", "signal USR2"),
        ({"USR1": "restart"}, "USR1", "svcdown"),
        ({"HUP": "reload"}, "HUP", "reload"),
        ({"RTMIN+3": "hook"}, "RTMIN+3", "signal RTMIN+3"),
    ],
)
def test_each_word_of_the_signal_table_does_what_it_says(home: Home, table: dict, send: str, effect: str) -> None:
    home.hooks("signal", "reload", "svcdown")
    trap = "; ".join(f"trap 'echo got {name} >> {home.calls_file}' {name}" for name in ("USR1", "USR2"))
    home.service("web", f"{trap}; touch {home.root}/armed; while :; do sleep 0.05; done", readiness={"file": "/armed"})
    home.settings(signals=table)
    instance = home.start().wait_state("UP")
    number = signal.SIGRTMIN + 3 if send.startswith("RT") else getattr(signal, f"SIG{send}")
    instance.signal(number)
    until(lambda: effect in home.calls(), effect)
    instance.wait_state("UP", count=2 if effect == "svcdown" else 1)
    assert instance.stop() == 0


@pytest.mark.rule("D-signal-table")
def test_stop_may_be_another_signal_and_term_may_be_ignored(home: Home) -> None:
    home.settings(signals={"TERM": "ignore", "USR1": "stop"})
    instance = home.start().wait_state("UP")
    instance.signal(signal.SIGTERM)
    instance.wait_message("SIGTERM received: ignored")
    instance.signal(signal.SIGUSR1)
    assert instance.wait() == 0


@pytest.mark.rule("D-signal-table", "D-exit-78")
@pytest.mark.parametrize(
    "table",
    [{"NOSUCH": "stop"}, {"KILL": "hook"}, {"USR1": "rewrite:NOPE"}, {"USR1": "rewrite:KILL"}, {"USR1": "explode"}],
)
def test_a_wrong_signal_table_is_refused_at_start(home: Home, table: dict[str, str]) -> None:
    home.settings(signals=table)
    instance = home.run_to_end()
    assert instance.process.returncode == 78
    assert f"ww.signals.{next(iter(table))}" in instance.messages()


@pytest.mark.rule("D-wrap")
def test_a_sidecar_neither_gets_the_commands_signals_nor_restarts_it(home: Home) -> None:
    home.service("side")
    script = f"trap 'sleep 0.2; exit 0' TERM; echo started >> {home.calls_file}; while :; do sleep 0.05; done"
    instance = home.start("--", "sh", "-c", script).wait_state("UP")
    until(lambda: "started" in home.calls(), "the command")
    (side,) = [row["pid"] for row in home.status()["services"] if row["name"] == "side"]
    os.kill(side, signal.SIGKILL)
    instance.wait_state("UP", count=2)
    until(lambda: home.calls().count("run side") == 2, "its first line, which counts as ready before it")
    instance.signal(signal.SIGTERM)
    assert instance.wait() == 0
    assert home.calls().count("started") == 1
    assert home.calls().count("run side") == 2


@pytest.mark.rule("D-wrap")
def test_the_command_runs_though_an_optional_sidecar_cannot(home: Home) -> None:
    home.settings(services={"side": {"command": ["/nosuch"], "essential": False}})
    assert home.run_to_end("--", "sh", "-c", "exit 6").process.returncode == 6


@pytest.mark.rule("D-wrap")
def test_a_command_that_was_told_to_end_is_not_started_again(home: Home) -> None:
    home.settings(services={"main": {"restart": "always", "backoff_s": 0}})
    instance = home.start("--", "sleep", "300").wait_state("UP")
    instance.signal(signal.SIGTERM)
    assert instance.wait() == 143


@pytest.mark.rule("D-wrap")
def test_a_reload_signal_long_ago_does_not_excuse_a_crash(home: Home) -> None:
    got = home.root / "got"
    script = f"trap 'touch {got}' HUP; touch {home.root}/armed; while ! test -e {home.root}/crash; do sleep 0.05; done; exit 7"
    instance = home.start("--", "sh", "-c", script)
    until((home.root / "armed").exists, "the command")
    instance.signal(signal.SIGHUP)
    until(got.exists, "HUP")
    (home.root / "crash").touch()
    assert instance.wait() == 7
    assert home.exit_record()["state"] == "ERROR"


@pytest.mark.rule("D-wrap")
def test_a_plain_end_is_no_news_for_anybody(home: Home) -> None:
    assert wrap(home, "false").stderr == ""
