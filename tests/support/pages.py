"""Pages whose commands are typed by a test: what stands in them, and whether an answer is the one that they show."""

from __future__ import annotations

import re

BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(text: str) -> list[tuple[str, str]]:
    """Each block of commands, with the answer that stands directly under it ("" if none does)."""
    found: list[tuple[str, str]] = []
    for kind, body in BLOCK.findall(text):
        if kind == "sh":
            found.append((body, ""))
        else:
            commands, answer = found[-1]
            assert not answer, f"two answers to {commands}"
            found[-1] = (commands, body)
    return found


def matches(answer: str, output: str) -> bool:
    """`…` on a line of its own stands for any lines, within one for anything."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n" for line in answer.splitlines()
    )
    return re.fullmatch(pattern, output) is not None


def fenced(text: str, kind: str) -> list[str]:
    """The blocks of one kind: `yaml`, `json` …"""
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
