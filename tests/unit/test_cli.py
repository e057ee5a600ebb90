"""The command line: its help, and that its two readers of `ww cfg` read alike."""

from __future__ import annotations

import os

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ww.cli import health
from ww.cli.cfg import cfg
from ww.cli.healthcheck import healthcheck
from ww.cli.main import COMMANDS, cli
from ww.cli.wait import STATES
from ww.config.fastcfg import Request, parse
from ww.launcher import write_launchers

WORDS = ["a.b", "a[-1]", "", "x=y", "--json", "--default", "--default=", "--default=--json", "--root", "--root=/r", "-", "--", "--shell", "--explain", "--reveal", "--jso", "--json=1", "--help", "-h", "-x", "--default-x"]  # fmt: skip

ABOUT_NO_INSTANCE = ("check", "completion", "launcher")
"""Commands that are about a part of an image or a shell: there is no instance whose root they could be told."""


def as_click_reads(argv: list[str]) -> Request | None:
    """The plain request that click makes of the words, None for wrong usage, help, or anything that is not plain."""
    try:
        with cfg.make_context("cfg", list(argv)) as context:
            given = dict(context.params)
    except (click.ClickException, click.exceptions.Exit):
        return None
    if given["key"] is None or given["shell"] or given["explain"] or given["reveal"]:
        return None
    return Request(given["key"], given["default"], given["as_json"], given["root"])


@pytest.mark.rule("D-cfg-fast")
@pytest.mark.parametrize(
    "argv",
    [
        ["a.b"],
        ["a.b", "--json"],
        ["--json", "a.b"],
        ["--default", "x", "a.b"],
        ["a.b", "--default="],
        ["a.b", "--default", "--json"],
        ["a.b", "--default", "1", "--default", "2"],
        ["--root=/r", "a", "--root", "/s"],
        [""],
        ["x=y"],
    ],
)
def test_the_plain_reader_takes_what_is_plain_and_reads_it_as_click_does(argv):
    assert parse(argv) is not None
    assert parse(argv) == as_click_reads(argv)


@pytest.mark.rule("D-cfg-fast")
@given(st.lists(st.sampled_from(WORDS), max_size=5))
def test_what_the_plain_reader_takes_it_reads_as_click_does(argv):
    request = parse(argv)
    if request is not None:
        assert request == as_click_reads(argv)


def health_as_click_reads(argv: list[str]) -> health.Request | None:
    """The plain question that click makes of the words; None for anything else."""
    try:
        with healthcheck.make_context("healthcheck", list(argv)) as context:
            given = dict(context.params)
    except (click.ClickException, click.exceptions.Exit):
        return None
    return None if given["as_json"] else health.Request(given["root"])


@pytest.mark.rule("D-healthcheck", "D-cfg-fast")
@pytest.mark.parametrize("argv", [[], ["--root", "/r"], ["--root=/r"], ["--root=/r", "--root", "--json"], ["--root="]])
def test_the_plain_health_check_takes_what_is_plain_and_reads_it_as_click_does(argv):
    assert health.parse(argv) is not None
    assert health.parse(argv) == health_as_click_reads(argv)


@pytest.mark.rule("D-healthcheck", "D-cfg-fast")
@given(st.lists(st.sampled_from(WORDS), max_size=4))
def test_what_the_plain_health_check_takes_it_reads_as_click_does(argv):
    request = health.parse(argv)
    if request is not None:
        assert request == health_as_click_reads(argv)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_one_line_help_examples_exit_codes_and_a_root(name):
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.get_short_help_str(100) == COMMANDS[name][1]
    text = command.get_help(click.Context(command))
    for wanted in ("Examples:", "Exit codes:"):
        assert wanted in text
    assert "--root" in text or name in ABOUT_NO_INSTANCE


def test_the_states_are_listed_as_they_are_written():
    command = cli.get_command(click.Context(cli), "wait")
    with pytest.raises(click.BadParameter) as refused:
        command.make_context("wait", ["nostate"])
    for state in STATES:
        assert state in refused.value.message
    assert "up" not in refused.value.message.split()
    with command.make_context("wait", ["Warmup"]) as context:
        assert context.params["state"] == "WARMUP"


def test_the_help_of_the_launcher_names_every_file_that_it_writes(tmp_path):
    command = cli.get_command(click.Context(cli), "launcher")
    for path in write_launchers(str(tmp_path)):
        assert os.path.relpath(path, tmp_path) in command.help


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_fits_80_columns(name):
    command = cli.get_command(click.Context(cli), name)
    text = command.get_help(click.Context(command, info_name=f"ww {name}", terminal_width=80))
    assert max(len(line) for line in text.splitlines()) <= 80
