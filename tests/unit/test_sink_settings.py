"""`ww.sinks`: what is refused, where the message says that it is, and what is accepted without a library."""

from __future__ import annotations

import json
import os
import re

import pytest

from tests.support.configs import Instance
from tests.support.paths import REPO
from ww.clib import pattern_kind
from ww.config import sinktypes
from ww.config.generate import settings_module
from ww.config.settings import load_schema
from ww.config.validate import faults, schema_fault
from ww.errors import problem_text
from ww.sinks.delivery.options import DeliveryOptions, options_of

TYPES = sorted(name.removesuffix(".json") for name in os.listdir(REPO / "ww/config/sinks") if name.endswith(".json"))
COMMON = set(load_schema()["$defs"]["sink"]["properties"])


@pytest.fixture
def instance(tmp_path) -> Instance:
    return Instance(tmp_path)


def sinks(**given: object) -> dict[str, str]:
    return {"CFG": json.dumps({"ww": {"sinks": given}})}


FILE = {"type": "file", "path": "/data/events.ndjson"}


@pytest.mark.rule("D-sink-settings")
def test_right_settings_are_accepted_and_have_their_defaults(instance):
    cfg = instance.cfg(sinks(log=FILE, out={"type": "stdout", "kinds": ["state"]}))
    options = options_of("log", cfg["ww"]["sinks"]["log"])
    assert options == DeliveryOptions(name="log", type="file")
    own = sinktypes.filled(cfg["ww"]["sinks"]["log"], sinktypes.own_schema("file"))
    assert (own["keep"], own["mode"], own["retry"]) == (5, "0600", {"first_s": 1, "max_s": 60})


@pytest.mark.rule("D-sink-settings")
@pytest.mark.parametrize(
    ("given", "path", "words"),
    [
        ({"log": {"path": "/x"}}, "ww.sinks.log", "'type' is a required property"),
        ({"log": {**FILE, "pth": 1}}, "ww.sinks.log.pth", "there is no such setting of ww; did you mean path?"),
        ({"log": {**FILE, "requierd": True}}, "ww.sinks.log.requierd", "did you mean required?"),
        ({"log": {"type": "file"}}, "ww.sinks.log", "'path' is a required property"),
        ({"log": {**FILE, "keep": -1}}, "ww.sinks.log.keep", "-1 is less than the minimum"),
        ({"log": {**FILE, "mode": "rw"}}, "ww.sinks.log.mode", "write octal digits in quotes"),
        ({"log": {**FILE, "batch": {"max_event": 5}}}, "ww.sinks.log.batch.max_event", "did you mean max_events?"),
        ({"log": {**FILE, "kinds": ["states"]}}, "ww.sinks.log.kinds[0]", "did you mean state?"),
        ({"log": {**FILE, "retry": {"first_s": 0}}}, "ww.sinks.log.retry.first_s", "0 is less than"),
        ({"log": {"type": "fil"}}, "ww.sinks.log.type", "there is no sink type 'fil'"),
        ({"log": {"type": "exec", "command": "push"}}, "ww.sinks.log.command", 'as in ["/ww/usr/push"'),
        ({"Log": FILE}, "ww.sinks.Log", "small letters"),
        ({"log": {**FILE, "path": "../../etc/x"}}, "ww.sinks.log.path", "write it without .. in it"),
        ({"log": {**FILE, "path": "/data/.."}}, "ww.sinks.log.path", "write it without .. in it"),
        ({"log": {"type": "sqlite", "path": "/a/../b"}}, "ww.sinks.log.path", "write it without .. in it"),
        ({"log": []}, "ww.sinks.log", "[] is not of type 'object'"),
    ],
)
def test_what_is_wrong_is_refused_with_its_path(instance, given, path, words):
    found = [item for item in instance.problems(sinks(**given)) if item["path"] == path]
    assert len(found) == 1, [problem_text(item) for item in instance.problems(sinks(**given))]
    assert words in found[0]["message"]


