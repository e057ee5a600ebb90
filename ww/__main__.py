"""`python -m ww`: as the command `ww`."""

from __future__ import annotations

import os
import sys

from ww.config import fastcfg


def main() -> None:
    """Answer a plain `ww cfg` at once; leave anything else to click. Ends the process."""
    code = fastcfg.run(sys.argv[2:], os.environ) if sys.argv[1:2] == ["cfg"] else None
    if code is None:
        from ww.cli.main import cli

        cli()
    sys.exit(code)


if __name__ == "__main__":
    main()
