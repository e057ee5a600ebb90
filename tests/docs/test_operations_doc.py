"""docs/operations.md: its commands work as they stand, and its schemas describe what is printed."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from tests.support.firstprocess import First, launcher, opened
from tests.support.home import Home
from tests.support.paths import COMMAND, REPO
from tests.support.ports import TwinInstance, document, service
from ww import errors
from ww.clock import stamp
from ww.instance.control import _REFUSALS, _WANTED

PAGE = (REPO / "docs/operations.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
FIRST = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
SCHEMAS = {
    schema["title"]: schema
    for schema in (json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
}
pytestmark = pytest.mark.rule("D-operations-doc")


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    """An instance that has run once; its path is short enough for any program's UNIX sockets."""
    with tempfile.TemporaryDirectory(prefix="ww-") as root:
        home = Home(pathlib.Path(root)).all_hooks()
        home.settings(log={"format": "plain", "level": "info"})
        home.hook("boot", "echo hello")
        home.service("web")
        home.start().wait_state("UP").stop()
        yield home
        home.end()


def environ(home: Home) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CFG", "WW_"))}
    path = f"{COMMAND.parent}:{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if name == "WW_TEST_TREE"}
    return {**clean, **kept, "PATH": path, "WW_ROOT": str(home.root), "WW_RUN": str(home.root / "run")}


@pytest.mark.parametrize("block", COMMANDS, ids=[text.split("\n")[0][:40] for text in COMMANDS])
def test_the_commands_of_the_page_work_as_they_stand(home: Home, block: str) -> None:
    instance = home.start()
    try:
        instance.wait_state("UP")
        done = subprocess.run(
            ["/bin/sh", "-ec", block], env=environ(home), capture_output=True, text=True, check=False, timeout=40
        )
    finally:
        instance.stop()
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_what_a_killed_ww_run_leaves_is_named_and_ended_as_the_page_says(tmp_path: pathlib.Path) -> None:
    (command,) = re.findall(r"```shell\n(.*?)```", PAGE, re.DOTALL)
    own = Home(tmp_path / "site").service("web", "exec sleep 4711")
    own.settings(data={"lock_wait_s": 0.3})
    try:
        killed = own.start().wait_state("UP")
        killed.process.kill()
        killed.process.wait()
        refused = own.start()
        assert refused.wait() == 75
        assert "left when it was killed: sleep (pid " in refused.messages()
        subprocess.run(["/bin/sh", "-ec", command], cwd=tmp_path, check=True, timeout=20)
        again = own.start().wait_state("UP")
        assert again.stop() == 0
    finally:
        own.end()


@pytest.mark.rule("D-everywhere")
@pytest.mark.parametrize("block", FIRST, ids=[text.split("\n")[0][:40] for text in FIRST])
def test_the_launcher_is_pid_1_as_the_page_says(block: str) -> None:
    becomes = "setpriv" in block
    if becomes and os.getuid() != 0:
        pytest.skip("root: only root may become another user")
    with tempfile.TemporaryDirectory(prefix="ww-") as root:
        pathlib.Path(root).chmod(0o755)
        home = Home(pathlib.Path(root) / "home").service("web")
        home.settings(log={"format": "plain", "level": "info"})
        launcher(home)
        around = opened(home.root.parent) if becomes else ()
        command = ["/bin/sh", "-ec", block.replace("DIR", shlex.quote(str(home.root)))]
        first = First(home, around=around, unshare=(), command=command).up()
        said = first.instance.messages()
        assert ("user 12345, group 0" if becomes else "user 0, group 0") in said
        assert ("ww/etc cannot be written" in said) == ("remount,bind,ro" in block)
        assert first.stop() == 0
        home.end()


def lines(home: Home, *words: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [str(COMMAND), *words], env=environ(home), capture_output=True, text=True, check=False, timeout=20
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(title: str, found: list[dict[str, Any]]) -> None:
    assert found
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[title])
    for one in found:
        jsonschema.validate(one, SCHEMAS[title])


def test_the_schemas_describe_what_is_printed(home: Home) -> None:
    check("log line", lines(home, "logs", "--json", "-n", "all"))
    check("event", lines(home, "events", "--json", "-n", "all"))
    check("healthcheck", lines(home, "healthcheck", "--json"))
    last = {"reason": "exit", "words": "exit code 3", "at": stamp(0)}
    stop = {"budget_s": 9.0, "left_s": 7.2, "waiting_for": "hook svcdown"}
    documents = [
        document(None, previous=None, since=None, health=None),
        document(services=[service("db", last=last), service("web", "backoff", pid=None)]),
        document("STOPPING", stop=stop),
    ]
    with TwinInstance(str(home.root / "run")) as twin:
        for one in documents:
            twin.port.status_document = one
            assert lines(home, "status", "--json") == [one]
            check("status", [one])
        check("healthcheck", lines(home, "healthcheck", "--json"))


def test_a_log_in_json_is_described_as_well() -> None:
    with tempfile.TemporaryDirectory(prefix="ww-") as root:
        home = Home(pathlib.Path(root))
        home.hook("boot", "head -c 20000 /dev/zero | tr '\\0' x; echo; echo err >&2")
        home.start().wait_state("UP").stop()
        check("log line", lines(home, "logs", "--json", "-n", "all"))
        home.end()


def test_the_files_that_the_page_names_are_in_a_run_directory(home: Home) -> None:
    named = re.findall(
        r"^\| `([\w./]+)`(?:, `([\w./]+)`)? \|", PAGE.split("## Files", 1)[1].split("## ", 1)[0], re.MULTILINE
    )
    names = {name for pair in named for name in pair if name} - {"ctl", "journal/", "log/previous"}
    assert names
    missing = [name for name in names if not (home.root / "run" / name).exists()]
    assert not missing


def test_every_exit_code_refusal_and_member_of_the_protocol_is_on_the_page() -> None:
    section = PAGE.split("## Exit codes", 1)[1].split("## ", 1)[0]
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    unavailable, again = errors.EXIT_UNAVAILABLE, errors.EXIT_TRY_AGAIN
    assert codes == {0, errors.EXIT_GAVE_UP, errors.EXIT_USAGE, unavailable, again, errors.EXIT_CONFIG}
    protocol = PAGE.split("## Control protocol", 1)[1]
    used = re.compile(r"""(?:_refuse|_refused|failure)\(\s*"(\w+)"|"code": "(\w+)\"""")
    text = "".join(path.read_text() for path in sorted(REPO.glob("ww/instance/*.py")))
    codes_used = {name for pair in used.findall(text) for name in pair if name}
    assert codes_used
    for code in {*_REFUSALS, *codes_used}:
        assert f"`{code}`" in protocol
    for op, members in _WANTED.items():
        row = next(line for line in protocol.splitlines() if line.startswith(f"| `{op}` |"))
        assert all(f"`{member}`" in row for member, _, _ in members)
