"""Images in the style of the original whaleware, their hooks unchanged, on the new base (WWA-13): with real bash, curl and jq."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.containers.conftest import Boxes
    from tests.support.engine import Box, Engine

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "old-images"
WITH_DATABASE = {"wombatdialer": ("wombat", "wbt", "WBTUP"), "queuemetrics": ("queuemetrics", "qm", "QMUP")}
"""Image: its web application, its directory under /data, the token of its health."""
WITHOUT = "asterisk-load-test"
TOKENS = {**{name: token for name, (_, _, token) in WITH_DATABASE.items()}, WITHOUT: "ALTUP"}
ORDER = ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP"]
AGAIN = [state for state in ORDER if state != "FIRSTBOOT"]
CFG = json.dumps({"memory": 512, "calls": 25, "ww": {"monitor": {"interval_s": 1}}})

INSTALLED = (
    "RUN apt-get update && apt-get install -y --no-install-recommends curl jq python3 && rm -rf /var/lib/apt/lists/*"
)
PROGRAMS = """\
COPY stubs/init.d /etc/init.d
COPY stubs/bin/idle stubs/bin/webapp /stubs/bin/
COPY stubs/bin/mysql /usr/local/bin/mysql
RUN mkdir -p /etc/sysconfig
"""
APPLICATION = """\
ENV INSIDE=/usr/local/queuemetrics/tomcat/webapps/{application}/WEB-INF
RUN mkdir -p $INSIDE/DB \\
 && echo "CREATE DATABASE {application};" >$INSIDE/DB/create.sql \\
 && echo "CREATE TABLE calls (id INT);" >$INSIDE/DB/schema.sql \\
 && echo "default.rows=100" >$INSIDE/configuration.properties \\
 && touch $INSIDE/tpf.properties
"""


@pytest.fixture(scope="module")
def old_image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The tag of one of them, as its author of 2014 builds it today: another FROM, and nothing else."""
    built: dict[str, str] = {}

    def build(name: str) -> str:
        if name not in built:
            context = tmp_path_factory.mktemp(name)
            shutil.copytree(FIXTURES / name / "ww", context / "ww")
            shutil.copytree(FIXTURES / "stubs", context / "stubs")
            steps = [f"FROM {engine.image('base')}", INSTALLED, PROGRAMS]
            if name in WITH_DATABASE:
                steps.append(APPLICATION.format(application=WITH_DATABASE[name][0]))
            built[name] = engine.derived(context, "\n".join([*steps, "COPY ww /ww\n"]), f"old-{name}")
        return built[name]

    return build


def said(box: Box, hook: str) -> list[str]:
    """The lines of one hook."""
    marker = f"Z {hook} | "
    return [line.partition(marker)[2] for line in box.logs().splitlines() if marker in line]


def statements(box: Box) -> int:
    """How often the database was told to create something."""
    return box.exec("cat /data/mysql/statements.sql").output.decode().count("CREATE")


@pytest.mark.parametrize("name", sorted(TOKENS))
@pytest.mark.rule("WWA-13", "WWA-1", "WWA-12", "WW-5", "WW-7", "WW-8", "WW-14", "WW-16", "WW-17", "WW-29")
def test_an_old_image_boots_reports_its_health_and_stops(
    name: str, old_image: Callable[[str], str], container: Boxes
) -> None:
    box = container(old_image(name), environment={"CFG": CFG})
    box.wait_state("UP")
    assert box.states() == ORDER
    health = box.health_of_monitor()
    assert health["state"] == TOKENS[name]
    assert ("-Xmx512M" if name in WITH_DATABASE else "maxcalls=25") in health["java_opts"], "CFG came through boot"
    until(lambda: said(box, "pushstats"), "pushstats", 30)
    assert json.loads(said(box, "pushstats")[0].removeprefix("Pushing "))["state"] == TOKENS[name]
    if name in WITH_DATABASE:
        assert statements(box) == 2
        assert box.exec(f"test -f /data/{WITH_DATABASE[name][1]}/tpf.properties").exit_code == 0
    assert box.stop() == 0
    assert said(box, "lifecycle") == [f"= LIFECYCLE: {state}" for state in box.states()]
    assert "Services down" in said(box, "svcdown")


