"""`ww spool drain`: by the running instance, which is woken, and in the foreground where none runs."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.freeports import free_port
from tests.support.home import WW, Home
from tests.support.receiver import Receiver, slow, status
from tests.support.reporters import answering, delivering, report
from tests.support.terminal import environ, ww
from tests.support.waiting import until
from ww.clock import Clock
from ww.events.journal import Journal
from ww.events.spool import Cursors
from ww.home.control import Answer, ask
from ww.home.lock import Lock, take_lock

pytestmark = pytest.mark.rule("D-spool-drain")
EVENTS = 1200
SLOW_TO_TRY = {"retry": {"first_s": 60, "max_s": 600}, "breaker": {"failures": 1, "open_s": 600}}
"""Left to itself such a sink tries again in a minute or in ten."""


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1/events"


def configure(root: pathlib.Path, **sinks: Any) -> None:
    """As a `ww run` would have left it."""
    (root / "ww/etc").mkdir(parents=True, exist_ok=True)
    (root / "ww/etc/cfg.json").write_text(json.dumps({"ww": {"sinks": sinks}}))


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """What two boots left when they were killed; nothing of it is delivered."""
    for number, boot in ((1, "a" * 32), (2, "b" * 32)):
        journal = Journal(str(tmp_path / "data/.ww/journal"), number, boot, Clock(), 1 << 30, 0)
        journal.append("state", {"state": "BOOT", "service": "web", "instance": f"i-{number}"})
        for n in range(EVENTS // 2 - 1):
            journal.append("health", {"n": n})
        journal.close()
    return tmp_path


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def drain(root: pathlib.Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*WW, "spool", "drain", *words], env=environ(root), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def everything() -> list[tuple[str, str]]:
    """Source and id of each event, in order."""
    source = "/instances/web/i-{0}/boots/{1}"
    return [
        (source.format(number, boot), f"{n:012d}")
        for number, boot in ((1, "a" * 32), (2, "b" * 32))
        for n in range(1, EVENTS // 2 + 1)
    ]


# In the foreground


def test_what_a_killed_instance_left_is_delivered_in_order_and_once(root: pathlib.Path, receiver: Receiver) -> None:
    configure(root, hub={"type": "http", "url": receiver.url})
    before = {path.name for path in (root / "data/.ww/journal").iterdir()}
    done = ww(root, "spool", "drain")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(receiver.events) == everything()
    assert set(receiver.sent.values()) == {1}
    after = {path.name for path in (root / "data/.ww/journal").iterdir()}
    assert after - before == {"cursors.json", "reporter.lock"}, "nothing is journalled, thinned or deleted"
    assert json.loads(ww(root, "spool", "--json").stdout)["undelivered"]["events"] == 0
    requests = len(receiver.requests)
    assert ww(root, "spool", "drain").returncode == 0
    assert len(receiver.requests) == requests, "the second time there is nothing to do"


def test_a_configuration_that_was_never_compiled_is_compiled(root: pathlib.Path, receiver: Receiver) -> None:
    (root / "ww/etc").mkdir(parents=True)
    (root / "run/secrets").mkdir(parents=True)
    (root / "run/secrets/token").write_text("tell-nobody-of-me")
    receiver.authorization = "Bearer tell-nobody-of-me"
    sink = {"type": "http", "url": receiver.url, "bearer": {"$secret": "token"}}
    env = {**environ(root), "CFG": json.dumps({"ww": {"sinks": {"hub": sink}}})}
    done = subprocess.run([*WW, "spool", "drain"], env=env, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(receiver.events) == everything()


def test_a_configuration_that_is_refused_is_no_configuration_without_sinks(root: pathlib.Path) -> None:
    env = {**environ(root), "CFG": json.dumps({"ww": {"sinks": {"hub": {"type": "nonesuch"}}}})}
    done = subprocess.run([*WW, "spool", "drain"], env=env, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 78
    assert "ww.sinks.hub.type: there is no sink type 'nonesuch'" in done.stderr
    done = subprocess.run([*WW, "spool"], env=env, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, "the journal can be looked at all the same"
    assert "1200 events" in done.stdout


@pytest.mark.rule("D-spool-drain-again")
def test_a_receiver_that_comes_back_meanwhile_gets_everything(root: pathlib.Path) -> None:
    port = free_port()
    configure(root, hub={"type": "http", "url": url(port), **SLOW_TO_TRY})
    process = drain(root, "--timeout", "60")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    with Receiver(port) as receiver:
        assert process.wait(20) == 0, process.communicate()
        assert list(receiver.events) == everything()
    process.communicate()


def test_the_time_limit_says_who_lacks_what_and_why(root: pathlib.Path, receiver: Receiver) -> None:
    configure(
        root,
        hub={"type": "http", "url": receiver.url},
        gone={"type": "http", "url": url(free_port())},
        off={"type": "http", "url": url(1), "enabled": False},
    )
    done = ww(root, "spool", "drain", "--timeout", "2")
    assert (done.returncode, done.stdout) == (75, "")
    assert (
        "not everything was delivered within 2 s; at the start waited: gone (1200 events; its last error: "
        in done.stderr
    )
    assert "refused" in done.stderr
    assert list(receiver.events) == everything(), "one that is gone delays no other"
    assert ww(root, "spool", "drain", "--sink", "hub").returncode == 0


def test_one_sink_alone(root: pathlib.Path, receiver: Receiver) -> None:
    configure(root, hub={"type": "http", "url": receiver.url}, out={"type": "file", "path": str(root / "never.ndjson")})
    assert ww(root, "spool", "drain", "--sink", "hub").returncode == 0
    assert len(receiver.events) == EVENTS
    assert not (root / "never.ndjson").exists()
    assert not Cursors([str(root / "data/.ww/journal")]).get("out").boot
    assert ww(root, "spool", "drain", "--sink", "nobody").returncode == 64


def test_a_sink_that_cannot_be_used_is_not_waited_for(root: pathlib.Path, receiver: Receiver) -> None:
    plugin = {"type": "nonesuch"}
    configure(root, hub={"type": "http", "url": receiver.url}, odd=plugin)
    done = ww(root, "spool", "drain", "--timeout", "20")
    assert done.returncode == 78
    assert "ww.sinks.odd.type: there is no sink type 'nonesuch'" in done.stderr
    assert "nothing can be delivered to odd" in done.stderr
    assert list(receiver.events) == everything()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_it_remembers_what_was_delivered(
    root: pathlib.Path, receiver: Receiver, number: signal.Signals, code: int
) -> None:
    receiver.always = slow(0.3)
    configure(root, hub={"type": "http", "url": receiver.url, "batch": {"max_events": 50}})
    process = drain(root)
    until(lambda: len(receiver.events) >= 100, "two batches", 20)
    process.send_signal(number)
    assert process.wait(10) == code
    told = process.communicate()[1]
    assert "Traceback" not in told, told
    position = Cursors([str(root / "data/.ww/journal")]).get("hub")
    assert position.seq >= 50
    receiver.always = None
    assert ww(root, "spool", "drain").returncode == 0
    assert list(receiver.events) == everything()
    assert sum(receiver.sent.values()) <= EVENTS + 50, "at most the batch that was under way comes twice"


def test_events_that_lie_in_the_run_directory_are_delivered_too(tmp_path: pathlib.Path, receiver: Receiver) -> None:
    journal = Journal(str(tmp_path / "run/journal"), 0, "c" * 32, Clock(), 1 << 30, 0)
    journal.append("state", {"state": "UP", "service": "web", "instance": "host"})
    journal.close()
    os.chmod(tmp_path / "run", 0o700)
    configure(tmp_path, hub={"type": "http", "url": receiver.url})
    assert ww(tmp_path, "spool", "drain").returncode == 0
    assert len(receiver.events) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="root: only root can give files away")
def test_root_leaves_nothing_behind_that_the_owner_of_the_events_cannot_read(
    root: pathlib.Path, receiver: Receiver
) -> None:
    configure(root, hub={"type": "http", "url": receiver.url})
    for path in (root / "data", *(root / "data").rglob("*")):
        os.chown(path, 12345, 0)
    done = ww(root, "spool", "drain")
    assert done.returncode == 75
    assert "are user 12345's, and this is user 0; run it as that user" in done.stderr
    assert not receiver.requests


# Neither beside the other


@pytest.mark.rule("D-spool-drain-alone")
def test_it_does_not_begin_beside_an_instance_that_does_not_answer(root: pathlib.Path, receiver: Receiver) -> None:
    configure(root, hub={"type": "http", "url": receiver.url})
    held = take_lock(str(root / "data/.ww/lock"), str(root / "data"), "instance of service web on elsewhere, pid 1")
    assert isinstance(held, Lock)
    done = ww(root, "spool", "drain")
    assert done.returncode == 75
    assert "is in use by instance of service web on elsewhere, pid 1" in done.stderr
    held.release()
    assert not receiver.requests
    assert ww(root, "spool", "drain").returncode == 0


@pytest.mark.rule("D-spool-drain-alone")
def test_no_instance_begins_beside_it(home: Home) -> None:
    home.hooks("boot")
    delivering(home, hub={"type": "http", "url": url(free_port())}).settings(data={"lock_wait_s": 0.5})
    instance = home.start()
    instance.wait_state("UP")
    assert instance.stop() == 0
    process = drain(home.root, "--timeout", "0")
    holder = home.root / "data/.ww/lock"
    until(lambda: "ww spool drain" in holder.read_text(), "the lock")
    second = home.start()
    assert second.wait() == 75
    assert "in use by ww spool drain on" in second.messages()
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    process.communicate()


@pytest.mark.rule("D-spool-drain-alone")
def test_the_last_words_of_a_killed_reporter_are_waited_for_and_no_longer(
    root: pathlib.Path, receiver: Receiver
) -> None:
    configure(root, hub={"type": "http", "url": receiver.url})
    program = (
        "import fcntl, sys, time\n"
        "held = open(sys.argv[1], 'w')\n"
        "fcntl.flock(held, fcntl.LOCK_EX)\n"
        "print(flush=True)\n"
        "time.sleep(60)\n"
    )
    lock = root / "data/.ww/journal/reporter.lock"
    with subprocess.Popen([WW[0], "-c", program, str(lock)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        done = ww(root, "spool", "drain")
        assert done.returncode == 75
        assert "another reporter works on the events" in done.stderr
        process = drain(root)
        other.kill()
    assert process.wait(20) == 0, process.communicate()
    process.communicate()
    assert list(receiver.events) == everything()


# By the running instance


@pytest.mark.rule("D-spool-drain-again")
def test_an_instance_that_waits_for_a_better_moment_tries_at_once(home: Home) -> None:
    port = free_port()
    home.hooks("boot")
    delivering(home, hub={"type": "http", "url": url(port), **SLOW_TO_TRY})
    instance = home.start().wait_state("UP")
    answering(home)
    until(lambda: report(home)["sinks"].get("hub", {}).get("last_error"), "a delivery that failed")
    with Receiver(port) as receiver:
        assert not receiver.requests
        began = time.monotonic()
        done = home.ww("spool", "drain", "--timeout", "25")
        assert (done.returncode, done.stderr) == (0, "")
        assert time.monotonic() - began < 15
        assert "up" in {event["type"].split(".")[3] for event in receiver.events.values()}
    assert instance.stop() == 0


@pytest.mark.rule("D-spool-drain-again")
def test_what_the_receiver_itself_asked_for_is_kept(home: Home, receiver: Receiver) -> None:
    receiver.always = status(429, retry_after="60")
    home.hooks("boot")
    delivering(home, hub={"type": "http", "url": receiver.url})
    instance = home.start().wait_state("UP")
    until(lambda: receiver.requests, "a try")
    tried = len(receiver.requests)
    done = home.ww("spool", "drain", "--timeout", "3")
    assert done.returncode == 75
    assert len(receiver.requests) == tried
    assert instance.stop() == 0


@pytest.mark.rule("D-spool-drain-again", "D-control-hostile")
def test_asking_without_end_makes_nobody_try_more_than_once_a_second(home: Home, receiver: Receiver) -> None:
    receiver.always = status(503)
    home.hooks("boot")
    delivering(home, hub={"type": "http", "url": receiver.url, **SLOW_TO_TRY})
    instance = home.start().wait_state("UP")
    answering(home)
    until(lambda: receiver.requests, "a try")
    tried, began = len(receiver.requests), time.monotonic()
    while time.monotonic() - began < 2.5:
        for sink in (None, "hub"):
            said = ask(str(home.root / "run"), {"op": "drain", "sink": sink}, 5)
            assert isinstance(said, Answer)
            assert said.body == {"v": 1, "ok": True, "woken": True}
    assert 1 <= len(receiver.requests) - tried <= 4
    assert instance.stop() == 0


@pytest.mark.rule("D-spool-drain-again", "D-control-hostile")
@pytest.mark.parametrize(
    ("sink", "code"),
    [(7, "bad_request"), (["hub"], "bad_request"), ("nobody", "unknown_sink"), ("x" * 60_000, "unknown_sink")],
)
def test_a_wrong_name_is_refused_in_words(home: Home, sink: object, code: str) -> None:
    home.hooks("boot")
    delivering(home)
    home.start().wait_state("UP")
    said = ask(str(home.root / "run"), {"op": "drain", "sink": sink}, 5)  # type: ignore[dict-item]
    assert isinstance(said, Answer)
    assert (said.ok, said.code) == (False, code)
    assert len(said.message) < 300


@pytest.mark.rule("D-spool-drain-again")
def test_where_there_is_nothing_to_wake_that_is_no_fault(home: Home) -> None:
    home.hooks("boot")
    home.start().wait_state("UP")
    said = ask(str(home.root / "run"), {"op": "drain"}, 5)
    assert isinstance(said, Answer)
    assert said.body == {"v": 1, "ok": True, "woken": False}
    assert home.ww("spool", "drain").returncode == 0
