"""The compile child, run for real: what it writes, what it leaves alone, what it answers."""

from __future__ import annotations

import json
import marshal
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.configs import Instance, child_environ
from ww.clib import json_dumps
from ww.config.precompiled import write
from ww.home.command import compile_command

NO_CAPABILITIES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
"""Root without the right to write where the mode of a directory forbids it."""


@pytest.fixture
def instance(tmp_path) -> Instance:
    return Instance(tmp_path)


def mode(path: os.PathLike[str]) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.rule("WW-8", "D-cfg-cache", "D-secret-refs", "D-cfg-provenance")
def test_it_writes_the_configuration_its_provenance_and_its_cache(instance):
    instance.secret("db", "hunter2")
    instance.put("default_cfg.json", {"a": {"b": 1}, "s": {"$secret": "db"}, "cron": "* * *  *"})
    environ = {"CFG": '{"a":{"c":"é"}}', "CFG__a__b": "2"}
    code, answer = instance.child(environ, "x=1")
    assert (code, answer) == (0, {"ok": True, "warnings": []})

    cfg = json.loads((instance.etc / "cfg.json").read_text())
    assert cfg == {"a": {"b": 2, "c": "é"}, "s": {"$secret": "db"}, "cron": "* * *  *", "x": 1}
    assert mode(instance.etc / "cfg.json") == 0o644

    cache = marshal.loads((instance.run / "cfg.cache").read_bytes())
    assert cache["format"] == 3
    assert cache["key"] == instance.collect(environ, "x=1").key
    assert cache["cfg_path"] == str(instance.etc / "cfg.json")
    assert cache["secrets"] == [{"$secret": "db"}]
    assert cache["settings"]["stop.budget_s"] == 9
    assert mode(instance.run / "cfg.cache") == 0o600

    provenance = (instance.run / "cfg.provenance.json").read_text()
    assert json.loads(provenance)["format"] == 1
    assert mode(instance.run / "cfg.provenance.json") == 0o600
    assert not any(b"hunter2" in path.read_bytes() for path in (instance.etc / "cfg.json", instance.run / "cfg.cache"))
    assert "hunter2" not in provenance
    assert sorted(path.name for path in instance.etc.iterdir()) == ["cfg.json", "conf.d", "default_cfg.json"]


@pytest.mark.rule("D-exit-78", "WW-11", "D-config-previous-kept")
def test_a_refused_configuration_leaves_every_file_as_it_was(instance):
    assert instance.child({"CFG": '{"a":1}'})[0] == 0
    files = [instance.etc / "cfg.json", instance.run / "cfg.cache", instance.run / "cfg.provenance.json"]
    before = [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in files]
    for bad in ('{"a":', "[]", '{"ww":{"x":1}}', '{"a":{"$secret":"../x"}}'):
        code, answer = instance.child({"CFG": bad})
        assert code == 78
        assert answer["ok"] is False
        assert [problem["layer"] for problem in answer["problems"]] == ["CFG"]
    assert [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in files] == before


@pytest.mark.rule("WW-11")
def test_a_refused_first_configuration_writes_nothing(instance):
    assert instance.child({"CFG": "[]"})[0] == 78
    assert list(instance.run.iterdir()) == []
    assert [path.name for path in instance.etc.iterdir()] == ["conf.d"]


@pytest.fixture
def read_only(instance) -> Iterator[tuple[str, ...]]:
    """An image that cannot be written; yields what a command must be started with so that this holds for root too."""
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("setpriv: there is no setpriv, and root writes to read-only directories")
    instance.etc.chmod(0o555)
    yield NO_CAPABILITIES if os.geteuid() == 0 else ()
    instance.etc.chmod(0o755)


@pytest.mark.rule("D-cfg-readonly")
def test_where_the_image_cannot_be_written_the_run_directory_holds_the_result(instance, read_only):
    code, answer = instance.child({"CFG": '{"a":1}'}, prefix=read_only)
    assert (code, answer["ok"]) == (0, True)
    assert json.loads((instance.run / "cfg.json").read_text()) == {"a": 1}
    assert not (instance.etc / "cfg.json").exists()
    assert marshal.loads((instance.run / "cfg.cache").read_bytes())["cfg_path"] == str(instance.run / "cfg.json")
    assert instance.ww("cfg", "a").stdout == "1\n"

    instance.etc.chmod(0o755)
    assert instance.child({"CFG": '{"a":2}'})[0] == 0
    assert not (instance.run / "cfg.json").exists()
    assert instance.ww("cfg", "a").stdout == "2\n"


