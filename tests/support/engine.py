"""A real Docker Engine for tests: images of this tree, and containers that are gone when the test is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import APIError
from docker.models.containers import Container, ExecResult

from tests.support.paths import REPO
from tests.support.waiting import until

PREFIX = os.environ.get("WW_IMAGES") or "whaleware"
UP_WITHIN_S = 60.0
UNREACHABLE = 69
"""How images/build ends where no registry and no archive of packages has what it is told to build on."""


class Engine(docker.DockerClient):
    """A `docker.DockerClient` that knows the images of this tree."""

    def __init__(self, host: str) -> None:
        super().__init__(base_url=host)
        self._host = host
        self._built: dict[str, str] = {}

    def image(self, name: str) -> str:
        """The tag of an image of this tree (base, or a folder of images/), built once per session."""
        if name not in self._built:
            self._built.update(line.split() for line in self._build(name).splitlines())
        return self._built[name]

    def fetch(self, image: str) -> None:
        """Have an image such as debian:trixie-slim in the engine."""
        self._build("--fetch", image)

    def built_on(self, base: str, name: str = "base") -> str:
        """The tag of an image of this tree on another Debian or Ubuntu; skips where nothing that is reached has that one."""
        lines = self._build("--base", base, name, prefix=f"{PREFIX}/on-{base.replace(':', '-')}").splitlines()
        return dict(line.split() for line in lines)[name]

    def _build(self, *arguments: str, prefix: str = PREFIX) -> str:
        environ = {**os.environ, "DOCKER_HOST": self._host, "WW_IMAGES": prefix}
        command = [str(REPO / "images" / "build"), *arguments]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if done.returncode == UNREACHABLE:
            pytest.skip(f"unreachable-base: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def derived(self, context: Path, dockerfile: str, tag: str) -> str:
        """The tag of an image built from a text in the folder `context`; FROM names it as `image()` does."""
        # With the text on stdin the legacy builder takes no context: it must lie inside, for the time of the build.
        inside = context / f".Dockerfile.{tag}"
        inside.write_text(dockerfile)
        try:
            return self._docker_build(["--file", str(inside), str(context)], tag)
        finally:
            inside.unlink()

    def _docker_build(self, words: list[str], tag: str) -> str:
        full = f"{PREFIX}/test-{tag}:latest"
        environ = {**os.environ, "DOCKER_HOST": self._host, "DOCKER_BUILDKIT": "0"}
        command = ["docker", "build", "--quiet", "--tag", full, *words]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return full

    def build(self, context: Path, dockerfile: Path, tag: str, **arguments: str) -> str:
        """The tag of an image built from one of the tree's own Dockerfiles, with build arguments."""
        given = [part for key, value in arguments.items() for part in ("--build-arg", f"{key}={value}")]
        return self._docker_build(["--file", str(dockerfile), *given, str(context)], tag)

    def on_tree(self, builder: str, context: Path, tag: str) -> str:
        """The tag of an overlay with the layers that a container of `builder` without a network writes."""
        environ = {**os.environ, "DOCKER_HOST": self._host}
        with (context / "layers.tar").open("wb") as output:
            command = ["docker", "run", "--rm", "--network", "none", builder]
            subprocess.run(command, env=environ, stdout=output, check=True)
        with tarfile.open(context / "layers.tar") as both:
            both.extractall(context, filter="data")
        (context / "layers.tar").unlink()
        return self.build(context, REPO / "Dockerfile.overlay", tag)

    def layers(self, tag: str) -> list[str]:
        """The digests of what each layer of files holds, the lowest first."""
        found: list[str] = self.images.get(tag).attrs["RootFS"]["Layers"]
        return found

    def with_hooks(self, ww: Path, work: Path, tag: str, base: str = "") -> str:
        """An image as its author makes it: `base`, else the base of this tree, and the folder `ww` on top as /ww."""
        context = work / f"context-{tag}"
        shutil.copytree(ww, context / "ww", symlinks=True)
        return self.derived(
            context, f"FROM {base or self.image('base')}\nCOPY ww /ww\nRUN ww check --compile /ww\n", tag
        )


class Box:
    """One container of a test."""

    def __init__(self, raw: Container) -> None:
        self.raw = raw

    def exec(self, command: str | list[str], **options: Any) -> ExecResult:
        """`docker exec`: (exit_code, output), both streams together unless `demux=True`."""
        return self.raw.exec_run(command, **options)

    def ask(self) -> dict[str, Any]:
        """What `ww status --json` says; empty while nobody answers."""
        try:
            code, output = self.exec(["/ww/bin/ww", "status", "--json"])
        except APIError:
            return {}
        return json.loads(output) if code == 0 else {}

    def state(self) -> str:
        """The state that `ww status` names; empty while nobody answers."""
        return str(self.ask().get("state", ""))

    def health_of_monitor(self) -> dict[str, Any]:
        """What the monitor hook printed last; it runs first when the instance is UP, which is waited for."""
        found = until(lambda: self.ask().get("health"), "the first health", UP_WITHIN_S)
        monitor: dict[str, Any] = found["monitor"]
        return monitor

    def wait_state(self, state: str, within_s: float = UP_WITHIN_S) -> None:
        """Until it is in `state`; its log if it does not come there, or ends before."""

        def there() -> bool:
            if self.state() == state:
                return True
            assert self.running(), f"ended before it was {state}"
            return False

        try:
            until(there, f"state {state}", within_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; the log:\n{self.logs()}") from None

    def logs(self) -> str:
        """All that `docker logs` gives."""
        return self.raw.logs().decode("utf-8", "replace")

    def states(self) -> list[str]:
        """The states in the order of the log, from every start of this container."""
        marker = " ww | state "
        return [line.partition(marker)[2].split()[0] for line in self.logs().splitlines() if marker in line]

    def health(self) -> str:
        """What the engine thinks: starting, healthy, unhealthy."""
        self.raw.reload()
        return str(self.raw.attrs["State"]["Health"]["Status"])

    def running(self) -> bool:
        """Whether the engine says that it runs."""
        self.raw.reload()
        return bool(self.raw.attrs["State"]["Running"])

    def start(self) -> None:
        """`docker start`."""
        self.raw.start()

    def kill(self, name: str) -> None:
        """`docker kill -s NAME`."""
        self.raw.kill(signal=name)

    def stop(self, timeout: int = 10) -> int:
        """`docker stop -t TIMEOUT`; the exit code."""
        self.raw.stop(timeout=timeout)
        return self.exit_code()

    def exit_code(self, within_s: float = 30.0) -> int:
        """The exit code, once it has ended."""
        until(lambda: not self.running(), "the end of the container", within_s)
        return int(self.raw.attrs["State"]["ExitCode"])