@pytest.mark.parametrize("name", sorted(TOKENS))
@pytest.mark.rule("WWA-2", "WWA-13", "WW-32")
def test_the_same_container_starts_again_though_its_boot_appends(
    name: str, old_image: Callable[[str], str], container: Boxes
) -> None:
    box = container(old_image(name), environment={"CFG": CFG})
    box.wait_state("UP")
    assert box.stop() == 0
    box.start()
    box.wait_state("UP")
    assert box.states() == [*ORDER, "STOPPING", "STOPPED", *AGAIN]
    assert box.health_of_monitor()["state"] == TOKENS[name]
    appended = "/etc/sysconfig/qm-tomcat6" if name in WITH_DATABASE else "/etc/asterisk/asterisk.conf"
    lines = box.exec(["cat", appended]).output.decode().splitlines()
    assert sum("JAVA_OPTS" in line or "maxcalls" in line for line in lines) == 2, "as ever: once more at each boot"
    assert box.stop() == 0


@pytest.mark.parametrize("name", sorted(WITH_DATABASE))
@pytest.mark.rule("WWA-2", "WWA-13", "WW-30", "WW-31")
def test_a_container_is_replaced_over_a_data_container(
    name: str, old_image: Callable[[str], str], container: Boxes, engine: Engine
) -> None:
    # As `docker run --name=X loway/data true` and --volumes-from X: the container that holds the data never serves.
    keeper = container(engine.image("base"), entrypoint=["/bin/true"])
    assert keeper.exit_code() == 0
    first = container(old_image(name), environment={"CFG": CFG}, volumes_from=[keeper.raw.name])
    first.wait_state("UP")
    assert first.stop() == 0
    first.raw.remove()
    second = container(old_image(name), environment={"CFG": CFG}, volumes_from=[keeper.raw.name])
    second.wait_state("UP")
    assert second.states() == AGAIN
    assert statements(second) == 2
    assert second.health_of_monitor()["state"] == TOKENS[name]
    inside = f"/usr/local/queuemetrics/tomcat/webapps/{WITH_DATABASE[name][0]}/WEB-INF/tpf.properties"
    linked = second.exec(["test", "-L", inside]).exit_code == 0
    assert linked == (name == "queuemetrics"), (
        "what firstboot linked is gone with the container, what boot linked is not"
    )


@pytest.mark.rule("WWA-2", "WWA-13", "WW-16", "WW-30")
def test_data_of_the_original_on_a_bound_directory_counts_as_initialised(
    old_image: Callable[[str], str], container: Boxes, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    for part in ("mysql", "qm"):
        (data / part).mkdir(parents=True)
    (data / "mysql" / "statements.sql").write_text("CREATE DATABASE of_the_original;\n")
    (data / "whaleup").touch()
    binds = {str(data): {"bind": "/data", "mode": "rw"}}
    box = container(old_image("queuemetrics"), environment={"CFG": CFG}, volumes=binds)
    box.wait_state("UP")
    assert box.states() == AGAIN
    assert statements(box) == 1
    assert box.stop() == 0


@pytest.mark.rule("WWA-6", "WWA-13", "WW-21", "WW-22")
def test_an_old_image_heals_when_its_database_dies(old_image: Callable[[str], str], container: Boxes) -> None:
    box = container(old_image("queuemetrics"), environment={"CFG": CFG})
    box.wait_state("UP")
    box.health_of_monitor()
    assert box.exec(["sh", "-c", "kill -KILL $(cat /run/mysqld.pid)"]).exit_code == 0
    until(lambda: box.states()[-2:] == ["RESTARTING", "UP"], "UP again", 60)
    until(lambda: box.health_of_monitor().get("state") == "QMUP", "health after the restart", 30)
    assert box.stop() == 0


@pytest.mark.rule("WWA-7", "WWA-13", "WW-24")
def test_hup_restarts_an_old_image(old_image: Callable[[str], str], container: Boxes) -> None:
    box = container(old_image(WITHOUT), environment={"CFG": CFG})
    box.wait_state("UP")
    box.kill("HUP")
    until(lambda: box.states() == [*ORDER, "RESTARTING", "UP"], "UP again", 60)
    assert box.stop() == 0


@pytest.mark.rule("WW-15", "WW-11")
def test_the_trailing_comma_of_a_published_image_is_named_instead_of_emptying_every_value(
    old_image: Callable[[str], str], container: Boxes, tmp_path: Path
) -> None:
    defaults = tmp_path / "defaults.json"
    defaults.write_text('{\n "memory": 64,\n "calls": 10,\n}\n')
    binds = {str(defaults): {"bind": "/ww/etc/defaults.json", "mode": "ro"}}
    box = container(old_image(WITHOUT), volumes=binds)
    assert box.exit_code() == 78
    assert "/ww/etc/defaults.json:4:1: it is not JSON" in box.logs()
    assert "BOOT" not in box.states()
