"""How each peer is started as PID 1 with N services, each the same small C program; as its own documentation advises."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from bench.install import BIN, INTERPRETER, PLACE, library_path

CHILD = str(BIN / "child")
ROOT = PLACE / "root"
HERE = Path(__file__).parent


class Start:
    """What makes one life: the command, its environment, the signal that stops it.

    before: what the shell does in the namespace before time is taken. outside: a tracer around it all.
    """

    def __init__(
        self,
        argv: list[str],
        env: dict[str, str] | None = None,
        stop: int = signal.SIGTERM,
        before: str = ":",
        outside: tuple[str, ...] = (),
    ) -> None:
        self.argv = argv
        self.env = env or {}
        self.stop = stop
        self.before = before
        self.outside = outside


class Peer:
    """A program that can be PID 1. `make(place, count)` writes its files below `place`."""

    def __init__(
        self,
        name: str,
        make: Callable[[Path, int], Start],
        *,
        cannot: tuple[str, ...] = (),
        heals_s: float = 0.0,
        settle_s: float = 0.3,
        needs: str = "",
    ) -> None:
        self.name = name
        self.make = make
        self.many = "many" not in cannot
        """Whether it can hold more than one service."""
        self.heals_s = heals_s
        """How long to wait for a killed service's replacement; 0: it never makes one."""
        self.stops = "stop" not in cannot
        """Whether it ends its services itself when it is told to stop."""
        self.settle_s = settle_s
        """How long it is left alone first: some punish a service that dies within its first second."""
        self.orphans = "orphans" not in cannot
        """Whether its service is our program, which can make orphans."""
        self.needs = needs or name


def fresh(place: Path) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return place


def link_services(directory: Path, count: int) -> None:
    for number in range(count):
        (directory / f"svc{number}").mkdir(parents=True)
        (directory / f"svc{number}" / "run").symlink_to(CHILD)


def tini(_place: Path, _count: int) -> Start:
    return Start([str(ROOT / "usr/bin/tini"), "--", CHILD])


def dumb_init(_place: Path, _count: int) -> Start:
    return Start([str(ROOT / "usr/bin/dumb-init"), "--", CHILD])


def s6(place: Path, count: int) -> Start:
    link_services(place / "scan", count)
    env = {"LD_LIBRARY_PATH": library_path()}
    # It looks for s6-supervise in /usr/bin only: laid over it, in this life's own mount namespace.
    overlay = f"mount -t overlay -o lowerdir={ROOT}/usr/bin:/usr/bin overlay /usr/bin"
    return Start([str(ROOT / "usr/bin/s6-svscan"), str(place / "scan")], env, before=overlay)


def runit(place: Path, count: int) -> Start:
    link_services(place / "scan", count)
    return Start([str(ROOT / "usr/bin/runsvdir"), "-P", str(place / "scan")], stop=signal.SIGHUP)


def monit(place: Path, count: int) -> Start:
    lines = ["set daemon 1", f"set pidfile {place}/monit.pid", f"set idfile {place}/id", f"set statefile {place}/state"]
    for number in range(count):
        pidfile = place / f"svc{number}.pid"
        script = place / f"svc{number}.sh"
        script.write_text(f"#!/bin/sh\n{CHILD} &\necho $! > {pidfile}\n")
        script.chmod(0o755)
        log = f"BENCH_LOG={place}/notes"
        lines += [
            f"check process svc{number} with pidfile {pidfile}",
            f'  start program = "/usr/bin/env {log} {script}"',
        ]
    config = place / "monitrc"
    config.write_text("\n".join(lines) + "\n")
    config.chmod(0o600)
    return Start([str(ROOT / "usr/bin/monit"), "-I", "-c", str(config)])


def pebble(place: Path, count: int) -> Start:
    layers = place / "layers"
    layers.mkdir()
    services = {
        f"svc{number}": {"override": "replace", "command": CHILD, "startup": "enabled"} for number in range(count)
    }
    (layers / "001-bench.yaml").write_text(json.dumps({"services": services}))  # JSON is YAML
    return Start([str(PLACE / "gopath/bin/pebble"), "run"], {"PEBBLE": str(place)})


def supervisord(place: Path, count: int) -> Start:
    parts = [
        f"[supervisord]\nnodaemon=true\nuser=root\nlogfile={place}/log\npidfile={place}/pid\nchildlogdir={place}\n",
        *[f"[program:svc{number}]\ncommand={CHILD}\nautorestart=true\n" for number in range(count)],
    ]
    (place / "conf").write_text("\n".join(parts))
    return Start([str(PLACE / "pip-supervisord/bin/supervisord"), "-c", str(place / "conf")])


def circusd(place: Path, count: int) -> Start:
    ends = "".join(f"{name} = ipc://{place}/{name}\n" for name in ("endpoint", "pubsub_endpoint"))
    watchers = [f"[watcher:svc{number}]\ncmd = {CHILD}\ncopy_env = true\n" for number in range(count)]
    (place / "circus.ini").write_text("\n".join([f"[circus]\n{ends}", *watchers]))
    return Start([str(PLACE / "pip-circusd/bin/circusd"), str(place / "circus.ini")])


def honcho(place: Path, count: int) -> Start:
    (place / "Procfile").write_text("".join(f"svc{number}: exec {CHILD}\n" for number in range(count)))
    return Start([str(PLACE / "pip-honcho/bin/honcho"), "-f", str(place / "Procfile"), "start"])


GUNICORN = """\
import os, time
bind = "unix:{place}/sock"
workers = {count}
def post_fork(server, worker):
    now = time.monotonic_ns()
    with open(os.environ["BENCH_LOG"], "a") as log:
        log.write(f"start {{os.getpid()}} {{now}} 0\\n")
"""


def gunicorn(place: Path, count: int) -> Start:
    (place / "conf.py").write_text(GUNICORN.format(place=place, count=count))
    (place / "app.py").write_text("def app(environ, start_response):\n    return []\n")
    program = str(PLACE / "pip-gunicorn/bin/gunicorn")
    return Start([program, "-c", str(place / "conf.py"), "--chdir", str(place), "app:app"])


def pm2(place: Path, count: int) -> Start:
    apps = [{"name": f"svc{number}", "script": CHILD, "interpreter": "none"} for number in range(count)]
    config = place / "ecosystem.config.json"
    config.write_text(json.dumps({"apps": apps}))
    node = json.loads((PLACE / "manifest.json").read_text())["pm2"]["node"]
    program = str(PLACE / "npm/node_modules/pm2/bin/pm2-runtime")
    return Start([node, program, "start", str(config)], {"PM2_HOME": str(place / "pm2"), "HOME": str(place)})


def floor(_place: Path, count: int) -> Start:
    return Start([os.path.realpath(INTERPRETER), "-IS", str(HERE / "floor.py"), str(count), CHILD])


PEERS = [
    Peer("tini", tini, cannot=("many",)),
    Peer("dumb-init", dumb_init, cannot=("many",)),
    Peer("s6", s6, heals_s=5, settle_s=1.2),
    Peer("runit", runit, heals_s=5, settle_s=1.2, cannot=("stop",)),
    Peer("monit", monit, cannot=("stop",)),
    Peer("Pebble", pebble, heals_s=5, settle_s=1.2),
    Peer("supervisord", supervisord, heals_s=5, settle_s=1.4),
    Peer("circusd", circusd, heals_s=10),
    Peer("honcho", honcho),
    Peer("gunicorn", gunicorn, heals_s=5, cannot=("many", "orphans")),
    Peer("pm2", pm2, heals_s=5),
]
FLOOR = Peer("Python's floor", floor, heals_s=5, needs="interpreter")
