"""docs/kubernetes.md: its examples are what Kubernetes takes and what ww takes, and their times fit together."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support import firstimage
from tests.support.configs import Instance
from tests.support.manifests import configuration_of, containers, kubernetes_manifests, seconds_of_stop
from ww.cli.main import COMMANDS
from ww.config import settings

MANIFESTS = kubernetes_manifests()
OLDEST = "1.29"
VERSIONS = (OLDEST, kubernetes_validate.latest_version())
pytestmark = pytest.mark.rule("D-kubernetes-doc")


def named(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']}-{manifest['metadata']['name']}"


def pods() -> list[dict[str, Any]]:
    return [manifest for manifest in MANIFESTS if manifest["kind"] in ("StatefulSet", "Deployment")]


def jobs() -> list[dict[str, Any]]:
    """Job objects, those of a CronJob with its name."""
    found = []
    for manifest in MANIFESTS:
        if manifest["kind"] == "CronJob":
            found.append({**manifest["spec"]["jobTemplate"], "kind": "Job", "metadata": manifest["metadata"]})
        elif manifest["kind"] == "Job":
            found.append(manifest)
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", MANIFESTS, ids=named)
def test_the_examples_are_valid(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_a_mistyped_field_would_be_found() -> None:
    manifest = copy.deepcopy(pods()[0])
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["readinesProbe"] = container.pop("readinessProbe")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("manifest", pods(), ids=named)
def test_what_a_pod_refers_to_is_there(manifest: dict[str, Any]) -> None:
    spec = manifest["spec"]["template"]["spec"]
    claims = manifest["spec"].get("volumeClaimTemplates", [])
    volumes = {volume["name"] for volume in spec.get("volumes", [])} | {claim["metadata"]["name"] for claim in claims}
    mounted = {mount["name"] for container in containers(manifest) for mount in container.get("volumeMounts", [])}
    assert mounted == volumes
    assert manifest["spec"]["selector"]["matchLabels"] == manifest["spec"]["template"]["metadata"]["labels"]
    there = {(one["kind"], one["metadata"]["name"]) for one in MANIFESTS}
    asked = {("ConfigMap", volume["configMap"]["name"]) for volume in spec.get("volumes", []) if "configMap" in volume}
    assert asked <= there


@pytest.mark.parametrize("manifest", pods(), ids=named)
def test_the_probes_are_commands_of_ww_that_may_take_their_time(manifest: dict[str, Any]) -> None:
    for container in containers(manifest):
        probes = {name: container[name] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
        for name, probe in probes.items():
            assert probe["timeoutSeconds"] > 5, "ww healthcheck gives up after 5 s"
            if "httpGet" in probe:
                continue
            program, verb = probe["exec"]["command"]
            assert program == "ww", name
            assert verb in COMMANDS, name
        start = probes["startupProbe"]
        assert start.get("periodSeconds", 10) * start["failureThreshold"] >= 600, "a first boot takes its time"
        alive = probes["livenessProbe"]
        asks_pid_1 = alive.get("exec") == {"command": ["ww", "status"]} or alive["httpGet"]["path"] == "/livez"
        assert asks_pid_1, "what is unwell heals itself"


@pytest.mark.parametrize("manifest", pods(), ids=named)
def test_probes_by_http_ask_for_pages_at_the_port_that_is_configured(manifest: dict[str, Any], tmp_path: Path) -> None:
    for container in containers(manifest):
        spec = manifest["spec"]["template"]["spec"]
        cfg = configuration_of(container, spec, tmp_path, author=container["image"] == "broker:1.0")
        for name, path in (("startupProbe", "/startupz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")):
            asked = container[name].get("httpGet")
            assert asked is None or asked == {"path": path, "port": cfg["ww"]["probes"]["http"]["port"]}


@pytest.mark.parametrize("manifest", pods(), ids=named)
def test_the_configuration_is_right_and_the_grace_period_is_longer_than_a_stop(
    manifest: dict[str, Any], tmp_path: Path
) -> None:
    spec = manifest["spec"]["template"]["spec"]
    for container in containers(manifest):
        cfg = configuration_of(container, spec, tmp_path, author=container["image"] == "broker:1.0")
        budget_s, drain_s = seconds_of_stop(cfg)
        assert spec.get("terminationGracePeriodSeconds", 30) > budget_s > drain_s
        labels = {
            item["name"].removeprefix("CFG__ww__labels__") for item in container["env"] if "labels" in item["name"]
        }
        assert set(cfg["ww"].get("labels", {})) == labels


def test_the_pod_with_data_is_as_tight_as_the_page_says() -> None:
    (stateful,) = [manifest for manifest in MANIFESTS if manifest["kind"] == "StatefulSet"]
    spec = stateful["spec"]["template"]["spec"]
    (container,) = containers(stateful)
    assert spec["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert {"/data", "/backup", "/tmp", "/run/secrets"} <= set(mounts)
    assert not spec["automountServiceAccountToken"], "its token would lie in /run/secrets"
    assert not any("subPath" in mount for mount in mounts.values()), "a file by subPath is never renewed"


@pytest.mark.rule("D-launch-ww")
@pytest.mark.parametrize("manifest", jobs(), ids=named)
def test_a_job_runs_a_command_of_ww_on_the_volumes_of_the_instance_as_its_user(manifest: dict[str, Any]) -> None:
    (stateful,) = [one for one in MANIFESTS if one["kind"] == "StatefulSet"]
    spec, own = manifest["spec"]["template"]["spec"], stateful["spec"]["template"]["spec"]
    (container,), (instance,) = containers(manifest), containers(stateful)
    word, verb, *_ = container["args"]
    assert "command" not in container, "the image's ENTRYPOINT is the launcher"
    assert word == "ww"
    assert verb in COMMANDS
    assert spec["securityContext"] == own["securityContext"]
    assert container["securityContext"] == instance["securityContext"]
    assert container["image"] == instance["image"]
    claims = {one["metadata"]["name"] for one in stateful["spec"]["volumeClaimTemplates"]}
    used = {one["persistentVolumeClaim"]["claimName"] for one in spec["volumes"] if "persistentVolumeClaim" in one}
    assert used == {f"{claim}-{stateful['metadata']['name']}-0" for claim in claims}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts == {"data": "/data", "backup": "/backup", "tmp": "/tmp"}


def test_the_stateful_set_has_a_headless_service_and_time_for_a_backup_before_an_upgrade() -> None:
    (stateful,) = [one for one in MANIFESTS if one["kind"] == "StatefulSet"]
    services = {one["metadata"]["name"]: one["spec"] for one in MANIFESTS if one["kind"] == "Service"}
    assert services[stateful["spec"]["serviceName"]]["clusterIP"] == "None"
    (container,) = containers(stateful)
    start = container["startupProbe"]
    assert start["periodSeconds"] * start["failureThreshold"] > settings.fill({})["hooks.backup.timeout_s"]


@pytest.mark.parametrize("manifest", pods(), ids=named)
def test_every_pod_is_tight(manifest: dict[str, Any]) -> None:
    spec = manifest["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    for container in containers(manifest):
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["resources"]["limits"]["memory"]


def test_the_page_shows_the_image_of_the_first_one() -> None:
    assert "broker:1.0" in firstimage.TEXT
    assert {container["image"] for manifest in pods() for container in containers(manifest)} == {
        "broker:1.0",
        "web:1.0",
    }


def test_a_label_that_reads_as_json_needs_the_colon_that_the_page_names(tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    (problem,) = instance.problems({"CFG__ww__labels__namespace": "42"})
    assert problem["path"] == "ww.labels.namespace"
    assert instance.cfg({"CFG__ww__labels__namespace:": "42"})["ww"]["labels"] == {"namespace": "42"}


def test_an_octal_mode_is_read_as_one() -> None:
    assert yaml.safe_load("0440") == 0o440
