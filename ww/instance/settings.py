"""The compiled settings of ww, cut into the slices that each part needs; seconds become milliseconds here and only here."""

from __future__ import annotations

from ww.instance.hooklimits import HookLimits, WatchPolicy
from ww.lifecycle.policy import HealthPolicy, RestartPolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RESTART_SVCDOWN_MS = 30_000
"""svcdown during a restart, where no stop budget limits it and the settings say 0."""
_OF_THE_REPORTER = ("sinks", "probes", "reporter", "journal", "monitor")


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


class Settings:
    """The settings as the compile child filled them in, with every default applied."""

    def __init__(self, filled: dict[str, Any], service_defaults: dict[str, Any]) -> None:
        self._filled = filled
        self.service_defaults = service_defaults
        """A service process of which nothing is configured."""

    def text(self, key: str) -> str:
        """A string setting, "" if it is not set."""
        value = self._filled.get(key)
        return value if isinstance(value, str) else ""

    def flag(self, key: str) -> bool:
        """A boolean setting."""
        return bool(self._filled[key])

    def number(self, key: str) -> int:
        """A whole number."""
        return int(self._filled[key])

    def ms(self, key: str) -> int:
        """A time in seconds, as milliseconds."""
        return _ms(self._filled[key])

    @property
    def labels(self) -> dict[str, str]:
        """`ww.labels`."""
        return dict(self._filled.get("labels") or {})

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        """`ww.services`, each with every field."""
        return dict(self._filled.get("services") or {})

    @property
    def signals(self) -> dict[str, str]:
        """`ww.signals`, as configured."""
        return dict(self._filled.get("signals") or {})

    @property
    def pidfiles(self) -> list[str]:
        """`ww.svcup.pidfiles`, as configured."""
        return [str(path) for path in self._filled.get("svcup.pidfiles") or []]

    def section(self, name: str) -> dict[str, Any]:
        """What is set below `ww.NAME`: a map as it is (`sinks`), another section flat (`{"http.port": null}`)."""
        value = self._filled.get(name)
        if isinstance(value, dict):
            return dict(value)
        prefix = f"{name}."
        return {key[len(prefix) :]: value for key, value in self._filled.items() if key.startswith(prefix)}

    def of_reporter(self) -> dict[str, Any]:
        """The sections that the reporter is told."""
        return {name: self.section(name) for name in _OF_THE_REPORTER}

    def restart(self) -> RestartPolicy:
        """`ww.restart`."""
        return RestartPolicy(
            backoff_ms=self.ms("restart.backoff_s"),
            backoff_max_ms=self.ms("restart.backoff_max_s"),
            jitter=float(self._filled["restart.jitter"]),
            reset_after_ms=self.ms("restart.reset_after_s"),
            window_ms=self.ms("restart.window_s"),
            limit=self.number("restart.limit"),
            warmup=self.flag("restart.warmup"),
        )

    def watch(self) -> WatchPolicy:
        """`ww.monitor`."""
        return WatchPolicy(
            self.ms("monitor.interval_s"),
            HealthPolicy(
                self.number("monitor.failure_threshold"),
                self.number("monitor.success_threshold"),
                self.ms("monitor.grace_s"),
            ),
        )

    def hook(self, name: str) -> HookLimits:
        """`ww.hooks.NAME`."""
        return HookLimits(
            self.ms(f"hooks.{name}.timeout_s"),
            self.number(f"hooks.{name}.retries"),
            self.ms(f"hooks.{name}.retry_delay_s"),
            self.ms("kill_grace_s"),
            f"ww.hooks.{name}.timeout_s",
        )

    def svcdown(self, left_ms: int | None) -> HookLimits:
        """svcdown inside a stop (`left_ms` of work are left), or in a restart (None)."""
        limits = self.hook("svcdown")
        if left_ms is None:
            return limits if limits.limit_ms else limits.within(RESTART_SVCDOWN_MS, "the limit of svcdown in a restart")
        return limits.within(left_ms, "ww.stop.budget_s")


def default_settings() -> Settings:
    """What holds until the configuration is compiled, and when it cannot be: the defaults of the schema."""
    from ww.config.settings import fill, service_defaults

    return Settings(fill({}), service_defaults())
