"""`ww explain` tells what `ww run` then does, and does nothing itself."""

from __future__ import annotations

import json
import os
import pathlib
import tempfile
from typing import Any

import pytest

from tests.support.home import Home
from tests.support.reporters import SINK
from tests.support.waiting import until
from ww.authoring.template import make_home
from ww.lifecycle.model import Kind
from ww.lifecycle.table import PLANS, RECOVERY


def tree(directory: pathlib.Path) -> dict[str, tuple[int, int, int, bytes]]:
    found = {}
    for path in [directory, *sorted(directory.rglob("*"))]:
        info = path.lstat()
        data = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (info.st_mode, info.st_mtime_ns, info.st_ino, data)
    return found


def explained(home: Home, *words: str, code: int = 0, env: dict[str, str] | None = None) -> dict[str, Any]:
    home.write_config()
    before = tree(home.root)
    done = home.ww("explain", "--json", *words, env=env)
    assert done.returncode == code, done.stderr + done.stdout
    assert tree(home.root) == before, "nothing is written"
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def hooks(document: dict[str, Any], *states: str) -> list[str]:
    """The calls that the document promises for these states, as the hooks of `Home` note them."""
    return [
        " ".join([hook["hook"] if index == 0 else file["file"], *hook["arguments"]])
        for name in states
        for state in document["states"]
        if state["state"] == name
        for action in state["actions"]
        for hook in action.get("hooks", ())
        for index, file in enumerate(hook["files"])
    ]


@pytest.mark.rule("D-explain-dry", "WW-16")
def test_the_hooks_of_a_first_life_run_as_explained(home: Home) -> None:
    home.all_hooks().hook("boot.d/50-mine")
    (home.root / "ww/etc/version").write_text("3\n")
    document = explained(home)
    assert document["first_boot"] is True
    up = hooks(document, "BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP")
    assert "boot.d/50-mine" in up
    instance = home.start().wait_state("UP")
    until(lambda: any(call.startswith("pushstats") for call in home.calls()), "pushstats")
    assert instance.stop() == 0
    down = hooks(document, "STOPPING", "STOPPED")
    called = [call if not call.startswith("pushstats") else "pushstats JSON" for call in home.calls()]
    assert called == up + down


@pytest.mark.rule("D-explain-dry")
def test_the_states_are_those_of_the_table(home: Home) -> None:
    document = explained(home)
    told = [(state["state"], [action["action"] for action in state["actions"]]) for state in document["states"]]
    table = [(state and state.value, [action.kind.value for action in plan]) for state, plan in PLANS.items()]
    reach = Kind.REACH.value
    assert told == [(state, [action for action in plan if action != reach]) for state, plan in table]
    assert document["sinks"] == []
    home.settings(
        sinks={"log": SINK, "hub": {**SINK, "path": "/hub", "required": True}, "off": {**SINK, "enabled": False}}
    )
    document = explained(home)
    told = [(state["state"], [action["action"] for action in state["actions"]]) for state in document["states"]]
    assert told == table
    assert document["sinks"] == [
        {"name": "hub", "type": "file", "required": True},
        {"name": "log", "type": "file", "required": False},
    ]
    assert "\nsinks         hub (file, required: the start waits for it), log (file)\n" in home.ww("explain").stdout
    assert [action["action"] for action in document["recovery"]] == [action.kind.value for action in RECOVERY]


@pytest.mark.rule("D-explain-dry", "D-steps-once")
def test_steps_are_pending_or_done_as_the_data_says(home: Home) -> None:
    home.hooks("upgrade.d/0001-a", "backup")
    assert home.start().wait_state("UP").stop() == 0
    home.hooks("upgrade.d/0002-b")
    (home.root / "ww/etc/version").write_text("4\n")
    document = explained(home)
    (steps,) = [
        action["steps"]
        for state in document["states"]
        for action in state["actions"]
        if action.get("steps") is not None
    ]
    assert [(step["step"], step["state"]) for step in steps] == [("0001-a", "done"), ("0002-b", "pending")]
    assert (document["first_boot"], document["backup"]) == (False, True)
    assert document["versions"] == {"image": "4", "data": ""}
    (home.root / "ww/usr/upgrade.d/0001-a").unlink()
    refused = explained(home, code=78)
    assert "0001-a" in refused["refusals"][0]["why"]
    assert home.run_to_end().process.returncode == 78


