"""whaleware: a service image that boots itself, says truthfully what state it is in, heals itself and stops cleanly.

This package imports nothing: PID 1 pays for every import.
"""

__version__ = "0.1.0"
