"""The tree /ww in the layer of an image: reproducible, small, and told in full."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.engine import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.containers.conftest import Boxes
    from tests.support.engine import Engine

LIMIT_BYTES = 55_000_000
LICENCE = re.compile(r"\.dist-info/(licenses/)?[^/]*(LICEN[CS]E|COPYING|NOTICE)", re.IGNORECASE)
pytestmark = pytest.mark.rule("D-image-same")


@pytest.fixture
def bill(engine: Engine, container: Boxes) -> dict[str, Any]:
    box = container(engine.image("base"))
    box.wait_state("UP")
    return json.loads(box.exec("cat /ww/lib/py/sbom.cdx.json").output)


def test_a_build_without_a_network_makes_the_same_layers_again(engine: Engine, tmp_path: Path) -> None:
    engine.image("base")
    again = engine.on_tree(f"{PREFIX}/builder", tmp_path, "same")
    assert engine.layers(again) == engine.layers(engine.image("overlay"))


def test_it_is_no_larger_than_it_is_said_to_be(engine: Engine, record_property: Callable[[str, object], None]) -> None:
    size = engine.images.get(engine.image("overlay")).attrs["Size"]
    record_property("size of /ww", f"{size / 1e6:.1f} MB")
    assert size <= LIMIT_BYTES


def test_the_bill_names_every_package_in_the_tree(bill: dict[str, Any], engine: Engine, container: Boxes) -> None:
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "whaleware")
    named = {part["purl"].split("@")[0] for part in bill["components"]}
    assert {"pkg:pypi/click", "pkg:pypi/jsonschema", "pkg:deb/debian/libc6", "pkg:deb/debian/libssl3"} <= named
    of_the_reporter = ("psutil", "requests", "urllib3", "certifi", "kazoo", "prometheus-client")
    assert {*(f"pkg:pypi/{name}" for name in of_the_reporter), "pkg:deb/debian/libsqlite3-0"} <= named
    assert all(part["version"] and part["licenses"] for part in bill["components"])
    box = container(engine.image("base"))
    box.wait_state("UP")
    infos = box.exec(["sh", "-c", "ls -d /ww/lib/py/lib/python3*/dist-packages/*.dist-info"]).output.decode().split()
    assert len(infos) == 1 + sum(name.startswith("pkg:pypi") for name in named)
    texts = box.exec(["sh", "-c", "ls -d /ww/lib/py/lib/python3*/dist-packages/*.dist-info/*"]).output.decode().split()
    texts += (
        box.exec(["sh", "-c", "ls -d /ww/lib/py/lib/python3*/dist-packages/*.dist-info/licenses/*"])
        .output.decode()
        .split()
    )
    licensed = {path.partition(".dist-info/")[0] + ".dist-info" for path in texts if LICENCE.search(path)}
    assert licensed == set(infos), set(infos) - licensed
    licences = set(box.exec("ls /ww/lib/py/licenses").output.decode().split())
    assert licences == {name.rpartition("/")[2] for name in named if name.startswith("pkg:deb")}


def test_the_layers_of_ww_are_the_same_under_two_images(engine: Engine) -> None:
    assert engine.layers(engine.image("base"))[-2:] == engine.layers(engine.image("overlay"))


LOADS = """
import sys
from _frozen_importlib_external import SourceFileLoader
file = "/ww/lib/py/lib/python3.11/dist-packages/ww/launch.py"
scope = {"__name__": "ww_launch", "__file__": file}
exec(SourceFileLoader("ww_launch", file).get_code("ww_launch"), scope)
package = file.rpartition("/")[0]
scope["_mount"](package)
scope["_load"]("/ww/run.bundle", package)
print("ww.entrypoint" in sys.modules)
"""


@pytest.mark.rule("D-bundle")
@pytest.mark.parametrize("copied", [False, True])
def test_the_bundle_is_good_in_a_layer_and_when_copied(
    engine: Engine, container: Boxes, tmp_path: Path, copied: bool
) -> None:
    image = engine.image("base")
    if copied:
        text = f"FROM {image}\nRUN rm -rf /ww\nCOPY --from={engine.image('overlay')} /ww /ww\n"
        image = engine.derived(tmp_path, text, "copied")
    box = container(image)
    box.wait_state("UP")
    assert box.exec(["/ww/lib/py/bin/python3", "-IS", "-c", LOADS]).output == b"True\n"
