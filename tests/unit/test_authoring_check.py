"""`ww check`: each mistake of an author is found, at its place, and what is right is left alone."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Callable

import pytest

from tests.support.paths import REPO
from ww.authoring.check import check, report
from ww.authoring.finding import PROBLEM, WARNING, Finding
from ww.authoring.place import find_place
from ww.authoring.template import make_home
from ww.errors import UsageError

Break = Callable[[pathlib.Path], object]


@pytest.fixture
def home(tmp_path: pathlib.Path) -> pathlib.Path:
    """The template as `ww init` makes it."""
    make_home(str(tmp_path / "site"))
    return tmp_path / "site"


def findings(directory: pathlib.Path) -> list[Finding]:
    return check(find_place(str(directory)))


def write(path: str, text: str, mode: int = 0o755) -> Break:
    def change(home: pathlib.Path) -> None:
        target = home / "ww" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
        target.chmod(mode)

    return change


def rename(old: str, new: str) -> Break:
    return lambda home: (home / "ww" / old).rename(home / "ww" / new)


def chmod(path: str, mode: int) -> Break:
    return lambda home: (home / "ww" / path).chmod(mode)


def config(ww: dict[str, object] | None = None, **members: object) -> Break:
    """The defaults with these members; the template's hook `signal` keeps its signal."""
    settings = {**(ww or {}), **({} if ww and "signals" in ww else {"signals": {"USR1": "hook"}})}
    value = {"heartbeat_s": 1, **members, "ww": settings}
    return write("etc/default_cfg.json", json.dumps(value, indent=1), 0o644)


def services(**definitions: object) -> Break:
    return config(ww={"services": definitions})


def schema(**members: object) -> Break:
    return write("etc/cfg_schema.json", json.dumps({"type": "object", **members}, indent=1), 0o644)


def directory_instead_of_a_hook(home: pathlib.Path) -> None:
    (home / "ww/usr/pushstats").unlink()
    (home / "ww/usr/pushstats").mkdir()


def nothing_that_starts(home: pathlib.Path) -> None:
    (home / "ww/usr/svcup").unlink()
    shutil.rmtree(home / "ww/usr/services")
    config()(home)


@pytest.mark.rule("D-check-finds")
@pytest.mark.parametrize("directory", ["hooks-template", "images/notes/ww", "images/notes"])
def test_what_we_ship_is_clean(directory):
    assert findings(REPO / directory) == []


@pytest.mark.rule("D-check-finds", "WWA-13")
@pytest.mark.parametrize("name", ["queuemetrics", "wombatdialer"])
def test_hook_sets_of_the_original_have_no_problem(name):
    found = findings(REPO / "tests/fixtures/old-images" / name)
    assert [item for item in found if item.level == PROBLEM] == []