@pytest.mark.rule("D-explain-dry")
def test_limits_come_from_the_settings(home: Home) -> None:
    home.all_hooks().settings(hooks={"boot": {"timeout_s": 7, "retries": 0}}, stop={"budget_s": 20, "drain_s": 3})
    document = explained(home, "--set", "ww.restart.limit=2", "--set", "ww.restart.warmup=false")
    by_state = {state["state"]: state["actions"] for state in document["states"]}
    boot = next(hook for action in by_state["BOOT"] for hook in action.get("hooks", ()) if hook["hook"] == "boot")
    assert (boot["limit_s"], boot["retries"]) == (7, 0)
    assert not [
        hook for action in by_state["RESTARTING"] for hook in action.get("hooks", ()) if hook["hook"] == "warmup"
    ]
    assert document["restart"]["delays_s"] == [0, 1]
    stop = document["stop"]
    assert stop["drain_s"] == 3
    times = [stop[key] for key in ("drain_s", "svcdown_term_s", "svcdown_kill_s", "sweep_kill_s", "end_s")]
    assert times == sorted(times)
    assert times[-1] == 20


@pytest.mark.rule("D-explain-dry", "D-exit-78")
def test_a_start_that_would_be_refused_is_said_with_the_code_of_the_run(home: Home) -> None:
    home.hook("boot").chmod(0o644)
    document = explained(home, "--set", "ww.servise=x", code=78)
    assert document["would_start"] is False
    whys = " ".join(refusal["why"] for refusal in document["refusals"])
    assert "did you mean service?" in whys
    assert "is not executable" in whys
    assert home.run_to_end("--set", "ww.servise=x").process.returncode == 78


@pytest.mark.rule("D-explain-dry", "D-writeonly-masked")
def test_configuration_from_outside_is_read_and_no_secret_is_shown(home: Home) -> None:
    schema = {"properties": {"word": {"type": "string", "writeOnly": True, "maxLength": 3}}}
    (home.root / "ww/etc/cfg_schema.json").write_text(json.dumps(schema))
    env = {"CFG": '{"word": "open-sesame", "ww": {"service": "shop"}}'}
    document = explained(home, env=env, code=78)
    assert document["service"] == "shop"
    assert document["configuration"]["layers"][-1] == "CFG"
    assert "open-sesame" not in json.dumps(document)


@pytest.mark.rule("D-explain-dry")
def test_services_are_told_in_the_order_of_their_start_with_how_they_are_known_and_stopped(home: Home) -> None:
    home.hook("services/web/run", note=False)
    home.hook("services/web/check", note=False)
    db = {"command": ["postgres", "-D", "x"], "user": "70:70", "env": {"PASSWORD": "open-sesame"}, "essential": False}
    cache = {"command": ["redis"], "enabled": False}
    web = {"after": ["db"], "stop": {"signal": "QUIT", "timeout_s": 3}}
    home.settings(services={"web": web, "db": db, "cache": cache}, signals={"USR1": "rewrite:HUP"})
    document = explained(home)
    assert [service["name"] for service in document["services"]] == ["db", "web", "cache"]
    first, second, third = document["services"]
    assert (first["user"], first["env"], first["essential"], first["readiness"]) == ("70:70", ["PASSWORD"], False, None)
    assert second["stop"] == {"signal": "QUIT", "limit_s": 3, "to": "group"}
    assert second["readiness"]["how"] == f"command {home.root}/ww/usr/services/web/check"
    assert third["enabled"] is False
    assert document["signals"]["USR1"] == "rewrite:HUP"
    text = home.ww("explain").stdout
    assert "open-sesame" not in text + json.dumps(document)
    assert "cache  (disabled: not started)" in text
    home.settings(services={"db": {"command": ["x"], "after": ["web"]}})
    refused = explained(home, code=78)
    assert "db → web → db" in refused["refusals"][0]["why"]


@pytest.mark.rule("D-explain-dry")
def test_what_cannot_be_written_is_said(home: Home) -> None:
    (home.root / "data").rmdir()
    (home.root / "data").write_text("a file")
    document = explained(home)
    assert document["places"]["journal"]["path"] == f"{home.root}/run/journal"
    assert any("nothing is remembered" in words for words in document["given_up"])


