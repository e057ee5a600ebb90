"""Users and groups as the machine's own databases have them, and as a namespace with other databases has them."""

from __future__ import annotations

import grp
import json
import os
import pwd
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import driver
from ww.supervise.identity import Identity, Unknown, find_identity

pytestmark = pytest.mark.rule("D-service-identity")

PASSWD = """root:x:0:0:root:/root:/bin/sh
app:x:4001:4002::/srv/app:/bin/sh
bare:x:4010:4010::/:/bin/false
"""
GROUP = """root:x:0:
app:x:4002:
tape:x:4003:app,bare
disk:x:4004:app
video:x:4005:
"""

FIND = """
from ww.supervise.identity import find_identity
for user in json.loads(sys.argv[1]):
    found = find_identity(user)
    say(*(getattr(found, name) for name in found.__slots__))
"""


def find(users: list[str], *prefix: str, **options: Any) -> list[list[Any]]:
    command = [*prefix, *driver.command(FIND, json.dumps(users))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_users_of_this_machine_are_found_as_id_finds_them() -> None:
    for entry in pwd.getpwall():
        if entry.pw_uid == os.geteuid():
            continue
        groups = subprocess.run(["id", "-G", entry.pw_name], capture_output=True, text=True, check=True).stdout.split()
        expected = Identity(
            entry.pw_uid, entry.pw_gid, tuple(sorted({int(group) for group in groups})), entry.pw_name, entry.pw_dir
        )
        assert find_identity(entry.pw_name) == expected
        first = next(found for found in pwd.getpwall() if found.pw_uid == entry.pw_uid)
        if first == entry:
            assert find_identity(str(entry.pw_uid)) == expected


def test_our_own_user_keeps_our_own_groups() -> None:
    mine = pwd.getpwuid(os.geteuid())
    for user in (mine.pw_name, str(os.geteuid())):
        found = find_identity(user)
        assert isinstance(found, Identity)
        assert (found.uid, found.gid, set(found.groups)) == (
            os.geteuid(),
            os.getegid(),
            {os.getegid(), *os.getgroups()},
        )


def test_a_number_needs_no_entry_and_is_never_in_the_group_of_root() -> None:
    assert find_identity("4123456") == Identity(4123456, 4123456, (4123456,), "4123456", "/")
    assert find_identity("4123456:77") == Identity(4123456, 77, (77,), "4123456", "/")
    a_group = grp.getgrall()[-1]
    assert find_identity(f"4123456:{a_group.gr_name}") == Identity(
        4123456, a_group.gr_gid, (a_group.gr_gid,), "4123456", "/"
    )


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ("nosuchuser", "there is no user 'nosuchuser'"),
        ("-1", "there is no user '-1'"),
        ("²", "there is no user '²'"),
        ("a\0b", "there is no user"),
        ("\ud800", "there is no user"),
        ("", "write NAME"),
        (":", "write NAME"),
        ("root:", "write NAME"),
        (":root", "write NAME"),
        ("root:nosuchgroup", "there is no group 'nosuchgroup'"),
        ("1:2:3", "there is no group '2:3'"),
        ("4294967295", "may be at most 4294967294"),
        ("1:4294967295", "may be at most 4294967294"),
        ("18446744073709551616", "may be at most"),
        ("0" * 30 + "1" * 5000, "may be at most"),
    ],
)
def test_what_is_no_user_is_said_in_words(user: str, why: str) -> None:
    found = find_identity(user)
    assert isinstance(found, Unknown)
    assert why in found.words


def test_names_groups_and_supplementary_groups(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("root: databases of users can be put in place by root alone")
    (tmp_path / "passwd").write_text(PASSWD)
    (tmp_path / "group").write_text(GROUP)
    mounted = f'mount --bind {tmp_path}/passwd /etc/passwd && mount --bind {tmp_path}/group /etc/group && exec "$@"'
    found = find(
        ["app", "4001", "app:video", "app:4999", "4001:video", "4001:4001", "bare", "4999"],
        "unshare", "-m", "sh", "-c", mounted, "sh",
    )  # fmt: skip
    assert found == [
        [4002, [4002, 4003, 4004], "/srv/app", "app", 4001],
        [4002, [4002, 4003, 4004], "/srv/app", "app", 4001],
        [4005, [4003, 4004, 4005], "/srv/app", "app", 4001],
        [4999, [4003, 4004, 4999], "/srv/app", "app", 4001],
        [4005, [4005], "/srv/app", "app", 4001],
        [4001, [4001], "/srv/app", "app", 4001],
        [4010, [4003, 4010], "/", "bare", 4010],
        [4999, [4999], "/", "4999", 4999],
    ]


OURSELVES = """
os.setgroups(json.loads(sys.argv[1]))
os.setresgid(0, 0, 0)
os.setresuid(412345, 412345, 412345)
os.environ["HOME"] = "/srv/home"
from ww.supervise.identity import find_identity
reader, writer = os.pipe()
who = find_identity("412345")
child = sh("id -u; id -g; id -G", stdout=writer, user=who.uid, group=who.gid, groups=who.groups)
reaper.watch(child.pid, lambda exit: loop.stop())
loop.run()
other = sh("true", user=who.uid, group=who.gid, groups=(1, 2))
say(os.read(reader, 1000).decode().split("\\n"), who.home, other.words())
"""


@pytest.mark.parametrize("groups", [[], [7, 9], [0, 7]])
def test_an_arbitrary_uid_in_the_group_of_root_can_start_a_service_as_itself(groups: list[int]) -> None:
    if os.getuid() != 0:
        pytest.skip("root: another identity can be tried by root alone")
    [[said, home, refused]] = driver.run(OURSELVES, json.dumps(groups))
    assert said == ["412345", "0", " ".join(map(str, sorted({0, *groups}))), ""]
    assert home == "/srv/home"
    assert "Operation not permitted" in refused
