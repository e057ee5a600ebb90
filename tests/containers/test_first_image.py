"""docs/your-first-image.md, typed; and the image that it makes, run as docs/kubernetes.md and docs/compose.md run it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.errors import ImageNotFound, NotFound

from tests.containers.conftest import Boxes
from tests.support import firstimage
from tests.support.engine import PREFIX, Engine
from tests.support.manifests import (
    FROM_THE_POD,
    compose_files,
    config_maps,
    containers,
    environment_of_pod,
    environment_of_service,
    kubernetes_manifests,
)
from tests.support.pages import matches
from tests.support.services import server
from tests.support.waiting import until
from ww import __version__

PASSWORD = "correct-horse"
TAG, NAME, VOLUME = "broker:1.0", "broker", "broker-data"
"""What the page itself makes."""


def clear(engine: Engine) -> None:
    """Nothing stays of the page, also when a command of it failed."""
    for remove, gone in (
        (lambda: engine.containers.get(NAME).remove(v=True, force=True), NotFound),
        (lambda: engine.volumes.get(VOLUME).remove(force=True), NotFound),
        (lambda: engine.volumes.get(f"{NAME}-backup").remove(force=True), NotFound),
        (lambda: engine.images.remove(TAG, force=True), ImageNotFound),
    ):
        try:
            remove()
        except gone:
            pass


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Iterator[firstimage.Desk]:
    engine.image("base")
    clear(engine)
    yield firstimage.Desk(tmp_path, server("docker"))
    clear(engine)


@pytest.mark.timeout(900)
@pytest.mark.rule("D-first-image")
def test_everything_on_the_page_of_the_first_image_works_as_it_stands(desk: firstimage.Desk) -> None:
    assert f"FROM whaleware/base:{__version__}\n" in firstimage.dockerfile(), "the page names the version of this tree"
    for commands, answer in firstimage.BLOCKS:
        # With another prefix of tags (WW_IMAGES) the base is called otherwise: that alone is not typed as it stands.
        output = desk.type(commands.replace("FROM whaleware/base:", f"FROM {PREFIX}/base:"))
        if answer:
            assert matches(answer, output), f"$ {commands}\n--- answers\n{output}\n--- and the page says\n{answer}"


@pytest.mark.rule("D-first-image")
def test_the_page_walks_the_whole_way() -> None:
    typed = "".join(commands for commands, _ in firstimage.BLOCKS)
    for command in ("ww init", "ww check", "docker build", "docker run", "-e CFG=", "docker exec", "docker stop"):
        assert command in typed


@pytest.fixture(scope="module")
def broker(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page's image, under a tag that the page does not remove."""
    directory = tmp_path_factory.mktemp("author")
    firstimage.author(directory)
    text = firstimage.dockerfile().replace(f"whaleware/base:{__version__}", engine.image("base"))
    return engine.derived(directory, text, "first-image")


def secrets(directory: Path, group: int | None, mode: int) -> str:
    """A directory to be bound to /run/secrets."""
    made = directory / "secrets"
    made.mkdir(mode=0o755)
    file = made / "mqtt-password"
    file.write_text(f"{PASSWORD}\n")
    file.chmod(mode)
    if group is not None:
        os.chown(file, -1, group)
    return str(made)


def as_docker(container: dict[str, Any], spec: dict[str, Any], directory: Path, volume: str) -> dict[str, Any]:
    """What a kubelet makes of a pod, as far as its container sees it, in the words of the docker SDK."""
    pod, own = spec["securityContext"], container["securityContext"]
    volumes = {one["name"]: one for one in spec["volumes"]}
    binds: dict[str, dict[str, str]] = {}
    tmpfs: dict[str, str] = {}
    for mount in container["volumeMounts"]:
        source = volumes.get(mount["name"], {})
        if "configMap" in source:
            place = directory / mount["name"]
            place.mkdir()
            for name, text in config_maps()[source["configMap"]["name"]].items():
                (place / name).write_text(text)
            binds[str(place)] = {"bind": mount["mountPath"], "mode": "ro"}
        elif "secret" in source:
            place_of_secrets = secrets(directory, pod["fsGroup"], source["secret"]["defaultMode"])
            binds[place_of_secrets] = {"bind": mount["mountPath"], "mode": "ro"}
        elif "emptyDir" in source or mount["name"] != "data":
            tmpfs[mount["mountPath"]] = "mode=0777"
        else:
            binds[volume] = {"bind": mount["mountPath"], "mode": "rw"}
    return {
        "environment": environment_of_pod(container),
        "user": f"{pod['runAsUser']}:{pod['runAsGroup']}",
        "group_add": [pod["fsGroup"]],
        "read_only": own["readOnlyRootFilesystem"],
        "cap_drop": own["capabilities"]["drop"],
        "security_opt": ["no-new-privileges"],
        "mem_limit": "128m",
        "volumes": binds,
        "tmpfs": tmpfs,
    }


