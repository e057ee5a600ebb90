"""What the image says of itself: its version, and its upgrade steps."""

from __future__ import annotations

from ww.home.smallfile import read_text


def image_version(etc: str) -> str:
    """`/ww/etc/version`: free text, compared by equality only; "" if the image states none or it cannot be read."""
    try:
        return " ".join((read_text(f"{etc}/version", 4096) or "").split())
    except OSError:
        return ""
