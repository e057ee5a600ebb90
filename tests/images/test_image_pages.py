"""The pages of the images: every setting stands there, and the images are what `ww check` asks for."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.imagehome import WW, schema_keys, table_keys
from tests.support.paths import REPO

IMAGES = [path.parents[2] for path in sorted((REPO / "images").glob("*/ww/etc/cfg_schema.json"))]
STORES = [image for image in IMAGES if image.name in ("postgres", "redis")]


@pytest.mark.rule("D-image-readme")
@pytest.mark.parametrize("image", STORES, ids=lambda image: image.name)
def test_the_readme_names_every_setting_and_no_other(image: Path) -> None:
    schema = json.loads((image / "ww/etc/cfg_schema.json").read_text())
    keys, told = schema_keys(schema), table_keys((image / "README.md").read_text())
    groups = {key for key in keys if any(other.startswith(f"{key}.") for other in keys)}
    assert keys - groups <= told
    assert told <= keys
    version = (image / "ww/etc/version").read_text().strip()
    assert f"whaleware/{image.name}:{version}" in (image / "README.md").read_text()


@pytest.mark.rule("D-image-readme")
@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_ww_check_finds_nothing_in_an_image(image: Path) -> None:
    done = subprocess.run([*WW, "check", str(image / "ww")], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stdout
    assert "nothing found" in done.stdout


@pytest.mark.parametrize("image", STORES, ids=lambda image: image.name)
def test_defaults_in_the_readme_are_those_of_the_image(image: Path) -> None:
    """The third column of a table of settings is the default, as JSON, where there is one."""
    defaults = json.loads((image / "ww/etc/default_cfg.json").read_text())
    for line in (image / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split(" | ")]
        key = cells[0].strip("| `")
        if len(cells) == 3 and "NAME" not in key and line.startswith("| `") and cells[1].startswith("`"):
            value = defaults
            for part in key.split("."):
                value = value[part]
            assert json.loads(cells[1].strip("`")) == value, key
