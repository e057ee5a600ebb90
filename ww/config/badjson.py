"""Why a text is not the JSON that a configuration may be, in words. Used on the error path only: `json` is slow to import."""

from __future__ import annotations

import json

from ww.config.model import MAX_DEPTH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class _Number(ValueError):
    """A number that this program cannot hold."""


def fault(text: str) -> tuple[str, int | None]:
    """What is wrong with `text`, which `clib.json_loads` has refused, and at which offset in characters if that is known."""
    try:
        _DECODER.decode(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return "something follows the first JSON value; a configuration is one JSON object", error.pos
        return f"it is not JSON: {error.msg}", error.pos
    except _Number as error:
        return f"it is not JSON: {error.args[0]}", text.find(error.args[1])
    except RecursionError:
        pass
    return f"it nests deeper than {MAX_DEPTH} levels", None


def _refuse_constant(name: str) -> NoReturn:
    raise _Number(f"{name} is not a JSON number", name)


def _whole(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:
        raise _Number("a number has too many digits", digits) from None


def _fraction(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _Number(f"the number {digits[:40]} is too large", digits)
    return value


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_whole, parse_float=_fraction)
