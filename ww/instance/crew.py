"""What one instance consists of while it runs: its files, settings, identity, data and hooks."""

from __future__ import annotations

import os

from ww.config.secrets import load_masker
from ww.events.journal import Journal
from ww.home.image import image_version
from ww.instance.compilation import CompileTask
from ww.instance.data import Data
from ww.instance.heldevents import HeldEvents
from ww.instance.hookenv import Identity, Versions, hook_environment, inherited, unchanged
from ww.instance.masking import mask_value
from ww.instance.outlet import Outlet
from ww.instance.record import Lives, Origin, Recorder
from ww.instance.settings import Settings, default_settings
from ww.supervise import procs
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ww.config.secrets import Masker
    from ww.home.layout import Layout
    from ww.instance.compilation import Compiler
    from ww.instance.driver import Task
    from ww.instance.hooklimits import HookLimits
    from ww.instance.hookrun import HookRun
    from ww.instance.hookset import HookFile
    from ww.instance.system import System
    from ww.instance.tasks import Report
    from ww.lifecycle.model import Outcome


class Place(Value):
    """Where the instance lives: its layout, its run directory (None: none can be written), the directory of `ww`."""

    __slots__ = ("layout", "run", "ww_directory")

    def __init__(self, layout: Layout, run: str | None, ww_directory: str) -> None:
        self.layout = layout
        self.run = run
        self.ww_directory = ww_directory


