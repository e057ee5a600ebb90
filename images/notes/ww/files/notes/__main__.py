"""The notes program, as the hooks call it: `python3 -I FILES/notes COMMAND …`.

    create DB                     an empty database
    migrate DB N                  SQL on stdin takes it from schema N-1 to N, whole or not at all
    copy FROM TO                  a consistent copy, also of a live database
    schema DB                     print the number of its schema
    start --db --config --port --pidfile   the web server, as a daemon
    stop --pidfile [--within S]   TERM it and wait
    health PORT                   print its health as JSON; fails unless it is well
    wait PORT [--within S]        the same, as soon as it is well
    warm PORT                     read what visitors will read, so that it is in memory

Exit codes: 0 done, 75 the port is taken (it may be free soon), 1 anything else.
"""

from __future__ import annotations

import argparse
import errno
import json
import sqlite3
import sys

import client
import daemon
import store


def main(argv: list[str]) -> int:
    """Run one command; failures become one line on stderr."""
    try:
        return _run(_parser().parse_args(argv))
    except (store.StoreError, client.Unwell, sqlite3.Error, OSError) as error:
        sys.stderr.write(f"notes: {error}\n")
        return 1


def _run(args: argparse.Namespace) -> int:
    match args.command:
        case "create":
            store.create(args.db)
        case "migrate":
            done = store.migrate(args.db, args.number, sys.stdin.read())
            print(f"schema {args.number}" if done else f"schema {args.number} was there already")
        case "copy":
            print(f"{store.copy(args.source, args.target)} notes")
        case "schema":
            print(store.schema_of(store.connect(args.db)))
        case "start":
            return _start(args)
        case "stop":
            return 0 if daemon.stop(args.pidfile, args.within) else 1
        case "health":
            print(json.dumps(client.health(args.port)))
        case "wait":
            print(json.dumps(client.wait(args.port, args.within)))
        case "warm":
            print(client.warm(args.port))
    return 0


def _start(args: argparse.Namespace) -> int:
    from server import NotesServer

    pidfile = daemon.lock_pidfile(args.pidfile)
    if pidfile is None:
        sys.stderr.write(f"notes: already running ({args.pidfile})\n")
        return 1
    with open(args.config) as file:
        config = json.load(file)
    notes = store.Store(args.db)
    try:
        server = NotesServer((str(config.get("bind", "127.0.0.1")), args.port), notes, config)
    except OSError as error:
        sys.stderr.write(f"notes: cannot listen on port {args.port}: {error.strerror}\n")
        return 75 if error.errno == errno.EADDRINUSE else 1

    def farewell() -> None:
        sys.stderr.write(f"stopped after {server.posted} new notes\n")

    if not daemon.start(pidfile, server, farewell):
        sys.stderr.write("notes: the daemon ended while it was starting\n")
        return 1
    print(f"listening on port {args.port}, schema {notes.schema}, {notes.count()} notes")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="notes", description="A small web application with a SQLite database.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("create", "migrate", "schema"):
        commands.add_parser(name).add_argument("db")
    commands.choices["migrate"].add_argument("number", type=int)
    copy = commands.add_parser("copy")
    copy.add_argument("source")
    copy.add_argument("target")
    start = commands.add_parser("start")
    for option in ("--db", "--config", "--pidfile"):
        start.add_argument(option, required=True)
    start.add_argument("--port", required=True, type=int)
    stop = commands.add_parser("stop")
    stop.add_argument("--pidfile", required=True)
    for name in ("health", "warm"):
        commands.add_parser(name).add_argument("port", type=int)
    wait = commands.add_parser("wait")
    wait.add_argument("port", type=int)
    for command, seconds in ((stop, 5.0), (wait, 30.0)):
        command.add_argument("--within", type=float, default=seconds, metavar="SECONDS")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
