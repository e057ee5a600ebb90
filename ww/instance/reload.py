"""One reload: the configuration is merged again, the `reload` hook takes it over, and only what changed is restarted."""

from __future__ import annotations

from ww.clib import BadJson, json_loads
from ww.instance.driver import Cause
from ww.instance.hookset import hook_files
from ww.lifecycle.model import Failed, Trigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ww.instance.crew import Crew
    from ww.instance.driver import Task
    from ww.instance.services.definition import Definition
    from ww.instance.servicing import Servicing
    from ww.instance.signalling import Signalling
    from ww.lifecycle.model import Outcome
    from ww.types import JsonObject

_GRACE_MS = 2_000
_SETTINGS = "ww"


class Reload:
    """Started once; `over` gets the answer. A configuration that is refused leaves everything as it was."""

    def __init__(
        self,
        crew: Crew,
        servicing: Servicing,
        signalling: Signalling,
        feed: Callable[[Trigger, Cause], None],
        over: Callable[[JsonObject], None],
    ) -> None:
        self._crew = crew
        self._servicing = servicing
        self._signalling = signalling
        self._feed = feed
        self._over: Callable[[JsonObject], None] | None = over
        self._task: Task | None = None
        self._before: dict[str, Any] = {}
        self._after: dict[str, Any] = {}
        self.unapplied: dict[str, Any] | None = None
        """The configuration that the services have, where a later one was merged and not taken over."""
        self.applying = False
        """Whether it is past the point where a restart would interrupt it: what restarts then is its own doing."""

    def start(self) -> None:
        """Begin."""
        self._before = self.unapplied if self.unapplied is not None else self._configuration()
        self._task = self._crew.compile(self._compiled)

    def cancel(self, why: str) -> None:
        """Leave off; what was merged stays."""
        task, self._task = self._task, None
        self._answer({"ok": False, "code": "interrupted", "message": why})
        if task is not None:
            task.cancel(_GRACE_MS, _nobody)

    def _answer(self, answer: JsonObject) -> None:
        over, self._over = self._over, None
        if over is not None:
            over(answer)

    def _compiled(self, outcome: Outcome) -> None:
        if self._over is None:
            return
        if isinstance(outcome, Failed):
            self._refuse("config", outcome, "the configuration and the services stay as they are")
            return
        self._after = self._configuration()
        self.unapplied = self._before
        problems = self._signalling.configured()
        if problems:
            self._crew.system.voice.warn("; ".join(problems))
        files = hook_files(self._crew.layout.usr, "reload")
        self._task = self._crew.run_hook(
            "reload", files, (), self._crew.settings.hook("reload"), self._hook_ran, state="UP"
        )

    def _hook_ran(self, outcome: Outcome) -> None:
        self._task = None
        if self._over is None:
            return
        if isinstance(outcome, Failed):
            self._refuse("hook", outcome, "the new configuration is in place and the services were not touched")
            return
        self._apply()

    def _refuse(self, code: str, outcome: Failed, what_now: str) -> None:
        words = f"{outcome.words}; {what_now}"
        self._crew.system.voice.warn(f"reload: {words}")
        self._crew.recorder.notice("reload", words, {"ok": False})
        problems = outcome.detail.get("problems")
        more: JsonObject = {"problems": problems} if isinstance(problems, list) else {}
        self._answer({"ok": False, "code": code, "message": words, **more})

    def _apply(self) -> None:
        self.applying = True
        definitions = self._servicing.read()
        if definitions.problems:
            failed = Failed(78, "; ".join(definitions.problems))
            self._refuse("config", failed, "the services stay as they are")
            return
        hook = bool(hook_files(self._crew.layout.usr, "reload"))
        changed = _without_settings(self._before) != _without_settings(self._after)
        touched, signalled = self._touched(definitions.services, changed and not hook)
        supervisor = self._servicing.supervisor
        concerned = sorted(supervisor.reload(definitions.services, touched, "ww reload"))
        if concerned:
            cause = Cause(f"ww reload: {', '.join(concerned)}", {"reason": "asked", "services": concerned})
            self._feed(Trigger.DIED, cause)
        elif changed and not hook and not definitions.services:
            concerned = ["everything"]
            self._feed(Trigger.RESTART, Cause("ww reload: the configuration changed", {"reason": "asked"}))
        keys = changes(self._before, self._after)
        words = _words(keys, concerned, signalled)
        self._crew.system.voice.info(words)
        self._crew.recorder.notice("reload", words, {"ok": True, "changed": list(keys)})
        self._answer({"ok": True, "changed": keys, "restarted": concerned, "reloaded": signalled})

    def _touched(self, definitions: tuple[Definition, ...], unknown_change: bool) -> tuple[list[str], list[str]]:
        """(services to restart, services that were signalled) for what changed outside `ww`.

        One that names no keys may depend on any: it is restarted where no hook has taken the change over.
        """
        touched, signalled = [], []
        for definition in definitions:
            way = definition.reload
            mine = any(_at(self._before, key) != _at(self._after, key) for key in way.keys or ())
            if mine and way.signal is not None:
                if self._servicing.supervisor.signal(way.signal, [definition.name]):
                    signalled.append(definition.name)
            elif mine or (unknown_change and way.keys is None and not definition.rules.oneshot):
                touched.append(definition.name)
        return touched, signalled

    def _configuration(self) -> dict[str, Any]:
        """The compiled configuration as it lies there; empty where it cannot be read."""
        path = self._crew.cfg_path
        try:
            with open(path, encoding="utf-8") as file:
                value = json_loads(file.read())
        except (OSError, UnicodeDecodeError, BadJson):
            return {}
        return value if isinstance(value, dict) else {}


MOST_CHANGES = 50


def changes(before: Any, after: Any, path: str = "") -> list[str]:
    """The dotted keys whose values differ, at most 50; a key that came or went counts as a whole."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return [path or "."] if before != after else []
    found: list[str] = []
    for key in sorted({*before, *after}):
        name = f"{path}.{key}" if path else key
        if key not in before or key not in after:
            found.append(name)
        else:
            found += changes(before[key], after[key], name)
        if len(found) > MOST_CHANGES:
            return [*found[:MOST_CHANGES], "…"]
    return found


def _words(keys: list[str], concerned: list[str], signalled: list[str]) -> str:
    words = f"reloaded: changed {', '.join(keys)}" if keys else "reloaded: the configuration is as it was"
    if concerned:
        words += f"; restarting {', '.join(concerned)}"
    if signalled:
        words += f"; signalled {', '.join(signalled)}"
    return words


def _without_settings(cfg: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in cfg.items() if key != _SETTINGS}


def _at(cfg: Any, key: str) -> Any:
    """The value at a dotted key; None where there is none."""
    for part in key.split("."):
        cfg = cfg.get(part) if isinstance(cfg, dict) else None
    return cfg


def _nobody() -> None:
    """Nobody waits for the end of a reload that was interrupted."""
