"""What is wrong with a script before anybody runs it: its first line, its line ends, its syntax. Nothing is executed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from ww.authoring.finding import PROBLEM, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ww.authoring.place import Place

SHELLS = ("sh", "dash", "bash", "ash", "ksh")
SYNTAX_LIMIT_S = 5.0
LARGEST_BYTES = 1 << 20
"""A script that is larger is not read; nobody wrote it by hand."""
KERNEL_LIMIT_BYTES = 255
"""Of a first line; the kernel cuts the rest."""

STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LINE = re.compile(r"(?:line )?(\d+): (.+)")
_ENV_WORDS = re.compile(r"(-\S*|\w+=.*)")


def check_script(place: Place, path: str) -> Iterator[Finding]:
    """Everything that can be said of one script; a program in machine code is passed over."""
    data = _head(path)
    if data is None or b"\0" in data[:256]:
        return
    shown = place.name(path)
    first = data.split(b"\n", 1)[0]
    if data.startswith(b"\xef\xbb\xbf"):
        what = "it begins with a byte order mark, so its first line is not seen as #!"
        yield Finding(PROBLEM, shown, what, "save it as UTF-8 without one", 1)
        return
    returns = _carriage_return(data)
    if first.startswith(b"#!") and returns == 1:
        what = "its first line ends with a carriage return, so its interpreter is not found"
        yield Finding(PROBLEM, shown, what, "save it with Unix line ends", 1)
        return
    if first.startswith(b"#!"):
        yield from _check_first_line(place, path, first[2:].decode("utf-8", "replace").strip(" \t"))
    shell = shell_of(first)
    if not shell:
        return
    if returns:
        what = "a line ends with a carriage return, which the shell takes for part of the last word"
        yield Finding(PROBLEM, shown, what, "save it with Unix line ends", returns)
        return
    yield from _check_syntax(place, path, shell)


def shell_of(first: bytes) -> str:
    """The shell that runs a script with this first line, "" if none does; without #! it is sh."""
    if not first.startswith(b"#!"):
        return "sh"
    words = first[2:].decode("utf-8", "replace").split()
    if words and os.path.basename(words[0]) == "env":
        words = [word for word in words[1:] if not _ENV_WORDS.fullmatch(word)]
    name = os.path.basename(words[0]) if words else ""
    return name if name in SHELLS else ""


def _check_first_line(place: Place, path: str, line: str) -> Iterator[Finding]:
    shown = place.name(path)
    program, _, rest = line.replace("\t", " ").partition(" ")
    if not program.startswith("/"):
        what = f"its first line names the interpreter {program!r}, which is no absolute path"
        yield Finding(PROBLEM, shown, what, f"write #!/usr/bin/env {os.path.basename(program) or 'sh'}", 1)
        return
    if len(os.fsencode(line)) + 2 > KERNEL_LIMIT_BYTES:
        yield Finding(PROBLEM, shown, "its first line is longer than 255 bytes: the kernel cuts it", "shorten it", 1)
    level = PROBLEM if place.complete else WARNING
    if not _is_there(place, program):
        what = f"its interpreter {program} does not exist {_where(place)}"
        yield Finding(level, shown, what, "install it, or correct the path", 1)
        return
    if os.path.basename(program) == "env":
        yield from _check_env(place, shown, rest.strip(), level)


def _check_env(place: Place, shown: str, rest: str, level: str) -> Iterator[Finding]:
    """The kernel hands everything behind the program over as one word; `-S` has env cut it up."""
    split = rest.startswith("-S")
    words = rest.removeprefix("-S").split()
    if len(words) > 1 and not split:
        what = f"its first line has env look for a program named {rest!r}: all of it is one word"
        yield Finding(PROBLEM, shown, what, f"write #!/usr/bin/env -S {rest}", 1)
        return
    names = [word for word in words if not _ENV_WORDS.fullmatch(word)]
    if names and not any(_is_there(place, f"{directory}/{names[0]}") for directory in STANDARD_PATH.split(":")):
        what = f"its interpreter {names[0]} is not on the PATH {_where(place)}"
        yield Finding(level, shown, what, "install it, or correct the name", 1)


def _is_there(place: Place, program: str) -> bool:
    return any(os.path.exists(f"{root}{program}") for root in (place.layout.root, ""))


def _where(place: Place) -> str:
    return "on this machine" if place.complete else "on this machine (it may be in your image)"


def _check_syntax(place: Place, path: str, shell: str) -> Iterator[Finding]:
    """`sh -n`, which reads a script and executes none of it."""
    program = shutil.which(shell, path=STANDARD_PATH)
    if program is None:
        return
    try:
        done = subprocess.run(
            [program, "-n", path],
            env={"PATH": STANDARD_PATH, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd="/",
            timeout=SYNTAX_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        what = f"{shell} -n did not come to an end within {SYNTAX_LIMIT_S:g} s"
        yield Finding(WARNING, place.name(path), what, "look at it by hand")
        return
    except OSError as error:
        yield Finding(WARNING, place.name(path), f"{program} -n cannot be run: {error.strerror}", "look at it by hand")
        return
    if done.returncode:
        line, what = _syntax_words(done.stderr.decode("utf-8", "replace"), path)
        yield Finding(PROBLEM, place.name(path), what, f"correct it: {shell} -n says the same", line)


def _syntax_words(said: str, path: str) -> tuple[int, str]:
    """Line and message of what a shell complains about: `FILE: 3: Syntax error: …`, `FILE: line 3: syntax error …`."""
    first = next(iter(said.splitlines()), "it is not valid shell")
    found = _LINE.search(first.split(path, 1)[-1])
    return (int(found[1]), found[2]) if found else (0, first)


def _head(path: str, limit_bytes: int = LARGEST_BYTES) -> bytes | None:
    """The beginning of a file; None if it cannot be read, or is too large for a script."""
    try:
        if os.path.getsize(path) > LARGEST_BYTES:
            return None
        with open(path, "rb") as file:
            return file.read(limit_bytes)
    except OSError:
        return None


def _carriage_return(data: bytes) -> int:
    """The first line that ends with a carriage return, 0 if none does."""
    at = data.find(b"\r\n")
    return data.count(b"\n", 0, at) + 1 if at >= 0 else 0


def check_files(place: Place) -> Iterator[Finding]:
    """Scripts among the image's own files: their first lines, and x bits that are missing."""
    for parent, _, names in os.walk(place.layout.files):
        for name in sorted(names):
            path = f"{parent}/{name}"
            if not os.path.isfile(path) or _head(path, 2) != b"#!":
                continue
            yield from check_script(place, path)
            if not os.stat(path).st_mode & 0o111:
                what = "it begins with #! and is not executable"
                yield Finding(WARNING, place.name(path), what, "chmod +x it, if a hook runs it by its name")
