"""`ww wait`: until the instance is in a state, or never will be."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ww.cli.asking import EXIT_CODES, Ended, Patience, Target, exit_code_of, explain, target, timeout_option
from ww.cli.options import root_option
from ww.cli.screen import clean, duration
from ww.errors import EXIT_GAVE_UP, EXIT_TRY_AGAIN, EXIT_UNAVAILABLE
from ww.home.control import ABSENT, Answer, Unreachable, ask, end_record, last_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STATES = ("BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP", "RESTARTING", "STOPPING", "STOPPED", "ERROR")
AGAIN_S = 0.1
TELL_S = 10.0
"""Between two sentences on what is waited for."""
_ASK_AGAIN = ("crowded", "displaced", "late")


def _offered(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """For the shell: as states are written, however they were begun."""
    return [state for state in STATES if state.startswith(incomplete.upper())]


def _state(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """A state in either case; click's own Choice would list them in lower case."""
    if value.upper() not in STATES:
        raise click.BadParameter(f"{value!r} is not one of {', '.join(STATES)}")
    return value.upper()


@click.command(
    epilog=f"""\b
Examples:
  ww run & ww wait && ./test              UP is the default
  ww wait UP --timeout 60
  docker exec web ww wait STOPPED --timeout 0

{EXIT_CODES}"""
)
@click.argument(
    "state",
    callback=_state,
    default="UP",
    metavar="[STATE]",
    shell_complete=_offered,
)
@timeout_option()
@root_option()
def wait(state: str, timeout_s: float, root: str | None) -> None:
    """Wait until the instance is in a state.

    STATE is UP unless given, or BOOT, FIRSTBOOT, UPGRADING, WARMUP, RESTARTING, STOPPING, STOPPED or ERROR.
    An instance that does not answer yet is waited for; one that can never reach STATE any more (it has failed, it
    is going down) ends the waiting at once. Every 10 s standard error says how far it is.
    """
    patience = Patience(timeout_s)
    at = target(root)
    with _telling(at, state):
        until_state(at, state, patience)
    click.echo(f"{state} after {patience.spent_s:.1f} s")


@contextmanager
def _telling(at: Target, state: str) -> Iterator[None]:
    """While the body waits for `state`, say every now and then how far it is."""
    over = threading.Event()

    def tell() -> None:
        while not over.wait(TELL_S):
            answer = ask(at.run, {"op": "status"}, 1.0)
            status = answer.body["status"] if isinstance(answer, Answer) and answer.ok else None
            click.echo(f"waiting for {state}: {progress(status)}", err=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()


def progress(status: dict[str, Any] | None) -> str:
    """Where an instance is that is waited for: its state, and each service that is not ready with its last end."""
    if status is None:
        return "it does not answer"
    words = [f"it is in {status['state'] or 'no state yet'} for {duration(status['for_s'])}"]
    if status["action"]:
        words.append(clean(status["action"]))
    for row in status["services"]:
        if row["state"] in ("ready", "done", "disabled"):
            continue
        last = f", last {clean(row['last']['words'])}" if row["last"] else ""
        restarts = f", restarts {row['restarts']}" if row["restarts"] else ""
        words.append(f"{row['name']} {row['state']}{restarts}{last}")
    return "; ".join(words)


def until_state(at: Target, state: str, patience: Patience, seen: bool = False) -> dict[str, Any]:
    """The answer of an instance that is in `state`. `seen`: it was there already. Raises Ended."""
    answer: Answer | Unreachable
    while True:
        answer = ask(at.run, {"op": "wait", "state": state}, patience.left_s)
        if isinstance(answer, Answer):
            if answer.ok:
                return answer.body
            if answer.code not in _ASK_AGAIN:
                raise Ended(answer.message, exit_code_of(answer))
            seen = True
        elif answer.why == ABSENT and seen:
            return _after_its_end(at, state)
        seen = seen or _was_there(answer)
        if patience.over:
            raise _too_late(at, state, answer, seen)
        time.sleep(min(AGAIN_S, patience.left_s))


def _was_there(answer: Answer | Unreachable) -> bool:
    return isinstance(answer, Answer) or answer.why != ABSENT


def _after_its_end(at: Target, state: str) -> dict[str, Any]:
    """It was there and has gone: what it wrote last tells whether it came to `state`."""
    record = end_record(at.run)
    if record.get("state") == state:
        return {"ok": True, "state": state}
    raise Ended(f"it will not be {state}: {last_words(at.run) or 'it has ended'}", EXIT_GAVE_UP)


def _too_late(at: Target, state: str, answer: Answer | Unreachable, seen: bool) -> Ended:
    if isinstance(answer, Unreachable) and not seen:
        return Ended(explain(at, answer), EXIT_UNAVAILABLE)
    now = ask(at.run, {"op": "status"}, 1.0)
    where = (
        f"it is in {now.body['status'].get('state')}" if isinstance(now, Answer) and now.ok else "it does not answer"
    )
    return Ended(f"not {state} within the time limit: {where}", EXIT_TRY_AGAIN)


def until_true(condition: Callable[[], bool], patience: Patience) -> bool:
    """Ask `condition` every tenth of a second; False when the time limit came first."""
    while not condition():
        if patience.over:
            return False
        time.sleep(min(AGAIN_S, patience.left_s))
    return True
