"""The examples of docs/kubernetes.md and docs/compose.md, and what they mean for an instance."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.support import firstimage
from tests.support.configs import Instance
from tests.support.pages import fenced
from tests.support.paths import REPO
from ww.config import settings

Manifest = dict[str, Any]
"""One object of Kubernetes, or a Compose file."""
FROM_THE_POD = "some-text"
"""What the downward API gives in tests."""


def kubernetes_manifests() -> list[Manifest]:
    """Every object of docs/kubernetes.md."""
    page = (REPO / "docs" / "kubernetes.md").read_text()
    return [one for block in fenced(page, "yaml") for one in yaml.safe_load_all(block)]


def compose_files() -> list[Manifest]:
    """Every Compose file of docs/compose.md."""
    return [yaml.safe_load(block) for block in fenced((REPO / "docs" / "compose.md").read_text(), "yaml")]


def containers(manifest: Manifest) -> list[Manifest]:
    """Those of a StatefulSet or a Deployment."""
    found: list[Manifest] = manifest["spec"]["template"]["spec"]["containers"]
    return found


def config_maps() -> dict[str, dict[str, str]]:
    """Their files, by name."""
    return {one["metadata"]["name"]: one["data"] for one in kubernetes_manifests() if one["kind"] == "ConfigMap"}


def environment_of_pod(container: Manifest) -> dict[str, str]:
    """The variables as the container gets them."""
    return {item["name"]: item.get("value", FROM_THE_POD) for item in container.get("env", [])}


def environment_of_service(service: Manifest) -> dict[str, str]:
    """The variables of a Compose service; of `${NAME:-default}` the default."""
    given: dict[str, str] = service.get("environment", {})
    return {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value) for name, value in given.items()}


def configuration(environ: dict[str, str], directory: Path, *, author: bool) -> dict[str, Any]:
    """The merged configuration, over that of the first image if `author`; what is wrong with it fails the test."""
    instance = Instance(directory / "instance")
    if author:
        (directory / "desk").mkdir()
        made = firstimage.author(directory / "desk")
        for name in ("default_cfg.json", "cfg_schema.json"):
            instance.put(name, (made / "etc" / name).read_text())
    return instance.cfg(environ)


def configuration_of(container: Manifest, spec: Manifest, directory: Path, *, author: bool) -> dict[str, Any]:
    """That of a pod's container, with what its CFG_FILE finds in a ConfigMap."""
    environ = environment_of_pod(container)
    if "CFG_FILE" in environ:
        place = Path(environ["CFG_FILE"])
        mount = next(one for one in container["volumeMounts"] if one["mountPath"] == str(place.parent))
        volume = next(one for one in spec["volumes"] if one["name"] == mount["name"])
        file = directory / place.name
        file.write_text(config_maps()[volume["configMap"]["name"]][place.name])
        environ["CFG_FILE"] = str(file)
    return configuration(environ, directory, author=author)


def seconds_of_stop(cfg: dict[str, Any]) -> tuple[float, float]:
    """`ww.stop.budget_s` and `ww.stop.drain_s`, with their defaults."""
    filled = settings.fill(cfg)
    return filled["stop.budget_s"], filled["stop.drain_s"]