PROBLEMS: dict[str, tuple[Break, str, str]] = {
    "no x bit": (chmod("usr/boot", 0o644), "ww/usr/boot", "hook boot is not executable"),
    "a step without x bit": (
        write("usr/upgrade.d/0001-a", "true\n", 0o644),
        "ww/usr/upgrade.d/0001-a",
        "not executable",
    ),
    "a directory in place of a hook": (
        directory_instead_of_a_hook,
        "ww/usr/pushstats",
        "is a directory",
    ),
    "a file in place of .d": (write("usr/boot.d", "x"), "ww/usr/boot.d", "this is a file"),
    "a misspelt hook": (rename("usr/svcup", "usr/svc-up"), "ww/usr/svc-up", "no hook has this name"),
    "a hook with an ending": (rename("usr/monitor", "usr/monitor.sh"), "ww/usr/monitor.sh", "no hook has this name"),
    "a misspelt .d": (write("usr/svc-up.d/10-a", "true\n"), "ww/usr/svc-up.d", "no hook has this name"),
    "no such interpreter": (
        write("usr/boot", "#!/bin/bsh\n"),
        "ww/usr/boot:1",
        "its interpreter /bin/bsh does not exist",
    ),
    "no such program for env": (
        write("usr/boot", "#!/usr/bin/env pyton3\n"),
        "ww/usr/boot:1",
        "pyton3 is not on the PATH",
    ),
    "env with two words": (write("usr/boot", "#!/usr/bin/env sh -e\n"), "ww/usr/boot:1", "all of it is one word"),
    "a relative interpreter": (write("usr/boot", "#!sh\n"), "ww/usr/boot:1", "no absolute path"),
    "carriage returns": (write("usr/boot", "#!/bin/sh\r\ntrue\r\n"), "ww/usr/boot:1", "carriage return"),
    "a carriage return within": (write("usr/boot", "#!/bin/sh\ntrue\r\n"), "ww/usr/boot:2", "carriage return"),
    "a byte order mark": (write("usr/boot", "\ufeff#!/bin/sh\n"), "ww/usr/boot:1", "byte order mark"),
    "bad shell": (write("usr/boot", "#!/bin/sh\ntrue\nif then\n"), "ww/usr/boot:3", "yntax error"),
    "bad shell without #!": (write("usr/boot", "true\n( fi\n"), "ww/usr/boot:2", "yntax error"),
    "bad bash": (write("usr/boot", "#!/usr/bin/env bash\nif then\n"), "ww/usr/boot:2", "yntax error"),
    "a service that cannot be run": (
        chmod("usr/services/web/run", 0o644),
        "ww/usr/services/web/run",
        "services/web/run is not executable",
    ),
    "a service without run": (
        write("usr/services/db/check", "true\n"),
        "ww/usr/services/db/run",
        "services/db/run is missing",
    ),
    "a misspelt run": (
        rename("usr/services/web/check", "usr/services/web/chek"),
        "ww/usr/services/web/chek",
        "did you mean check?",
    ),
    "a service with a wrong name": (
        write("usr/services/My_DB/run", "true\n"),
        "ww/usr/services/My_DB",
        "the name of a service has small letters",
    ),
    "bad shell in a service": (
        write("usr/services/web/run", "#!/bin/sh\nif then\n"),
        "ww/usr/services/web/run:2",
        "yntax error",
    ),
    "an unknown service to start after": (
        services(web={"after": ["bd"]}),
        "ww/etc/default_cfg.json:5",
        "no service bd",
    ),
    "services in a circle": (
        services(web={"after": ["db"]}, db={"command": ["true"], "after": ["web"]}),
        "ww/etc/default_cfg.json:4",
        "db → web → db: each starts after the next one",
    ),
    "a service of nothing": (services(db={}), "ww/etc/default_cfg.json:5", "neither a command"),
    "an unknown field of a service": (services(web={"usr": "x"}), "ww/etc/default_cfg.json:6", "did you mean user?"),
    "an unknown signal": (
        config(ww={"signals": {"USR1": "hook", "BOOM": "stop"}}),
        "ww/etc/default_cfg.json:6",
        "BOOM",
    ),
    "no JSON": (write("etc/default_cfg.json", '{\n "a": 1\n "b": 2}'), "ww/etc/default_cfg.json:3", "it is not JSON"),
    "an unknown key": (config(hartbeat=1), "ww/etc/default_cfg.json:3", "hartbeat: there is no such key"),
    "a wrong default": (config(heartbeat_s="often"), "ww/etc/default_cfg.json:2", "is not of type 'integer'"),
    "an unknown setting": (config(ww={"servise": "x"}), "ww/etc/default_cfg.json:4", "did you mean service?"),
    "no JSON Schema": (
        schema(properties={"heartbeat_s": {"type": "whole"}}),
        "ww/etc/cfg_schema.json:5",
        "JSON Schema",
    ),
    "a misspelt schema": (
        rename("etc/cfg_schema.json", "etc/cfg-schema.json"),
        "ww/etc/cfg-schema.json",
        "does not read",
    ),
    "misspelt defaults": (
        rename("etc/default_cfg.json", "etc/default_config.json"),
        "ww/etc/default_config.json",
        "does not read",
    ),
}

