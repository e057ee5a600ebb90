"""The engine that builds, through the `docker` command."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]


class CannotBuildError(Exception):
    """An image cannot be built; the message says why and what to do."""


class UnreachableError(CannotBuildError):
    """What it is built of is out of reach: no registry and no archive has it for us."""


class Engine:
    """A Docker Engine at `host`, as in DOCKER_HOST."""

    def __init__(self, host: str) -> None:
        # The builder of old is in every engine; BuildKit is a plugin of its own.
        self._environ = {**os.environ, "DOCKER_HOST": host, "DOCKER_BUILDKIT": "0"}

    def has(self, image: str) -> bool:
        """Whether the engine holds `image`."""
        return self._run(["image", "inspect", image]).returncode == 0

    def pull(self, image: str) -> str:
        """Fetch `image` from its registry; why it could not be, or nothing."""
        done = self._run(["pull", "--quiet", image])
        return done.stderr.strip() if done.returncode else ""

    def load_tar(self, tar: Path, image: str) -> None:
        """Make the file system in `tar` the image `image`. Raises CannotBuildError."""
        self._must(["import", str(tar), image])

    def build(self, dockerfile: Path, context: Path, tags: list[str], arguments: dict[str, str]) -> None:
        """`docker build`, its output shown only if it fails. Raises CannotBuildError."""
        named = [part for tag in tags for part in ("--tag", tag)]
        given = [part for key, value in arguments.items() for part in ("--build-arg", f"{key}={value}")]
        self._must(["build", "--file", str(dockerfile), *named, *given, str(context)])

    def identity(self, image: str) -> str:
        """The id of an image: another one when anything in it is another."""
        return self._must(["image", "inspect", "--format", "{{.Id}}", image]).strip()

    def output(self, image: str, file: Path) -> None:
        """What a container of `image` writes to its standard output, into `file`. Raises CannotBuildError."""
        partial = file.with_suffix(".partial")
        with partial.open("wb") as written:
            command = ["docker", "run", "--rm", "--network", "none", image]
            done = subprocess.run(command, env=self._environ, stdout=written, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            partial.unlink()
            raise CannotBuildError(f"{image} failed:\n{done.stderr.decode('utf-8', 'replace')[-2000:]}")
        partial.rename(file)

    def _must(self, arguments: list[str]) -> str:
        done = self._run(arguments)
        if done.returncode:
            tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-30:])
            raise CannotBuildError(f"docker {arguments[0]} failed:\n{tail}")
        return done.stdout

    def _run(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        command = ["docker", *arguments]
        return subprocess.run(command, env=self._environ, capture_output=True, text=True, check=False)


def find_engine() -> Engine:
    """The engine of DOCKER_HOST, else the one of scripts/services. Raises CannotBuildError."""
    host = os.environ.get("DOCKER_HOST")
    if not host:
        command = [str(REPO / "scripts" / "services"), "up", "docker"]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
        if asked.returncode:
            raise CannotBuildError(asked.stderr.strip() or "scripts/services up docker failed")
        host = asked.stdout.split()[1]
    return Engine(host)
