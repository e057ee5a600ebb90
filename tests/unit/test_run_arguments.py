"""`ww run` is parsed by PID 1 without click; click must read the same words the same way."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ww.cli.run import run
from ww.entrypoint import Options, parse
from ww.errors import UsageError

WORDS = ("--root", "--root=/x", "/y", "--set", "--set=a=1", "a.b=2", "--sets", "-x", "", "--", "ls")


def click_reads(words: list[str]) -> Options | None:
    try:
        context = run.make_context("run", list(words))
    except click.UsageError:
        return None
    return Options(context.params["root"], list(context.params["sets"]), context.params["command"])


def pid_1_reads(words: list[str]) -> Options | None:
    try:
        return parse(words)
    except UsageError:
        return None


@pytest.mark.rule("D-cfg-fast", "D-exit-64")
@given(st.lists(st.sampled_from(WORDS), max_size=5))
def test_pid_1_and_click_read_the_same_words_alike(words: list[str]) -> None:
    assert pid_1_reads(words) == click_reads(words)
