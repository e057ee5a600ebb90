"""Which directory is taken as the run directory, and that nobody else's is touched."""

from __future__ import annotations

import pathlib
import stat

import pytest

from ww.home.layout import find_run_directory, layout_for, make_run_directory, refused_run_directory

pytestmark = pytest.mark.rule("D-run-directory")


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("wide", [0o1777, 0o777, 0o770, 0o702])
def test_a_named_directory_that_others_may_write_is_refused_and_not_changed(tmp_path: pathlib.Path, wide: int) -> None:
    path = tmp_path / "shared"
    path.mkdir()
    path.chmod(wide)
    layout, environ = layout_for(str(tmp_path), {}), {"WW_RUN": str(path)}
    assert make_run_directory(layout, environ) is None
    assert find_run_directory(layout, environ) is None
    assert mode(path) == wide
    assert f"others can write it (mode {wide:04o})" in refused_run_directory(layout, environ)


@pytest.mark.parametrize(("there", "before", "after"), [(False, 0, 0o700), (True, 0o755, 0o700), (True, 0o700, 0o700)])
def test_a_named_directory_that_is_new_or_empty_is_closed(
    tmp_path: pathlib.Path, there: bool, before: int, after: int
) -> None:
    path = tmp_path / "own"
    if there:
        path.mkdir()
        path.chmod(before)
    layout, environ = layout_for(str(tmp_path), {}), {"WW_RUN": str(path)}
    assert make_run_directory(layout, environ) == str(path)
    assert find_run_directory(layout, environ) == str(path)
    assert mode(path) == after
    assert refused_run_directory(layout, environ) == ""


def test_a_named_directory_that_holds_files_keeps_its_mode(tmp_path: pathlib.Path) -> None:
    (tmp_path / "etc").mkdir(mode=0o755)
    (tmp_path / "etc" / "passwd").touch()
    environ = {"WW_RUN": str(tmp_path / "etc")}
    assert make_run_directory(layout_for(str(tmp_path), {}), environ) == environ["WW_RUN"]
    assert mode(tmp_path / "etc") == 0o755


def test_a_named_place_that_is_no_directory_is_refused_with_its_reason(tmp_path: pathlib.Path) -> None:
    layout = layout_for(str(tmp_path), {})
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").touch()
    for name in ("link", "file"):
        environ = {"WW_RUN": str(tmp_path / name)}
        assert make_run_directory(layout, environ) is None
        assert "not a directory" in refused_run_directory(layout, environ)


def test_the_run_directory_below_a_root_is_closed_whatever_it_was(tmp_path: pathlib.Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(0o775)
    assert make_run_directory(layout_for(str(tmp_path), {}), {}) == str(tmp_path / "run")
    assert mode(tmp_path / "run") == 0o700
