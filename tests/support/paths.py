"""Where things lie: the checkout for documents and scripts, the installed package for code."""

from __future__ import annotations

import sys
from pathlib import Path

import ww

REPO = Path(__file__).resolve().parents[2]
"""The checkout."""
PACKAGE = Path(ww.__file__).parent
"""The package under test: as installed from the wheel."""
COMMAND = Path(sys.executable).parent / "ww"
"""The installed command."""