@pytest.mark.rule("D-cfg-readonly")
def test_where_nothing_can_be_written_it_says_so(instance, read_only):
    code, answer = instance.child({"CFG": '{"a":1}'}, prefix=read_only, run=False)
    assert code == 78
    assert "cannot be written" in answer["problems"][0]["message"]
    assert answer["problems"][0]["file"] == str(instance.etc / "cfg.json")


def test_without_a_run_directory_the_answer_holds_the_cache(instance):
    code, answer = instance.child({"CFG": '{"a":1,"ww":{"service":"x"}}'}, run=False)
    assert code == 0
    assert answer["cache"]["settings"]["service"] == "x"
    assert list(instance.run.iterdir()) == []


@pytest.mark.rule("D-writeonly-masked")
def test_a_write_only_value_makes_the_file_private_and_is_warned_of(instance):
    instance.put("cfg_schema.json", {"properties": {"p": {"writeOnly": True}}})
    code, answer = instance.child({"CFG": '{"p":"hunter2"}'})
    assert code == 0
    assert mode(instance.etc / "cfg.json") == 0o600
    assert "$secret" in answer["warnings"][0]["message"]
    assert "hunter2" not in (instance.run / "cfg.provenance.json").read_text()
    assert instance.child({"CFG": '{"p":{"$secret":"p"}}'}) == (0, {"ok": True, "warnings": []})
    assert mode(instance.etc / "cfg.json") == 0o644


@pytest.mark.rule("D-cfg-atomic")
def test_a_reader_never_sees_half_of_it(instance):
    sizes = [1, 300_000]
    instance.child({}, "x=0")
    path = instance.etc / "cfg.json"
    seen = 0
    for number in range(4):
        instance.put("default_cfg.json", {"pad": str(number) * sizes[number % 2]})
        argv = [sys.executable, "-m", "ww.compile", "--root", str(instance.root), "--run", str(instance.run)]
        with subprocess.Popen(argv, env=child_environ(), stdout=subprocess.DEVNULL) as child:
            while child.poll() is None:
                json.loads(path.read_bytes())
                seen += 1
    assert seen > 4
    assert len(json.loads(path.read_bytes())["pad"]) == 300_000


@pytest.mark.rule("D-cfg-strategies")
def test_libraries_and_slow_modules_are_imported_only_where_they_are_needed(instance):
    def imported(environ: dict[str, str]) -> set[str]:
        python, *words = compile_command()
        argv = [python, "-X", "importtime", *words, "--root", str(instance.root)]
        done = subprocess.run(argv, env=child_environ(environ), capture_output=True, text=True, check=True)
        names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        return names & {"jsonmerge", "jsonschema", "fastjsonschema", "click", "jinja2", "json", "re", "site", "difflib"}

    assert imported({"CFG": '{"a":1}'}) == set()
    assert imported({"CFG": '{"ww":{"log":{"level":"debug"},"stop":{"budget_s":5}}}'}) == set()
    assert imported({"CFG__name": "no JSON", "CFG__date": "2026-11-21", "CFG__null": "nullable"}) == set()
    instance.put("cfg_schema.json", {"properties": {"a": {"type": "integer"}, "b": {"pattern": "^x"}}})
    assert "jsonschema" in imported({})
    assert "jsonmerge" not in imported({})
    assert write(str(instance.etc)).reason == ""
    assert imported({"CFG": '{"a":1}'}) == set()
    assert imported({"CFG": '{"a":1,"b":"x"}'}) == set()
    instance.put("cfg_schema.json", {"properties": {"a": {"mergeStrategy": "append"}}})
    assert {"jsonmerge", "jsonschema"} <= imported({})


def nested(value: str, levels: int = 98) -> str:
    return '{"a":' * levels + value + "}" * levels


@pytest.mark.rule("D-cfg-limits")
def test_a_hundred_levels_survive_jsonmerge_and_jsonschema(instance):
    instance.put("default_cfg.json", nested('{"l":[1]}'))
    instance.put("cfg_schema.json", {"properties": {"a": {"$ref": "#"}, "l": {"mergeStrategy": "append"}}})
    assert instance.child({"CFG": nested('{"l":[2]}')})[0] == 0
    assert '{"l":[1,2]}' in (instance.etc / "cfg.json").read_text()

    inner = {"allOf": [{"anyOf": [{"oneOf": [{"$ref": "#"}]}]}]}
    instance.put("cfg_schema.json", {"properties": {"a": inner, "l": {"type": "array"}}})
    assert instance.child({"CFG": nested('{"l":[2]}')})[0] == 0
    assert instance.child({"CFG": nested('{"l":2}')})[0] == 78


