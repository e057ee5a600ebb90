"""docs/compose.md: its example is what Compose takes and what ww takes, and its times fit together."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.manifests import compose_files, configuration, environment_of_service, seconds_of_stop
from tests.support.pages import fenced
from tests.support.paths import REPO
from ww.cli.main import COMMANDS

PAGE = (REPO / "docs" / "compose.md").read_text()
SERVICES = [(name, service) for file in compose_files() for name, service in file["services"].items()]
pytestmark = pytest.mark.rule("D-compose-doc")


def judge(file: Path) -> subprocess.CompletedProcess[str]:
    """The schema of the Compose specification, as check-jsonschema brings it."""
    command = [sys.executable, "-P", "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def seconds(text: str) -> float:
    """A duration of Compose: `1m30s`."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)([hms])", text))


@pytest.mark.parametrize("text", fenced(PAGE, "yaml"))
def test_the_example_is_valid(text: str, tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(text)
    judged = judge(file)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_a_mistyped_field_would_be_found(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(fenced(PAGE, "yaml")[0].replace("stop_grace_period", "stop_grace_periode"))
    judged = judge(file)
    assert judged.returncode == 1
    assert "stop_grace_periode" in judged.stdout


@pytest.mark.parametrize("file", compose_files())
def test_what_a_service_refers_to_is_there(file: dict[str, Any]) -> None:
    for service in file["services"].values():
        assert set(service.get("secrets", [])) <= set(file["secrets"])
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(file["volumes"])
        for other, condition in service.get("depends_on", {}).items():
            assert condition == {"condition": "service_healthy"}
            assert "healthcheck" in file["services"][other]


def test_the_example_is_healthy_by_ww_and_tight() -> None:
    broker = dict(SERVICES)["broker"]
    mode, program, verb = broker["healthcheck"]["test"]
    assert (mode, program) == ("CMD", "ww")
    assert verb in COMMANDS
    assert seconds(broker["healthcheck"]["timeout"]) > 5, "ww healthcheck gives up after 5 s"
    assert seconds(broker["healthcheck"]["start_period"]) >= 600, "a first boot takes its time"
    assert broker["read_only"]
    assert broker["cap_drop"] == ["ALL"]
    assert broker["user"] not in ("0", "root")
    assert {volume.split(":")[1] for volume in broker["volumes"]} == {"/data", "/backup"}


@pytest.mark.parametrize(("name", "service"), SERVICES, ids=[name for name, _ in SERVICES])
def test_the_configuration_is_right_and_the_grace_period_is_longer_than_a_stop(
    name: str, service: dict[str, Any], tmp_path: Path
) -> None:
    cfg = configuration(environment_of_service(service), tmp_path, author=name == "broker")
    budget_s, drain_s = seconds_of_stop(cfg)
    assert seconds(service.get("stop_grace_period", "10s")) > budget_s > drain_s


def test_docker_run_says_the_same_as_the_file() -> None:
    broker = dict(SERVICES)["broker"]
    command = PAGE.split("    docker run -d", 1)[1].split("\n\n", 1)[0]
    for words in (
        f"--stop-timeout {seconds(broker['stop_grace_period']):.0f}",
        f"-e CFG='{broker['environment']['CFG']}'",
        f"--user {broker['user']}",
        "--read-only",
        f"--tmpfs {broker['tmpfs'][0]}",
        f"--cap-drop {broker['cap_drop'][0]}",
        f"--restart {broker['restart']}",
        f"-p {broker['ports'][0]}",
        broker["image"],
        f"--log-driver {broker['logging']['driver']}",
        *(f"--log-opt {name}={value}" for name, value in broker["logging"]["options"].items()),
    ):
        assert words in command, words


def test_the_yaml_of_the_page_has_no_key_twice() -> None:
    for text in fenced(PAGE, "yaml"):
        node = yaml.compose(text)
        assert isinstance(node, yaml.MappingNode)
        for mapping in [node, *(value for _, value in node.value if isinstance(value, yaml.MappingNode))]:
            names = [key.value for key, _ in mapping.value]
            assert len(names) == len(set(names))
