"""Layers in the order of how often they change: what is built again, and what is pulled again, is the little that is new.

The engine's own digests tell: two layers with one digest are one, on its disk and on the wire.
"""

from __future__ import annotations

import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest

import ww
from tests.support.paths import REPO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.containers.conftest import Boxes
    from tests.support.engine import Engine

BUILT = REPO / "build" / "images"
"""Where images/build keeps what it has made the images of."""
CHANGED = "ww/entrypoint.py"
OURS_MB = 6
pytestmark = pytest.mark.rule("D-image-layers")


@pytest.fixture(scope="module")
def wheelhouse_with_a_change(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The builder's context as it is after a line was added to one of our source files."""
    engine.image("base")
    context = tmp_path_factory.mktemp("changed")
    shutil.copytree(BUILT / "tree-context", context, dirs_exist_ok=True)
    (wheel,) = (context / "wheelhouse").glob("whaleware-*.whl")
    kept = wheel.rename(context / wheel.name)
    with zipfile.ZipFile(kept) as old, zipfile.ZipFile(wheel, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name) + (b"CHANGED = True\n" if name == CHANGED else b""))
    kept.unlink()
    return context


def size_mb(engine: Engine, tag: str, layer: int) -> float:
    """Of one layer of files, counted from the top."""
    sizes = [step["Size"] for step in engine.images.get(tag).history() if step["Size"]]
    return float(sizes[layer]) / 1e6


def test_a_change_of_ours_is_a_small_layer_over_the_same_large_one(
    engine: Engine,
    wheelhouse_with_a_change: Path,
    tmp_path: Path,
    container: Boxes,
    record_property: Callable[..., None],
) -> None:
    before = engine.image("base")
    builder = engine.build(
        wheelhouse_with_a_change, REPO / "images/lib/Dockerfile.tree", "builder-changed", BASE="debian:bookworm-slim"
    )
    overlay = engine.on_tree(builder, tmp_path, "overlay-changed")
    after = engine.build(tmp_path, REPO / "Dockerfile.base", "base-changed", BASE="debian:bookworm-slim")
    *kept, ours = engine.layers(before)
    assert engine.layers(after)[:-1] == kept
    assert engine.layers(after)[-1] != ours
    assert engine.layers(overlay) == engine.layers(after)[-2:]
    record_property("size of the layer of ww itself", f"{size_mb(engine, after, 0):.1f} MB")
    assert size_mb(engine, after, 0) < OURS_MB < size_mb(engine, after, 1)
    box = container(after)
    box.wait_state("UP")
    assert (
        box.exec(["sh", "-c", f"tail -n 1 /ww/lib/py/lib/python3*/dist-packages/{CHANGED}"]).output
        == b"CHANGED = True\n"
    )
    assert box.stop() == 0


def test_another_version_in_the_labels_changes_no_layer(engine: Engine) -> None:
    before, context = engine.image("base"), BUILT / "base-context"
    same, other = (
        engine.build(
            context, REPO / "Dockerfile.base", f"label-{version}", BASE="debian:bookworm-slim", VERSION=version
        )
        for version in (ww.__version__, "9.9")
    )
    assert engine.layers(before) == engine.layers(same) == engine.layers(other)
    assert engine.images.get(before).id == engine.images.get(same).id != engine.images.get(other).id
    assert engine.images.get(other).labels["org.opencontainers.image.version"] == "9.9"


@pytest.mark.parametrize("name", ["nginx", "redis", "postgres", "webapp"])
def test_another_hook_of_a_service_image_leaves_its_packages_alone(engine: Engine, tmp_path: Path, name: str) -> None:
    before = engine.image(name)
    shutil.copytree(REPO / "images" / name, tmp_path / name)
    with (tmp_path / name / "ww" / "usr" / "monitor").open("a") as hook:
        hook.write("\n# one more line\n")
    arguments = {"BASE": engine.image("base"), "VERSION": before.rpartition(":")[2]}
    after = engine.build(tmp_path / name, tmp_path / name / "Dockerfile", f"{name}-hook", **arguments)
    same = [old == new for old, new in zip(engine.layers(before), engine.layers(after), strict=True)]
    # The last two are COPY and what `ww check --compile` makes of it; the layer beneath them is that of the packages.
    assert same == [True] * (len(same) - 2) + [False, False]
    assert len(same) == len(engine.layers(engine.image("base"))) + 3