@pytest.mark.rule("D-cfg-schema")
@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"allOf": [{"anyOf": [{"$ref": "#"}]}]}])
def test_a_schema_that_refers_to_itself_without_end_is_refused(instance, schema):
    instance.put("cfg_schema.json", schema)
    code, answer = instance.child({"CFG": "{}"})
    assert code == 78
    assert "refers to itself" in answer["problems"][0]["message"]


@pytest.mark.parametrize("argv", [["--root"], ["--bogus", "x"], ["stray"]])
def test_wrong_arguments_end_with_64(argv):
    done = subprocess.run(
        [sys.executable, "-m", "ww.compile", *argv], env=child_environ(), capture_output=True, check=False
    )
    assert done.returncode == 64
    assert json.loads(done.stdout)["ok"] is False


def test_names_that_are_no_text_do_not_stop_it(instance):
    path = os.fsencode(instance.etc / "conf.d") + b"/\xff.json"
    with open(path, "wb") as file:
        file.write(b"[")
    code, answer = instance.child()
    assert code == 78
    assert answer["problems"][0]["line"] == 1
    assert json_dumps(answer)


@pytest.mark.rule("D-cfg-all-problems")
@pytest.mark.parametrize("word", ["x", "x" * 900, "\x01" * 100], ids=["short", "long", "escaped"])
def test_however_much_is_wrong_the_answer_is_short_and_counts_the_rest(instance, word):
    instance.put("default_cfg.json", {"ww": {f"{word}{number}": number for number in range(1000)}})
    code, answer = instance.child()
    assert code == 78
    assert answer["count"] == 1000
    assert len(json_dumps(answer)) < 60_000
    assert len(answer["problems"]) <= 51
    assert answer["problems"][-1]["message"] == f"and {1001 - len(answer['problems'])} more problems"


@pytest.mark.rule("D-cfg-all-problems")
@pytest.mark.parametrize("run", [True, False])
def test_many_warnings_do_not_refuse_a_valid_configuration(instance, run):
    twice = ",".join(f'"{"k" * 60}{number}":1' for number in range(800))
    instance.put("default_cfg.json", f"{{{twice},{twice}}}")
    code, answer = instance.child(run=run)
    assert code == 0
    assert len(json_dumps(answer)) < 60_000
    assert answer["warnings"][-1]["message"] == "and 750 more warnings"


@pytest.mark.rule("D-log-lines")
@pytest.mark.parametrize(
    ("environ", "sets", "expected"),
    [
        ({"CFG": '{"ww":{"log":{"format":"json","level":"debug"},"x":1}}'}, [], ("json", "debug")),
        ({"CFG": '{"ww":', "CFG__ww__log__format": "json"}, [], ("json", None)),
        ({"CFG": '{"ww":{"log":{"format":"json"}}}'}, ["=1"], ("json", None)),
        ({"CFG": '{"ww":{"log":{"format":"xml","level":"debug"}}}'}, [], ("plain", "debug")),
        ({"CFG": '{"ww":{"log":{"format":["json"]}}}'}, [], ("plain", None)),
        ({"CFG": '{"ww":7}'}, [], ("plain", None)),
        ({"CFG": "["}, [], ("plain", None)),
    ],
)
def test_a_refusal_says_in_which_format_it_is_to_be_logged(instance, environ, sets, expected):
    code, answer = instance.child(environ, *sets)
    assert code == 78
    assert answer["log"] == dict(zip(("format", "level"), expected, strict=True))


@pytest.mark.rule("D-writeonly-masked", "D-cfg-cache")
def test_the_cache_knows_what_to_mask_and_the_file_that_was_written(instance):
    instance.put("cfg_schema.json", {"properties": {"p": {"writeOnly": True}}})
    assert instance.child({"CFG": '{"p":"hunter2"}'})[0] == 0
    cache = marshal.loads((instance.run / "cfg.cache").read_bytes())
    info = (instance.etc / "cfg.json").stat()
    assert cache["hidden"] == ["hunter2"]
    assert cache["cfg_print"] == [info.st_size, info.st_mtime_ns, info.st_ino]