WARNINGS: dict[str, tuple[Break, str, str]] = {
    "a file that is no service": (write("usr/services/db", "true\n"), "ww/usr/services/db", "a service is a directory"),
    "a user that nobody is": (
        services(db={"command": ["true"], "user": "nosuchuser"}),
        "ww/etc/default_cfg.json:9",
        "there is no user 'nosuchuser'",
    ),
    "a group that nobody is": (
        services(db={"command": ["true"], "user": "root:nosuchgroup"}),
        "ww/etc/default_cfg.json:9",
        "there is no group 'nosuchgroup'",
    ),
    "a directory that is not there": (
        services(db={"command": ["true"], "cwd": "/nosuch"}),
        "ww/etc/default_cfg.json:9",
        "its directory /nosuch (cwd) does not exist",
    ),
    "a program that is not on the PATH": (
        services(db={"command": ["nosuchprogram", "-D"]}),
        "ww/etc/default_cfg.json:6",
        "its program nosuchprogram is not on the PATH",
    ),
    "a program that is not there": (
        services(db={"command": ["/opt/nosuch"]}),
        "ww/etc/default_cfg.json:6",
        "its program /opt/nosuch is not there",
    ),
    "a program that cannot be run": (
        services(db={"command": ["/etc/passwd"]}),
        "ww/etc/default_cfg.json:6",
        "its program /etc/passwd is not executable",
    ),
    "a signal hook without a signal": (config(ww={"signals": {}}), "ww/usr/signal", "it is never called"),
    "a signal without its hook": (lambda home: (home / "ww/usr/signal").unlink(), "ww/usr/signal", "there is none"),
    "a name of other tools": (write("usr/healthcheck", "true\n"), "ww/usr/healthcheck", "never run"),
    "a helper": (write("usr/lib.sh", "true\n"), "ww/usr/lib.sh", "ww never runs it"),
    "an old copy": (write("usr/boot.old", "true\n"), "ww/usr/boot.old", "never run"),
    "an editor's leftover": (write("usr/boot~", "true\n"), "ww/usr/boot~", "leftover"),
    "a leftover among parts": (write("usr/boot.d/10-a.bak", "true\n"), "ww/usr/boot.d/10-a.bak", "passed over"),
    "a leftover among steps": (
        write("usr/upgrade.d/0001-a.orig", "true\n"),
        "ww/usr/upgrade.d/0001-a.orig",
        "passed over",
    ),
    "a step without number": (write("usr/upgrade.d/first", "true\n"), "ww/usr/upgrade.d/first", "not of the form"),
    "no version": (lambda home: (home / "ww/etc/version").unlink(), "ww/etc/version", "without FROM and TO"),
    "no restore": (lambda home: (home / "ww/usr/restore").unlink(), "ww/usr/backup", "no restore"),
    "nothing to stop": (
        nothing_that_starts,
        "ww/usr/svcdown",
        "there is svcdown, and nothing that starts",
    ),
    "pushstats alone": (lambda home: (home / "ww/usr/monitor").unlink(), "ww/usr/pushstats", "no monitor"),
    "a program without x bit": (chmod("files/example-service", 0o644), "ww/files/example-service", "not executable"),
    "a key that is there twice": (
        write("etc/default_cfg.json", '{"heartbeat_s": 1,\n"heartbeat_s": 2}', 0o644),
        "ww/etc/default_cfg.json:2",
        "twice",
    ),
    "a default that its schema refuses": (
        schema(properties={"heartbeat_s": {"type": "integer", "default": "1"}}),
        "ww/etc/cfg_schema.json:6",
        "its own schema refuses this default",
    ),
    "conf.d without .json": (write("etc/conf.d/10-a.jsn", "{}", 0o644), "ww/etc/conf.d/10-a.jsn", "passed over"),
}


@pytest.mark.rule("D-check-finds")
@pytest.mark.parametrize("name", PROBLEMS)
def test_a_mistake_is_a_problem_at_its_place(name, home):
    break_it, where, words = PROBLEMS[name]
    break_it(home)
    found = [item for item in findings(home) if item.level == PROBLEM]
    assert [item.where for item in found] == [where]
    assert words in found[0].what + " " + found[0].do
    assert found[0].do, "it says what to do"


@pytest.mark.rule("D-check-finds")
@pytest.mark.parametrize("name", WARNINGS)
def test_what_is_suspicious_is_a_warning_at_its_place(name, home):
    break_it, where, words = WARNINGS[name]
    break_it(home)
    found = findings(home)
    assert [(item.level, item.where) for item in found if words in item.what] == [(WARNING, where)]
    assert [item for item in found if item.level == PROBLEM] == []


@pytest.mark.rule("D-check-finds")
def test_two_steps_of_one_number_are_told(home):
    write("usr/upgrade.d/0001-a", "true\n")(home)
    write("usr/upgrade.d/0001-b", "true\n")(home)
    assert [item.where for item in findings(home)] == ["ww/usr/upgrade.d/0001-b"]


@pytest.mark.rule("D-check-finds")
def test_a_value_that_only_the_operator_gives_is_no_problem(home):
    schema(properties={"heartbeat_s": {}, "token": {"type": "string"}}, required=["token"])(home)
    (found,) = findings(home)
    assert found.level == WARNING
    assert "'token' is a required property" in found.what


