"""`ww restart`, `ww reload`, `ww stop`, `ww maintenance`: asking the instance to do something, and waiting until it is done."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING, Any

import click

from ww.cli.asking import (
    ANSWER_S,
    EXIT_CODES,
    Ended,
    Patience,
    Target,
    body_of,
    demand,
    explain,
    no_wait_option,
    target,
    timeout_option,
)
from ww.cli.completing import service_names
from ww.cli.options import root_option
from ww.cli.screen import clean
from ww.cli.wait import until_state, until_true
from ww.errors import EXIT_CONFIG, EXIT_GAVE_UP, EXIT_TRY_AGAIN, EXIT_UNAVAILABLE, problem_text
from ww.home.control import ABSENT, Answer, Unreachable, ask, end_record, hold_process, last_words

if TYPE_CHECKING:
    from collections.abc import Sequence


def _ask_for(at: Target, request: dict[str, Any], wait: bool, patience: Patience) -> dict[str, Any]:
    """The answer to something that takes its time. Raises Ended."""
    answer = ask(at.run, {**request, "wait": wait}, patience.left_s if wait else ANSWER_S)
    if isinstance(answer, Unreachable) and wait and answer.why != ABSENT:
        raise _lost(at, request, answer, patience)
    return body_of(at, answer)


def _lost(at: Target, request: dict[str, Any], answer: Unreachable, patience: Patience) -> Ended:
    """No answer came: too late, or the instance ended over it."""
    if patience.over:
        return Ended(f"{request['op']} was asked for; it is not over within the time limit", EXIT_TRY_AGAIN)
    now = ask(at.run, {"op": "ping"}, ANSWER_S)
    if isinstance(now, Unreachable) and now.why == ABSENT:
        return Ended(f"the instance ended: {last_words(at.run) or now.words}", EXIT_GAVE_UP)
    return Ended(explain(at, answer), EXIT_UNAVAILABLE)


@click.command(
    epilog=f"""\b
Examples:
  ww restart                    the instance: svcdown, svcup, ready again
  ww restart db                 one service and those that need it
  ww restart db --no-wait

{EXIT_CODES}"""
)
@click.argument("name", required=False, shell_complete=service_names)
@no_wait_option("it is up again")
@timeout_option()
@root_option()
def restart(name: str | None, no_wait: bool, timeout_s: float, root: str | None) -> None:
    """Restart the services, or one of them.

    NAME is a service process; it restarts with those that depend on it. Without NAME the whole instance restarts.
    Waits until the instance is UP again, and says how long that took.
    """
    at, patience = target(root), Patience(timeout_s)
    body = _ask_for(at, {"op": "restart", "name": name}, not no_wait, patience)
    what = f"service {name}" if name else "the instance"
    if no_wait:
        click.echo(f"{what} restarts")
        return
    if body.get("state") != "UP":
        until_state(at, "UP", patience, seen=True)
    click.echo(f"{what} is up again after {patience.spent_s:.1f} s")


@click.command(
    epilog="""\b
Examples:
  ww reload
  docker exec web ww reload

\b
Exit codes:
  0   done                                69  no instance answers
  1   it ended otherwise                  75  not within the time limit
  64  wrong command line                  78  the configuration is refused
"""
)
@timeout_option()
@root_option()
def reload(timeout_s: float, root: str | None) -> None:
    """Read the configuration again and apply what changed.

    The layers are merged and validated again, the reload hook runs, and only services whose configuration changed
    are reloaded or restarted. A configuration that is refused changes nothing.
    """
    at, patience = target(root), Patience(timeout_s)
    answer = ask(at.run, {"op": "reload", "wait": True}, patience.left_s)
    if isinstance(answer, Unreachable) and answer.why != ABSENT:
        raise _lost(at, {"op": "reload"}, answer, patience)
    if isinstance(answer, Answer) and answer.code == "config":
        raise Ended("\n".join([answer.message, *_problems(answer)]), EXIT_CONFIG)
    click.echo("\n".join(_reloaded(body_of(at, answer))))


def _problems(answer: Answer) -> list[str]:
    """One line for each problem that the message does not name itself."""
    told = [problem_text(problem) for problem in answer.body.get("problems") or []]
    return [f"  {clean(text)}" for text in told if text not in answer.message]


def _reloaded(body: dict[str, Any]) -> list[str]:
    changed = body.get("changed") or []
    if not changed:
        return ["the configuration is as it was"]
    told = [f"changed: {', '.join(map(clean, changed))}"]
    for key in ("reloaded", "restarted"):
        told += [f"{key}: {', '.join(map(clean, body[key]))}"] if body.get(key) else []
    return told


@click.command(
    epilog=f"""\b
Examples:
  ww stop
  ww stop --no-wait
  ww stop --timeout 20 || docker kill web

{EXIT_CODES}"""
)
@no_wait_option("it is gone")
@timeout_option()
@root_option()
def stop(no_wait: bool, timeout_s: float, root: str | None) -> None:
    """Stop the instance.

    As SIGTERM does: the services go down in order and the run ends. Waits until it is gone; exit code 1 means that
    the run did not end well, and says why.
    """
    at, patience = target(root), Patience(timeout_s)
    process = hold_process(at.run)
    try:
        answer = ask(at.run, {"op": "stop", "wait": False}, ANSWER_S)
        if isinstance(answer, Answer) or process < 0:
            body_of(at, answer)
        if no_wait:
            click.echo("it stops")
            return
        _until_gone(at, process, patience)
    finally:
        if process >= 0:
            os.close(process)
    record = end_record(at.run)
    if record.get("exit_code") != 0:
        raise Ended(last_words(at.run) or "it has ended and left no record", EXIT_GAVE_UP)
    click.echo(f"stopped after {patience.spent_s:.1f} s")


def _until_gone(at: Target, process: int, patience: Patience) -> None:
    """Until the process has ended; where the kernel cannot tell, until nothing listens any more. Raises Ended."""
    if process >= 0:
        poller = select.poll()
        poller.register(process, select.POLLIN)
        gone = bool(poller.poll(patience.left_s * 1000))
    else:
        gone = until_true(lambda: _silent(at), patience)
    if not gone:
        state = demand(at, {"op": "status"})["status"]
        waiting = clean((state.get("stop") or {}).get("waiting_for") or "")
        words = f"it is still {state.get('state')}{f', waiting for {waiting}' if waiting else ''}"
        raise Ended(f"not gone within the time limit: {words}", EXIT_TRY_AGAIN)


def _silent(at: Target) -> bool:
    answer = ask(at.run, {"op": "ping"}, 1.0)
    return isinstance(answer, Unreachable) and answer.why == ABSENT


SWITCH: Sequence[str] = ("on", "off")


@click.command(
    epilog="""\b
Examples:
  ww maintenance on             nothing is restarted while you work
  ww maintenance off

\b
Exit codes: 0 done; 1 refused; 64 wrong command line; 69 no instance answers.
"""
)
@click.argument("switch", type=click.Choice(SWITCH), metavar="on|off")
@root_option()
def maintenance(switch: str, root: str | None) -> None:
    """Switch maintenance on or off.

    While it is on, health is watched and reported, but nothing is healed: no failed monitor and no service that ends
    causes a restart.
    """
    demand(target(root), {"op": "maintenance", "on": switch == "on"})
    click.echo(f"maintenance is {switch}: " + ("nothing is healed" if switch == "on" else "what fails is healed again"))