@pytest.mark.rule("D-sink-settings")
@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"type": "http", "ulr": "http://x/"}, "ww.sinks.log.ulr"),
        ({"type": "file", "pth": "/data/x"}, "ww.sinks.log.pth"),
    ],
)
def test_a_misspelt_setting_that_is_needed_is_one_problem(instance, given, path):
    (problem,) = instance.problems(sinks(log=given))
    assert problem["path"] == path
    assert "did you mean" in problem["message"]


@pytest.mark.rule("D-sink-settings")
def test_a_disabled_sink_may_be_of_a_type_that_is_not_installed(instance):
    assert instance.cfg(sinks(far={"type": "redis", "enabled": False, "url": "x"}))


@pytest.mark.rule("D-sink-secrets")
def test_a_reference_stands_where_the_type_marks_a_secret_and_nowhere_else(instance):
    reference = {"$secret": "token"}
    good = {"type": "exec", "command": ["push"], "env": {"TOKEN": reference}}
    assert instance.cfg(sinks(push=good))["ww"]["sinks"]["push"]["env"]["TOKEN"] == reference
    for wrong, path in [
        ({**good, "command": reference}, "ww.sinks.push.command"),
        ({**good, "timeout_s": reference}, "ww.sinks.push.timeout_s"),
        ({**good, "type": reference}, "ww.sinks.push.type"),
        ({**good, "env": reference}, "ww.sinks.push.env"),
    ]:
        found = instance.problems(sinks(push=wrong))
        assert [item["path"] for item in found if "a reference to a secret cannot be used" in item["message"]] == [path]


@pytest.mark.rule("D-sink-secrets")
@pytest.mark.parametrize("bearer", [{"$secrt": "hunter2"}, {"$fiel": "/x"}, {"$envv": "A"}])
def test_a_misspelt_reference_is_one_problem_which_says_what_was_meant(instance, packages, bearer):
    name, near = next(iter(bearer)), {"$secrt": "$secret", "$fiel": "$file", "$envv": "$env"}[next(iter(bearer))]
    instance.put("default_cfg.json", {"ww": {"sinks": {"a": {"type": "http", "url": "http://x/", "bearer": bearer}}}})
    (problem,) = instance.problems()
    assert problem["path"] == "ww.sinks.a.bearer"
    assert problem["message"] == f"there is no reference {name}; did you mean {near}?"
    done, found = checked(instance, packages)
    assert done.returncode == 1
    assert [
        item for item in found if "ww.sinks" in item and "ww.sinks.a.bearer: there is no reference" not in item
    ] == []
    assert "1 problem," in done.stdout


@pytest.mark.rule("D-sink-secrets")
def test_a_secret_in_plain_text_is_masked_and_recommended_against(instance):
    push = {"type": "http", "url": "http://x/", "basic": {"user": "root-of-it", "password": "hunter2-hunter2"}}
    compiled = instance.build(sinks(push=push))
    assert compiled.problems == []
    assert [item["path"] for item in compiled.warnings] == ["ww.sinks.push.basic.password"]
    assert "root-of-it" not in compiled.hidden_texts()
    assert "hunter2-hunter2" in compiled.hidden_texts()
    assert "hunter2" not in json.dumps(compiled.provenance.report(compiled.is_hidden))
    wrong = sinks(push={"type": "http", "url": "http://x/", "bearer": ["hunter2-hunter2"]})
    (problem,) = instance.problems(wrong)
    assert "hunter2" not in problem_text(problem)


@pytest.mark.rule("D-sink-secrets")
def test_what_may_be_a_reference_and_is_no_secret_stands_in_plain_text(instance):
    env = {"LEVEL": "information", "TOKEN": {"$env": "T"}}
    compiled = instance.build(sinks(push={"type": "exec", "command": ["push"], "env": env}))
    assert (compiled.problems, compiled.warnings, compiled.hidden_texts()) == ([], [], [])
    basic = {"user": {"$env": "U"}, "password": {"$env": "P"}}
    compiled = instance.build(sinks(push={"type": "http", "url": "http://x/", "basic": basic}))
    assert (compiled.problems, compiled.warnings) == ([], [])