def published(box: Any) -> str:
    """What comes of a message."""
    client = f"-u sensors -P {PASSWORD} -t a/b"
    assert box.exec(f"mosquitto_pub {client} -m 1 -r").exit_code == 0
    return box.exec(f"mosquitto_sub {client} -C 1 -W 5").output.decode().strip()


@pytest.mark.rule("D-kubernetes-doc", "D-everywhere")
def test_the_image_runs_as_tight_as_in_kubernetes(broker: str, volume: str, container: Boxes, tmp_path: Path) -> None:
    (stateful,) = [one for one in kubernetes_manifests() if one["kind"] == "StatefulSet"]
    spec, (asked,) = stateful["spec"]["template"]["spec"], containers(stateful)
    box = container(broker, **as_docker(asked, spec, tmp_path, volume))
    box.wait_state("UP")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        code, said = box.exec(asked[probe]["exec"]["command"])
        assert code == 0, said
    assert box.ask()["labels"] == dict.fromkeys(("pod", "namespace", "node"), FROM_THE_POD)
    assert box.exec("ww cfg max_connections").output == b"500\n"
    assert published(box) == "1"
    assert box.exec("touch /ww/x").exit_code != 0, "the root is read-only"
    changed = tmp_path / "config" / "cfg.json"
    changed.write_text(changed.read_text().replace("500", "600"))
    code, said = box.exec("ww reload")
    assert code == 0, said
    assert box.exec("ww cfg max_connections").output == b"600\n", "a change of the ConfigMap arrives by ww reload"
    began = time.monotonic()
    assert box.stop(spec["terminationGracePeriodSeconds"]) == 0
    assert time.monotonic() - began >= 5, "it drained"


@pytest.mark.rule("D-compose-doc", "D-everywhere")
def test_the_image_runs_as_tight_as_in_compose(broker: str, volume: str, container: Boxes, tmp_path: Path) -> None:
    service = compose_files()[0]["services"]["broker"]
    box = container(
        broker,
        environment=environment_of_service(service),
        user=service["user"],
        read_only=service["read_only"],
        cap_drop=service["cap_drop"],
        security_opt=["no-new-privileges"],
        tmpfs=dict.fromkeys(service["tmpfs"], ""),
        mem_limit=service["mem_limit"],
        pids_limit=service["pids_limit"],
        volumes={
            volume: {"bind": "/data", "mode": "rw"},
            secrets(tmp_path, None, 0o444): {"bind": "/run/secrets", "mode": "ro"},
        },
    )
    box.wait_state("UP")
    assert box.exec(service["healthcheck"]["test"][1:]).exit_code == 0
    assert box.ask()["labels"] == {"host": "unknown"}
    assert published(box) == "1"
    assert box.stop(25) == 0


@pytest.mark.rule("D-first-image", "D-secret-masked")
def test_without_its_secret_it_says_what_is_missing_and_with_it_nobody_sees_it(
    broker: str, container: Boxes, tmp_path: Path
) -> None:
    without = container(broker)
    until(lambda: "/run/secrets/mqtt-password" in without.logs(), "the name of what is missing", 60)
    assert "UP" not in without.states()
    assert without.stop() == 0
    box = container(broker, volumes={secrets(tmp_path, None, 0o444): {"bind": "/run/secrets", "mode": "ro"}})
    box.wait_state("UP")
    assert PASSWORD not in box.logs()
    assert PASSWORD.encode() not in box.exec("ww cfg").output
    box.raw.reload()
    assert PASSWORD not in str(box.raw.attrs)
