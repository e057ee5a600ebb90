"""Processes of an earlier boot on this data that outlived its `ww run`, because nothing ended them with it."""

from __future__ import annotations

import os

from ww.supervise import procs

MOST_NAMED = 8


def processes_of_another_boot(data: str, boot: str) -> str:
    """Their names and pids; "" if there is none. In a PID namespace of our own they cannot exist.

    The directory counts, not its name: other mount namespaces use the same names for other volumes.
    """
    if os.getpid() == 1:
        return ""
    try:
        volume = os.stat(data)
        everyone = procs.scan()
        ours = {proc.pid for proc in procs.descendants(everyone, os.getpid())} | _line_up(everyone)
        others = [proc for proc in everyone if proc.alive and proc.pid not in ours]
        found = [f"{proc.comm} (pid {proc.pid})" for proc in others if _is_hook_on(proc.pid, volume, boot)]
    except (OSError, procs.CannotLook):
        return ""
    return ", ".join(found[:MOST_NAMED])


def _line_up(everyone: list[procs.Proc]) -> set[int]:
    """This process and its ancestors: whoever started us may be a hook of another instance."""
    parents = {proc.pid: proc.ppid for proc in everyone}
    line, pid = set(), os.getpid()
    while pid and pid not in line:
        line.add(pid)
        pid = parents.get(pid, 0)
    return line


def _is_hook_on(pid: int, volume: os.stat_result, boot: str) -> bool:
    # An operator's shell may know WW_DATA, and `ww backup` has an empty WW_BOOT: only a hook of a boot has its id.
    if procs.variable(pid, "WW_BOOT") in (None, "", boot):
        return False
    data = procs.variable(pid, "WW_DATA")
    if not data:
        return False
    try:
        there = os.stat(f"/proc/{pid}/root{data}")
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (volume.st_dev, volume.st_ino)
