"""docs/images.md, "Sinks", typed: a plugin and psycopg in an image, and events that go there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.support.imagespage import PAGE
from tests.support.pages import blocks, fenced
from tests.support.paths import REPO
from tests.support.services import server

if TYPE_CHECKING:
    from tests.containers.conftest import Boxes
    from tests.support.engine import Engine

WRITING = (REPO / "docs" / "writing-a-sink.md").read_text()
LIMIT_S = 180
PYTHON = "/ww/lib/py/bin/python3"
pytestmark = pytest.mark.rule("D-image-sinks")


def typed(commands: str, desk: Path) -> None:
    """In a shell that finds this environment's pip, which builds with what is there."""
    bin_directory = Path(sys.prefix) / "bin"
    env = {**os.environ, "PIP_NO_BUILD_ISOLATION": "false", "PATH": f"{bin_directory}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["/bin/sh", "-ec", commands], cwd=desk, env=env, capture_output=True, text=True, check=False, timeout=LIMIT_S
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    desk = tmp_path_factory.mktemp("desk")
    for commands, _ in blocks(WRITING):
        first, _, _ = commands.partition("\n")
        typed(first if first.startswith("pip wheel") else commands, desk)
        if first.startswith("pip wheel"):
            break
    (install,) = [commands for commands, _ in blocks(PAGE) if "--target plugins" in commands]
    typed(install, desk)
    shutil.copytree(REPO / "hooks-template", desk / "ww")
    (dockerfile,) = [text for text in fenced(PAGE, "dockerfile") if "plugins" in text]
    return engine.derived(desk, dockerfile.replace("whaleware/base", engine.image("base")), "plugins")


def test_the_table_is_frozen_and_nothing_of_ours_is_replaced(image: str, container: Boxes) -> None:
    box = container(image)
    box.wait_state("UP")
    table = json.loads(box.exec(["cat", "/ww/etc/sinks.check"]).output)
    assert list(table["types"]) == ["folder"]
    fresh = "from ww.config import plugins; print(sorted(plugins.read_table('/ww/etc') or ()))"
    assert box.exec([PYTHON, "-I", "-c", fresh]).output == b"['folder']\n", "the table holds in the container"
    known = json.loads(box.exec("ww sinks list --json").output)["types"]
    assert {"name": "folder", "origin": "ww-sink-folder 1.0"}.items() <= {
        key: value for one in known if one["name"] == "folder" for key, value in one.items()
    }.items()
    where = (
        "import typing_extensions, psycopg; print(typing_extensions.__file__, psycopg.__file__, psycopg.pq.__impl__)"
    )
    ours, theirs, made = box.exec([PYTHON, "-I", "-c", where]).output.decode().split()
    assert ours.startswith("/ww/lib/py/")
    assert theirs.startswith("/ww/lib/plugins/")
    assert made == "binary"


def test_events_go_to_a_plugin_and_to_postgresql(image: str, container: Boxes) -> None:
    host, _, port = server("postgres").partition(":")
    schema = f"images_{uuid.uuid4().hex[:12]}"
    sinks = {
        "out": {"type": "folder", "path": "/data/out"},
        "rows": {
            "type": "postgres",
            "host": "/pg",
            "port": int(port),
            "database": "postgres",
            "user": "ww",
            "schema": schema,
        },
    }
    with psycopg.connect(host=host, port=int(port), user="ww", dbname="postgres", autocommit=True) as connection:
        (place,) = connection.execute("SHOW unix_socket_directories").fetchone() or ("",)
        box = container(
            image,
            environment={"CFG": json.dumps({"ww": {"sinks": sinks}})},
            volumes={place: {"bind": "/pg", "mode": "rw"}},
            network_mode="none",
        )
        box.wait_state("UP")
        drained = box.exec("ww spool drain --timeout 30")
        assert drained.exit_code == 0, drained.output.decode() + box.logs()
        names = box.exec("ls /data/out").output.split()
        try:
            rows = connection.execute(f"SELECT state FROM {schema}.ww_events WHERE state IS NOT NULL ORDER BY id")
            states = [row[0] for row in rows]
        finally:
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    assert states[0] == "BOOT"
    assert states[-1] == "UP"
    assert len(names) >= len(states)
