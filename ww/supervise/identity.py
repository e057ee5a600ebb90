"""Who a process is to be: a user by name or number, its group, its supplementary groups and its home.

A number needs no entry in /etc/passwd, as platforms such as OpenShift run a container with a uid that nobody knows.
"""

from __future__ import annotations

import os

from ww.clib import group_number, passwd_entry
from ww.types import Value

_MOST = 2**32 - 2
"""The last number would mean "leave it as it is" to the kernel: root, where the file says anybody but root."""
_LONGEST = 20
_NO_HOME = "/"


class Identity(Value):
    """What `Command` takes as `user`, `group` and `groups`; `name` and `home` are for USER, LOGNAME and HOME.

    Without an entry of its own a user is called by its number and has `/` as home (HOME of ours, if it is our own).
    """

    __slots__ = ("gid", "groups", "home", "name", "uid")

    def __init__(self, uid: int, gid: int, groups: tuple[int, ...], name: str, home: str) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.name = name
        self.home = home


class Unknown(Value):
    """There is no such user or group; `words` is one line for a person."""

    __slots__ = ("words",)

    def __init__(self, words: str) -> None:
        self.words = words


def find_identity(user: str) -> Identity | Unknown:
    """Who `user` is: `name`, `name:group`, `uid` or `uid:gid` (a group by name or number in either place).

    Without a group it is the one of the user's entry. Where the user is our own, it is our own group and our
    supplementary ones, as whoever chose our uid chose those with it (gid 0 on OpenShift) and only root could take
    others. A number without an entry that is not ours has the group of the same number, and not root's.
    Supplementary groups: those of the entry; of `uid:gid` none but that group.
    """
    who, colon, group = user.partition(":")
    number = _number(who)
    entry = passwd_entry(who if number is None else number)
    name, uid, own_gid, home = entry or _without_entry(number or 0)
    gid = _group(group) if colon else own_gid
    problem = _problem(user, entry is not None or number is not None, uid, gid)
    if problem or gid is None:
        return Unknown(f"user {user!r}: {problem}")
    if not colon and uid == os.geteuid():
        return Identity(uid, os.getegid(), tuple(sorted({os.getegid(), *os.getgroups()})), name, home)
    if entry is None or (colon and number is not None):
        return Identity(uid, gid, (gid,), name, home)
    return Identity(uid, gid, tuple(sorted({*os.getgrouplist(name, gid)})), name, home)


def _problem(user: str, known: bool, uid: int, gid: int | None) -> str:
    """Why `user` is nobody; "" if it is somebody."""
    who, colon, group = user.partition(":")
    if not who or (colon and not group):
        return "write NAME, NAME:GROUP, UID or UID:GID"
    if not known:
        return f"there is no user {who!r} in /etc/passwd; a number needs no entry there"
    if gid is None:
        return f"there is no group {group!r} in /etc/group; a number needs no entry there"
    return f"a number may be at most {_MOST}" if max(uid, gid) > _MOST else ""


def _without_entry(uid: int) -> tuple[str, int, int, str]:
    home = os.environ.get("HOME", _NO_HOME) if uid == os.geteuid() else _NO_HOME
    return (str(uid), uid, uid, home)


def _number(text: str) -> int | None:
    """What `text` says as a number; one of absurd length is just too large."""
    if not (text.isascii() and text.isdigit()):
        return None
    return int(text) if len(text) <= _LONGEST else _MOST + 1


def _group(text: str) -> int | None:
    number = _number(text)
    return group_number(text) if number is None else number
