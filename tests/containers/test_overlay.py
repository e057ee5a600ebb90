"""The overlay: three lines in somebody else's Dockerfile, on whatever libc the image has, or none."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.engine import PREFIX
from tests.support.paths import REPO
from tests.support.receiver import Receiver
from tests.support.roots import MUSL, old_glibc
from tests.support.services import need
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.containers.conftest import Boxes
    from tests.support.engine import Box, Engine

THREE_LINES = 'COPY --from={overlay} /ww /ww\nCOPY ww /ww\nENTRYPOINT ["/ww/run"]\n'
ORDER = ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP"]
MISLEADING = {
    "LD_LIBRARY_PATH": "/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/lib/aarch64-linux-gnu",
    "PYTHONHOME": "/nowhere",
    "PYTHONPATH": "/nowhere",
}
"""What an image may set for its own programs."""
COUNT = (
    "import sqlite3; print(sqlite3.connect('/data/events.db').execute('select count(*) from ww_events').fetchone()[0])"
)
pytestmark = pytest.mark.rule("D-image-overlay")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """What an image's author has: a folder ww."""
    shutil.copytree(REPO / "hooks-template", tmp_path / "ww")
    return tmp_path


def overlaid(engine: Engine, context: Path, first: str, tag: str, last: str = "") -> str:
    return engine.derived(context, first + THREE_LINES.format(overlay=engine.image("overlay")) + last, f"overlay-{tag}")


def lives(box_of: Boxes, image: str) -> None:
    """To UP, asked by all three launchers, its events in a database, and down with 0."""
    cfg = {"heartbeat_s": 7, "ww": {"sinks": {"table": {"type": "sqlite", "path": "events.db"}}}}
    box = box_of(image, environment={"CFG": json.dumps(cfg), **MISLEADING})
    box.wait_state("UP")
    assert box.states() == ORDER
    assert box.ask()["services"][0]["state"] == "ready"
    assert box.exec(["/ww/cfg", "heartbeat_s"]).output == b"7\n"
    until(lambda: box.exec(["/ww/bin/ww", "healthcheck"]).exit_code == 0, "healthy")
    assert box.exec(["/ww/bin/ww", "spool", "drain", "--timeout", "20"]).exit_code == 0, box.logs()
    assert int(box.exec(["/ww/lib/py/bin/python3", "-IS", "-c", COUNT], environment={"LD_PRELOAD": ""}).output) >= len(
        ORDER
    )
    checked = box.exec(["/ww/bin/ww", "check", "--compile", "/ww"])
    assert checked.exit_code == 0, checked.output
    assert box.stop() == 0, box.logs()


@pytest.mark.parametrize("suite", ["bullseye", "trixie"])
def test_on_an_older_and_a_newer_glibc(engine: Engine, context: Path, container: Boxes, suite: str) -> None:
    image = f"debian:{suite}-slim"
    engine.fetch(image)
    lives(container, overlaid(engine, context, f"FROM {image}\n", suite))


def busybox(context: Path) -> str:
    """The line of a Dockerfile that adds all there is in an image without a libc."""
    need("busybox")
    programs = context / "root" / "bin"
    programs.mkdir(parents=True)
    shutil.copy("/bin/busybox", programs / "busybox")
    names = subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        if name != "busybox":
            (programs / name).symlink_to("busybox")
    return "COPY root /\n"


def test_where_there_is_no_libc_at_all(engine: Engine, context: Path, container: Boxes) -> None:
    lives(container, overlaid(engine, context, f"FROM scratch\n{busybox(context)}", "scratch"))


def test_a_preloaded_library_of_the_image_is_for_its_services_and_not_for_ww(
    engine: Engine, context: Path, container: Boxes
) -> None:
    """A newer glibc's allocator would end an older loader: it must come back for hooks and services, and only there."""
    engine.fetch("debian:trixie-slim")
    allocator = "RUN apt-get update && apt-get install -y --no-install-recommends libjemalloc2\nENV LD_PRELOAD=libjemalloc.so.2\n"
    image = overlaid(engine, context, "FROM debian:trixie-slim\n", "preload", allocator)
    lives(container, image)
    box = container(image)
    box.wait_state("UP")
    pid = box.ask()["services"][0]["pid"]
    assert b"libjemalloc" in box.exec(["cat", f"/proc/{pid}/maps"]).output
    assert b"libjemalloc" not in box.exec(["cat", "/proc/1/maps"]).output


def blocks(text: str) -> list[str]:
    """The Dockerfiles of docs/images.md that take the overlay."""
    return [block for block in re.findall(r"```dockerfile\n(.*?)```", text, re.DOTALL) if "--from=" in block]


def test_the_lines_are_those_of_the_page_and_of_the_dockerfile() -> None:
    page = (REPO / "docs" / "images.md").read_text()
    lines = THREE_LINES.format(overlay="whaleware/overlay")
    assert blocks(page)[0] == "FROM somebody/something\n" + lines
    commented = (REPO / "Dockerfile.overlay").read_text().replace("\n#   ", "\n")
    assert lines in commented