@pytest.mark.rule("D-sink-secrets")
def test_a_secret_in_plain_text_is_a_warning_of_check(instance, packages):
    push = {"type": "http", "url": "http://x/", "bearer": "hunter2-hunter2"}
    instance.put("default_cfg.json", {"ww": {"sinks": {"push": push}}})
    done, found = checked(instance, packages)
    assert done.returncode == 0, done.stdout
    assert any("ww.sinks.push.bearer: the schema marks it as a secret" in item for item in found), found
    assert "hunter2" not in done.stdout


@pytest.mark.rule("D-sink-secrets")
def test_a_secret_that_is_not_there_is_a_warning_of_the_start(instance):
    given = sinks(push={"type": "exec", "command": ["push"], "env": {"TOKEN": {"$secret": "token"}}})
    code, answer = instance.child(given)
    assert code == 0
    (warning,) = answer["warnings"]
    assert warning["path"] == "ww.sinks.push.env.TOKEN"
    assert "cannot resolve the $secret reference token" in warning["message"]
    instance.secret("token", "hunter2")
    (instance.run / "cfg.cache").unlink(missing_ok=True)
    assert instance.child(given) == (0, {"ok": True, "warnings": []})


@pytest.mark.rule("D-sink-schemas")
@pytest.mark.parametrize("name", TYPES)
def test_the_schema_of_a_type_keeps_the_rules(name):
    schema = sinktypes.own_schema(name)
    assert name in sinktypes.BUILT_IN
    assert schema_fault(schema) is None
    assert schema["additionalProperties"] is False
    assert not set(schema["properties"]) & COMMON
    required = set(schema.get("required", ()))
    for key, part in schema["properties"].items():
        assert part["description"].endswith("."), key
        has_value = "default" in part or key in required or "properties" in part
        assert has_value or "absent" in part["description"].lower(), f"{name}.{key} has no default"
        if "default" in part:
            assert faults(part["default"], {**part, "$defs": schema.get("$defs", {})}) == [], key


@pytest.mark.rule("D-sink-schemas", "D-fast-check")
@pytest.mark.parametrize("name", TYPES)
def test_the_check_of_a_type_is_made_from_its_schema_as_it_is(name):
    path = REPO / f"ww/config/sinks/{name}.json"
    wanted = settings_module(path.read_bytes(), path.name)
    text = path.with_name(f"{name}_check.py").read_text()
    if f'KIND = "{pattern_kind()}"' not in text:
        text, wanted = (part[part.index("PATTERNS = ") :] for part in (text, wanted))
    assert text == wanted, "run scripts/settings-check"


@pytest.mark.rule("D-sink-schemas")
def test_settings_of_a_type_are_accepted_without_a_library():
    assert sinktypes.accepts("file", {"path": "/x"})
    assert not sinktypes.accepts("file", {})
    assert not sinktypes.accepts("file", {"path": "/x", "other": 1})
    assert not sinktypes.accepts("nothing", {})


