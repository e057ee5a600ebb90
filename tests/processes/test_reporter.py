"""The reporter: there only where it is needed, told everything, and its fate changes nothing for the service."""

from __future__ import annotations

import os
import pathlib
import resource
import signal

import pytest

from tests.support.home import Home
from tests.support.reporters import (
    SINK,
    answering,
    delivered,
    delivering,
    descriptors,
    gone,
    numbers,
    report,
    states,
    unhurried,
    with_a_gate_before_each_life,
    with_another_reporter,
    with_reporter_changed,
)
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until


def service_pid(home: Home) -> int:
    return int(home.status()["services"][0]["pid"])


def restarted(home: Home, times: int = 1) -> int:
    """The pid of the reporter that answers after `times` restarts."""
    until(lambda: report(home)["restarts"] >= times, f"{times} restarts", 20)
    return answering(home)


@pytest.mark.rule("D-reporter-needed")
def test_without_sinks_and_probes_there_is_none(home: Home) -> None:
    home.service("main")
    instance = home.start().wait_state("UP")
    assert home.status()["reporter"] is None
    assert not any(
        "_reporter" in path.read_text()
        for path in pathlib.Path("/proc").glob(f"{instance.process.pid}/task/*/children")
    )
    assert instance.stop() == 0
    home.settings(sinks={"off": {**SINK, "enabled": False}})
    instance = home.start().wait_state("UP")
    assert home.status()["reporter"] is None, "one that is switched off needs none"
    assert instance.stop() == 0


@pytest.mark.rule("D-health-without-monitor")
def test_an_instance_without_a_monitor_is_heard_of_where_anybody_hears(home: Home) -> None:
    delivering(home).service("main").settings(monitor={"interval_s": 0.2}, sinks={"out": SINK})
    instance = home.start().wait_state("UP")
    until(lambda: sum(e["type"].endswith(".health.v1") for e in delivered(home)) >= 3, "samples", 20)
    sample = next(e["data"] for e in delivered(home) if e["type"].endswith(".health.v1"))
    assert (sample["healthy"], sample["monitor"]) == (True, {})
    assert home.ww("healthcheck").stdout == "UP; there is no monitor\n"
    assert instance.stop() == 0


@pytest.mark.rule("D-reporter-delivers", "D-reporter-last")
def test_every_event_arrives_in_order_and_the_last_one_too(home: Home) -> None:
    unhurried(delivering(home)).service("main")
    for boot in range(3):
        instance = home.start().wait_state("UP")
        answering(home)
        assert instance.stop() == 0
        assert states(home)[-2:] == ["STOPPING", "STOPPED"], boot
    assert states(home) == [event["state"] for event in home.events()]
    found = [(event["source"], int(event["id"])) for event in delivered(home)]
    boots = list(dict.fromkeys(source for source, _ in found))
    assert len(boots) == 3
    for boot_source in boots:
        of_boot = [number for source, number in found if source == boot_source]
        assert of_boot == list(range(1, len(of_boot) + 1))


@pytest.mark.rule("D-reporter-last")
def test_a_start_that_fails_is_delivered_too(home: Home) -> None:
    unhurried(delivering(home))
    (home.hook("boot", "exit 0")).chmod(0o644)
    instance = home.run_to_end()
    assert instance.process.returncode == 78
    assert states(home) == ["ERROR"]


@pytest.mark.rule("D-reporter-harmless")
def test_it_is_limited_in_memory_first_to_be_killed_for_want_of_it_and_in_a_session_of_its_own(home: Home) -> None:
    unhurried(delivering(home)).service("main")
    instance = home.start().wait_state("UP")
    pid = answering(home)
    assert int(pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text()) == 900
    assert resource.prlimit(pid, resource.RLIMIT_DATA) == (512 << 20, 512 << 20)
    assert os.getsid(pid) == pid
    opened = descriptors(pid)
    assert opened[3].startswith("socket:")
    assert opened[0] == "/dev/null"
    assert opened[1] == opened[2]
    assert instance.stop() == 0
    assert gone(pid)


