"""`ww init` and `ww check` as an author calls them: what is printed, what is written, how they end."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import pytest

from tests.support.home import WW


def ww(*words: str, cwd: pathlib.Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*WW, *words], cwd=cwd, capture_output=True, text=True, check=False, timeout=30)


def tree(directory: pathlib.Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(directory)): (path.stat().st_mode & 0o777, path.read_bytes())
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@pytest.mark.rule("D-init-runs")
def test_init_makes_a_home_and_says_what_it_made_and_what_is_next(tmp_path):
    done = ww("init", "--service", "shop", "my shop", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = [line.removeprefix("made  my shop/") for line in done.stdout.splitlines() if line.startswith("made")]
    assert sorted(made) == sorted(tree(tmp_path / "my shop"))
    assert os.access(tmp_path / "my shop/ww/usr/boot", os.X_OK)
    assert not os.access(tmp_path / "my shop/ww/etc/version", os.X_OK)
    assert json.loads((tmp_path / "my shop/ww/etc/default_cfg.json").read_text())["ww"]["service"] == "shop"
    assert done.stdout.endswith("  ww check 'my shop'\n  ww explain --root 'my shop'\n  ww run --root 'my shop'\n")
    checked = ww("check", "--strict", "my shop", cwd=tmp_path)
    assert (checked.returncode, checked.stdout) == (0, "my shop: nothing found\n")


@pytest.mark.rule("D-init-runs")
@pytest.mark.parametrize(("directory", "name"), [("shop", "shop"), ("sub/..", "workplace"), ("my shop", "example")])
def test_init_names_the_service_as_the_directory_where_that_is_a_name(tmp_path, directory, name):
    at = tmp_path / "workplace"
    at.mkdir()
    assert ww("init", directory, cwd=at).returncode == 0
    made = (at / directory).resolve() / "ww/etc/default_cfg.json"
    assert json.loads(made.read_text())["ww"]["service"] == name


@pytest.mark.rule("D-init-runs", "D-exit-64")
def test_init_refuses_a_directory_that_holds_something_and_never_overwrites_a_file(tmp_path):
    site = tmp_path / "site"
    (site / "ww/usr").mkdir(parents=True)
    (site / "ww/usr/boot").write_text("mine")
    refused = ww("init", "site", cwd=tmp_path)
    assert refused.returncode == 64
    assert "not empty" in refused.stderr
    assert list(tree(site)) == ["ww/usr/boot"]
    forced = ww("init", "--force", "site", cwd=tmp_path)
    assert forced.returncode == 0
    assert "kept  site/ww/usr/boot" in forced.stdout
    assert (site / "ww/usr/boot").read_text() == "mine"
    before = tree(site)
    again = ww("init", "--force", "--service", "other", "site", cwd=tmp_path)
    assert "was kept: set ww.service in it yourself" in again.stderr
    assert tree(site) == before


@pytest.mark.rule("D-exit-64")
@pytest.mark.parametrize(
    "words", [("init",), ("init", "a-file"), ("init", "a-file/x"), ("check",), ("check", "nowhere")]
)
def test_a_directory_that_cannot_be_used_is_refused_in_words(words, tmp_path):
    (tmp_path / "a-file").touch()
    done = ww(*words, cwd=tmp_path)
    assert done.returncode == 64
    assert done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.rule("D-check-finds")
def test_check_ends_with_1_for_problems_and_for_warnings_only_when_strict(tmp_path):
    ww("init", "site", cwd=tmp_path)
    (tmp_path / "site/ww/usr/boot.old").write_text("x")
    assert ww("check", "site", cwd=tmp_path).returncode == 0
    strict = ww("check", "--strict", "site", cwd=tmp_path)
    assert strict.returncode == 1
    assert strict.stdout.endswith("failed: with --strict a warning is a problem\n")
    (tmp_path / "site/ww/usr/boot").chmod(0o644)
    done = ww("check", "site", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("problem  ww/usr/boot\n    hook boot is not executable\n    chmod +x it, or empty it")
    assert done.stdout.endswith("site: 1 problem, 1 warning\n")
    assert "\033" not in done.stdout, "colours are for terminals"
    assert max(map(len, done.stdout.splitlines())) <= 80
    answer = json.loads(ww("check", "--json", "site", cwd=tmp_path).stdout)
    assert [(item["level"], item["file"]) for item in answer["findings"]] == [
        ("problem", "ww/usr/boot"),
        ("warning", "ww/usr/boot.old"),
    ]


@pytest.mark.rule("D-check-finds")
def test_check_says_what_run_says(tmp_path):
    ww("init", "site", cwd=tmp_path)
    (tmp_path / "site/ww/etc/default_cfg.json").write_text('{"heartbeat_s": 0, "ww": {"servise": "x"}}')
    (tmp_path / "site/ww/usr/boot").chmod(0o644)
    answer = json.loads(ww("check", "--json", "site", cwd=tmp_path).stdout)
    refused = ww("run", "--root", "site", cwd=tmp_path)
    assert refused.returncode == 78
    of_configuration = [item["what"] for item in answer["findings"] if item["file"].startswith("ww/etc")]
    assert len(of_configuration) == 2
    for what in of_configuration:
        assert what in refused.stdout


@pytest.mark.rule("D-check-finds")
def test_check_writes_only_what_it_is_asked_to_compile_and_only_without_problems(tmp_path):
    ww("init", "site", cwd=tmp_path)
    site = tmp_path / "site"
    before = tree(site)
    ww("check", "site", cwd=tmp_path)
    (site / "ww/usr/boot").chmod(0o644)
    refused = ww("check", "--compile", "site", cwd=tmp_path)
    assert refused.returncode == 1
    (site / "ww/usr/boot").chmod(0o755)
    assert tree(site) == before
    done = ww("check", "--compile", "--json", "site", cwd=tmp_path)
    assert json.loads(done.stdout)["compiled"] == str(site / "ww/etc/cfg_schema.check")
    assert json.loads(done.stdout)["sinks"] == str(site / "ww/etc/sinks.check")
    assert set(tree(site)) - set(before) == {"ww/etc/cfg_schema.check", "ww/etc/sinks.check"}
    checked = ww("check", "--strict", "site", cwd=tmp_path)
    assert (checked.returncode, checked.stdout) == (0, "site: nothing found\n")
