"""The webapp, as hooks and services call it: `python3 -I FILES/webapp COMMAND …`.

    create DB                     an empty database
    migrate DB N                  SQL on stdin takes it from schema N-1 to N, whole or not at all
    copy FROM TO                  a consistent copy, also of a live database
    store DB                      the store process, until TERM
    web --bind --port …           the web process, until TERM
    ping                          fails unless the store answers
    health --bind --port          print the health of both as JSON; fails unless they are well
    warm --bind --port            ask for the searches on stdin (a JSON array), so that they are in the cache

Exit codes: 0 done, 1 anything else.
"""

from __future__ import annotations

import argparse
import json
import signal
import sqlite3
import sys
import threading
from typing import TYPE_CHECKING

import client
import database
import remote

if TYPE_CHECKING:
    import socketserver


def main(argv: list[str]) -> int:
    """Run one command; failures become one line on stderr."""
    try:
        _run(_parser().parse_args(argv))
    except (
        database.DatabaseError,
        client.Unwell,
        remote.StoreDown,
        remote.Refused,
        sqlite3.Error,
        OSError,
    ) as error:
        sys.stderr.write(f"webapp: {error}\n")
        return 1
    return 0


def _run(args: argparse.Namespace) -> None:
    match args.command:
        case "create":
            database.create(args.db)
        case "migrate":
            done = database.migrate(args.db, args.number, sys.stdin.read())
            print(f"schema {args.number}" if done else f"schema {args.number} was there already")
        case "copy":
            print(f"{database.copy(args.source, args.target)} notes")
        case "store":
            from store import StoreServer

            notes = database.Notes(args.db)
            _serve(StoreServer(notes), f"{notes.count()} notes, schema {notes.schema}")
        case "web":
            from web import WebServer

            server = WebServer((args.bind, args.port), args.title, args.max_note_bytes, args.cache_entries)
            _serve(server, f"listening on {args.bind}:{args.port}")
        case "ping":
            remote.ask("health")
        case "health":
            print(json.dumps(client.health(args.bind, args.port)))
        case "warm":
            print(client.warm(args.bind, args.port, json.load(sys.stdin)))


def _serve(server: socketserver.BaseServer, words: str) -> None:
    """Serve until TERM or INT; what is under way then is answered."""
    # Blocked before any thread exists, so that every thread inherits it and the signal waits for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    print(words, flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.shutdown()
    server.server_close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="webapp", description="A small web application of two processes.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("create", "migrate", "store"):
        commands.add_parser(name).add_argument("db")
    commands.choices["migrate"].add_argument("number", type=int)
    copy = commands.add_parser("copy")
    copy.add_argument("source")
    copy.add_argument("target")
    commands.add_parser("ping")
    for name in ("web", "health", "warm"):
        command = commands.add_parser(name)
        command.add_argument("--bind", required=True)
        command.add_argument("--port", required=True, type=int)
    web = commands.choices["web"]
    web.add_argument("--title", required=True)
    for option in ("--max-note-bytes", "--cache-entries"):
        web.add_argument(option, required=True, type=int)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
