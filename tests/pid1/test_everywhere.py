"""The same everywhere: each place where people run containers reaches UP with a service, says what it is, and stops."""

from __future__ import annotations

import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence

import pytest

from tests.support.firstprocess import UNSHARE, First, launcher, opened
from tests.support.home import WW, Home, Instance
from tests.support.pidslimit import V1, PidsLimit
from tests.support.waiting import until

IN_A_MOUNT_NAMESPACE = (*UNSHARE[:3], "--mount", *UNSHARE[3:])
ANYONE = ("setpriv", "--reuid", "12345", "--regid", "0", "--clear-groups")
STOP_S = 5.0


@pytest.fixture
def open_home() -> Iterator[Home]:
    """A home that the group of root may write, in a place that everybody reaches, as images for OpenShift have it."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="ww-everywhere-"))
    made = Home(directory / "home")
    yield made
    made.end()
    shutil.rmtree(directory)


def ready(home: Home) -> Home:
    """A service, a monitor, and a hook for each end."""
    for name in ("boot", "svcdown"):
        home.hook(name, note=False)
    home.hook("monitor", "echo '{}'", note=False)
    return home.service("main")


def lives(first: First, *words: str) -> None:
    """UP, asked, its service restarted, stopped; `words` are in what it says at start."""
    first.up()
    messages = first.instance.messages()
    for text in words:
        assert text in messages
    killed = until(lambda: next((pid for pid in first.members() if _is_the_service(pid)), 0), "the service")
    os.kill(killed, 9)
    first.instance.wait_state("UP", 2)
    assert first.stop(STOP_S) == 0
    assert first.instance.states()[-2:] == ["STOPPING", "STOPPED"]


def _is_the_service(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x00300\x00"
    except OSError:
        return False


def inside(home: Home, script: str) -> First:
    """PID 1 behind `script`, which may mount what it likes: the mounts are the namespace's own."""
    command = ["/bin/sh", "-ec", f'{script}\nexec "$@"', "sh", launcher(home)]
    return First(home, unshare=IN_A_MOUNT_NAMESPACE, command=command)


@pytest.mark.rule("D-everywhere")
def test_as_root_in_a_namespace(home: Home) -> None:
    first = First(ready(home))
    first.up()
    assert home.status()["state"] == "UP"
    lives(first, "user 0, group 0; can write", f"{home.root}/data")


@pytest.mark.rule("D-everywhere")
def test_outside_of_a_namespace_beside_others(home: Home) -> None:
    """A subreaper; what is not its own stays."""
    bystander = subprocess.Popen(["sleep", "300"])
    try:
        instance: Instance = ready(home).start().wait_state("UP")
        assert home.status()["pid"] == instance.process.pid
        os.kill(home.status()["services"][0]["pid"], 9)
        instance.wait_state("UP", 2)
        assert instance.stop(STOP_S) == 0
        assert home.left_behind() == []
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def _as_anyone(home: Home) -> Sequence[str]:
    """The command line before the launcher, as user 12345 of group 0."""
    if os.getuid() != 0:
        pytest.skip("root: only root may become another user")
    ready(home)
    launcher(home)
    home.write_config()
    subprocess.run(["chgrp", "-R", "0", str(home.root.parent)], check=True)
    subprocess.run(["chmod", "-R", "g=u", str(home.root.parent)], check=True)
    return opened(home.root.parent)


@pytest.mark.rule("D-everywhere")
@pytest.mark.parametrize("alone", [True, False], ids=["pid 1", "subreaper"])
def test_as_an_arbitrary_user_of_group_0(open_home: Home, alone: bool) -> None:
    """A user without an entry in /etc/passwd, as OpenShift gives each namespace one."""
    prefix = (*_as_anyone(open_home), *(UNSHARE[:1] + UNSHARE[3:] if alone else ()), *ANYONE)
    # The first run directory of the home belongs to root: it is told why it is not used.
    (open_home.root / "run").rmdir()
    if alone:
        lives(First(open_home, unshare=prefix), "user 12345, group 0; can write", f"{open_home.root}/data")
        return
    instance = open_home.start(prefix=prefix, command=[launcher(open_home)]).wait_state("UP")
    assert "user 12345, group 0" in instance.messages()
    assert instance.stop(STOP_S) == 0
    assert open_home.left_behind() == []


@pytest.mark.rule("D-data-unreadable", "D-surroundings")
@pytest.mark.parametrize("marked", [True, False])
def test_data_that_another_user_has_made_is_refused_with_what_gives_it_to_us(open_home: Home, marked: bool) -> None:
    prefix = (*_as_anyone(open_home), *UNSHARE[:1], *UNSHARE[3:], *ANYONE)
    data = open_home.root / "data"
    (data / ".ww").mkdir(mode=0o700)
    if marked:
        (data / ".ww/version").write_text("1\n")
    refused = open_home.start(prefix=prefix, command=[launcher(open_home)])
    assert refused.wait() == 75
    said = refused.messages()
    assert f"{data}/.ww is user 0's, and ww run is user 12345" in said
    assert f"chown -R 12345:0 {data})" in said
    assert not [line for line in said.splitlines() if "can write" in line and f"{data}," in line]


