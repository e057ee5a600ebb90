"""`ww cfg` and `ww render`, run for real."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest

from tests.support.configs import Instance, child_environ

CFG = {
    "a": {"b": 1, "d-e": "dash"},
    "arr": [10, {"k": True}],
    "t": "two  blanks *",
    "nothing": None,
    "p": {"$secret": "p"},
}


@pytest.fixture
def instance(tmp_path) -> Instance:
    found = Instance(tmp_path)
    found.put("cfg.json", CFG)
    found.secret("p", "hunter2\n")
    return found


@pytest.mark.rule("WW-12", "WWA-5", "WW-2", "D-null-prints", "WW-13")
@pytest.mark.parametrize(
    ("words", "code", "out"),
    [
        (["a.b"], 0, "1"),
        (["a"], 0, '{"b":1,"d-e":"dash"}'),
        (["a.d-e"], 0, "dash"),
        (["a.d-e", "--json"], 0, '"dash"'),
        (["arr[1].k"], 0, "true"),
        (["arr[-2]"], 0, "10"),
        (["t"], 0, "two  blanks *"),
        (["nothing"], 0, "null"),
        (["nothing", "--default", "x"], 0, "null"),
        (["p"], 0, "hunter2"),
        (["none"], 1, ""),
        (["a.none", "--json"], 1, ""),
        (["none", "--default", "x  y"], 0, "x  y"),
        (["none", "--default="], 0, ""),
        (["none", "--json", "--default", "x"], 0, '"x"'),
        (["none", "--json", "--default", "1"], 0, "1"),
        (["a..b"], 2, ""),
        (["a", "b"], 2, ""),
        (["--bogus"], 2, ""),
        (["--default"], 2, ""),
        (["--default", "x"], 2, ""),
        (["a", "--shell", "--json"], 2, ""),
        (["a", "--explain", "--default", "x"], 2, ""),
        (["a", "--reveal"], 2, ""),
        (["a", "--explain"], 2, ""),
        (["a", "--shell"], 0, "cfg_a_b='1'\ncfg_a_d_e='dash'"),
        (["p", "--shell"], 0, "cfg_p='hunter2'"),
        (["none", "--shell"], 1, ""),
        (["none", "--shell", "--default", "it's"], 0, "cfg_none='it'\\''s'"),
    ],
)
def test_a_question_has_its_answer_and_its_exit_code(instance, words, code, out):
    done = instance.ww("cfg", *words)
    assert (done.returncode, done.stdout) == (code, f"{out}\n" if code == 0 else "")
    assert bool(done.stderr) == (code != 0)
    assert "Traceback" not in done.stderr


@pytest.mark.rule("WWA-5", "D-secret-refs")
def test_no_key_is_everything_with_references_as_they_are(instance):
    assert json.loads(instance.ww("cfg").stdout) == CFG
    assert json.loads(instance.ww("cfg", "--reveal").stdout) == {**CFG, "p": "hunter2"}
    assert 'cfg_p=\'{"$secret":"p"}\'' in instance.ww("cfg", "--shell").stdout
    assert "cfg_p='hunter2'" in instance.ww("cfg", "--shell", "--reveal").stdout


@pytest.mark.rule("WW-12")
def test_a_missing_key_is_explained_on_stderr(instance):
    done = instance.ww("cfg", "a.d_e")
    assert done.stderr == "ww cfg: a.d_e: no such key; a exists, with d-e in it\n"


@pytest.mark.parametrize("text", [None, "", "{", "[]", "\xff"])
def test_a_configuration_that_cannot_be_read_exits_2_and_says_why(instance, text):
    (instance.etc / "cfg.json").unlink()
    if text is not None:
        (instance.etc / "cfg.json").write_bytes(text.encode("latin-1"))
    for words in (["a.b"], [], ["a", "--shell"]):
        done = instance.ww("cfg", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert str(instance.etc / "cfg.json") in done.stderr


@pytest.mark.rule("D-secret-refs")
def test_a_secret_that_is_not_there_exits_2_and_names_it(instance):
    (instance.run / "secrets" / "p").unlink()
    for words in (["p"], ["--reveal"], ["p", "--shell"]):
        done = instance.ww("cfg", *words)
        assert done.returncode == 2
        assert f"{instance.run}/secrets/p" in done.stderr


@pytest.mark.rule("D-cfg-provenance", "D-secret-masked", "D-writeonly-masked")
def test_explain_tells_the_layers_and_masks_what_is_secret(instance):
    instance.put("cfg_schema.json", {"properties": {"w": {"writeOnly": True}}})
    instance.put("default_cfg.json", {**CFG, "p": "old-secret", "w": "old-secret"})
    assert instance.child({"CFG": '{"a":{"b":2},"p":{"$secret":"p"},"w":"new-secret"}'})[0] == 0
    default = instance.etc / "default_cfg.json"
    assert instance.ww("cfg", "a.b", "--explain").stdout == f"a.b = 2\n    set by CFG\n    over 1 by {default}\n"
    assert json.loads(instance.ww("cfg", "a.b", "--explain", "--json").stdout) == [
        {"path": "a.b", "layer": "CFG", "value": 2, "overrode": [{"path": "a.b", "layer": str(default), "value": 1}]}
    ]
    assert "arr = [10,{" in instance.ww("cfg", "arr[1].k", "--explain").stdout
    everything = instance.ww("cfg", "--explain").stdout + instance.ww("cfg", "--explain", "--json").stdout
    assert "a.d-e" in everything
    assert "old-secret" not in everything
    assert "new-secret" not in everything
    assert "hunter2" not in everything
    assert instance.ww("cfg", "none", "--explain").returncode == 1


@pytest.mark.rule("WW-12")
def test_a_setting_of_ww_that_is_not_set_has_its_default(instance):
    assert instance.child({"CFG": '{"ww":{"stop":{"drain_s":2}}}'})[0] == 0
    for key, text in (
        ("ww.stop.budget_s", "9"),
        ("ww.stop.drain_s", "2"),
        ("ww.log", '{"format":"plain","level":null}'),
    ):
        assert instance.ww("cfg", key).stdout == f"{text}\n"
    assert instance.ww("cfg", "ww.stop.budget_s", "--shell").stdout == "cfg_ww_stop_budget_s='9'\n"
    assert instance.ww("cfg", "ww.stop.budget_s", "--explain").stdout == "ww.stop.budget_s = 9\n    default of ww\n"
    assert instance.ww("cfg", "ww.stop.drain_s", "--explain").stdout == "ww.stop.drain_s = 2\n    set by CFG\n"
    missing = instance.ww("cfg", "ww.stop.budgets")
    assert missing.returncode == 1
    assert "with budget_s in it" in missing.stderr
    assert instance.ww("cfg", "ww.stop.budgets", "--explain").returncode == 1


@pytest.mark.rule("D-cfg-fast")
def test_the_plain_way_imports_nothing_slow(instance):
    script = (
        "import sys, os; from ww.config.fastcfg import run; code = run(['a.b', '--root', sys.argv[1]], os.environ); "
        "print([name for name in ('re', 'json', 'click', 'dataclasses', 'typing', 'subprocess') if name in sys.modules])"
    )
    argv = [sys.executable, "-S", "-c", script, str(instance.root)]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(argv, env={"PYTHONPATH": path}, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n[]\n"


def test_a_reader_that_leaves_is_no_drama(instance):
    instance.put("cfg.json", {"a": "x" * 1_000_000})
    script = f"{sys.executable} -m ww cfg a | head -c 1; {sys.executable} -m ww cfg --shell a | head -c 1"
    env = child_environ({"WW_ROOT": str(instance.root)})
    done = subprocess.run(["/bin/sh", "-c", script], env=env, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("xc", "")


def test_text_is_utf8_in_any_locale(instance):
    instance.put("cfg.json", {"a": "é→"})
    for locale in ("C", "POSIX", "en_US.ISO-8859-1"):
        done = instance.ww("cfg", "a", environ={"LC_ALL": locale, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
        assert done.stdout == "é→\n"


def render(instance: Instance, template: str, *words: str) -> subprocess.CompletedProcess[str]:
    (instance.root / "t.j2").write_text(template)
    return instance.ww("render", *words, str(instance.root / "t.j2"), str(instance.root / "out"))


@pytest.mark.rule("D-render", "WW-14")
def test_a_template_sees_the_configuration_the_settings_and_the_environment(instance):
    (instance.root / "part.j2").write_text("part of {{ t }}\n")
    template = (
        "{{ a.b }} {{ cfg['a']['d-e'] }} {{ t }} {{ nothing is none }} {{ p }}\n"
        "{{ ww.service }} {{ ww.stop.budget_s }} {{ env.MINE }} {{ env.CFG is defined }} {{ env.CFG__x is defined }}\n"
        "{{ arr | tojson }} {{ t | shquote }} {{ arr | shquote }}\n"
        "{% include 'part.j2' %}"
    )
    (instance.root / "t.j2").write_text(template)
    done = instance.ww("render", str(instance.root / "t.j2"), "-", environ={"MINE": "m", "CFG": "{}", "CFG__x": "1"})
    assert done.stderr == ""
    assert done.stdout == (
        "1 dash two  blanks * True hunter2\n"
        "service 9 m False False\n"
        "[10, {\"k\": true}] 'two  blanks *' '[10,{\"k\":true}]'\n"
        "part of two  blanks *\n"
    )


@pytest.mark.rule("D-render")
@pytest.mark.parametrize(
    ("template", "line", "words"),
    [
        ("x\n{{ nope }}", 2, "'nope' is undefined"),
        ("{{ a.b }}\n\n{{ a.nope }}", 3, "nope"),
        ("{{ nope | shquote }}", 1, "'nope' is undefined"),
        ("x\n{% if %}", 2, ""),
        ("x\n{{ 1 / 0 }}", 2, "division"),
        ("{{ ''.__class__.__mro__ }}", 1, "unsafe"),
        ("{{ a.b.foo() }}", 1, ""),
        ("{{ range(10000000) | list }}", 1, "Range too big"),
        ("x\n{% include 'none' %}", 0, "none"),
        ("{{ t + 1 }}", 1, ""),
        ("{{ a[p] }}", 1, "***"),
    ],
)
def test_a_template_that_cannot_be_rendered_names_its_line_and_leaves_the_destination(instance, template, line, words):
    (instance.root / "out").write_text("before")
    done = render(instance, template)
    assert done.returncode == 2
    assert (f"line {line}" if line else "") in done.stderr
    assert words in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr
    assert (instance.root / "out").read_text() == "before"
    assert sorted(path.name for path in instance.root.iterdir()) == ["out", "run", "t.j2", "ww"]


@pytest.mark.rule("D-render")
def test_a_file_keeps_its_owner_and_mode_and_is_replaced_whole(instance):
    out = instance.root / "out"
    assert render(instance, "{{ t }}\n").returncode == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o644
    out.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(out, 12, 34)
    before = out.stat()
    assert render(instance, "{{ p }}\n\n").returncode == 0
    after = out.stat()
    assert out.read_text() == "hunter2\n\n"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


@pytest.mark.rule("D-render")
def test_a_new_file_with_a_secret_is_private_unless_told_otherwise(instance):
    out = instance.root / "out"
    assert render(instance, "{{ p }}").returncode == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert render(instance, "{{ p }}", "--mode", "0644").returncode == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o644
    assert render(instance, "{{ p }}", "--mode", "9").returncode == 2


@pytest.mark.rule("D-render")
def test_a_link_stays_a_link_and_what_is_no_file_is_refused(instance):
    target = instance.root / "target"
    target.write_text("before")
    (instance.root / "out").symlink_to(target)
    assert render(instance, "{{ t }}").returncode == 0
    assert (instance.root / "out").is_symlink()
    assert target.read_text() == "two  blanks *"
    (instance.root / "out").unlink()
    (instance.root / "out").mkdir()
    done = render(instance, "{{ t }}")
    assert done.returncode == 2
    assert "not a regular file" in done.stderr


@pytest.mark.parametrize("words", [["render"], ["render", "a"], ["cfg", "--nonsense"]])
def test_wrong_usage_of_lookups_exits_2(instance, words):
    assert instance.ww(*words).returncode == 2


@pytest.mark.rule("D-exit-64")
@pytest.mark.parametrize("words", [["nonsense"], ["--nonsense"], []])
def test_other_wrong_usage_exits_64(instance, words):
    assert instance.ww(*words).returncode == 64
