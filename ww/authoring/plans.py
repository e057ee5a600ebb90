"""What each state would do, in order, with which files and limits: the lifecycle's own plans, filled in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ww.authoring.policies import seconds, stop_budget
from ww.instance.hookset import hook_files, step_files
from ww.lifecycle.machine import plan_of
from ww.lifecycle.model import Action, Kind, State
from ww.lifecycle.table import PLANS, RECOVERY

if TYPE_CHECKING:
    from typing import Any

    from ww.authoring.datafacts import DataFacts
    from ww.home.layout import Layout
    from ww.instance.hooklimits import HookLimits
    from ww.instance.hookset import HookFile
    from ww.instance.settings import Settings
    from ww.types import Json, JsonObject

_HOOKS_OF = {Kind.BACKUP: ("backup",), Kind.WATCH: ("monitor", "pushstats")}
_GOING_DOWN = (State.STOPPING, State.ERROR)


class Plans:
    """The plans of one image with one configuration on one data."""

    def __init__(self, layout: Layout, settings: Settings, data: DataFacts, image_version: str) -> None:
        self._layout = layout
        self._settings = settings
        self._data = data
        self._version = image_version

    def all(self) -> list[JsonObject]:
        """Every state of the table, in its order; the first is what comes before BOOT."""
        return [self._state(state) for state in PLANS]

    def recovery(self) -> list[Json]:
        """What RESTARTING is where only service processes died."""
        without = Action(Kind.HOOK, "warmup") if not self._settings.restart().warmup else None
        return [self._action(State.RESTARTING, action) for action in RECOVERY if action != without]

    def backs_up(self) -> bool:
        """Whether this boot would make a backup before it upgrades."""
        usr = self._layout.usr
        changes = self._data.version != self._version and bool(hook_files(usr, "upgrade"))
        return bool(self._data.marked and hook_files(usr, "backup") and (self._data.pending or changes))

    def _state(self, state: State | None) -> JsonObject:
        plan = PLANS[None] if state is None else plan_of(state, self._settings.restart())
        waits = any(sink["required"] for sink in enabled_sinks(self._settings))
        actions: list[Json] = [self._action(state, one) for one in plan if waits or one.kind is not Kind.REACH]
        return {"state": state.value if state else None, "note": self._note(state), "actions": actions}

    def _note(self, state: State | None) -> str:
        if state is State.FIRSTBOOT and self._data.marked:
            return "passed over: the data is initialised"
        if state is State.FIRSTBOOT and self._data.attempts:
            return f"first boots that were begun here and not completed: {self._data.attempts}"
        return ""

    def _action(self, state: State | None, action: Action) -> JsonObject:
        record: JsonObject = {"action": action.kind.value, "tolerant": action.tolerant}
        names = (action.hook,) if action.hook else _HOOKS_OF.get(action.kind, ())
        if names:
            record["hooks"] = [self._hook(state, name) for name in names]
        if action.kind is Kind.LOCK:
            record["wait_s"] = seconds(self._settings.ms("data.lock_wait_s"))
        if action.kind is Kind.BACKUP:
            record["now"] = self.backs_up()
        if action.kind is Kind.DRAIN:
            record["wait_s"] = seconds(stop_budget(self._settings).for_drain(0))
        if action.kind is Kind.STEPS:
            record["steps"] = self._steps()
            record["limit_s"] = _limit(self._settings.hook("upgrade"))
        return record

    def _hook(self, state: State | None, name: str) -> JsonObject:
        limits = self._limits(state, name)
        return {
            "hook": name,
            "arguments": self._arguments(state, name),
            "files": [self._file(file) for file in hook_files(self._layout.usr, name)],
            "limit_s": _limit(limits),
            "grace_s": seconds(limits.grace_ms),
            "retries": limits.retries,
            "retry_delay_s": seconds(limits.retry_delay_ms),
        }

    def _limits(self, state: State | None, name: str) -> HookLimits:
        budget = stop_budget(self._settings)
        if name == "svcdown":
            left = budget.for_work(0) - (budget.for_drain(0) if state is State.STOPPING else 0)
            return self._settings.svcdown(left if state in _GOING_DOWN else None)
        limits = self._settings.hook(name)
        if name == "lifecycle" and state in _GOING_DOWN:
            return limits.within(budget.for_announcement(0), "ww.stop.budget_s")
        if name == "lifecycle" and state is State.STOPPED:
            return limits.within(budget.for_goodbye(0), "ww.stop.budget_s")
        return limits

    def _arguments(self, state: State | None, name: str) -> list[Json]:
        known: dict[str, list[Json]] = {
            "lifecycle": [state.value if state else ""],
            "upgrade": [self._data.version if self._data.marked else self._version, self._version],
            "backup": ["NAME"],
            "pushstats": ["JSON"],
        }
        return known.get(name, [])

    def _file(self, file: HookFile) -> JsonObject:
        return {"file": os.path.relpath(file.path, self._layout.usr), "problem": file.problem or None}

    def _steps(self) -> list[Json]:
        problems = {os.path.basename(file.path): file.problem for file in step_files(self._layout.usr)}
        return [
            {"step": name, "state": state, "problem": problems.get(name) or None} for name, state in self._data.steps
        ]


def enabled_sinks(settings: Settings) -> list[dict[str, Any]]:
    """Name, type and `required` of each sink that events go to."""
    given = sorted(settings.section("sinks").items())
    return [
        {"name": name, "type": sink["type"], "required": bool(sink.get("required", False))}
        for name, sink in given
        if sink.get("enabled", True)
    ]


def _limit(limits: HookLimits) -> Json:
    """Seconds; None is no limit."""
    return seconds(limits.limit_ms) if limits.limit_ms else None
