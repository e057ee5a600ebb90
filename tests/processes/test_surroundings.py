"""The same everywhere, and what it says at start about where it is."""

from __future__ import annotations

import os

import pytest

from tests.support.home import Home


@pytest.mark.rule("D-surroundings")
def test_it_says_who_it_is_and_what_it_can_write(home: Home) -> None:
    instance = home.start().wait_state("UP")
    (words,) = [str(line["message"]) for line in instance.lines() if "can write" in str(line.get("message"))]
    assert f"user {os.getuid()}, group {os.getgid()}" in words
    for name in ("ww/etc", "data", "backup", "run"):
        assert str(home.root / name) in words
    assert "goes without" not in instance.messages()


@pytest.mark.rule("D-surroundings")
def test_it_says_what_it_goes_without_and_is_up_all_the_same(home: Home) -> None:
    (home.root / "backup").rmdir()
    (home.root / "backup").write_text("in the way")
    home.service("web")
    instance = home.start().wait_state("UP")
    assert f"goes without: {home.root}/backup cannot be written" in instance.messages()
    assert instance.stop() == 0
