"""The way to installed libraries for an interpreter that was started without it, as the compile child is."""

from __future__ import annotations

import sys


def reach() -> None:
    """Make site packages importable where `-S` has left them out; otherwise, and the second time, do nothing.

    It takes a third of the time that a bare interpreter needs to start, so only those call it who import a library.
    """
    if sys.flags.no_site and "site" not in sys.modules:
        import site

        site.main()
