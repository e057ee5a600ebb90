"""What `ww run` says upward by itself: the status file and sd_notify. No reporter is needed for either."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import pytest

from tests.support.home import PATIENCE_S, Home, Instance
from tests.support.superior import Superior, status_file
from tests.support.waiting import until


def under(home: Home, **env: str) -> tuple[Superior, dict[str, str]]:
    address = str(home.root / "notify")
    return Superior(address), {"NOTIFY_SOCKET": address, **env}


@pytest.mark.rule("D-probe-file")
def test_the_file_is_there_while_it_is_ready_and_says_up(home: Home) -> None:
    home.service("main").settings(probes={"file": "ready"})
    home.hook("svcdown", f"test ! -e {status_file(home)} && touch {home.root}/gone-before-svcdown")
    instance = home.start().wait_state("UP")
    until(status_file(home).exists, "the status file")
    assert status_file(home).read_text() == "UP\n"
    assert status_file(home).stat().st_mode & 0o777 == 0o644
    assert home.status()["reporter"] is None, "nobody else is needed for it"
    assert instance.stop() == 0
    assert not status_file(home).exists()
    assert (home.root / "gone-before-svcdown").exists()


@pytest.mark.rule("D-probe-file")
def test_what_a_killed_life_leaves_is_gone_before_the_next_one_looks_at_anything(home: Home) -> None:
    elsewhere = home.root / "elsewhere"
    elsewhere.mkdir()
    home.hook("boot", f"ls {elsewhere} >> {home.root}/seen").parent.mkdir(exist_ok=True)
    home.service("main").settings(probes={"file": "/elsewhere/ready"})
    instance = home.start().wait_state("UP")
    until((elsewhere / "ready").exists, "the status file")
    instance.kill()
    home.end()
    assert (elsewhere / "ready").exists(), "nobody was left to remove it"
    home.settings(probes={"file": None})
    assert home.start().wait_state("UP").stop() == 0
    assert not (elsewhere / "ready").exists()
    assert (home.root / "seen").read_text() == ""


@pytest.mark.rule("D-probe-file")
def test_a_reload_moves_it(home: Home) -> None:
    home.service("main").settings(probes={"file": "ready"})
    instance = home.start().wait_state("UP")
    until(status_file(home).exists, "the status file")
    home.settings(probes={"file": "other"})
    home.write_config()
    assert home.ww("reload").returncode == 0
    until((home.root / "run/other").exists, "the status file at its new place")
    assert not status_file(home).exists()
    assert instance.stop() == 0
    assert not (home.root / "run/other").exists()


@pytest.mark.rule("D-probe-file")
def test_one_that_cannot_be_written_is_said_once_and_tried_again(home: Home) -> None:
    home.service("main").settings(probes={"file": "/not/there/ready"}, monitor={"interval_s": 0.1})
    home.hook("monitor")
    instance = home.start().wait_state("UP").wait_message("status file")
    (home.root / "not/there").mkdir(parents=True)
    until((home.root / "not/there/ready").exists, "the status file")
    assert instance.messages().count("the status file") == 1
    assert instance.stop() == 0


@pytest.mark.rule("D-notify-up-ready")
@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_whoever_started_it_hears_each_state_and_ready_once(home: Home, kind: str) -> None:
    address = str(home.root / "notify") if kind == "path" else f"@ww-{os.urandom(8).hex()}"
    home.service("main")
    with Superior(address) as superior:
        instance = home.start(env={"NOTIFY_SOCKET": address}).wait_state("UP")
        until(superior.ready, "READY=1")
        assert instance.stop() == 0
        until(lambda: superior.last("STATUS=STOPPED"), "the last word")
        said = [message.split("\n")[0] for message in superior.heard() if message.startswith("STATUS=")]
        states = [words.removeprefix("STATUS=").partition(":")[0].partition(";")[0] for words in said]
        assert states == ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP", "STOPPING", "STOPPED"]
        assert sum("READY=1" in message for message in superior.heard()) == 1


@pytest.mark.rule("D-notify-up-ready")
def test_a_restart_is_reloading_with_its_time_then_ready(home: Home) -> None:
    home.service("main")
    superior, env = under(home)
    with superior:
        instance = home.start(env=env).wait_state("UP")
        before_us = time.monotonic_ns() // 1000
        assert home.ww("restart").returncode == 0
        until(lambda: [m for m in superior.heard() if "READY=1" in m][1:], "READY=1 again")
        reloading = next(message for message in superior.heard() if "RELOADING=1" in message)
        moment = next(line for line in reloading.split("\n") if line.startswith("MONOTONIC_USEC="))
        assert before_us - 1000 <= int(moment.partition("=")[2]) <= time.monotonic_ns() // 1000
        assert instance.stop() == 0


@pytest.mark.rule("D-notify-up-ready")
@pytest.mark.parametrize("address", ["/not/there", "vsock:2:1234", "relative", "/" + "x" * 200])
def test_one_that_does_not_listen_is_no_reason_not_to_boot(home: Home, address: str) -> None:
    home.service("main")
    instance = home.start(env={"NOTIFY_SOCKET": address}).wait_state("UP")
    assert instance.messages().count("NOTIFY_SOCKET") == 1
    assert instance.stop() == 0


@pytest.mark.rule("D-notify-up-ready")
def test_one_that_never_reads_is_not_waited_for_and_hears_the_latest_word_when_it_does(home: Home) -> None:
    address = str(home.root / "notify")
    home.service("main").hook("monitor")
    home.settings(monitor={"interval_s": 0.1})
    deaf = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    deaf.bind(address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler:
        filler.setblocking(False)
        filled = 0
        while True:
            try:
                filler.sendto(b"STATUS=filler", address)
            except BlockingIOError:
                break
            filled += 1
    instance = home.start(env={"NOTIFY_SOCKET": address}).wait_state("UP")
    assert home.ww("healthcheck").returncode == 0
    deaf.settimeout(PATIENCE_S)
    heard = [deaf.recv(1 << 16) for _ in range(filled)]
    assert set(heard) == {b"STATUS=filler"}
    until(lambda: b"READY=1" in deaf.recv(1 << 16), "READY=1")
    deaf.close()
    assert instance.stop() == 0


@pytest.mark.rule("D-notify-up-watchdog")
def test_signs_of_life_come_twice_within_the_limit(home: Home) -> None:
    home.service("main")
    superior, env = under(home, WATCHDOG_USEC="200000")
    with superior:
        instance = home.start(env=env).wait_state("UP")
        before = superior.heard().count("WATCHDOG=1")
        until(lambda: superior.heard().count("WATCHDOG=1") >= before + 11, "eleven signs of life")
        sent_s = superior.sent_s("WATCHDOG=1")[before : before + 11]
        assert sent_s[-1] - sent_s[0] >= 0.8, "not in a burst"
        assert instance.stop() == 0


@pytest.mark.rule("D-notify-up-watchdog")
@pytest.mark.parametrize(
    "given", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": ""}]
)
def test_signs_of_life_are_not_for_others(home: Home, given: dict[str, str]) -> None:
    home.service("main")
    superior, env = under(home, **{"WATCHDOG_USEC": "1000", **given})
    with superior:
        instance = home.start(env=env).wait_state("UP")
        until(superior.ready, "READY=1")
        assert instance.stop() == 0
        assert "WATCHDOG=1" not in superior.heard()


@pytest.mark.rule("D-notify-up-extend")
def test_more_time_is_asked_for_while_it_starts_and_while_it_stops(home: Home) -> None:
    home.service("main").settings(stop={"budget_s": 7})
    superior, env = under(home)
    with superior:
        instance = home.start(env=env).wait_state("UP")
        until(superior.ready, "READY=1")
        first_ready = next(n for n, message in enumerate(superior.heard()) if "READY=1" in message)
        assert "EXTEND_TIMEOUT_USEC=60000000" in superior.heard()[:first_ready]
        assert instance.stop() == 0
        until(lambda: superior.last("STOPPING="), "STOPPING=1")
        stopping = next(message for message in superior.heard() if "STOPPING=1" in message)
        asked = next(line for line in stopping.split("\n") if line.startswith("EXTEND_TIMEOUT_USEC="))
        assert 7_000_000 <= int(asked.partition("=")[2]) <= 8_000_000


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def leaked(path: Path, address: str) -> list[str]:
    """What is told to ww alone and stands in the environment that was written down in `path`."""
    lines = until(lambda: read(path).splitlines(), f"{path}")
    return [line for line in lines if line.startswith("WATCHDOG_") or line == f"NOTIFY_SOCKET={address}"]


@pytest.mark.rule("D-notify-up-private")
def test_hooks_and_services_do_not_get_it(home: Home) -> None:
    names = ("boot", "firstboot", "upgrade", "svcup", "warmup", "monitor", "lifecycle", "pushstats", "svcdown")
    for name in names:
        home.hook(name, f"env > {home.root}/env-{name}")
    home.service("main", f"env > {home.root}/env-main; exec sleep 300")
    (home.root / "tell.py").write_text(
        "import os, socket\n"
        "address = os.environ['NOTIFY_SOCKET'].replace('@', chr(0), 1)\n"
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'READY=1', address)\n"
    )
    told = f"{sys.executable} {home.root}/tell.py"
    home.service("told", f"env > {home.root}/env-told; {told}; exec sleep 300", readiness={"notify": True})
    superior, env = under(home, WATCHDOG_USEC="60000000")
    with superior:
        instance = home.start(env=env).wait_state("UP")
        until(lambda: "WW_STATE=UP" in read(home.root / "env-pushstats"), "the end of pushstats")
        assert instance.stop() == 0
        for name in (*names, "main", "told"):
            assert not leaked(home.root / f"env-{name}", superior.address), name
        assert "READY=1" not in superior.heard(), "what a service says is for ww"


@pytest.mark.rule("D-notify-up-private", "D-notify-up-ready")
def test_a_wrapped_command_does_not_get_it_either(home: Home) -> None:
    superior, env = under(home)
    with superior:
        instance = home.start("--", "/bin/sh", "-c", f"env > {home.root}/env-main; exec sleep 300", env=env)
        until(superior.ready, "READY=1")
        assert not leaked(home.root / "env-main", superior.address)
        instance.stop()
        until(lambda: superior.last("STOPPING=") == "STOPPING=1", "STOPPING=1")


def opened(instance: Instance) -> int:
    return len(os.listdir(f"/proc/{instance.process.pid}/fd"))


@pytest.mark.rule("D-notify-up-ready")
def test_speaking_upward_leaves_no_descriptor(home: Home) -> None:
    home.service("main").settings(probes={"file": "ready"}, restart={"backoff_s": 0, "limit": 100})
    superior, env = under(home, WATCHDOG_USEC="20000")
    with superior:
        instance = home.start(env=env).wait_state("UP")
        assert home.ww("restart").returncode == 0
        before = opened(instance)
        for _ in range(5):
            assert home.ww("restart").returncode == 0
        until(lambda: opened(instance) <= before, "as many descriptors as before")
        assert instance.stop() == 0
