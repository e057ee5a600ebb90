"""Whether the instance is ready: HTTP, the status file, `ww healthcheck` and sd_notify say the same in every state."""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.home import Home, Instance
from tests.support.superior import Client, Superior, probed, status_file
from tests.support.waiting import until

pytestmark = pytest.mark.rule("D-probe-one-truth", "D-notify-up-ready", "D-probe-file", "D-probe-http")
LAG_S = 10.0
"""What a busy machine takes to tell it in all four languages; docs/probes.md says how long it is on an idle one."""


class Witnesses:
    """All four, asked at once."""

    def __init__(self, home: Home, client: Client, superior: Superior) -> None:
        self.home = home
        self.client = client
        self.superior = superior

    def say(self) -> dict[str, bool]:
        return {
            "http": self.client.get("/readyz").status == 200,
            "file": status_file(self.home).exists(),
            "healthcheck": self.home.ww("healthcheck").returncode == 0,
            "sd_notify": self.superior.ready(),
        }

    def agree(self, ready: bool, when: str) -> None:
        """All say `ready`, and go on saying it."""
        expected = dict.fromkeys(("http", "file", "healthcheck", "sd_notify"), ready)
        until(lambda: self.say() == expected, f"{when}: {expected}, not {self.say()}", LAG_S)
        for _ in range(3):
            assert self.say() == expected, when


def gate(home: Home, name: str) -> str:
    """A line of shell that waits until the file `go-NAME` is there."""
    return f"while [ ! -e {home.root}/go-{name} ]; do sleep 0.02; done"


def opened(home: Home, name: str) -> None:
    (home.root / f"go-{name}").touch()


def closed(home: Home, name: str) -> None:
    (home.root / f"go-{name}").unlink(missing_ok=True)


def scripted(home: Home) -> Client:
    """One that stays in each state for as long as the test wants."""
    home.service(
        "main", f"trap '' TERM; touch {home.root}/main-lives; while :; do sleep 0.02; done", stop={"timeout_s": 0.3}
    )
    for name in ("firstboot", "upgrade", "warmup", "svcdown"):
        home.hook(name, gate(home, name))
    home.hook("monitor", f"{gate(home, 'monitor')}; test ! -e {home.root}/sick")
    client = probed(home, file="ready")
    home.settings(monitor={"interval_s": 0.2, "failure_threshold": 3}, stop={"budget_s": 20, "drain_s": 3})
    return client


def first_boot(home: Home, instance: Instance, see: Witnesses) -> None:
    for state, name in (("FIRSTBOOT", "firstboot"), ("UPGRADING", "upgrade"), ("WARMUP", "warmup")):
        instance.wait_state(state)
        see.client.listening()
        see.agree(False, state)
        assert see.client.get("/startupz").status == 503, "never during a first boot"
        opened(home, name)
    instance.wait_state("UP")
    see.agree(True, "UP, not checked yet")
    assert see.client.get("/startupz").status == 200
    opened(home, "monitor")
    until(lambda: "UP, healthy" in see.client.get("/readyz").body, "a healthy monitor", LAG_S)
    see.agree(True, "UP, healthy")


def sickness(home: Home, see: Witnesses) -> None:
    assert home.ww("maintenance", "on").returncode == 0
    see.agree(True, "maintenance alone changes nothing")
    (home.root / "sick").touch()
    see.agree(False, "UP, the monitor fails, nothing is healed")
    assert "monitor failed" in see.client.get("/readyz").body
    assert see.client.get("/livez").status == 200
    (home.root / "sick").unlink()
    see.agree(True, "healthy again")
    assert home.ww("maintenance", "off").returncode == 0


def restarts(home: Home, instance: Instance, see: Witnesses) -> None:
    for number, begin in enumerate((lambda: home.ww("restart", "--no-wait"), (home.root / "sick").touch)):
        closed(home, "svcdown")
        begin()
        instance.wait_state("RESTARTING", number + 1)
        see.agree(False, "RESTARTING")
        assert see.client.get("/startupz").status == 200, "it was up in this boot"
        (home.root / "sick").unlink(missing_ok=True)
        opened(home, "svcdown")
        instance.wait_state("UP", number + 2)
        see.agree(True, "UP again")
    closed(home, "warmup")
    os.kill(int(home.status()["services"][0]["pid"]), signal.SIGKILL)
    instance.wait_state("RESTARTING", 3)
    see.agree(False, "a service has died")
    opened(home, "warmup")
    instance.wait_state("UP", 4)
    see.agree(True, "healed")


@pytest.mark.timeout(180)
def test_four_languages_say_the_same_in_every_state(home: Home) -> None:
    client = scripted(home)
    with Superior(str(home.root / "notify")) as superior:
        see = Witnesses(home, client, superior)
        instance = home.start(env={"NOTIFY_SOCKET": superior.address})
        first_boot(home, instance, see)
        sickness(home, see)
        restarts(home, instance, see)
        main = int(home.status()["services"][0]["pid"])
        instance.signal()
        instance.wait_state("STOPPING")
        see.agree(False, "STOPPING")
        os.kill(main, 0)  # while it drains the services are still there
        assert client.get("/readyz").body.startswith("STOPPING")
        assert instance.wait() == 0
        assert see.say() == {"http": False, "file": False, "healthcheck": False, "sd_notify": False}
        assert superior.last("STATUS=").startswith("STATUS=STOPPED")


@pytest.mark.timeout(60)
def test_an_error_is_never_ready(home: Home) -> None:
    client = probed(home, file="ready")
    home.service("main").hook("firstboot", gate(home, "firstboot") + "; exit 3")
    with Superior(str(home.root / "notify")) as superior:
        see = Witnesses(home, client, superior)
        instance = home.start(env={"NOTIFY_SOCKET": superior.address})
        client.listening()
        see.agree(False, "FIRSTBOOT")
        opened(home, "firstboot")
        assert instance.wait() == 70
        assert see.say() == {"http": False, "file": False, "healthcheck": False, "sd_notify": False}
        assert not any("READY=1" in message for message in superior.heard())
        assert superior.last("STOPPING=") == "STOPPING=1"
