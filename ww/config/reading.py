"""The compiled configuration, as hooks and commands read it: from its file, never from a process. Cheap to import."""

from __future__ import annotations

import os

from ww.clib import BadJson, json_loads
from ww.errors import EXIT_LOOKUP, WwError
from ww.home.layout import find_run_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ww.home.layout import Layout
    from ww.types import Json


class CannotRead(WwError):
    """There is no usable configuration to read."""

    exit_code = EXIT_LOOKUP


def load(layout: Layout, environ: Mapping[str, str]) -> dict[str, Json]:
    """The object in RUN/cfg.json if it is there, else in ETC/cfg.json (WW-8). Raises CannotRead."""
    run = find_run_directory(layout, environ)
    paths = [f"{run}/cfg.json"] if run else []
    for path in (*paths, f"{layout.etc}/cfg.json"):
        text = _text(path)
        if text is not None:
            return _parse(path, text)
    raise CannotRead(f"cannot read the configuration: there is no {layout.etc}/cfg.json; `ww run` writes it")


def load_provenance(layout: Layout, environ: Mapping[str, str]) -> list[dict[str, Json]]:
    """Where each leaf comes from, from RUN/cfg.provenance.json. Raises CannotRead."""
    run = find_run_directory(layout, environ)
    path = f"{run}/cfg.provenance.json" if run else ""
    text = _text(path) if run else None
    if text is None:
        raise CannotRead("cannot explain: the run directory holds no cfg.provenance.json; `ww run` writes it")
    leaves = _parse(path, text).get("leaves")
    if not isinstance(leaves, list):
        raise CannotRead(f"cannot explain: {path} is of a format that this ww does not know")
    return leaves


def _text(path: str) -> str | None:
    """None if there is no such file. Raises CannotRead."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CannotRead(f"cannot read the configuration: {path}: {error.strerror}") from None
    try:
        data = b""
        while chunk := os.read(fd, 1 << 20):
            data += chunk
        return data.decode()
    except OSError as error:
        raise CannotRead(f"cannot read the configuration: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CannotRead(f"cannot read the configuration: {path} is not UTF-8") from None
    finally:
        os.close(fd)


def _parse(path: str, text: str) -> dict[str, Json]:
    try:
        value = json_loads(text)
    except BadJson as error:
        raise CannotRead(f"cannot read the configuration: {path} is not JSON: {error.args[0]}") from None
    except (ValueError, RecursionError):
        raise CannotRead(f"cannot read the configuration: {path} was not written by ww") from None
    if not isinstance(value, dict):
        raise CannotRead(f"cannot read the configuration: {path} is not a JSON object")
    return value
