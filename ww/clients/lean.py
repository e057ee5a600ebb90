"""requests, imported without what guesses the encoding of texts.

charset_normalizer alone is 3 MB of the reporter's memory, and nothing here asks for a text of unknown encoding: bodies are
bytes. requests works without it, but warns. Import it from here, before anything else does.
"""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_GUESSING = ("charset_normalizer", "chardet")


@contextmanager
def _left_out(*names: str) -> Iterator[None]:
    """Modules that are not imported yet cannot be inside; afterwards they can."""
    absent = [name for name in names if name not in sys.modules]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Unable to find acceptable character detection")
        for name in absent:
            sys.modules[name] = None  # type: ignore[assignment]
        try:
            yield
        finally:
            for name in absent:
                del sys.modules[name]


with _left_out(*_GUESSING):
    import requests as requests  # noqa: PLC0414 - what this module is for
