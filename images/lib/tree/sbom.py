"""The bill of materials of /ww: CycloneDX, from what pip and dpkg know; and the licences of what came from Debian."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

SPECIFICATION = "1.5"


def write(home: Path, packages: Path, taken: list[Path]) -> None:
    """HOME/sbom.cdx.json and HOME/licenses."""
    # The start program holds what it needs of musl.
    owners = sorted({"musl", *(owner(path) for path in taken)})
    parts = [python_part(dist) for dist in sorted(distributions(path=[str(packages)]), key=lambda dist: dist.name)]
    parts += [debian_part(name) for name in owners]
    main = next(part for part in parts if part["name"] == "whaleware")
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "metadata": {"component": {**main, "bom-ref": "ww", "type": "application"}},
        "components": [part for part in parts if part is not main],
    }
    (home / "sbom.cdx.json").write_text(json.dumps(document, indent=1) + "\n")
    licences = home / "licenses"
    licences.mkdir()
    for name in owners:
        shutil.copy(f"/usr/share/doc/{name}/copyright", licences / name)


def python_part(dist: Any) -> dict[str, Any]:
    """A distribution that pip installed; its licence as its author wrote it."""
    meta = dist.metadata
    licence = meta.get("License-Expression") or (meta.get("License") or "").partition("\n")[0] or "see the package"
    form = {"expression": licence} if meta.get("License-Expression") else {"license": {"name": licence}}
    return part(
        dist.name, dist.version, f"pkg:pypi/{dist.name.lower().replace('_', '-')}@{dist.version}", licenses=[form]
    )


def debian_part(name: str) -> dict[str, Any]:
    """A Debian package of which files were taken."""
    asked = ["dpkg-query", "-W", "-f", "${Version} ${Architecture}", name]
    version, arch = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    licence = {"license": {"name": f"see licenses/{name}"}}
    return part(name, version, f"pkg:deb/debian/{name}@{version}?arch={arch}", licenses=[licence])


def part(name: str, version: str, purl: str, **more: Any) -> dict[str, Any]:
    """A component."""
    return {"bom-ref": purl, "type": "library", "name": name, "version": version, "purl": purl, **more}


def owner(path: Path) -> str:
    """The Debian package of a file; the system's own name of a library may be one through a link."""
    real = path.resolve()
    tried = [
        str(path),
        str(real),
        *(str(one).removeprefix("/usr") for one in (path, real)),
        f"/usr{path}",
        f"/usr{real}",
    ]
    for candidate in tried:
        asked = subprocess.run(["dpkg-query", "-S", candidate], capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            return asked.stdout.partition(":")[0]
    raise SystemExit(f"no package has {path}")