@pytest.mark.rule("D-reporter-harmless", "D-reporter-again")
def test_a_killed_one_comes_back_and_the_service_has_not_noticed(home: Home) -> None:
    unhurried(delivering(home)).service("main")
    instance = home.start().wait_state("UP")
    service, first = service_pid(home), answering(home)
    os.kill(first, signal.SIGKILL)
    instance.wait_message(f"the reporter (pid {first}) ended: killed by SIGKILL")
    instance.wait_message("events are kept, it is started again in 1 s")
    until(lambda: report(home)["pid"] is None, "between two lives")
    assert home.ww("maintenance", "on").returncode == 0
    assert home.ww("maintenance", "off").returncode == 0
    assert restarted(home) != first
    assert report(home)["restarts"] == 1
    assert service_pid(home) == service
    assert instance.stop() == 0
    assert instance.states() == ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP", "STOPPING", "STOPPED"]
    # A file takes again what was not yet remembered as delivered when the reporter was killed.
    once = list(dict.fromkeys(numbers(home)))
    assert once == list(range(1, len(once) + 1)), "nothing is missing"
    assert states(home)[-1] == "STOPPED"


@pytest.mark.rule("D-reporter-harmless", "D-reporter-ping")
def test_a_frozen_one_is_killed_when_it_does_not_answer(home: Home) -> None:
    unhurried(delivering(home)).service("main")
    instance = home.start().wait_state("UP")
    service, first = service_pid(home), answering(home)
    os.kill(first, signal.SIGSTOP)
    instance.wait_message("killed by SIGKILL (it did not answer for ")
    assert gone(first)
    restarted(home)
    assert service_pid(home) == service
    assert instance.stop() == 0
    assert "RESTARTING" not in instance.states()
    assert states(home)[-1] == "STOPPED"


NONSENSE = {
    "no JSON": "line._socket.send(b'\\xff\\x00{')",
    "no object": "line._socket.send(b'[1]')",
    "too deep": "line._socket.send(b'[' * 60000)",
    "no word": "line._socket.send(b'{\"n\": 1}')",
    "too long": "line._socket.send(b'x' * 70000)",
    "a flood": '[line._socket.send(b\'{"t":"stats","sinks":{}}\') for _ in range(30000)]',
    "hung up": "line._socket.close(); os.close(3) if os.path.exists('/proc/self/fd/3') else None",
}


@pytest.mark.rule("D-reporter-harmless", "D-reporter-nonsense")
@pytest.mark.parametrize("what", NONSENSE)
def test_one_that_talks_nonsense_is_ended(home: Home, what: str) -> None:
    delivering(home).service("main")
    program = f"""
def main():
    line, messages, hello = greet()
    {NONSENSE[what]}
    time.sleep(300)
"""
    instance = home.start(command=with_another_reporter(home, program)).wait_state("UP")
    service = service_pid(home)
    instance.wait_message("ended: killed by SIGKILL (it ")
    assert home.status()["state"] == "UP"
    assert service_pid(home) == service
    assert instance.stop() == 0
    assert instance.states()[-2:] == ["STOPPING", "STOPPED"]


@pytest.mark.rule("D-reporter-nonsense")
def test_what_it_says_of_no_use_is_passed_over(home: Home) -> None:
    """Wrong kinds of values, unknown words, pongs to nothing."""
    delivering(home).service("main")
    program = """
def main():
    line, messages, hello = greet()
    for text in (b'{"t":"later"}', b'{"t":"pong"}', b'{"t":"pong","n":"1"}', b'{"t":"pong","n":99}', b'{"t":"sample","data":3}',
                 b'{"t":"gap"}', b'{"t":"synced","seq":null}', b'{"t":"required"}', b'{"t":"stats","sinks":[]}',
                 b'{"t":"flushed","left":{}}', b'{"t":"required","name":"x","ok":1,"words":2}'):
        line._socket.send(text)
    for message in messages:
        if message["t"] == "ping":
            line.send({"t": "pong", "n": message["n"]})
        if message["t"] == "flush":
            return 0
"""
    instance = home.start(command=with_another_reporter(home, program)).wait_state("UP")
    pid = answering(home)
    assert report(home) == {"pid": pid, "restarts": 0, "answering": True, "sinks": {}}
    assert instance.stop() == 0
    assert "internal error" not in instance.messages()