class Crew:
    """Made by the wiring module; gives the performance what each action needs."""

    def __init__(self, system: System, place: Place, compiler: Compiler, boot: str) -> None:
        self.system = system
        self.layout = place.layout
        self.run = place.run
        self._settings: Settings | None = None
        self._compiled = False
        self.versions = Versions("", image_version(place.layout.etc))
        self.data = Data(system, place.layout, boot)
        self._compiler = compiler
        self._boot = boot
        self.base_env = inherited(compiler.environ, place.ww_directory)
        self.own_env = unchanged(compiler.environ, place.ww_directory)
        self.environ = compiler.environ
        """What `ww run` was started with; nothing below it gets all of this."""
        self.pid = os.getpid()
        self.cfg_path = ""
        """Where the compiled configuration lies, once it is compiled."""
        self.healing = True
        """False in maintenance: what fails is seen, and left as it is."""
        self._journal: Journal | None = None
        self._secrets: list[dict[str, str]] = []
        self._hidden: list[str] = []
        self._started_ms = system.clock.mono_ms()
        self.outlet = Outlet(self)
        self.recorder = Recorder(system.clock, system.voice, self._open_journal, self.mask)

    @property
    def settings(self) -> Settings:
        """The compiled settings; before that, and when they cannot be compiled, the defaults."""
        if self._settings is None:
            self._settings = default_settings()
        return self._settings

    def compile(self, done: Report) -> Task:
        """The COMPILE action."""
        return CompileTask(self.system, self._compiler, self._take, done).start()

    def lock_data(self, done: Report) -> Task:
        """The LOCK action."""
        wait = self.settings.ms("data.lock_wait_s")
        return self.data.lock(self.settings.flag("data.shared"), wait, self._holder(), done)

    def refresh_versions(self) -> None:
        """Read the data's version again: the lock made it known, a first boot or an upgrade may have stored another."""
        self.versions = Versions(self.data.version(), self.versions.image)

    def identity(self) -> Identity:
        """Configured, else the volume's id, else the host name (decisions, "Files of an instance")."""
        volume = "" if self.data.shared else self.data.known_volume()
        instance = self.settings.text("instance") or volume or os.uname().nodename
        return Identity(self.settings.text("service"), instance, self._boot)

    def origin(self) -> Origin:
        """Who speaks in an event; what locks the data, and so tells which boot of it this is, comes first."""
        self._open_journal()
        lives = Lives(os.uname().nodename, self.data.volume, self.data.boot_no)
        return Origin(self.identity(), lives, self.versions, self.settings.labels)

    def pidfiles(self) -> list[str]:
        """Declared pidfiles."""
        return [self.place(path) for path in self.settings.pidfiles]

    def place(self, path: str) -> str:
        """Where a file that the settings name lies: an absolute path below our root, any other in WW_RUN."""
        return self.layout.root + path if path.startswith("/") else f"{self.run or self.layout.root}/{path}"

    def run_hook(
        self,
        name: str,
        files: list[HookFile],
        arguments: tuple[str, ...],
        limits: HookLimits,
        done: Callable[[Outcome], None],
        *,
        state: str,
        attempt: int = 1,
    ) -> HookRun:
        """Start a hook with the contract's environment."""
        procs.prepare("ww.instance.hookrun")
        from ww.instance.hookrun import HookJob, HookRun

        env = hook_environment(self.base_env, self.layout, self.run, self.identity(), self.versions, state, attempt)
        job = HookJob(name, files, arguments, env, attempt, capture=name == "monitor")
        return HookRun(self.system, job, limits, done).start()

    def uptime_s(self) -> int:
        """Seconds since this boot began."""
        return (self.system.clock.mono_ms() - self._started_ms) // 1000

    def last_journal_directory(self) -> str | None:
        """The directory whose files want a last sync, if a journal is on disk; held events get their last chance."""
        if self._journal is None:
            return None
        self._journal.retry()
        return self._journal.directory

    def concealed(self) -> tuple[list[dict[str, str]], list[str]]:
        """What no log may show: references to secrets, and values that are secret themselves."""
        return list(self._secrets), list(self._hidden)

    @property
    def journal(self) -> Journal | None:
        """The journal, once there is one."""
        return self._journal

    def journal_directories(self) -> list[str]:
        """Where events of this volume and of this boot may lie, the first choice first."""
        places = (self.data.journal_directory, f"{self.run}/journal" if self.run else None)
        return [place for place in places if place is not None]

    def _take(self, cache: dict[str, Any]) -> None:
        self._settings = Settings(cache["settings"], cache["service_defaults"])
        self._compiled = True
        self._secrets = list(cache.get("secrets", ()))
        self._hidden = list(cache.get("hidden", ()))
        self.cfg_path = str(cache.get("cfg_path", ""))
        if self._secrets or self._hidden:
            self.system.voice.mask = self._mask_text
        self.system.voice.use(self.settings.text("log.format"), self.settings.text("log.level"))

    def _holder(self) -> str:
        return f"instance of service {self.settings.text('service')} on {os.uname().nodename}, pid {os.getpid()}, boot {self._boot}"

    def _open_journal(self) -> Journal:
        if self._journal is None:
            self.data.grab(self._holder())
            fallback = f"{self.run}/journal" if self.run else None
            self._journal = Journal(
                self.data.journal_directory or fallback,
                self.data.boot_no,
                self._boot,
                self.system.clock,
                max_bytes=self.settings.number("journal.max_bytes"),
                reserve_bytes=self.settings.number("journal.reserve_bytes"),
                fallback_directory=fallback,
            )
            if self._compiled and not self.outlet.wanted:
                self._journal.bound()
            HeldEvents(self.system.loop, self._journal)
            self._journal.on_written = self.outlet.written
            if self._journal.note:
                self.system.voice.warn(f"events are journalled elsewhere: {self._journal.note}")
        return self._journal

    def _masker(self) -> Masker:
        # Read anew for each line and each event: a secret file may be replaced while the instance runs.
        return load_masker(self._secrets, self.layout, self._compiler.environ, self._hidden)

    def _mask_text(self, text: str) -> str:
        return self._masker().mask(text)

    def mask(self, value: object) -> object:
        """`value` with every secret in it replaced."""
        return mask_value(value, self._masker().mask) if self._secrets or self._hidden else value
