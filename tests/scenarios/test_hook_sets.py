"""The hook sets that we ship run as they are: the template that authors copy, and the example image."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.freeport import free_port
from tests.support.running import Running, ww_command

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATE = ROOT / "hooks-template"
NOTES = ROOT / "images" / "notes" / "ww"

pytestmark = pytest.mark.timeout(60)


def _start(root: Path, log: str, *sets: str) -> Running:
    settings = [word for value in ("ww.log.format=json", "ww.monitor.interval_s=1", *sets) for word in ("--set", value)]
    return Running([ww_command(), "run", "--root", str(root), *settings], root.parent / log)


def _place(source: Path, tmp_path: Path) -> Path:
    root = tmp_path / "root"
    shutil.copytree(source, root / "ww", ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.fixture
def port() -> int:
    """A TCP port that nobody listens on."""
    return free_port()


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A root with the example image."""
    return _place(NOTES, tmp_path)


def _post(port: int, text: str) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("POST", "/notes", json.dumps({"text": text}), {"Content-Type": "application/json"})
        assert connection.getresponse().status == 201


def _texts(port: int) -> list[str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("GET", "/notes")
        return [note["text"] for note in json.loads(connection.getresponse().read())]


def _ww(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "WW_ROOT": str(root)}
    return subprocess.run([ww_command(), *words], env=env, capture_output=True, text=True, check=False)


@pytest.mark.rule("WW-1", "WW-3", "WW-4", "WW-16", "D-hook-contract")
def test_the_template_reaches_up_and_stops_as_it_stands(tmp_path: Path) -> None:
    root = _place(TEMPLATE, tmp_path)
    with _start(root, "log") as running:
        running.until_state("UP").until(lambda it: it.said("lifecycle")[-1:] == [f"{_name(it)} is UP"], "lifecycle UP")
        assert running.stop() == 0
    assert running.states() == ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP", "STOPPING", "STOPPED"]
    assert "example service: stopping" in running.said("svcup")
    assert not [text for text in running.said("ww") if text.startswith("ended ")], "svcdown stopped it, no sweep had to"


@pytest.mark.rule("D-init-runs")
@pytest.mark.parametrize("left", ["a service process", "a daemon of svcup"])
def test_either_way_of_the_template_runs_alone(tmp_path: Path, left: str) -> None:
    """What `ww init` made reaches UP, heals and stops also when the author has deleted one of the two ways."""
    root = tmp_path / "root"
    assert _ww(tmp_path, "init", str(root)).returncode == 0
    if left == "a service process":
        (root / "ww/usr/svcup").unlink()
        (root / "ww/usr/svcdown").unlink()
    else:
        shutil.rmtree(root / "ww/usr/services")
        defaults = root / "ww/etc/default_cfg.json"
        configured = json.loads(defaults.read_text())
        del configured["ww"]["services"]
        defaults.write_text(json.dumps(configured))
    checked = _ww(root, "check", "--strict", str(root))
    assert checked.returncode == 0, checked.stdout
    with _start(root, "log") as running:
        running.until_state("UP").until(lambda it: it.said("lifecycle")[-1:] == [f"{_name(it)} is UP"], "lifecycle UP")
        running.signal(signal.SIGUSR1)
        running.until(lambda it: it.said("signal"), "the hook signal")
        running.signal(signal.SIGHUP)
        running.until_state("UP", times=2)
        assert running.stop() == 0
    source = "web" if left == "a service process" else "svcup"
    assert "example service: stopping" in running.said(source)
    assert not [text for text in running.said("ww") if text.startswith("ended ")], "no sweep had to"


def _name(running: Running) -> str:
    return running.said("lifecycle")[-1].split(" is ")[0]


@pytest.mark.rule("WWA-6")
def test_the_template_heals(tmp_path: Path) -> None:
    root = _place(TEMPLATE, tmp_path)
    with _start(root, "log") as running:
        running.until_state("UP")
        (root / "run/example.heartbeat").write_text("0\n")
        os.kill(int((root / "run/example.pid").read_text()), 19)  # STOP: alive, and silent
        running.until_state("RESTARTING").until_state("UP", times=2)
        assert running.stop() == 0


@pytest.mark.rule("D-hook-75")
def test_notes_waits_for_a_port_that_is_taken(notes: Path, port: int) -> None:
    stranger = socket.create_server(("127.0.0.1", port))
    with stranger, _start(notes, "log", f"port={port}", "ww.hooks.svcup.retry_delay_s=0.2") as running:
        running.until(lambda it: any("cannot listen" in text for text in it.said("svcup")), "the first try")
        stranger.close()
        running.until_state("UP")
        assert running.stop() == 0
    assert "RESTARTING" not in running.states()


@pytest.mark.rule("D-exit-78")
def test_notes_refuses_a_wrong_configuration_before_anything_runs(notes: Path) -> None:
    with _start(notes, "log", 'port="many"') as running:
        assert running.wait() == 78
    assert running.states() == ["ERROR"]
    assert not (notes / "data/notes").exists()


@pytest.mark.rule("D-backup-on-demand")
def test_notes_comes_back_from_a_backup(notes: Path, port: int) -> None:
    with _start(notes, "first.log", f"port={port}") as running:
        running.until_state("UP")
        _post(port, "keep me")
        backup = _ww(notes, "backup", "before")
        assert backup.returncode == 0, backup.stderr
        _post(port, "lose me")
        assert _ww(notes, "restore", "before").returncode == 75, "not under a live instance"
        assert running.stop() == 0
    restore = _ww(notes, "restore", "before")
    assert restore.returncode == 0, restore.stderr
    with _start(notes, "second.log", f"port={port}") as running:
        running.until_state("UP")
        assert _texts(port) == ["keep me"]
        assert running.stop() == 0


def _scripts() -> list[Path]:
    folders = [
        TEMPLATE / "usr",
        TEMPLATE / "usr/services/web",
        TEMPLATE / "files",
        NOTES / "usr",
        NOTES / "usr/upgrade.d",
    ]
    files = sorted(path for folder in folders for path in folder.iterdir() if path.is_file())
    return [path for path in [*files, ROOT / "scripts/demo"] if path.read_bytes().startswith(b"#!/bin/sh")]


@pytest.mark.parametrize("path", _scripts(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_hook_is_executable_strict_and_plain_sh(path: Path) -> None:
    assert os.access(path, os.X_OK)
    assert "\nset -eu\n" in path.read_text()
    assert subprocess.run(["sh", "-n", str(path)], check=False).returncode == 0


def test_shellcheck_finds_nothing() -> None:
    shellcheck = shutil.which("shellcheck", path=f"{os.path.dirname(ww_command())}:{os.environ['PATH']}")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed (Debian package shellcheck)")
    found = subprocess.run([shellcheck, *map(str, _scripts())], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