@pytest.mark.rule("D-reporter-again")
def test_one_that_ends_again_and_again_is_started_ever_less_often(home: Home) -> None:
    delivering(home).service("main")
    command = with_another_reporter(home, 'def main():\n    process.say("info", "no sense in this")\n    return 3\n')
    instance = home.start(command=command).wait_state("UP")
    for delay in ("1", "2", "4"):
        instance.wait_message(f"it is started again in {delay} s")
    assert "no sense in this" in [line["message"] for line in instance.lines() if line.get("source") == "reporter"]
    assert report(home)["restarts"] == 3
    assert not report(home)["answering"]
    with Stopwatch() as stop:
        assert instance.stop() == 0
    assert stop.seconds < 2, "nobody waits for one that is not there"


@pytest.mark.rule("D-reporter-harmless", "D-reporter-memory")
def test_one_that_eats_memory_gets_no_more_than_its_share(home: Home) -> None:
    """Its limit ends it, not the kernel's want of memory; threads, which reserve much, do not count against it."""
    delivering(home).service("main").settings(reporter={"memory_bytes": 128 << 20})
    addition = """
def build(line, hello, settings):
    import threading
    threads = [threading.Thread(target=time.sleep, args=(300,), daemon=True) for _ in range(40)]
    for thread in threads:
        thread.start()
    process.say("info", f"{len(threads)} threads run")
    eaten = []
    while True:
        eaten.append(bytearray(8 << 20))
        if len(eaten) > 100:
            process.say("info", "eaten it all")
            time.sleep(300)
"""
    instance = home.start(command=with_reporter_changed(home, addition)).wait_state("UP")
    service = service_pid(home)
    instance.wait_message("40 threads run")
    instance.wait_message("the reporter cannot begin: MemoryError")
    instance.wait_message("ended: exit code 1")
    assert "eaten it all" not in instance.messages()
    assert service_pid(home) == service
    assert instance.stop() == 0


@pytest.mark.rule("D-reporter-apart")
def test_it_is_no_stray_no_daemon_and_outlives_a_restart(home: Home) -> None:
    delivering(home).all_hooks()
    home.hook("svcup", "setsid sleep 300 &")
    instance = home.start().wait_state("UP")
    pid = answering(home)
    instance.wait_message("svcup left 1 running: sleep (pid ")
    until(lambda: any("mem" in str(event["data"].get("monitor")) for event in delivered(home)), "a health event")
    health = next(event["data"] for event in delivered(home) if "monitor" in event["data"])
    assert health["ww"]["processes"] == 1, "the daemon alone"
    assert home.ww("restart").returncode == 0
    instance.wait_state("UP", 2)
    assert report(home)["pid"] == pid
    assert report(home)["restarts"] == 0
    assert instance.stop() == 0
    assert f"(pid {pid})" not in instance.messages()


@pytest.mark.rule("D-reporter-apart")
def test_what_it_had_started_ends_with_it(home: Home) -> None:
    delivering(home).service("main")
    mark = home.root / "script"
    program = f"""
import subprocess
def main():
    line, messages, hello = greet()
    started = subprocess.Popen(["sleep", "300"], start_new_session=True)
    open({str(mark)!r}, "w").write(str(started.pid))
    for message in messages:
        if message["t"] == "ping":
            line.send({{"t": "pong", "n": message["n"]}})
"""
    instance = home.start(command=with_another_reporter(home, program)).wait_state("UP")
    pid = answering(home)
    script = int(until(lambda: mark.exists() and mark.read_text(), "the script"))
    os.kill(pid, signal.SIGKILL)
    until(lambda: gone(script), "the end of the script")
    assert instance.stop() == 0


@pytest.mark.rule("D-reporter-environment")
def test_it_has_the_environment_of_the_instance_without_a_library_preloaded(home: Home) -> None:
    delivering(home).service("main")
    instance = home.start(env={"TOKEN_FOR_A_SINK": "abc", "WW_LD_PRELOAD": "/nowhere/libx.so"}).wait_state("UP")
    pid = answering(home)
    environ = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert b"TOKEN_FOR_A_SINK=abc" in environ
    assert not any(item.startswith((b"LD_PRELOAD=", b"WW_LD_PRELOAD=")) for item in environ)
    assert instance.stop() == 0