PLUGIN = """
from ww.sinks.base import Accepted, Guarantee, Sink, SinkType
class Redis(Sink):
    def deliver(self, batch, deadline):
        return [Accepted()] * len(batch)
TYPE = SinkType(
    name="redis",
    guarantee=Guarantee.AT_LEAST_ONCE,
    schema={"type": "object", "additionalProperties": False, "required": ["url"],
            "properties": {"url": {"type": "string", "description": "Where.", "writeOnly": True}}},
    make=lambda settings, context: Redis(),
    summary="a list in Redis",
)
NONE = 5
OLD = SinkType("old", Guarantee.BEST_EFFORT, {}, lambda *_: None, "old", api=99)
TAKEN = SinkType("taken", Guarantee.BEST_EFFORT, {"properties": {"retry": {}}}, lambda *_: None, "taken")
WRONG = SinkType("wrong", Guarantee.BEST_EFFORT, {"type": "objekt"}, lambda *_: None, "wrong")
"""
POINTS = """[ww.sinks]
redis = redis_sink:TYPE
old = redis_sink:OLD
none = redis_sink:NONE
gone = redis_sink:GONE
lost = redis_sink_nowhere:TYPE
taken = redis_sink:TAKEN
wrong = redis_sink:WRONG
file = redis_sink:TYPE
"""


@pytest.fixture
def packages(tmp_path):
    """A directory with an installed package that brings sink types, right and wrong ones."""
    directory = tmp_path / "packages"
    (directory / "redis_sink-1.2.dist-info").mkdir(parents=True)
    (directory / "redis_sink.py").write_text(PLUGIN)
    (directory / "redis_sink-1.2.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: redis-sink\nVersion: 1.2\n"
    )
    (directory / "redis_sink-1.2.dist-info/entry_points.txt").write_text(POINTS)
    return directory


def checked(instance, packages, *words):
    environ = {"PYTHONPATH": f"{packages}:{os.environ.get('PYTHONPATH', '')}"}
    done = instance.ww("check", *words, str(instance.root), environ=environ)
    return done, [
        " ".join(part.split()) for part in re.split(r"^(?:problem|warning) ", done.stdout, flags=re.MULTILINE)
    ]


@pytest.mark.rule("D-sink-types")
def test_a_plugin_is_found_and_its_settings_are_checked_by_its_own_schema(instance, packages):
    instance.put("default_cfg.json", {"ww": {"sinks": {"a": {"type": "redis", "url": {"$secret": "url"}}}}})
    done, _ = checked(instance, packages)
    assert done.returncode == 0, done.stdout
    instance.put("default_cfg.json", {"ww": {"sinks": {"a": {"type": "redis", "ulr": "redis://x"}}}})
    done, found = checked(instance, packages)
    assert done.returncode == 1
    assert any("ww.sinks.a.ulr: there is no such setting of ww; did you mean url?" in item for item in found)


@pytest.mark.rule("D-sink-types")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("old", "is written for version 99 of the sink API, and this ww has version 1; install one that fits"),
        ("none", "redis-sink 1.2: redis_sink:NONE is no SinkType"),
        ("gone", "redis-sink 1.2: importing redis_sink:GONE failed: AttributeError"),
        ("lost", "redis-sink 1.2: importing redis_sink_nowhere:TYPE failed: ModuleNotFoundError"),
        ("taken", "it names retry, which belongs to the delivery options"),
        ("wrong", "the schema of redis_sink:WRONG cannot be used"),
        ("rediss", "there is no sink type 'rediss'"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_refused_in_words(instance, packages, name, words):
    instance.put("default_cfg.json", {"ww": {"sinks": {"a": {"type": name}}}})
    done, found = checked(instance, packages)
    assert done.returncode == 1
    assert any(
        item.startswith("ww/etc/default_cfg.json") and "ww.sinks.a.type:" in item and words in item for item in found
    ), found


@pytest.mark.rule("D-sink-settings")
def test_check_finds_what_only_the_type_itself_can_see(instance, packages):
    instance.put("default_cfg.json", {"ww": {"sinks": {"a": {"type": "file", "path": "/data/events/"}}}})
    done, found = checked(instance, packages)
    assert done.returncode == 1
    words = "ww.sinks.a: path '/data/events/' names a directory; write the name of a file"
    assert any(item.startswith("ww/etc/default_cfg.json") and words in item for item in found), found


@pytest.mark.rule("D-sink-settings")
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "http://x/"}, "'type' is a required property"),
        ({"type": "file"}, "'path' is a required property"),
        ({"type": "http", "url": "http://x/", "mode": "template"}, "'template' is a required property"),
    ],
)
def test_what_a_sink_needs_is_not_left_to_whoever_runs_the_image(instance, packages, given, words):
    instance.put("default_cfg.json", {"ww": {"sinks": {"a": given}}})
    done, found = checked(instance, packages)
    assert done.returncode == 1, done.stdout
    assert any(words in item and "would end with 78" in item for item in found), found
    assert instance.child()[0] == 78


