"""The document of `ww explain` for a person, 80 columns wide."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 80
_LABEL = 14
_ALWAYS = "record the state"
"""What every state does is not worth a word in each of them."""
_TIED = "\u00a0"
"""A blank at which no line is cut."""


def to_words(document: dict[str, Any]) -> str:
    """All of it."""
    parts = (_head, _services, _sinks, _healing, _stop, _signals, _places, _states, _steps)
    return "\n".join(line for part in parts for line in part(document)).replace(_TIED, " ")


def _row(label: str, words: str, indent: int = 0) -> list[str]:
    """A label and its words beside it; a word that is too long for the line keeps one of its own."""
    width = WIDTH - indent - _LABEL
    lines = textwrap.wrap(words, width, break_long_words=False, break_on_hyphens=False) or [""]
    first = f"{' ' * indent}{label:<{_LABEL - 1}} {lines[0]}".rstrip()
    return [first, *(f"{' ' * (indent + _LABEL)}{line}" for line in lines[1:])]


def _head(document: dict[str, Any]) -> Iterator[str]:
    versions, configuration = document["versions"], document["configuration"]
    yield from _row("service", f"{document['service']}, version {versions['image'] or 'unknown'}")
    yield from _row("instance", document["instance"])
    yield from _row("root", document["root"])
    fresh = {True: "fresh: this start does a first boot", None: "cannot be told"}
    yield from _row("data", fresh.get(document["first_boot"], f"initialised, version {versions['data'] or 'unknown'}"))
    yield from _row("settings", ", ".join(configuration["layers"]) or "none: the defaults of ww")
    yield from _row("schema", configuration["schema"] or "none: every configuration is accepted")
    for warning in configuration["warnings"]:
        yield from _row("warning", warning)
    for refusal in document["refusals"]:
        yield from _row(f"REFUSED, {refusal['exit_code']}", refusal["why"])
    if document["would_start"]:
        yield from _row("start", "nothing stands against it")
    else:
        yield from _row("start", "would be refused; what follows holds once that is mended")


def _states(document: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield "what each state does, in order; a hook's time limit and retries stand behind it"
    for state in document["states"]:
        yield from _plan(state["state"] or "before BOOT", state["note"], state["actions"])
    if document["services"]:
        note = "when only service processes died: they and their dependents"
        yield from _plan("RESTARTING", note, document["recovery"])


def _plan(label: str, note: str, actions: list[dict[str, Any]]) -> Iterator[str]:
    """One state: what is done, and under it the hooks that would be and do not exist."""
    done = [words for action in actions for words in _action(action)]
    yield from _row(label, (f"({note}) " if note else "") + " → ".join(done))
    missing = [hook["hook"] for action in actions for hook in action.get("hooks", ()) if not hook["files"]]
    if missing:
        yield from _row("", f"(no hook {', '.join(missing)})")


def _action(action: dict[str, Any]) -> Iterator[str]:
    if action["action"] not in ("run a hook", "run lifecycle", _ALWAYS):
        yield f"{action['action']}{_aside(action)}"
    if action.get("now", True):
        yield from (_hook(hook) for hook in action.get("hooks", ()) if hook["files"])


def _aside(action: dict[str, Any]) -> str:
    if "wait_s" in action:
        most = "" if action["action"].startswith("let") else "waits at most "
        return f": {most}{_time(action['wait_s'])}"
    if "now" in action:
        return ": now" if action["now"] else ": nothing to back up now"
    if "steps" in action:
        pending = [step["step"] for step in action["steps"] if step["state"] in ("pending", "begun")]
        return f": {len(pending)} of {len(action['steps'])} pending" if action["steps"] else ": there are none"
    return ""


def _hook(hook: dict[str, Any]) -> str:
    """The call, its limit, and its files where they are not just the one of its name."""
    call = " ".join([hook["hook"], *(item or "''" for item in hook["arguments"])])
    limit = _time(hook["limit_s"]) if hook["limit_s"] else f"no{_TIED}limit"
    facts = f"{limit}, {hook['retries']}{_TIED}retries" if hook["retries"] else limit
    names = [f"{file['file']}{' CANNOT BE RUN' if file['problem'] else ''}" for file in hook["files"]]
    return f"{call} ({facts})" + (f": {', '.join(names)}" if names != [hook["hook"]] else "")


def _columns(left: str, right: str) -> list[str]:
    width = 34
    return [f"{left:<{width}} {right}"] if len(left) <= width else [left, f"{'':<{width}} {right}"]


def _steps(document: dict[str, Any]) -> Iterator[str]:
    words = {"firstboot": "counts as done after the first boot", "begun": "pending, was begun before"}
    steps = [step for state in document["states"] for action in state["actions"] for step in action.get("steps", ())]
    if steps:
        yield ""
        yield "upgrade steps"
        for step in steps:
            yield from (f"  {line}" for line in _columns(step["step"], words.get(step["state"], step["state"])))


def _services(document: dict[str, Any]) -> Iterator[str]:
    if not document["services"]:
        return
    yield ""
    yield "services, in the order of their start (they stop in reverse)"
    for service in document["services"]:
        yield f"  {service['name']}" + ("" if service["enabled"] else "  (disabled: not started)")
        yield from _row("runs", " ".join(service["command"]), indent=4)
        if service["after"]:
            yield from _row("after", ", ".join(service["after"]), indent=4)
        yield from _row("ready", _ready(service), indent=4)
        stop = service["stop"]
        yield from _row("stop", f"{stop['signal']} to the {stop['to']}, KILL {_time(stop['limit_s'])} later", indent=4)
        yield from _row("restart", f"{service['restart']}; {_end(service)}", indent=4)
        yield from _surroundings(service)


def _end(service: dict[str, Any]) -> str:
    """What comes of its end for good; that of a oneshot is its good one."""
    if not service["essential"]:
        return "the instance goes on without it"
    return f"its {'failure' if service['type'] == 'oneshot' else 'end'} for good ends the instance"


def _ready(service: dict[str, Any]) -> str:
    ready = service["readiness"]
    if ready is None:
        return "when it has ended well" if service["type"] == "oneshot" else "as soon as it runs"
    limit = f", at most {_time(ready['limit_s'])}" if ready["limit_s"] else ", without limit"
    return f"{ready['how']}, every {_time(ready['interval_s'])}{limit}"


def _surroundings(service: dict[str, Any]) -> Iterator[str]:
    """What is not as it is for everyone."""
    if service["user"]:
        yield from _row("user", service["user"], indent=4)
    if service["cwd"] != "/" or service["umask"] != "022":
        yield from _row("in", f"{service['cwd']}, umask {service['umask']}", indent=4)
    if service["limits"]:
        shown = (
            f"{name} {'/'.join('unlimited' if one == -1 else str(one) for one in pair)}"
            for name, pair in service["limits"].items()
        )
        yield from _row("limits", ", ".join(shown), indent=4)
    if service["env"]:
        yield from _row("variables", ", ".join(service["env"]), indent=4)


def _sinks(document: dict[str, Any]) -> Iterator[str]:
    """Where events go."""
    if document["sinks"]:
        required = {True: ", required: the start waits for it", False: ""}
        shown = (f"{sink['name']} ({sink['type']}{required[sink['required']]})" for sink in document["sinks"])
        yield ""
        yield from _row("sinks", ", ".join(shown))


def _healing(document: dict[str, Any]) -> Iterator[str]:
    monitor, restart = document["monitor"], document["restart"]
    yield ""
    yield from _row(
        "limits", f"TERM at the limit, KILL {_time(document['kill_grace_s'])} later; retries follow exit code 75"
    )
    grace = f"; failures in the first {_time(monitor['grace_s'])} do not count" if monitor["grace_s"] else ""
    many = (
        f"{monitor['failure_threshold']} failures in a row restart"
        if monitor["failure_threshold"] > 1
        else "a failure restarts"
    )
    yield from _row("monitor", f"at once when UP, then every {_time(monitor['interval_s'])}; {many}{grace}")
    delays = restart["delays_s"]
    if delays:
        shown = ", ".join(_time(delay) if delay else "at once" for delay in delays)
        words = f"{shown} (±{restart['jitter'] * 100:g}%); begins anew after {_time(restart['reset_after_s'])} of UP"
        yield from _row("restarts", words)
    more = f"more than {restart['limit']} in {_time(restart['window_s'])}: ERROR, exit code 1"
    yield from _row("gives up", more if restart["limit"] else "at the first failure: ERROR, exit code 1")


def _stop(document: dict[str, Any]) -> Iterator[str]:
    stop = document["stop"]
    drain = f", drain until {_time(stop['drain_s'])}" if stop["drain_s"] else ""
    words = (
        f"{_time(stop['budget_s'])} in all: lifecycle STOPPING at most {_time(stop['lifecycle_s'])}{drain}, svcdown gets"
        f" TERM at {_time(stop['svcdown_term_s'])} and KILL at {_time(stop['svcdown_kill_s'])}, what is left KILL at"
        f" {_time(stop['sweep_kill_s'])}; it ends sooner when everything is gone"
    )
    yield from _row("stop", words)


def _signals(document: dict[str, Any]) -> Iterator[str]:
    yield from _row("signals", ", ".join(f"{name} {action}" for name, action in document["signals"].items()))


def _places(document: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield "where things are"
    for name, spot in document["places"].items():
        facts = [] if spot["there"] else ["not there yet"]
        if not spot["writable"]:
            facts.append("not writable")
        words = (spot["path"] or "nowhere") + (f" ({', '.join(facts)})" if facts else "")
        yield from _row(name, words, indent=2)
    for words in document["given_up"]:
        yield from _row("without", words, indent=2)


def _time(seconds: float) -> str:
    return f"{seconds:g}{_TIED}s"