@pytest.mark.rule("D-reporter-reload")
def test_a_reload_gives_it_its_new_settings_and_leaves_the_services_alone(home: Home) -> None:
    unhurried(delivering(home)).service("main")
    instance = home.start().wait_state("UP")
    service, first = service_pid(home), answering(home)
    assert home.ww("reload").returncode == 0
    assert report(home)["pid"] == first, "nothing has changed for it"

    home.settings(sinks={"other": {"type": "file", "path": "/other.ndjson"}})
    home.write_config()
    assert home.ww("reload").returncode == 0
    until(lambda: report(home)["pid"] not in (None, first), "another one")
    answering(home)
    assert report(home)["restarts"] == 0, "that was in order"
    until(lambda: "UP" in states(home, "/other.ndjson"), "the new sink gets what there is")

    home.settings(labels={"tier": "gold"})
    home.write_config()
    second = report(home)["pid"]
    assert home.ww("reload").returncode == 0
    until(lambda: report(home)["pid"] not in (None, second), "a third one")

    home.config["ww"].pop("sinks")  # type: ignore[attr-defined]
    home.write_config()
    assert home.ww("reload").returncode == 0
    until(lambda: report(home)["pid"] is None, "none any more")
    home.settings(sinks={"out": SINK})
    home.write_config()
    assert home.ww("reload").returncode == 0
    answering(home)
    assert service_pid(home) == service
    assert instance.stop() == 0
    assert "RESTARTING" not in instance.states()
    assert states(home)[-1] == "STOPPED"


@pytest.mark.rule("D-reporter-alone")
def test_it_does_not_outlive_a_killed_ww_run_and_two_never_work_at_a_time(home: Home) -> None:
    """The last words of one that is left alone take a second at most; its successor waits for it."""
    delivering(home)
    addition = """
_finish = Dialogue.finish
def slowly(self, deadline):
    with open(ROOT + "/words", "a") as file:
        file.write(f"{time.monotonic()} last\\n")
        time.sleep(0.4)
        file.write(f"{time.monotonic()} gone\\n")
    _finish(self, deadline)
Dialogue.finish = slowly
_build = build
def build(line, hello, settings):
    made = _build(line, hello, settings)
    with open(ROOT + "/words", "a") as file:
        file.write(f"{time.monotonic()} begun\\n")
    return made
""".replace("ROOT", repr(str(home.root)))
    command = with_reporter_changed(home, addition)
    instance = home.start(command=command).wait_state("UP")
    pid = answering(home)
    words = home.root / "words"
    until(lambda: words.exists() and "begun" in words.read_text(), "its work")
    instance.process.kill()
    instance.process.wait()
    second = home.start(command=command).wait_state("UP")
    until(lambda: gone(pid), "its end", 3)
    answering(home)
    until(lambda: words.read_text().count("begun") == 2, "the work of the second")
    entries = sorted((float(line.split()[0]), line.split()[1]) for line in words.read_text().splitlines())
    assert [what for _, what in entries] == ["begun", "last", "gone", "begun"]
    assert second.stop() == 0


@pytest.mark.rule("D-reporter-alone")
def test_one_whose_ww_run_was_killed_is_gone_whatever_holds_it(home: Home) -> None:
    delivering(home).service("main")
    addition = "def finish(self, deadline):\n    time.sleep(300)\nDialogue.finish = finish"
    instance = home.start(command=with_reporter_changed(home, addition)).wait_state("UP")
    pid = answering(home)
    instance.process.kill()
    instance.process.wait()
    until(lambda: gone(pid), "its end", 4)


@pytest.mark.rule("D-reporter-needed")
def test_whoever_finds_the_data_in_use_tells_no_sink(home: Home) -> None:
    """The holder of the data is the instance; a sink that heard the ERROR of another start would believe it of him."""
    import fcntl

    delivering(home, out=SINK, need={"type": "file", "path": "/need", "required": True}).settings(
        data={"lock_wait_s": 0.1}
    )
    lock = home.root / "data/.ww/lock"
    lock.parent.mkdir(mode=0o700)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        instance = home.run_to_end()
    assert instance.process.returncode == 75
    assert not (home.root / "events.ndjson").exists()


