"""The probes of a real instance, and of the server alone under clients that mean no good."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import ExitStack
from http import HTTPStatus

import pytest

from tests.support.freeports import free_port
from tests.support.home import Home
from tests.support.reporters import SINK, answering, report
from tests.support.services import need
from tests.support.superior import NOBODY, Client, probed, status_file
from tests.support.waiting import until
from ww.events.spool import read_journal
from ww.home.command import reporter_command
from ww.reporting.known import Known
from ww.reporting.probes import HEAD_BYTES, MOST_CONNECTIONS, Page, Pages, Probes
from ww.supervise import child


@pytest.mark.rule("D-probe-http")
def test_each_page_of_an_instance_that_is_well(home: Home) -> None:
    client = probed(home)
    home.service("main").hook("monitor", 'echo \'{"db": {"size": 12}}\'')
    instance = home.start().wait_state("UP")
    client.listening()
    until(lambda: client.get("/readyz").body == "UP, healthy\n", "a healthy monitor")
    assert client.get("/livez").body == "ww run is heard\n"
    assert client.get("/startupz").status == 200
    document = json.loads(client.get("/state").body)
    status = home.status()
    assert {name: document[name] for name in ("format", "boot", "state", "pid")} == {
        name: status[name] for name in ("format", "boot", "state", "pid")
    }
    until(lambda: "ww_processes" in client.get("/metrics").body, "the first measurements")
    page = client.get("/metrics").body
    assert 'ww_state{state="UP"} 1.0' in page
    assert "ww_health_db_size 12.0" in page
    assert client.get("/readyz?verbose=1").status == 200
    for path in ("/", "/livez/", "/../etc/passwd", "/metrics/..", "/livez%00"):
        assert client.get(path).status == 404, path
    assert client.get("/metrics", "HEAD").body == ""
    assert client.get("/readyz", "POST").status == 405
    assert client.get("/readyz", "DELETE").headers["Allow"] == "GET, HEAD"
    assert client.get("/livez").headers["Server"] == "ww"
    assert client.get("/livez").headers["Cache-Control"] == "no-store"
    assert instance.stop() == 0


@pytest.mark.rule("D-probe-metrics")
def test_prometheus_itself_takes_the_metrics(home: Home) -> None:
    need("promtool")
    client = probed(home)
    home.service("main").hook("monitor", 'echo \'{"db": {"size": 12, "hits_total": 5}}\'')
    home.settings(sinks={"out": SINK}, labels={"a-b": 'x"y'})
    instance = home.start().wait_state("UP")
    client.listening()
    until(lambda: "ww_processes" in client.get("/metrics").body, "the first measurements")
    page = client.get("/metrics").body
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False, timeout=30
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert instance.stop() == 0


@pytest.mark.rule("D-probe-drain")
def test_it_is_not_ready_before_any_service_is_touched(home: Home) -> None:
    client = probed(home)
    home.service("main").settings(stop={"drain_s": 5, "budget_s": 20})
    instance = home.start().wait_state("UP")
    client.listening()
    until(lambda: client.get("/readyz").status == 200, "ready")
    main = int(home.status()["services"][0]["pid"])
    instance.signal()
    until(lambda: client.get("/readyz").status == 503, "not ready", 4)
    os.kill(main, 0)
    assert client.get("/livez").status == 200
    instance.signal()
    assert instance.wait() == 0


@pytest.mark.rule("D-probe-live")
@pytest.mark.timeout(60)
def test_a_frozen_pid_1_is_not_live_and_not_ready(home: Home) -> None:
    client = probed(home)
    home.service("main")
    instance = home.start().wait_state("UP")
    client.listening()
    until(lambda: client.get("/readyz").status == 200, "ready")
    instance.signal(signal.SIGSTOP)
    until(lambda: client.get("/livez").status == 503, "not live", 20)
    assert client.get("/readyz").status == 503
    assert "nothing was heard of ww run" in client.get("/readyz").body
    assert client.get("/state").status == 503
    assert "ww_live 0.0" in client.get("/metrics").body
    instance.signal(signal.SIGCONT)
    until(lambda: client.get("/readyz").status == 200, "ready again", 20)
    assert instance.stop() == 0


@pytest.mark.rule("D-probe-startup", "D-probe-file", "D-measure-fresh")
def test_another_reporter_knows_that_it_was_up_and_the_file_never_needed_one(home: Home) -> None:
    client = probed(home, file="ready")
    home.service("main").hook("monitor")
    instance = home.start().wait_state("UP")
    client.listening()
    os.kill(answering(home), signal.SIGKILL)
    until(lambda: client.get("/livez").status == NOBODY, "nobody serves")
    assert status_file(home).exists()
    assert home.ww("healthcheck").returncode == 0
    until(lambda: client.get("/startupz").status == 200, "the next reporter", 20)
    until(lambda: client.get("/readyz").status == 200, "the next reporter")
    assert report(home)["restarts"] == 1
    assert instance.stop() == 0


@pytest.mark.rule("D-measure-fresh")
def test_health_is_measured_by_a_reporter_that_lives_and_by_pid_1_else(home: Home) -> None:
    home.service("main").hook("monitor", "echo '{\"n\": 9007199254740993}'")
    home.settings(sinks={"out": SINK}, monitor={"interval_s": 0.5})

    def health() -> dict[str, object]:
        events = [event.data for event in read_journal(str(home.root / "data/.ww/journal")) if event.kind == "health"]
        found = events[-1]["ww"] if events else {}
        assert isinstance(found, dict)
        return found

    instance = home.start().wait_state("UP")
    until(lambda: {"rss_bytes", "spool"} <= health().keys(), "a sample of the reporter", 20)
    full = health()
    assert {"uptime_s", "restarts", "daemons_ended", "cgroup", "data", "spool"} <= full.keys()
    assert full["spool"] == {"depth": 0, "oldest_ms": 0, "dropped": 0} or full["spool"]["depth"] > 0  # type: ignore[index]
    assert int(str(full["processes"])) >= 3
    os.kill(answering(home), signal.SIGSTOP)
    until(lambda: "rss_bytes" not in health(), "a sample of PID 1 alone", 20)
    assert {"uptime_s", "restarts", "processes"} <= health().keys()
    assert instance.stop() == 0
    last = [event.data for event in read_journal(str(home.root / "data/.ww/journal")) if event.kind == "health"][-1]
    assert last["monitor"] == {"n": 9007199254740993}, "numbers stay numbers"


@pytest.mark.rule("D-probe-port")
def test_a_port_in_use_is_said_and_tried_again(home: Home) -> None:
    client = probed(home)
    home.service("main")
    with socket.socket() as other:
        other.bind(("127.0.0.1", client.port))
        other.listen()
        instance = home.start().wait_state("UP").wait_message("cannot listen at 127.0.0.1 port")
        assert home.ww("healthcheck").returncode == 0
        until(lambda: report(home)["answering"], "a reporter that works all the same", 20)
    client.listening()
    assert instance.messages().count("cannot listen at") == 1
    assert instance.stop() == 0


@pytest.mark.rule("D-probe-token")
def test_a_token_guards_what_tells_more_than_yes_or_no(home: Home) -> None:
    secret = home.root / "token"
    secret.write_text("open sesame 1\n")
    client = probed(home, http={"token": {"$file": str(secret)}})
    home.service("main")
    instance = home.start().wait_state("UP")
    client.listening()
    for path in ("/state", "/metrics"):
        assert client.get(path).status == 401
        assert client.get(path).headers["WWW-Authenticate"] == 'Bearer realm="ww"'
        for wrong in (
            "Bearer wrong",
            "Bearer ",
            "Basic open sesame 1",
            "open sesame 1",
            "Bearer open sesame 12",
            "Bearer é",
        ):
            assert client.get(path, Authorization=wrong.encode().decode("latin-1")).status == 401, wrong
        assert client.get(path, Authorization="bearer open sesame 1").status == 200
    secret.write_text("another one\n")
    assert client.get("/state", Authorization="Bearer open sesame 1").status == 401
    assert client.get("/state", Authorization="Bearer another one").status == 200
    secret.write_text("\n")
    assert client.get("/state", Authorization="Bearer ").status == 503
    secret.unlink()
    assert client.get("/state", Authorization="Bearer another one").status == 503
    assert client.get("/readyz").status == 200
    assert instance.stop() == 0
    assert "sesame" not in instance.messages()
    assert not [path for path in home.root.rglob("*.json") if "sesame" in path.read_text()]


@pytest.mark.rule("D-probe-token")
@pytest.mark.parametrize("token", ["very-plain", {"$secret": "a", "$env": "b"}, {}, {"other": "x"}])
def test_a_token_that_is_no_reference_is_refused_with_its_path(home: Home, token: object) -> None:
    probed(home, http={"token": token})
    home.service("main")
    instance = home.run_to_end()
    assert instance.process.returncode == 78
    assert "ww.probes.http.token" in instance.messages()
    assert "very-plain" not in instance.messages()


def served(**pages: Page) -> Client:
    """The server alone, in this process, with a page that says yes."""
    port = free_port()
    guarded = {f"/{name}": (lambda _accept, page=page: page) for name, page in pages.items()}
    probes = Probes("127.0.0.1", port, Pages({"/livez": lambda: (True, "yes")}, guarded, lambda: None), lambda *_: None)
    probes.start()
    assert probes.bound.wait(10)
    return Client(port)


def connected(client: Client) -> socket.socket:
    return socket.create_connection(("127.0.0.1", client.port), timeout=10)


def everything(connection: socket.socket) -> bytes:
    found = b""
    while part := connection.recv(1 << 16):
        found += part
    return found


def serving_threads() -> int:
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


@pytest.mark.rule("D-probe-hostile")
def test_clients_that_say_nothing_hold_up_nobody() -> None:
    client = served()
    with ExitStack() as stack:
        for _ in range(5 * MOST_CONNECTIONS):
            silent = stack.enter_context(connected(client))
            silent.sendall(b"GET /livez HT")
        began = time.monotonic()
        for _ in range(10):
            assert client.get("/livez").status == 200
        assert time.monotonic() - began < 4
        assert serving_threads() <= MOST_CONNECTIONS + 1
    until(lambda: serving_threads() == 0, "no thread left behind", 20)


@pytest.mark.rule("D-probe-hostile")
def test_clients_that_never_read_hold_up_nobody() -> None:
    client = served(big=Page(HTTPStatus.OK, b"x" * (32 << 20)))
    with ExitStack() as stack:
        for _ in range(2 * MOST_CONNECTIONS):
            deaf = stack.enter_context(connected(client))
            deaf.sendall(b"GET /big HTTP/1.1\r\n\r\n")
        assert client.get("/livez").status == 200
    until(lambda: serving_threads() == 0, "no thread left behind", 20)


@pytest.mark.rule("D-probe-hostile")
@pytest.mark.timeout(30)
def test_one_that_speaks_a_letter_at_a_time_is_told_that_it_is_late() -> None:
    client = served()
    began = time.monotonic()
    with connected(client) as slow:
        try:
            for letter in b"GET /livez HTTP/1.1\r\nX: " + b"y" * 2000:
                slow.sendall(bytes([letter]))
                threading.Event().wait(0.05)
        except OSError:
            pass
    assert time.monotonic() - began < 15


@pytest.mark.rule("D-probe-hostile")
@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"GET /livez HTTP/1.1\r\nX: " + b"y" * HEAD_BYTES + b"\r\n\r\n", 431),
        (b"GET " + b"/" * HEAD_BYTES, 431),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /livez HTTP/9.9\r\n\r\n", 505),
        (b"BREW /livez HTTP/1.1\r\n\r\n", 501),
        (b"GET http://[/livez HTTP/1.1\r\n\r\n", 404),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"POST /livez HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n" + b"z" * 100_000, 405),
        (b"GET /livez HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\n\r\n", 200),
        (b"GET /livez HTTP/1.0\r\n\r\n", 200),
    ],
)
def test_what_is_no_request_is_refused_in_plain_words(text: bytes, status: int) -> None:
    client = served()
    with connected(client) as connection:
        connection.sendall(text)
        answer = everything(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer[:300]
    assert b"text/plain" in head
    assert b"<" not in body
    assert answer.count(b"HTTP/1.1") == 1, "one request to a connection"
    assert client.get("/livez").status == 200


@pytest.mark.rule("D-probe-http")
def test_it_listens_to_both_families_at_the_unspecified_address() -> None:
    port = free_port()
    probes = Probes("::", port, Pages({"/livez": lambda: (True, "yes")}, {}, lambda: None), lambda *_: None)
    probes.start()
    assert probes.bound.wait(10)
    assert Client(port).get("/livez").status == 200
    with socket.create_connection(("::1", port), timeout=10) as six:
        six.sendall(b"GET /livez HTTP/1.1\r\n\r\n")
        assert b"200 OK" in everything(six)


@pytest.mark.rule("D-probe-http", "D-probe-startup")
def test_where_no_event_can_be_kept_the_probes_are_served_all_the_same(home: Home) -> None:
    client = probed(home)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        command = child.Command(reporter_command(), dict(os.environ), stdout=1, stderr=2, line=theirs.fileno())
        reporter = child.spawn(command)
        assert isinstance(reporter, child.Started)
        theirs.close()
        ours.settimeout(20)
        http = {"http.host": "127.0.0.1", "http.port": client.port, "http.token": None, "file": None}
        settings = {
            "sinks": {},
            "probes": http,
            "reporter": {"memory_bytes": 1 << 29},
            "journal": {},
            "monitor": {"interval_s": 1},
        }
        hello = {
            "t": "hello",
            "v": 1,
            **dict.fromkeys(("service", "instance", "boot"), "x"),
            "boot_no": 0,
            "volume": None,
            "labels": {},
            "directories": [],
            "cfg": "",
            "secrets": [],
            "hidden": [],
            "root": str(home.root),
            "run": None,
            "data": "/not/there",
            "pid1": os.getpid(),
            "settings": settings,
        }
        ours.send(json.dumps(hello).encode())
        ours.send(json.dumps({"t": "state", "state": "UP", "ready": True, "words": "UP", "was_up": True}).encode())
        ours.send(b'{"t":"ping","n":1}')
        client.listening()
        until(lambda: client.get("/readyz").body == "UP\n", "ready")
        assert client.get("/startupz").status == 200
        assert client.get("/state").status == 503
        ours.send(b'{"t":"flush","within_ms":1000}')
        said: list[dict[str, object]] = []
        while not said or said[-1]["t"] != "flushed":
            said.append(json.loads(ours.recv(1 << 16)))
        assert {"t": "pong", "n": 1} in said
        assert said[-1]["left"] == 0
        assert os.waitpid(reporter.pid, 0)[1] == 0


@pytest.mark.rule("D-probe-live")
def test_what_pid_1_said_does_not_outlive_it() -> None:
    known = Known({"service": "x"}, 30)
    known.heard({"t": "state", "state": "UP", "ready": True, "words": "UP", "was_up": True})
    assert known.ready() == (True, "UP")
    known.lost()
    assert known.live() == (False, "ww run has gone")
    assert known.ready() == (False, "ww run has gone")
