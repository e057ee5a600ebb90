"""The base image: what any image built on it has without doing anything."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

import ww
from tests.support.engine import PREFIX
from tests.support.paths import REPO
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.containers.conftest import Boxes
    from tests.support.engine import Engine

ORDER = ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP"]


@pytest.fixture(scope="session")
def template(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    return engine.with_hooks(REPO / "hooks-template", tmp_path_factory.mktemp("template"), "template")


@pytest.mark.rule("WW-5", "D-image-base")
def test_the_template_on_the_base_reaches_up_and_stops_with_0(template: str, container: Boxes) -> None:
    box = container(template)
    box.wait_state("UP")
    assert box.states() == ORDER
    assert box.ask()["services"][0]["state"] == "ready"
    assert box.stop() == 0


@pytest.mark.rule("D-image-base")
def test_the_base_itself_runs_and_says_that_it_has_nothing_to_do(engine: Engine, container: Boxes) -> None:
    box = container(engine.image("base"))
    box.wait_state("UP")
    assert "there is neither a hook nor a service in /ww/usr" in box.logs()
    assert box.stop() == 0


@pytest.mark.rule("WW-1", "WW-2", "D-image-base")
def test_it_has_the_directories_volumes_entry_and_stop_signal(engine: Engine, container: Boxes) -> None:
    config = engine.images.get(engine.image("base")).attrs["Config"]
    assert config["Entrypoint"] == ["/ww/run"]
    assert config["StopSignal"] == "SIGTERM"
    version = engine.image("base").rpartition(":")[2]
    assert config["Labels"]["org.opencontainers.image.version"] == version == ww.__version__
    assert config["Labels"]["org.opencontainers.image.base.name"] == "debian:bookworm-slim"
    assert not config.get("ExposedPorts")
    assert set(config["Volumes"]) == {"/data", "/backup"}
    assert config["Healthcheck"]["Test"] == ["CMD", "/ww/bin/ww", "healthcheck"]
    box = container(engine.image("base"), environment={"CFG": '{"memory": 512}'})
    box.wait_state("UP")
    for place in ("/ww/usr", "/ww/files", "/ww/etc", "/data", "/backup"):
        assert box.exec(["test", "-d", place]).exit_code == 0, place
    assert box.exec(["/ww/cfg", "memory"]).output == b"512\n"


@pytest.mark.rule("D-image-base")
def test_a_home_made_in_the_image_passes_its_own_check(engine: Engine, container: Boxes) -> None:
    box = container(engine.image("base"))
    box.wait_state("UP")
    assert box.exec("ww init /tmp/mine").exit_code == 0
    checked = box.exec("ww check --strict /tmp/mine")
    assert checked.exit_code == 0, checked.output


@pytest.mark.rule("D-image-base", "WW-30")
def test_every_folder_with_a_dockerfile_is_an_image_with_the_version_in_its_tag() -> None:
    listed = subprocess.run([REPO / "images" / "build", "--list"], capture_output=True, text=True, check=True).stdout
    tags = dict(line.split() for line in listed.splitlines())
    assert list(tags)[:2] == ["base", "overlay"]
    folders = {file.parent.name: file.parent for file in (REPO / "images").glob("*/Dockerfile")}
    assert set(tags) == {"base", "overlay", *folders}
    for name, folder in folders.items():
        assert tags[name] == f"{PREFIX}/{name}:{(folder / 'ww' / 'etc' / 'version').read_text().strip()}"


@pytest.mark.rule("D-image-base")
@pytest.mark.parametrize(
    ("words", "answer"), [(["nonesuch"], "no image nonesuch; there are base"), (["--base"], "--base needs an image")]
)
def test_wrong_words_are_refused(words: list[str], answer: str) -> None:
    done = subprocess.run([REPO / "images" / "build", *words], capture_output=True, text=True, check=False)
    assert (done.returncode, answer in done.stderr) == (64, True)


@pytest.mark.rule("D-image-base")
def test_the_health_of_the_engine_is_ours(template: str, container: Boxes) -> None:
    box = container(template)
    box.wait_state("UP")
    until(lambda: box.health() == "healthy", "healthy", within_s=30)