@pytest.mark.rule("D-service-identity")
def test_a_service_of_another_user_is_refused_to_who_is_not_root_with_what_to_write(open_home: Home) -> None:
    prefix = (*_as_anyone(open_home), *UNSHARE[:1], *UNSHARE[3:], *ANYONE)
    open_home.service("other", user="daemon")
    refused = open_home.start(prefix=prefix, command=[launcher(open_home)])
    assert refused.wait() == 1
    assert "ww run is user 12345, who may be no other: ww.services.other.user null" in refused.messages()


@pytest.mark.rule("D-everywhere")
def test_with_a_read_only_root(home: Home) -> None:
    """Only /data and the run directory can be written."""
    at = shlex.quote(str(home.root))
    script = f"""mount --bind {at} {at}
    for name in data run; do mount --bind {at}/$name {at}/$name; done
    mount -o remount,bind,ro {at}
    mount -o remount,bind,ro /"""
    first = inside(ready(home), script)
    lives(first, "/ is read-only", f"can write {home.root}/data", f"{home.root}/run", "goes without")
    assert (home.root / "run/cfg.json").exists(), "the configuration lies where it can be written"


def nothing_writable(home: Home) -> str:
    """Mounts after which not one place can be written."""
    at = shlex.quote(str(home.root))
    return f"""mount --bind {at} {at}
    mount -o remount,bind,ro {at}
    for place in / /tmp /run /dev/shm; do
        mount --bind $place $place 2> /dev/null || continue
        mount -o remount,bind,ro $place 2> /dev/null || true
    done
    mount -o remount,bind,ro /
    ! touch {at}/x 2> /dev/null"""


@pytest.mark.rule("D-everywhere", "D-cfg-readonly")
def test_with_nothing_that_can_be_written_at_all(home: Home) -> None:
    """Where nothing is configured nothing has to be written: it says what it goes without."""
    ready(home)
    home.config = {}
    (home.root / "data").rmdir()
    lives(inside(home, nothing_writable(home)), "can write nothing; / is read-only", "no run directory can be written")


@pytest.mark.rule("D-everywhere", "D-wrap")
def test_a_command_is_wrapped_where_nothing_can_be_written(home: Home) -> None:
    home.config = {}
    command = ["/bin/sh", "-ec", f'{nothing_writable(home)}\nexec "$@" -- sh -c "exit 7"', "sh", launcher(home)]
    assert home.start(prefix=IN_A_MOUNT_NAMESPACE, command=command).wait() == 7


@pytest.mark.rule("D-everywhere", "D-cfg-readonly")
def test_a_configuration_that_nobody_could_read_is_refused_in_words(home: Home) -> None:
    command = ["/bin/sh", "-ec", f'{nothing_writable(ready(home))}\nexec "$@"', "sh", launcher(home)]
    instance = home.start(prefix=IN_A_MOUNT_NAMESPACE, command=command)
    assert instance.wait() == 78
    assert "ww/etc/cfg.json: it cannot be written: Read-only file system" in instance.messages()


@pytest.mark.rule("D-everywhere", "D-explain-dry")
def test_where_nothing_can_be_written_explain_says_what_run_would_and_what_to_do(home: Home) -> None:
    script = f'{nothing_writable(ready(home))}\nexec "$@"'

    def explained() -> Instance:
        command = ["/bin/sh", "-ec", script, "sh", *WW, "explain"]
        instance = home.start(prefix=IN_A_MOUNT_NAMESPACE, command=command)
        instance.wait()
        return instance

    refused = explained()
    assert refused.process.returncode == 78
    assert "REFUSED, 78   cfg.json can be written neither to" in refused.messages()
    assert "--tmpfs /run" in refused.messages()
    home.config = {}
    assert explained().process.returncode == 0


@pytest.mark.rule("D-everywhere")
def test_without_data(home: Home) -> None:
    """A read-only image without the volume, with a run directory."""
    ready(home)
    (home.root / "data").rmdir()
    at = shlex.quote(str(home.root))
    script = f"""mount --bind {at} {at}; mount --bind {at}/run {at}/run; mount -o remount,bind,ro {at}"""
    lives(inside(home, script), "goes without", f"{home.root}/data")
    assert (home.root / "run/journal").is_dir(), "events go where they can"


@pytest.mark.rule("D-everywhere")
def test_with_a_run_directory_where_nothing_may_be_executed(home: Home) -> None:
    at = shlex.quote(str(home.root / "run"))
    first = inside(ready(home), f"mount -t tmpfs -o noexec,nosuid,nodev,mode=0700 tmpfs {at}")
    lives(first, f"{home.root}/run (noexec)")


@pytest.mark.rule("D-everywhere")
def test_under_a_limit_of_processes(home: Home) -> None:
    """The limit is seen where a container sees it."""
    ready(home)
    with PidsLimit() as limit:
        limit.set(40)
        shown = V1 if limit.words == "cgroup v1" else V1.parent
        command = ["/bin/sh", "-ec", f'mount --bind {limit.directory} {shown}; exec "$@"', "sh", launcher(home)]
        first = First(home, around=limit.prefix, unshare=IN_A_MOUNT_NAMESPACE, command=command)
        lives(first, "at most 40 processes")
        assert until(lambda: limit.count() == 0, "an empty cgroup")
