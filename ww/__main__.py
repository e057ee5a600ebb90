"""`python -m ww`: as the command `ww`."""

from __future__ import annotations

from ww.launch import main

if __name__ == "__main__":
    main()
