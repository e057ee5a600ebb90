"""What the author of a sink gives the kit."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ww.errors import EXIT_USAGE, WwError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from ww.sinks.base import SinkType
    from ww.types import Json

Key = tuple[str, int]
"""Boot and sequence of an event."""

DOWN = "down"
"""The receiver cannot be reached: nothing listens, the file cannot be opened."""
SLOW = "slow"
"""The receiver takes what it is given, and says nothing for longer than any deadline of the kit (5 s)."""
REFUSE = "refuse"
"""The receiver says: not now (429, a lock, a limit)."""
FULL = "full"
"""The receiver has no room."""
DENIED = "denied"
"""The receiver does not accept our credentials any more."""
PARTIAL = "partial"
"""The receiver takes all events but some, which it will never take."""
FAULTS = (DOWN, SLOW, REFUSE, FULL, DENIED, PARTIAL)


class BenchError(WwError):
    """The bench itself cannot be used; the message says why."""

    exit_code = EXIT_USAGE


class Bench(ABC):
    """A sink on a bench: its settings, and its receiver, empty and well, made anew for each scenario.

    The kit calls it from one thread. `close` ends what the constructor started.
    """

    type: ClassVar[SinkType]
    """What is examined; the same object that the package registers under `ww.sinks`."""
    faults: ClassVar[Sequence[str]] = ()
    """Those of `FAULTS` that `inject` can do; scenarios of the others are not run, and the report says so."""
    settle_s: ClassVar[float] = 1.0
    """How long the receiver may take, after it has accepted an event, until `stored` shows it."""

    def __init__(self, directory: str) -> None:
        """`directory` is empty, and for this bench alone."""
        self.directory = directory

    @abstractmethod
    def settings(self) -> Mapping[str, Json]:
        """The sink's settings as they would stand in `ww.sinks.NAME`, without `type`; secrets as `{"$secret": NAME}`."""

    @abstractmethod
    def stored(self) -> Sequence[Key]:
        """What the receiver holds, in the order in which it took it; what it holds twice stands here twice.

        A sink of the current state names the event that the state is from, or nothing.
        """

    def secrets(self) -> Mapping[str, str]:
        """The value of each secret that `settings` names. Have one if you can: the kit looks for it everywhere."""
        return {}

    def inject(self, fault: str, keys: Sequence[Key] = ()) -> None:  # noqa: ARG002
        """Give the receiver one of `faults`; for PARTIAL, `keys` are the events that it shall never take."""
        raise BenchError(f"the bench names the fault {fault} among its faults, and has no inject() for it")

    def heal(self) -> None:  # noqa: B027
        """Take away what `inject` did."""

    def close(self) -> None:  # noqa: B027
        """The scenario is over."""


def load(name: str) -> type[Bench]:
    """The bench that `MODULE:BENCH` or `FILE.py:BENCH` names. Raises BenchError."""
    module, _, attribute = name.rpartition(":")
    if not module or not attribute:
        raise BenchError(f"{name!r} names no bench: write MODULE:BENCH, or FILE.py:BENCH")
    found = getattr(_imported(module), attribute, None)
    if not (isinstance(found, type) and issubclass(found, Bench)):
        raise BenchError(f"{attribute} in {module} is no class derived from ww.sinks.conformance.bench.Bench")
    unknown = set(found.faults) - set(FAULTS)
    if unknown or not hasattr(found, "type"):
        why = f"names unknown faults: {', '.join(sorted(unknown))}" if unknown else "has no `type`"
        raise BenchError(f"{attribute} in {module} {why}")
    return found


def _imported(name: str) -> ModuleType:
    try:
        if name.endswith(".py"):
            return _from_file(name)
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        return importlib.import_module(name)
    except Exception as error:
        raise BenchError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error


def _from_file(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], os.path.abspath(path))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    # Where dataclasses and pickle look for it.
    sys.modules[f"ww_bench_{spec.name}"] = module
    spec.loader.exec_module(module)
    return module
