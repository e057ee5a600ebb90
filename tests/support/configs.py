"""A configuration made from files in a directory, compiled in this process or by the real child."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ww.config.compiled import Compiled, build
from ww.config.inputs import Inputs, collect
from ww.home.command import compile_command
from ww.home.layout import Layout


class Instance:
    """A root directory with `ww/etc` and a run directory, and what is compiled from it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layout = Layout(str(root))
        self.etc = root / "ww" / "etc"
        self.run = root / "run"
        (self.etc / "conf.d").mkdir(parents=True)
        self.run.mkdir(mode=0o700)

    def put(self, name: str, content: object) -> Path:
        """A file in `etc`: text and bytes as they are, anything else as JSON."""
        path = self.etc / name
        data = content if isinstance(content, bytes) else content if isinstance(content, str) else json.dumps(content)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def secret(self, name: str, value: str) -> None:
        """A file in the secrets directory."""
        directory = self.run / "secrets"
        directory.mkdir(exist_ok=True)
        (directory / name).write_text(value)

    def collect(self, environ: dict[str, str] | None = None, *sets: str) -> Inputs:
        return collect(self.layout, environ or {}, list(sets))

    def build(self, environ: dict[str, str] | None = None, *sets: str) -> Compiled:
        """Compile in this process; nothing is written."""
        return build(self.collect(environ, *sets))

    def cfg(self, environ: dict[str, str] | None = None, *sets: str) -> dict[str, Any]:
        """The merged configuration of inputs without problems."""
        compiled = self.build(environ, *sets)
        assert compiled.problems == []
        return dict(compiled.cfg)

    def problems(self, environ: dict[str, str] | None = None, *sets: str) -> list[dict[str, Any]]:
        """Every problem of inputs that have some."""
        found = self.build(environ, *sets).problems
        assert found
        return found

    def child(
        self, environ: dict[str, str] | None = None, *sets: str, prefix: tuple[str, ...] = (), run: bool = True
    ) -> tuple[int, dict[str, Any]]:
        """The real compile child: its exit code and its answer."""
        argv = [*prefix, *compile_command(), "--root", str(self.root)]
        argv += ["--run", str(self.run)] if run else []
        for item in sets:
            argv += ["--set", item]
        done = subprocess.run(argv, env=child_environ(environ), capture_output=True, check=False)
        assert done.stderr == b""
        return done.returncode, json.loads(done.stdout.splitlines()[-1])

    def ww(self, *words: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """The real command, asked about this instance."""
        env = child_environ({"WW_ROOT": str(self.root), **(environ or {})})
        argv = [sys.executable, "-m", "ww", *words]
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=False)


def child_environ(more: dict[str, str] | None = None) -> dict[str, str]:
    """What a child needs of the environment, and `more`; nothing that steers the configuration by accident."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    return {**kept, **(more or {})}