def test_a_program_of_somebody_elses_image_is_wrapped_as_the_page_says(
    engine: Engine, container: Boxes, tmp_path: Path
) -> None:
    (block,) = blocks((REPO / "docs" / "images.md").read_text())[1:]
    script = "echo served; trap 'echo asked; exit 7' TERM; sleep 300 & wait"
    engine.fetch("debian:bookworm-slim")
    theirs = engine.derived(tmp_path, f"FROM debian:bookworm-slim\nCMD {json.dumps(['sh', '-c', script])}\n", "theirs")
    before = engine.images.get(theirs).attrs["Config"]
    words = [*(before["Entrypoint"] or []), *before["Cmd"]]
    ours = (
        block.replace("somebody/something", theirs)
        .replace("whaleware/overlay", engine.image("overlay"))
        .replace('["their-program", "its-argument"]', json.dumps(words))
    )
    box = container(engine.derived(tmp_path, ours, "wrapped"))
    until(lambda: "served" in box.logs(), "the program", 30)
    box.wait_state("UP")
    assert box.stop() == 7
    assert box.logs().splitlines() == ["served", "asked"]


def libraries(box: Box, tmp_path: Path) -> set[str]:
    """The loaders and C libraries among the files of a container, outside /ww."""
    exported = tmp_path / "exported.tar"
    with exported.open("wb") as file:
        file.writelines(box.raw.export())
    with tarfile.open(exported) as tar:
        names = [name for name in tar.getnames() if not name.startswith("ww/")]
    return {name for name in names if Path(name).name.startswith(("ld-", "libc.", "libc-"))}


def maps(box: Box, pid: int) -> str:
    return box.exec(["cat", f"/proc/{pid}/maps"]).output.decode()


def test_on_a_glibc_of_2016(engine: Engine, context: Path, container: Boxes) -> None:
    engine.image("overlay")
    old_glibc(context / "old.tar")
    image = overlaid(engine, context, "FROM scratch\nADD old.tar /\n", "old-glibc")
    lives(container, image)
    old = container(image, entrypoint=["/bin/sh"])
    assert "libc-2.23.so" in {Path(name).name for name in libraries(old, context)}


def test_where_musl_is_the_only_libc(engine: Engine, context: Path, container: Boxes, tmp_path: Path) -> None:
    """Hooks, services and what they call are musl's; every state is reached, told and left."""
    engine.image("base")
    asked = 'HEALTHCHECK --interval=1s CMD ["/ww/bin/ww", "healthcheck"]\n'
    image = overlaid(engine, context, MUSL.format(builder=f"{PREFIX}/builder"), "musl", asked)
    lives(container, image)
    box = container(image)
    box.wait_state("UP")
    assert {Path(name).name for name in libraries(box, tmp_path)} == {f"ld-musl-{platform.machine()}.so.1"}
    service = box.ask()["services"][0]["pid"]
    assert "/lib/ld-musl-" in maps(box, service)
    assert "musl" not in maps(box, 1)
    until(lambda: box.health() == "healthy", "healthy for the engine", 30)
    assert box.exec(["sh", "-c", f"kill -9 {service}"]).exit_code == 0
    until(lambda: box.states()[-2:] == ["RESTARTING", "UP"], "UP again", 30)
    assert box.exec(["/ww/bin/ww", "restart"]).exit_code == 0
    assert box.states() == [*ORDER, *["RESTARTING", "UP"] * 2]
    assert box.stop() == 0
    box.start()
    until(lambda: box.states()[-1:] == ["UP"], "UP for the second time", 60)
    assert box.stop() == 0
    assert box.states()[-6:] == [*(state for state in ORDER if state != "FIRSTBOOT"), "STOPPING", "STOPPED"]
    boot = tmp_path / "boot"
    boot.write_text("#!/bin/sh\nexit 3\n")
    boot.chmod(0o755)
    failed = container(image, volumes={str(boot): {"bind": "/ww/usr/boot", "mode": "ro"}})
    assert failed.exit_code() == 70
    assert failed.states() == ["BOOT", "ERROR"]


@pytest.mark.rule("D-image-sinks")
@pytest.mark.parametrize("suite", ["bullseye", ""], ids=["an older glibc", "no libc"])
def test_events_go_to_a_receiver_by_its_name(engine: Engine, context: Path, container: Boxes, suite: str) -> None:
    """Names are resolved by our own libraries, with what the image and the engine say in /etc."""
    if suite:
        engine.fetch(f"debian:{suite}-slim")
        image = overlaid(engine, context, f"FROM debian:{suite}-slim\n", suite)
    else:
        image = overlaid(engine, context, f"FROM scratch\n{busybox(context)}", "scratch")
    gateway = engine.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    with Receiver(host=gateway) as receiver:
        hub = {"type": "http", "url": receiver.url.replace(gateway, "hub.example")}
        environ = {"CFG": json.dumps({"ww": {"sinks": {"hub": hub}}}), **MISLEADING}
        box = container(image, environment=environ, extra_hosts={"hub.example": gateway})
        box.wait_state("UP")
        until(lambda: len(receiver.events) >= len(ORDER), "the events up to UP")
        assert box.stop() == 0
        states = [event["data"]["state"] for event in receiver.events.values() if "previous_ms" in event["data"]]
        assert states == [*ORDER, "STOPPING", "STOPPED"]
