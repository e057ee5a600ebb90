"""What an instance says before it knows its configuration, or when it has none that can be used."""

from __future__ import annotations

import json
import pathlib

import pytest

from tests.support import driver
from tests.support.configs import Instance
from tests.support.home import Home

COMPILE_TASK = """
from ww.home.layout import Layout
from ww.instance.compilation import CompileTask, Compiler
from ww.instance.system import System
from ww.instance.voice import Voice
from ww.supervise.logs import ContainerLog
root, code = sys.argv[1:]
system = System(loop, reaper, clock, Voice(loop, clock, ContainerLog(loop, os.open(os.devnull, os.O_WRONLY))))
child = ("/bin/sh", "-c", "echo '{half'; echo its last line >&2; exit " + code, "child")
compiler = Compiler(child, Layout(root), None, [], {"CFG": '{"a":1}'})
def done(outcome):
    say(outcome.exit_code, outcome.words)
    loop.stop()
CompileTask(system, compiler, None, done).start()
loop.run()
"""


NOTHING_TO_COMPILE = """
from ww.home.layout import Layout
from ww.instance.compilation import CompileTask, Compiler
from ww.instance.system import System
from ww.instance.voice import Voice
from ww.supervise.logs import ContainerLog
root, run = sys.argv[1:]
system = System(loop, reaper, clock, Voice(loop, clock, ContainerLog(loop, os.open(os.devnull, os.O_WRONLY))))
compiler = Compiler(("/no/such/program",), Layout(root), run, [], {})
taken = []
def done(outcome):
    say(type(outcome).__name__, taken)
CompileTask(system, compiler, taken.append, done).start()
"""


def records(home: Home, **rest: object) -> tuple[int, list[dict[str, object]]]:
    """The exit code and the log of a whole run, which must be JSON line by line."""
    instance = home.run_to_end(**rest)  # type: ignore[arg-type]
    lines = instance.lines()
    assert lines
    assert all("time" in line for line in lines), instance.messages()
    return instance.process.returncode, lines


@pytest.mark.rule("D-log-lines")
@pytest.mark.parametrize("env", [{"CFG__ww__nonsense": "1"}, {"CFG": "{"}])
def test_a_collector_of_json_gets_why_an_instance_does_not_start(home: Home, env: dict[str, str]) -> None:
    code, lines = records(home.all_hooks(), env=env)
    assert code == 78
    assert "whaleware" in str(lines[0]["message"])
    assert any(line["level"] == "error" and "configuration: CFG" in str(line["message"]) for line in lines)


@pytest.mark.rule("D-log-lines")
def test_every_line_of_a_good_start_has_the_format_of_the_configuration(home: Home) -> None:
    instance = home.all_hooks().start().wait_state("UP")
    assert instance.stop() == 0
    assert all("time" in line for line in instance.lines()), instance.messages()
    assert "whaleware" in str(instance.lines()[0]["message"])


@pytest.mark.rule("D-cfg-all-problems", "D-exit-78")
def test_a_thousand_problems_end_with_78_and_are_told(home: Home) -> None:
    home.all_hooks().settings(**{f"wrong{number}": number for number in range(1000)})
    instance = home.run_to_end()
    assert instance.process.returncode == 78
    assert "ww.wrong0: there is no such setting" in instance.messages()
    assert "more problems" in instance.messages()
    assert "1000 problems" in json.dumps(home.exit_record())


@pytest.mark.rule("D-cfg-all-problems", "D-exit-78")
@pytest.mark.parametrize(("code", "expected"), [(78, 78), (0, 75), (1, 75)])
def test_a_compile_child_that_ends_with_78_and_no_answer_is_still_an_invalid_configuration(
    tmp_path: pathlib.Path, code: int, expected: int
) -> None:
    [[exit_code, words]] = driver.run(COMPILE_TASK, str(tmp_path), str(code))
    assert exit_code == expected
    assert f"exit code {code}" in words
    assert ("its last line" in words) == (expected == 78)


@pytest.mark.rule("D-cfg-cache")
@pytest.mark.parametrize("with_run", [True, False])
def test_where_there_is_nothing_to_compile_no_child_is_started_and_the_files_are_those_that_it_writes(
    tmp_path: pathlib.Path, with_run: bool
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    by_child, by_pid1 = Instance(tmp_path / "one"), Instance(tmp_path / "other")
    by_child.child(run=with_run)
    [[outcome, [cache]]] = driver.run(NOTHING_TO_COMPILE, str(by_pid1.root), str(by_pid1.run) if with_run else "")
    assert outcome == "Done"
    assert cache["key"] == by_pid1.collect().key
    assert cache["settings"]["stop.budget_s"] == 9
    for name in ("ww/etc/cfg.json", "run/cfg.provenance.json"):
        assert (by_child.root / name).exists() == (by_pid1.root / name).exists()
        if (by_child.root / name).exists():
            assert (by_child.root / name).read_text() == (by_pid1.root / name).read_text()
            assert (by_child.root / name).stat().st_mode == (by_pid1.root / name).stat().st_mode


@pytest.mark.rule("D-cfg-cache")
@pytest.mark.parametrize("harm", ["cut", "edited", "removed"])
def test_a_harmed_result_is_made_anew(home: Home, harm: str) -> None:
    home.config["a"] = 1
    home.all_hooks().start().wait_state("UP").stop()
    cfg = home.root / "ww/etc/cfg.json"
    whole = cfg.read_text()
    if harm == "removed":
        cfg.unlink()
    else:
        cfg.write_text(whole[:9] if harm == "cut" else whole.replace('"a":1', '"a":2'))
    home.start().wait_state("UP").stop()
    assert cfg.read_text() == whole


@pytest.mark.rule("D-writeonly-masked")
def test_a_write_only_value_is_masked_in_what_ww_says_and_records(home: Home) -> None:
    home.config["password"] = "hunter2-plain"
    home.config["phrase"] = "exit code 3"
    schema = {"properties": {"password": {"writeOnly": True}, "phrase": {"writeOnly": True}}}
    (home.root / "ww/etc/cfg_schema.json").write_text(json.dumps(schema))
    home.all_hooks().hook("svcup", "echo hunter2-plain; exit 3")
    instance = home.run_to_end()
    own = [line for line in instance.lines() if line.get("source") == "ww"]
    assert "exit code 3" not in json.dumps(own), "a sentence of ww itself"
    assert "hunter2-plain" not in json.dumps(own)
    assert "hunter2-plain" not in json.dumps(home.exit_record())
    assert "***" in json.dumps(home.exit_record())
