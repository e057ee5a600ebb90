"""Logs: what children print, formatted, into the container log (runtime.md 13 and 14). One door to its five files."""

from __future__ import annotations

from ww.supervise.logcopy import LogCopy
from ww.supervise.logformat import SPLIT_MARK, Formatter
from ww.supervise.logsink import ContainerLog
from ww.supervise.pump import Capture, LineCutter, Pump, make_pipe

__all__ = ["SPLIT_MARK", "Capture", "ContainerLog", "Formatter", "LineCutter", "LogCopy", "Pump", "make_pipe"]
