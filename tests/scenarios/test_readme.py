"""What the README tells a new user to type, typed."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from tests.support.paths import COMMAND, REPO
from tests.support.waiting import until

TEXT = (REPO / "README.md").read_text()


def block(title: str, number: int = 0) -> list[str]:
    """The commands of a fenced block under a heading, without their comments."""
    section = TEXT.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = re.findall(r"```\n(.*?)```", section, re.DOTALL)[number].splitlines()
    return [line.split("  #")[0].rstrip() for line in lines]


@pytest.mark.rule("D-readme")
def test_your_own_service_in_a_minute(tmp_path: pathlib.Path) -> None:
    """From `ww init` to a running instance, asked and stopped, by the README's own lines."""
    (tmp_path / ".venv").symlink_to(COMMAND.parent.parent)
    *prepare, start = block("Your own service in a minute")
    for line in prepare:
        subprocess.run(["/bin/sh", "-ec", line], cwd=tmp_path, check=True)
    instance = subprocess.Popen(["/bin/sh", "-c", f"exec {start}"], cwd=tmp_path, stdout=subprocess.PIPE)
    try:
        state = tmp_path / "shop/run/state.json"
        until(lambda: state.exists() and json.loads(state.read_text())["state"] == "UP", "UP")
        for ask in block("Your own service in a minute", 1):
            follows = " -f " in f"{ask.partition('#')[0]} "
            limit = f"timeout 2 {ask} || test $? = 124" if follows else ask
            answer = subprocess.run(["/bin/sh", "-ec", limit], cwd=tmp_path, check=True, capture_output=True, text=True)
            assert answer.stdout
        instance.send_signal(signal.SIGINT)
        assert instance.wait(20) == 0
    finally:
        if instance.poll() is None:
            os.kill(instance.pid, signal.SIGKILL)
            instance.wait()
        if instance.stdout is not None:
            instance.stdout.close()


@pytest.mark.rule("D-readme")
def test_the_two_commands_exist_and_every_page_named_is_there() -> None:
    targets = re.findall(r"^([a-z]+):.*## ", (REPO / "Makefile").read_text(), re.MULTILINE)
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", TEXT, re.MULTILINE))
    assert {"demo", "test"} <= named <= set(targets)
    for link in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (REPO / link).exists(), link
