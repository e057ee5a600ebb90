"""The stand-in for Elasticsearch as a program that may be killed: what it confirmed is there again when it comes back.

`python bulkprogram.py --port N --store FILE` prints its URL. Each document that it stores is a line of FILE.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.bulkserver import BulkServer


class KeepingServer(BulkServer):
    """Writes each document down before it is confirmed."""

    def __init__(self, port: int, path: str) -> None:
        super().__init__(port=port)
        if os.path.exists(path):
            with open(path, "rb") as file:
                whole = file.read()
            whole = whole[: whole.rfind(b"\n") + 1]
            os.truncate(path, len(whole))
            for line in whole.splitlines():
                one = json.loads(line)
                self.keep(one["index"], one["id"], one["document"])
        self._documents = open(path, "ab", buffering=0)  # noqa: SIM115 - until it is killed

    def _store(self, verb: str, name: str, key: str, source: bytes) -> dict[str, Any]:
        result = super()._store(verb, name, key, source)
        if result["status"] == 201:
            line = {"index": result["_index"], "id": key, "document": json.loads(source)}
            self._documents.write(json.dumps(line).encode() + b"\n")
        return result


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--store", required=True)
    arguments = parser.parse_args()
    with KeepingServer(arguments.port, arguments.store) as server:
        print(server.base, flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