@pytest.mark.rule("D-reporter-delivers")
def test_settings_too_long_for_the_line_arrive_all_the_same(home: Home) -> None:
    deep = f"{'x' * 200}/" * 6
    many = {f"s{number}": {"type": "file", "path": f"/many/{deep}{number}"} for number in range(60)}
    unhurried(delivering(home, out=SINK, **{name: {**sink, "kinds": ["gap"]} for name, sink in many.items()}))
    home.settings(labels={str(number): "y" * 100 for number in range(60)})
    instance = home.start().wait_state("UP")
    answering(home)
    until(lambda: "UP" in states(home), "the sink's share")
    assert instance.stop() == 0
    assert states(home)[-1] == "STOPPED"


@pytest.mark.rule("D-reporter-delivers")
def test_what_a_wrapped_command_does_is_delivered_too(home: Home) -> None:
    unhurried(delivering(home))
    instance = home.run_to_end("--", "sh", "-c", "sleep 1; exit 3")
    assert instance.process.returncode == 3
    assert states(home)[-2:] == ["UP", "ERROR"]


@pytest.mark.rule("D-reporter-harmless")
def test_a_log_that_nobody_reads_does_not_stop_it(home: Home) -> None:
    """A sink says a lot, the container log takes nothing, and the others are delivered all the same."""
    delivering(home, out=SINK).service("main")
    addition = """
_build = build
def build(line, hello, settings):
    for number in range(40000):
        process.say("info", f"{number} of a lot of words that nobody wants to read, again and again and again")
    return _build(line, hello, settings)
"""
    instance = home.start(command=with_reporter_changed(home, addition)).wait_state("UP")
    until(lambda: "UP" in states(home), "what is to be delivered")
    assert answering(home)
    assert instance.stop() == 0


@pytest.mark.rule("D-reporter-again", "D-reporter-needed")
def test_ww_status_shows_it_and_how_each_sink_stands(home: Home) -> None:
    (home.root / "there").touch()
    gate = home.root / "gate"
    gate.touch()
    delivering(home, out=SINK, lost={"type": "file", "path": "/there/out"}).service("main")
    instance = home.start(command=with_a_gate_before_each_life(home, gate)).wait_state("UP")
    pid = answering(home)

    def shown() -> str:
        return home.ww("status").stdout

    assert f"reporter: pid {pid}" in shown()
    until(lambda: "File exists" in shown(), "the sink that fails")
    rows = {line.split()[0]: line.split()[1:3] for line in shown().splitlines() if line.split()[1:2] == ["file"]}
    assert rows["out"] == ["file", "delivering"]
    assert rows["lost"][1] in ("retrying", "open")

    gate.unlink()
    os.kill(pid, signal.SIGKILL)
    until(lambda: "reporter: not running, it is started again soon" in shown(), "between two lives")
    gate.touch()
    restarted(home)
    assert "started again 1 time" in shown()
    assert instance.stop() == 0


@pytest.mark.rule("D-reporter-harmless", "D-secret-masked")
def test_secrets_reach_it_and_stand_nowhere(home: Home) -> None:
    """One as a reference, one as plain text; a sink that says them is masked."""
    delivering(home, out=SINK).service("main").settings(labels={"plain": "visible"})
    secrets = home.root / "run/secrets"
    secrets.mkdir(parents=True)
    (secrets / "token").write_text("very-secret-token\n")
    home.config["password"] = {"$secret": "token"}
    addition = """
_surroundings = surroundings
def surroundings(line, hello, directories, cursors):
    around = _surroundings(line, hello, directories, cursors)
    process.say("info", around.mask("it is very-secret-token, is it not"))
    return around
"""
    instance = home.start(command=with_reporter_changed(home, addition)).wait_state("UP")
    pid = answering(home)
    instance.wait_message("it is ***, is it not")
    assert "very-secret" not in instance.messages()
    for name in ("cmdline", "environ"):
        assert b"very-secret" not in pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
    assert instance.stop() == 0
