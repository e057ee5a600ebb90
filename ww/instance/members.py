"""Which processes belong to something that was started: a hook's file, one life of a service."""

from __future__ import annotations

import os

from ww.supervise import procs

TAG = "WW_HOOK_RUN"
"""Every execution has a unique value of this variable: what it started is found by it, also in other sessions."""


SERVICE = ".service"
"""Behind the name of a service in the tag of one of its lives."""


def of_service(pid: int) -> bool:
    """Whether `pid` was started by a service process: it is none of the daemons of svcup."""
    try:
        return f"{SERVICE}-" in (procs.variable(pid, TAG) or "")
    except procs.CannotLook:
        return False


class Members:
    """The processes of one execution, known by its leader's `pid` and its `tag`."""

    _count = 0

    def __init__(self, source: str) -> None:
        Members._count += 1
        self.tag = f"{source}-{Members._count}"
        self.pid = 0
        self._known: set[tuple[int, int]] = set()
        self._sessions: set[int] = set()

    def find(self) -> list[procs.Proc]:
        """What belongs to this execution. Raises procs.CannotLook.

        That is its group and session, whatever carries its tag, the descendants of all these, and what was one of them
        when it was last looked, with their sessions: a child that dropped its environment and its session is lost when
        its parent dies.
        """
        found: list[procs.Proc] = []
        pids: set[int] = set()
        everyone = procs.scan()
        # No number of a session is given away while one of it lives: a new process with it means that none does.
        others = {proc.pid for proc in everyone if proc.identity not in self._known}
        sessions = {self.pid, *(self._sessions - others)}
        for proc in procs.descendants(everyone, os.getpid()):  # parents come before their children
            if (
                proc.identity in self._known
                or proc.ppid in pids
                or self.pid in (proc.pid, proc.pgid)
                or proc.session in sessions
                or procs.has_variable(proc.pid, TAG, self.tag)
            ):
                found.append(proc)
                pids.add(proc.pid)
                sessions.add(proc.session)
        self._known = {proc.identity for proc in found}
        self._sessions = {proc.session for proc in found} - {os.getsid(0)}
        return found

    def anybody(self) -> bool:
        """Whether one of them is alive; also where nobody can look."""
        try:
            return any(proc.alive for proc in self.find())
        except procs.CannotLook:
            return True

    def orphans(self, watched: set[int]) -> bool:
        """Whether one of our own children that nobody watches carries the tag: a quick look when the leader has ended.

        Where the kernel does not list our children the full look is taken.
        """
        mine = procs.own_children()
        if mine is None:
            return self.anybody()
        return any(pid not in watched and procs.has_variable(pid, TAG, self.tag) for pid in mine)
