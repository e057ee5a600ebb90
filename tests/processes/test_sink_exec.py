"""The sink `exec`: a program for each batch, its exit code is the answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until
from ww.config.secrets import SecretError
from ww.config.sinktypes import filled, own_schema
from ww.sinks import exec as exec_sink
from ww.sinks.base import Accepted, Context, Item, Origin, Rejected, RetryAfter, Sink

pytestmark = pytest.mark.rule("D-sink-exec")


def item(seq: int, size: int = 0) -> Item:
    event = {"id": f"{seq:012d}", "data": "x" * size}
    return Item("b1", seq, "health", event, json.dumps(event).encode())


def secret(value: object) -> str:
    if value == {"$secret": "missing"}:
        raise SecretError("cannot resolve the $secret reference missing")
    return "hunter2" if isinstance(value, dict) else str(value)


def made(script: str, **settings: Any) -> Sink:
    given = {"type": "exec", "command": ["/bin/sh", "-c", script], **settings}
    context = Context("push", Origin("shop", "shop-1", "b1", {}, "/run/ww"), secret, lambda _: None, lambda _: None)
    return exec_sink.make(filled(given, own_schema("exec")), context)


def deliver(sink: Sink, *items: Item, within_s: float = 10.0) -> list[Any]:
    return list(sink.deliver(items, time.monotonic() + within_s))


def test_the_program_reads_one_event_per_line(tmp_path: Path) -> None:
    events = [item(1), item(2, 200_000), item(3)]
    assert deliver(made(f"cat > {tmp_path}/got"), *events) == [Accepted()] * 3
    assert (tmp_path / "got").read_bytes() == b"".join(one.text + b"\n" for one in events)


def test_a_program_that_reads_nothing_is_no_problem() -> None:
    assert deliver(made("exit 0"), *[item(seq, 50_000) for seq in range(20)]) == [Accepted()] * 20


@pytest.mark.parametrize(
    ("code", "words"), [(75, "ended with 75, try again"), (1, "ended with 1"), (127, "ended with 127")]
)
def test_other_exit_codes_mean_again(code: int, words: str) -> None:
    answers = deliver(made(f"exit {code}"), item(1), item(2))
    assert len(answers) == 2
    assert all(isinstance(answer, RetryAfter) and words in answer.reason for answer in answers)


def test_65_rejects_an_event_that_is_alone_and_asks_for_less_otherwise() -> None:

    (alone,) = deliver(made("exit 65"), item(1))
    assert isinstance(alone, Rejected)
    answers = deliver(made("exit 65"), item(1), item(2))
    assert all(isinstance(answer, RetryAfter) and answer.too_large for answer in answers)


def test_a_program_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    sink = made(f"trap '' TERM; sleep 300 & echo $! > {tmp_path}/pid; wait; wait")
    with Stopwatch() as call:
        (answer,) = deliver(sink, item(1), within_s=1.5)
    assert call.seconds < 3
    assert isinstance(answer, RetryAfter)
    assert "longer than its time" in answer.reason
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not _runs(pid))


def test_what_a_good_program_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    assert deliver(made(f"sleep 300 & echo $! > {tmp_path}/pid"), item(1)) == [Accepted()]
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not _runs(pid))


def test_a_program_of_the_reporter_can_be_ended_by_signals_as_any_other(tmp_path: Path) -> None:
    script = f"""
import subprocess
from ww.reporting import process
process.settle()
subprocess.run(["grep", "SigIgn", "/proc/self/status"], stdout=open("{tmp_path}/seen", "wb"), check=True)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=20)
    ignored = int((tmp_path / "seen").read_text().split()[1], 16)
    ours = int(Path("/proc/self/status").read_text().split("SigIgn:")[1].split()[0], 16)
    assert ignored & ~(ours | 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1) == 0


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_a_program_killed_by_a_signal_is_tried_again() -> None:
    (answer,) = deliver(made("kill -9 $$"), item(1))
    assert answer == RetryAfter(reason="/bin/sh was killed by signal 9")