BAD_WHEN_MADE = {
    "template": {"type": "http", "url": "http://x/", "mode": "template", "template": {"body": "${"}},
    "bearer": {
        "type": "http",
        "url": "http://x/",
        "bearer": {"$env": "A"},
        "basic": {"user": "u", "password": {"$env": "B"}},
    },
}


@pytest.mark.rule("D-sink-settings")
@pytest.mark.parametrize("name", sorted(BAD_WHEN_MADE))
def test_what_only_making_the_sink_shows_is_a_problem_too_and_no_reason_not_to_start(instance, packages, name):
    instance.put("default_cfg.json", {"ww": {"sinks": {"a": BAD_WHEN_MADE[name]}}})
    done, found = checked(instance, packages)
    assert done.returncode == 1, done.stdout
    assert any("ww.sinks.a: " in item and "nothing would reach this sink" in item for item in found), found
    assert instance.child()[0] == 0


@pytest.mark.rule("D-sink-settings")
def test_check_looks_at_programs_and_files_of_sinks(instance, packages):
    (instance.root / "data" / "taken").mkdir(parents=True)
    program = instance.root / "ww" / "files" / "push"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    given = {
        "gone": {"type": "exec", "command": ["/ww/files/psuh"]},
        "here": {"type": "exec", "command": ["/ww/files/push"], "cwd": "/nowhere"},
        "sh": {"type": "exec", "command": ["sh", "-c", "true"]},
        "dir": {"type": "file", "path": "/data/taken"},
        "one": {"type": "file", "path": "/data/events"},
        "two": {"type": "file", "path": "events"},
        "three": {"type": "sqlite", "path": "/data//events"},
        "s1": {"type": "sqlite", "path": "/data/sql"},
        "s2": {"type": "sqlite", "path": "/data/sql", "table": "other"},
    }
    instance.put("default_cfg.json", {"ww": {"sinks": given}})
    done, found = checked(instance, packages)
    assert done.returncode == 1
    told = sorted(item.partition("ww.sinks.")[2].split(";")[0] for item in found if "ww.sinks." in item)
    assert [words.partition(" on this machine")[0].partition(" give each")[0] for words in told] == [
        "dir.path: /data/taken is a directory",
        "gone: its program /ww/files/psuh is not there",
        "here: its directory /nowhere (cwd) does not exist",
        "three.path: the sink one writes into the same file",
        "two.path: the sink one writes into the same file",
    ]


@pytest.mark.rule("D-sink-table")
def test_an_image_has_its_plugins_in_a_table_which_is_not_believed_when_something_was_installed_since(
    instance, packages
):
    instance.put("default_cfg.json", {"ww": {"sinks": {"a": {"type": "redis", "url": {"$secret": "x"}}}}})
    done, _ = checked(instance, packages, "--compile")
    table = instance.etc / "sinks.check"
    assert f"wrote {table}" in done.stdout.replace("\n", "")
    # What the table says is believed without looking: not even the package's code has to be there.
    record = json.loads(table.read_text())
    assert record["types"]["redis"]["target"] == "redis_sink:TYPE"
    assert record["types"]["redis"]["origin"] == "redis-sink 1.2"
    code, answer = instance.child()
    assert (code, answer["ok"]) == (0, True)
    os.utime(packages, (1, 1))
    code, answer = instance.child()
    assert code == 78
    assert "there is no sink type 'redis'" in answer["problems"][0]["message"]