@pytest.mark.rule("D-check-finds")
def test_what_is_wrong_elsewhere_says_nothing_of_the_signals(home):
    config(ww={"signals": {"USR1": "hook"}, "sinks": {"a": {"type": "fil"}}, "journal": 5})(home)
    assert [item.what.split(":")[0] for item in findings(home)] == ["ww.sinks.a.type", "ww.journal"]
    write("etc/default_cfg.json", '{"ww": {', 0o644)(home)
    assert [item.file for item in findings(home)] == ["ww/etc/default_cfg.json"]


@pytest.mark.rule("D-check-finds", "D-writeonly-masked")
def test_a_secret_in_the_open_is_told_and_not_shown(home):
    schema(properties={"heartbeat_s": {}, "db": {"properties": {"word": {"writeOnly": True}}}})(home)
    config(db={"word": "open-sesame"})(home)
    (found,) = findings(home)
    assert (found.level, found.where) == (WARNING, "ww/etc/default_cfg.json:4")
    assert "open-sesame" not in found.what + found.do
    config(db={"word": {"$secret": "db"}})(home)
    assert findings(home) == []


@pytest.mark.rule("D-check-finds")
def test_what_is_named_like_a_secret_and_stands_in_the_open_is_told(home):
    schema()(home)
    config(api_token="abc123", db={"password": ""}, tokens=["x"])(home)
    (found,) = findings(home)
    assert (found.level, found.where) == (WARNING, "ww/etc/default_cfg.json:3")


@pytest.mark.rule("D-check-finds")
def test_an_interpreter_that_only_the_image_may_have_is_a_warning_there_and_a_problem_in_a_home(home):
    write("usr/boot", "#!/opt/app/bin/lua\n")(home)
    assert [item.level for item in findings(home / "ww")] == [WARNING]
    assert [item.level for item in findings(home)] == [PROBLEM]
    (home / "opt/app/bin").mkdir(parents=True)
    (home / "opt/app/bin/lua").touch()
    assert findings(home) == []


@pytest.mark.rule("D-check-finds")
def test_what_a_service_needs_is_looked_for_below_the_root_as_well_and_not_for_one_that_is_disabled(home):
    db = {"command": ["lua"], "cwd": "/opt/app", "user": "app:www", "env": {"PATH": "/opt/app/bin"}}
    services(db={**db, "enabled": False}, files={"command": ["/ww/files/example-service"]})(home)
    assert findings(home) == []
    services(db=db)(home)
    assert {(item.level, item.what.split(":")[0]) for item in findings(home)} == {(WARNING, "service db")}
    assert len(findings(home)) == 3
    for name in ("opt/app/bin", "etc"):
        (home / name).mkdir(parents=True)
    (home / "etc/passwd").write_text("app:x:70:70::/:/bin/sh\n")
    (home / "etc/group").write_text("www:x:71:\n")
    (home / "opt/app/bin/lua").touch(0o755)
    assert findings(home) == []
    assert findings(home / "ww") == []


@pytest.mark.rule("D-check-finds")
def test_a_link_that_may_lead_somewhere_in_the_image_is_a_warning_there_and_a_problem_in_a_home(home):
    (home / "ww/usr/warmup").unlink()
    (home / "ww/usr/warmup").symlink_to("/opt/app/warmup")
    assert [item.level for item in findings(home / "ww")] == [WARNING]
    assert [item.level for item in findings(home)] == [PROBLEM]
    (home / "ww/usr/warmup").unlink()
    (home / "ww/usr/warmup").symlink_to("wormup")
    assert [item.level for item in findings(home / "ww")] == [PROBLEM]


@pytest.mark.rule("D-check-finds")
def test_checking_executes_nothing(home, tmp_path):
    witness = tmp_path / "executed"
    write("usr/boot", f"#!/bin/sh\n: $(touch {witness})\ntouch {witness}\n")(home)
    write("usr/monitor", f"#!/bin/bash\necho `touch {witness}`\n")(home)
    assert findings(home) == []
    assert not witness.exists()


def test_the_report_counts(home):
    write("usr/boot~", "true\n")(home)
    chmod("usr/boot", 0o644)(home)
    place = find_place(str(home))
    answer = report(place, check(place))
    assert (answer["format"], answer["problems"], answer["warnings"]) == (1, 1, 1)
    assert [item["level"] for item in answer["findings"]] == ["problem", "warning"]


@pytest.mark.parametrize("kind", ["absent", "empty", "a whole system"])
def test_what_is_no_directory_of_an_author_is_refused(kind, tmp_path):
    if kind == "a whole system":
        (tmp_path / "usr/bin").mkdir(parents=True)
    with pytest.raises(UsageError, match="cannot look at"):
        find_place(str(tmp_path / "nowhere" if kind == "absent" else tmp_path))
