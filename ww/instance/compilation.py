"""The COMPILE task: the configuration as the compile child left it, or its problems (runtime.md 23-25)."""

from __future__ import annotations

import marshal

from ww.clib import BadJson, json_loads
from ww.config.inputs import collect, fingerprint
from ww.errors import EXIT_CONFIG, EXIT_TRY_AGAIN, ConfigError, problem_text
from ww.lifecycle.model import Done, Failed
from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ww.home.layout import Layout
    from ww.instance.execution import CannotRun, Execution, Ran, TimedOut
    from ww.instance.system import System
    from ww.instance.tasks import Report
    from ww.types import Callback

LIMIT_MS = 60_000
"""A merge takes a tenth of a second; a compile child that needs a minute hangs."""

CACHE_FORMAT = 3

FORMATS = ("plain", "json")


class Compiler(Value):
    """How the child is started: `argv` up to its own arguments, and the directories it is given."""

    __slots__ = ("argv", "layout", "run", "sets", "environ")

    def __init__(
        self, argv: tuple[str, ...], layout: Layout, run: str | None, sets: list[str], environ: Mapping[str, str]
    ) -> None:
        self.argv = argv
        self.layout = layout
        self.run = run
        self.sets = sets
        self.environ = environ


class CompileTask:
    """Uses the cache of the last compile when no input has changed, else runs the compile child.

    `take` receives the cache (settings, secret references, warnings) before `done` is called. However it ends, what
    the voice has held back is said by then.
    """

    def __init__(
        self, system: System, compiler: Compiler, take: Callable[[dict[str, Any]], None], done: Report
    ) -> None:
        self._system = system
        self._compiler = compiler
        self._take = take
        self._done = done
        self._execution: Execution | None = None
        self._key = ""

    def start(self) -> CompileTask:
        """Look at the inputs, then at the cache, then run the child if it is needed."""
        inputs = collect(self._compiler.layout, self._compiler.environ, self._compiler.sets)
        self._key = inputs.key
        cache = read_cache(self._compiler.run)
        if cache is not None and cache.get("key") == self._key and self._as_written(cache) and _rests(cache):
            self._accept(cache)
            return self
        if inputs.nothing() and self._stored_nothing():
            return self
        argv = [*self._compiler.argv, "--root", self._compiler.layout.root, "--run", self._compiler.run or ""]
        for item in self._compiler.sets:
            argv += ["--set", item]
        env = {name: value for name, value in self._compiler.environ.items() if name != "WW_ROOT"}
        from ww.instance.execution import Execution, Order

        order = Order(tuple(argv), env, "config", limit_ms=LIMIT_MS, capture=True)
        self._execution = Execution(self._system, order, self._ran)
        self._execution.start()
        return self

    def _stored_nothing(self) -> bool:
        """Write down the configuration that comes of no inputs: the child would take a bare interpreter's time for it.

        False where it cannot be written: the child tries again and finds the words.
        """
        from ww.config.stored import EMPTY, store

        try:
            cache = store(self._compiler.layout, self._compiler.run or "", self._key, EMPTY)
        except ConfigError:
            return False
        self._accept(cache)
        return True

    def cancel(self, grace_ms: int, gone: Callback) -> None:
        """Stop compiling; the previous cfg.json stays."""
        self._system.voice.release()
        if self._execution is None:
            gone()
        else:
            self._execution.cancel(grace_ms, gone)

    def _as_written(self, cache: dict[str, Any]) -> bool:
        """Whether cfg.json is the file that was written: hooks must not go on with half of one, or another."""
        return bool(cache.get("cfg_print")) and fingerprint(str(cache.get("cfg_path"))) == cache.get("cfg_print")

    def _ran(self, result: Ran | TimedOut | CannotRun) -> None:
        from ww.instance.execution import CannotRun, TimedOut

        self._execution = None
        if isinstance(result, CannotRun):
            self._give_up(result.words)
        elif isinstance(result, TimedOut):
            self._give_up(f"no end after {LIMIT_MS // 1000} s")
        else:
            self._read_answer(result)

    def _give_up(self, words: str, last_lines: list[str] | None = None) -> None:
        self._fail(EXIT_TRY_AGAIN, f"cannot compile the configuration: {words}", {"last_lines": last_lines or []})

    def _fail(self, exit_code: int, words: str, detail: dict[str, object]) -> None:
        self._system.voice.release()
        self._done(Failed(exit_code, words, detail=detail))

    def _read_answer(self, result: Ran) -> None:
        lines = result.output.strip().splitlines()
        try:
            answer = json_loads(lines[-1]) if lines else None
        except BadJson:
            answer = None
        if not isinstance(answer, dict):
            self._without_answer(result)
        elif answer.get("ok") is True:
            cache = answer.get("cache") if not self._compiler.run else read_cache(self._compiler.run)
            if isinstance(cache, dict):
                self._accept(cache)
            else:
                self._give_up("what was compiled cannot be read back")
        else:
            self._refuse(answer)

    def _without_answer(self, result: Ran) -> None:
        ending = f"the compile child ended with {result.exit.words()} and no answer that can be read"
        if result.exit.code == EXIT_CONFIG:
            said = "".join(f"; {line}" for line in result.last_lines[-3:])
            self._fail(EXIT_CONFIG, f"the configuration is invalid: {ending}{said}", {"last_lines": result.last_lines})
        else:
            self._give_up(ending, result.last_lines)

    def _refuse(self, answer: dict[str, Any]) -> None:
        log = answer.get("log")
        # What is refused later (a reload) changes nothing, the log neither.
        if isinstance(log, dict) and log.get("format") in FORMATS and not self._system.voice.chosen:
            self._system.voice.use(str(log["format"]), str(log.get("level") or ""))
        problems = answer.get("problems")
        known = [problem for problem in problems if isinstance(problem, dict)] if isinstance(problems, list) else []
        for problem in known:
            self._system.voice.error(f"configuration: {problem_text(problem)}")
        count = f"{answer.get('count', len(known))} problems" if len(known) != 1 else problem_text(known[0])
        self._fail(EXIT_CONFIG, f"the configuration is invalid: {count}", {"problems": known})

    def _accept(self, cache: dict[str, Any]) -> None:
        self._take(cache)
        self._system.voice.release()
        for warning in cache.get("warnings", ()):
            self._system.voice.warn(f"configuration: {problem_text(warning)}")
        self._done(Done())


def _rests(cache: dict[str, Any]) -> bool:
    """Whether what the configuration was checked by is as it was: a plugin whose sink it names may be gone."""
    return all(fingerprint(path) == known for path, known in cache.get("rests_on", {}).items())


def read_cache(run: str | None) -> dict[str, Any] | None:
    """RUN/cfg.cache, or None where there is none of this format. It lies in our own 0700 directory."""
    if not run:
        return None
    try:
        with open(f"{run}/cfg.cache", "rb") as file:
            cache = marshal.loads(file.read())  # noqa: S302
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return cache if isinstance(cache, dict) and cache.get("format") == CACHE_FORMAT else None
