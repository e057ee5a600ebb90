"""How the two processes talk: one JSON object a line each way, over a socket that only they can use.

The socket's name is abstract and made for this boot, so no file has to be shared between users, is left behind or is in
the way of the next boot; the kernel names each client, and only root and the store's own user are answered.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time

TIMEOUT_S = 5.0


class StoreDown(Exception):
    """The store did not answer, or not as it should; the message is for people."""


class Refused(Exception):
    """The store answers that it cannot; the message is for people."""


def address() -> str:
    """The abstract name of the store of this boot."""
    return f"\0webapp-store-{os.environ.get('WW_BOOT', '')}"


def is_ours(client: socket.socket) -> bool:
    """Whether the process at the other end is of root or of our own user."""
    credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[1] in (0, os.geteuid())


def ask(operation: str, **arguments: object) -> object:
    """The store's answer. Waits while it is being started again. Raises StoreDown, or Refused with the store's reason."""
    until = time.monotonic() + TIMEOUT_S
    while True:
        try:
            answer = _ask_once({"operation": operation, **arguments})
            break
        except (ConnectionRefusedError, FileNotFoundError) as error:
            if time.monotonic() >= until:
                raise StoreDown(f"the store is not there: {error.strerror}") from error
        except OSError as error:
            raise StoreDown(f"the store did not answer: {error}") from error
        time.sleep(0.02)
    if "error" in answer:
        raise Refused(str(answer["error"]))
    return answer.get("answer")


def _ask_once(request: dict[str, object]) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect(address())
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as answers:
            line = answers.readline()
    try:
        answer = json.loads(line)
    except ValueError:
        raise ConnectionResetError("it closed the connection") from None
    return answer if isinstance(answer, dict) else {}