@pytest.mark.rule("D-explain-dry", "D-data-shared")
def test_the_journal_of_shared_data_lies_in_the_run_directory(home: Home) -> None:
    document = explained(home.settings(data={"shared": True}))
    assert document["places"]["journal"]["path"] == f"{home.root}/run/journal"


@pytest.mark.rule("D-explain-dry", "D-restore-safe")
def test_a_restore_that_is_half_done_is_a_refusal(home: Home) -> None:
    assert home.start().wait_state("UP").stop() == 0
    (home.root / "data/.ww/restoring").write_text("monday\n")
    refused = explained(home, code=78)
    assert "monday" in refused["refusals"][0]["why"]
    assert home.run_to_end().process.returncode == 78


@pytest.mark.rule("D-explain-dry")
def test_the_words_fit_80_columns(home: Home) -> None:
    home.all_hooks().hooks("upgrade.d/0001-a-step-with-a-long-name-that-says-what-it-does", "warmup.d/10-a")
    home.write_config()
    text = home.ww("explain").stdout
    long = [line for line in text.splitlines() if len(line) > 80 and str(home.root) not in line]
    assert not long
    for words in (
        "before BOOT",
        "fresh: this start does a first boot",
        "upgrade steps",
        "where things are",
        "TERM stop",
    ):
        assert words in text


@pytest.mark.rule("D-explain-dry")
def test_what_matters_of_the_template_fits_a_screen_or_two_and_comes_before_the_plan(home: Home) -> None:
    with tempfile.TemporaryDirectory(prefix="ww-") as site:  # a long path would be wrapped
        make_home(site)
        text = home.ww("explain", "--root", site).stdout
    assert len(text.splitlines()) < 80
    titles = ("\nservices,", "\nlimits ", "\nwhere things are", "\nBOOT ")
    places = [text.index(title) for title in titles]
    assert places == sorted(places)


@pytest.mark.rule("D-explain-dry")
def test_hooks_are_told_in_their_order_with_their_files_and_those_that_are_missing_apart(home: Home) -> None:
    home.hooks("svcup", "boot.d/10-a").hook("warmup").chmod(0o644)
    home.write_config()
    words = " ".join(home.ww("explain").stdout.split())
    assert "BOOT boot (300 s, 3 retries): boot.d/10-a → inspect the data (no hook lifecycle)" in words
    assert "→ svcup (300 s, 3 retries) → " in words
    assert "warmup (300 s, 3 retries): warmup CANNOT BE RUN" in words


@pytest.mark.rule("D-explain-dry")
def test_what_ends_the_instance_is_the_failure_of_a_oneshot_and_the_end_of_a_service(home: Home) -> None:
    once = {"command": ["true"], "type": "oneshot"}
    home.settings(services={"once": once, "web": {"command": ["web"]}, "aside": {**once, "essential": False}})
    home.write_config()
    told = [line.split("  ")[-1].strip() for line in home.ww("explain").stdout.splitlines() if " restart  " in line]
    assert told == [
        "never; the instance goes on without it",
        "never; its failure for good ends the instance",
        "always; its end for good ends the instance",
    ]


@pytest.mark.rule("D-explain-dry", "D-exit-75")
def test_an_instance_that_runs_here_stands_against_another_one(home: Home) -> None:
    instance = home.start().wait_state("UP")
    done = home.ww("explain", "--json")
    (refusal,) = json.loads(done.stdout)["refusals"]
    assert (done.returncode, refusal["exit_code"]) == (75, 75)
    assert f"runs here already: pid {instance.process.pid}" in refusal["why"]
    assert "REFUSED, 75" in home.ww("explain").stdout
    assert home.run_to_end().process.returncode == 75
    assert instance.stop() == 0
    assert home.ww("explain").returncode == 0


@pytest.mark.rule("D-exit-64")
def test_a_root_that_is_not_there_is_wrong_usage(home: Home) -> None:
    done = home.ww("explain", "--root", os.path.join(home.root, "nowhere"))
    assert done.returncode == 64
    assert "there is no such directory" in done.stderr