def test_it_sees_few_variables_and_its_secrets(tmp_path: Path) -> None:
    os.environ["CFG_TEST_OF_EXEC"] = "leaked"
    try:
        env = {"TOKEN": {"$secret": "token"}, "PLAIN": "x"}
        assert deliver(made(f"env > {tmp_path}/env; pwd > {tmp_path}/cwd", env=env), item(1)) == [Accepted()]
    finally:
        del os.environ["CFG_TEST_OF_EXEC"]
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert seen["TOKEN"] == "hunter2"
    assert seen["PLAIN"] == "x"
    assert (seen["WW_SINK"], seen["WW_SERVICE"], seen["WW_INSTANCE"], seen["WW_BOOT"], seen["WW_RUN"]) == (
        "push",
        "shop",
        "shop-1",
        "b1",
        "/run/ww",
    )
    assert "CFG_TEST_OF_EXEC" not in seen
    assert (tmp_path / "cwd").read_text() == "/\n"


def test_a_secret_that_is_missing_is_told_to_the_engine() -> None:
    with pytest.raises(SecretError):
        deliver(made("exit 0", env={"A": {"$secret": "missing"}}), item(1))


def test_a_program_that_is_not_there_is_said() -> None:
    given = filled({"type": "exec", "command": ["/nosuch/push"]}, own_schema("exec"))
    context = Context("push", Origin("s", "i", "b1"), secret, lambda _: None, lambda _: None)
    sink = exec_sink.make(given, context)
    assert sink.reach(time.monotonic() + 1) == "there is no program /nosuch/push that can be executed"
    (answer,) = deliver(sink, item(1))
    assert answer == RetryAfter(reason="cannot start /nosuch/push: No such file or directory")
    assert made("exit 0").reach(time.monotonic() + 1) == ""


def test_below_a_root_the_program_and_its_directory_are_those_of_the_instance(tmp_path: Path) -> None:
    for name in ("ww/files", "data"):
        (tmp_path / name).mkdir(parents=True)
    program = tmp_path / "ww/files/push"
    program.write_text('#!/bin/sh\npwd > "$WW_ROOT/data/said"; cat >> "$WW_ROOT/data/said"\n')
    given = {"type": "exec", "command": ["/ww/files/push"], "cwd": "/data"}
    origin = Origin("shop", "shop-1", "b1", {}, "/run/ww")
    context = Context("push", origin, secret, lambda _: None, lambda _: None, lambda path: f"{tmp_path}{path}")
    sink = exec_sink.make(filled(given, own_schema("exec")), context)
    assert sink.reach(time.monotonic() + 5) == "there is no program /ww/files/push that can be executed"
    program.chmod(0o755)
    assert sink.reach(time.monotonic() + 5) == ""
    assert deliver(sink, item(1)) == [Accepted()]
    assert (tmp_path / "data/said").read_text().splitlines() == [f"{tmp_path}/data", item(1).text.decode()]
    away = exec_sink.make(filled({**given, "cwd": "/nowhere"}, own_schema("exec")), context)
    assert away.reach(time.monotonic() + 5) == "there is no directory /nowhere (cwd)"


def test_a_program_that_is_not_below_the_root_is_that_of_the_machine(tmp_path: Path) -> None:
    given = {"type": "exec", "command": ["/bin/sh", "-c", f'printf "%s" "$WW_ROOT" > {tmp_path}/root']}
    origin = Origin("shop", "shop-1", "b1", {}, "/run/ww")
    context = Context("push", origin, secret, lambda _: None, lambda _: None, lambda path: f"{tmp_path}{path}")
    assert deliver(exec_sink.make(filled(given, own_schema("exec")), context), item(1)) == [Accepted()]
    assert (tmp_path / "root").read_text() == str(tmp_path)
