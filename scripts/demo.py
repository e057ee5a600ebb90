"""Plays the life of images/notes with the installed `ww`, outside any container, and fails loudly if it goes another way.

First boot of 1.0, UP, a note over HTTP, the service killed so that it heals, clean stop; then the image is replaced by
2.0, the data upgraded with a backup before, UP, clean stop. What happens is read from the log of `ww run`, and from a
receiver of its events, which is killed in between and comes back: nothing is missing, and all of it is in order.

    WW_DEMO_DIR   where to work (must not exist or be empty); else a temporary directory, removed at the end
    KEEP=1        leave 2.0 and the receiver running, and say how to talk to them and how to stop them
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from demo_receiver import Receiver, ReceiverError, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOURCE = Path(__file__).resolve().parent.parent / "images" / "notes" / "ww"
NEW_STEP = "usr/upgrade.d/0002-title-and-search"
PATIENCE_S = 20.0
STOP_S = 12.0
LAST_LINES = 25
COLOURS = {"UP": "32", "STOPPED": "32", "RESTARTING": "33", "ERROR": "31"}


class DemoError(Exception):
    """Something did not happen as it must."""


class Screen:
    """Prints one line per thing that happened, with the time since the start; 80 columns, colours on a terminal only."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def title(self, text: str) -> None:
        """Begin a chapter."""
        print(f"\n{self._paint(text, '1')}", flush=True)

    def state(self, name: str, remark: str = "") -> None:
        """A state that the instance declared."""
        self._lines(self._paint(f"{name:<11}", COLOURS.get(name, "36")), remark)

    def fact(self, text: str) -> None:
        """Something that the demo did or saw."""
        self._lines(f"{'':11}", text)

    def _lines(self, name: str, words: str) -> None:
        """What is too long goes on in the next line, below its words."""
        stamp = f"{time.monotonic() - self._began:7.2f} s  "
        margin = len(stamp) + 12
        first, *more = textwrap.wrap(words, 80 - margin, break_on_hyphens=False) or [""]
        print(f"{stamp}{name} {first}".rstrip(), *(f"{'':{margin}}{line}" for line in more), sep="\n", flush=True)

    def _paint(self, text: str, colour: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._colours else text


class Instance:
    """One `ww run`, its log in a file, read as it grows."""

    def __init__(self, screen: Screen, ww: str, root: Path, settings: list[str], version: str) -> None:
        self._screen = screen
        self._root = root
        self.log = root / f"ww-run-{version}.log"
        # Its own session: Ctrl-C ends the demo, and the demo then ends the instance in order.
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                [ww, "run", "--root", str(root), *settings],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._lines = self._follow()
        self.said: list[tuple[str, str]] = []
        """What was logged since the last state, as (source, text)."""

    def until(self, *states: str) -> None:
        """Show the states as they come, until the last of `states`; they must come in this order and no other."""
        for wanted in states:
            self.said = []
            for state, source, text in self._lines:
                if state:
                    self._screen.state(state, REMARKS.get(state) or text.partition("(")[2].rstrip(")"))
                    if state != wanted:
                        raise DemoError(f"the instance is {state}, and {wanted} was to come")
                    break
                self.said.append((source, text))
                if source.startswith("upgrade.d/"):
                    self._screen.fact(f"{source}: {text}")
            else:
                raise DemoError(f"{wanted} did not come{self._why()}")

    def service_pid(self) -> int:
        """The pid of the web server: certainly a process of this instance."""
        pid = int((self._root / "run" / "notes.pid").read_text())
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        if parent != self.pid:
            raise DemoError(f"process {pid} of notes.pid is not a child of ww run ({self.pid})")
        return pid

    def stop(self) -> None:
        """A clean stop, as `docker stop` does it."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        self.until("STOPPING", "STOPPED")
        try:
            code = self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise DemoError(f"ww run is still there {STOP_S:g} s after STOPPED") from None
        if code != 0:
            raise DemoError(f"ww run ended with exit code {code}, not 0")
        self._screen.fact(f"exit code {code}, {(time.monotonic() - began) * 1000:.0f} ms after TERM")

    def end(self) -> None:
        """Leave nothing behind, whatever happened."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def last_lines(self) -> list[str]:
        """The end of the log."""
        return self.log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]

    def _why(self) -> str:
        code = self._process.poll()
        return f" within {PATIENCE_S:g} s" if code is None else f": ww run has ended with exit code {code}"

    def _follow(self) -> Iterator[tuple[str, str, str]]:
        """(state or "", source, text) of each line; ends when nothing comes for PATIENCE_S or no more can come."""
        with self.log.open("rb") as log:
            pending, until = b"", time.monotonic() + PATIENCE_S
            while True:
                over = self._process.poll() is not None
                chunk = log.read()
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    until = time.monotonic() + PATIENCE_S
                    yield parse(line.decode("utf-8", "replace"))
                if not chunk:
                    if over or time.monotonic() > until:
                        return
                    time.sleep(0.01)


FIRST = ("BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP")
FIRST_LIFE = (*FIRST, "RESTARTING", "UP", "STOPPING", "STOPPED")
SECOND_LIFE = ("BOOT", "UPGRADING", "WARMUP", "UP", "STOPPING", "STOPPED")
# RESTARTING and ERROR say their reason in the log.
REMARKS = {
    "BOOT": "render the server's configuration",
    "FIRSTBOOT": "make the database",
    "UPGRADING": "bring the data to the image's version",
    "WARMUP": "start the service, wait until it answers",
    "UP": "ready, and only now",
    "STOPPING": "announced before anything is stopped",
    "STOPPED": "everything is down",
}


def parse(line: str) -> tuple[str, str, str]:
    """(state or "", source, text) of one line of the log, JSON or plain."""
    try:
        record = json.loads(line)
    except ValueError:
        head, _, text = line.partition(" | ")
        source = head.rpartition(" ")[2] if text else ""
        return text.split()[1] if source == "ww" and text.startswith("state ") else "", source, text or line
    if not isinstance(record, dict):
        return "", "", line
    source = str(record.get("source", ""))
    state = str(record.get("state", "")) if source == "ww" else ""
    return state, source, str(record.get("message", ""))


def ask(port: int, method: str, path: str, note: str | None = None) -> object:
    """The JSON that the service answers with."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        body = None if note is None else json.dumps({"text": note})
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
    except OSError as error:
        raise DemoError(f"{method} {path}: {error}") from error
    finally:
        connection.close()
    if answer.status not in (200, 201):
        raise DemoError(f"{method} {path}: status {answer.status}: {text.strip()}")
    return json.loads(text)


def health(port: int) -> dict[str, object]:
    """What /healthz says."""
    answer = ask(port, "GET", "/healthz")
    if not isinstance(answer, dict):
        raise DemoError(f"/healthz: {answer!r}")
    return answer


def texts(port: int, query: str = "") -> list[str]:
    """The texts of the notes, the newest first."""
    answer = ask(port, "GET", f"/notes{query}")
    return [str(note["text"]) for note in answer] if isinstance(answer, list) else []


def expect(found: object, wanted: object, what: str) -> None:
    """Raises DemoError unless they are equal."""
    if found != wanted:
        raise DemoError(f"{what}: {found!r}, not {wanted!r}")


def put_image(root: Path, version: str) -> None:
    """Replace the image under `root`; 1.0 is the same tree without its last upgrade step."""
    shutil.rmtree(root / "ww", ignore_errors=True)
    shutil.copytree(SOURCE, root / "ww", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "ww/etc/version").write_text(f"{version}\n")
    if version == "1.0":
        (root / "ww" / NEW_STEP).unlink()


def settings(port: int, receiver: Receiver) -> list[str]:
    """The arguments by which an instance listens, is watched, and sends its events."""
    sink = {"type": "http", "url": receiver.url, "retry": {"max_s": 1}, "breaker": {"open_s": 1}}
    values = [f"port={port}", "ww.log.format=json", "ww.monitor.interval_s=1", f"ww.sinks.demo={json.dumps(sink)}"]
    return [word for value in values for word in ("--set", value)]


def first_life(screen: Screen, instance: Instance, receiver: Receiver, port: int) -> None:
    """1.0: first boot, a note, a kill, healing, clean stop; the receiver is away while it heals."""
    screen.title("1  First boot of notes 1.0")
    instance.until(*FIRST)
    ask(port, "POST", "/notes", "buy milk\nand bread")
    screen.fact("POST /notes → 201")
    at = health(port)
    expect((at["notes"], at["schema"]), (1, 1), "notes and schema")
    screen.fact(f"GET /healthz → {at['state']}, {at['notes']} note, schema {at['schema']}")
    receiver.until_states([*FIRST])
    screen.fact(f"the receiver has {' '.join(FIRST)}")

    screen.title("2  Its process is killed, and it heals, while the receiver of events is away")
    receiver.kill()
    screen.fact(f"kill -9 {receiver.pid}: the receiver")
    before = receiver.whole()
    pid = instance.service_pid()
    os.kill(pid, signal.SIGKILL)
    screen.fact(f"kill -9 {pid}: the service")
    instance.until("RESTARTING", "UP")
    expect(texts(port), ["buy milk\nand bread"], "the notes after the restart")
    screen.fact(f"the note is still there, served by pid {instance.service_pid()}")
    expect(receiver.whole(), before, "the number of events at a receiver that is away")
    receiver.start()
    screen.fact(f"the receiver is back, with the {before} events that it had")
    receiver.until_states([*FIRST_LIFE[:-2]])
    screen.fact(f"RESTARTING and UP have come: {receiver.whole()} events, in order, no hole")

    screen.title("3  Clean stop")
    instance.stop()
    receiver.until_states([*FIRST_LIFE])
    screen.fact("the receiver has STOPPING and STOPPED")


def second_life(screen: Screen, instance: Instance, root: Path, port: int) -> None:
    """2.0 on the data of 1.0: backup, upgrade, UP."""
    instance.until(*SECOND_LIFE[:3])
    upgrade = instance.said
    steps = [source for source, _ in upgrade if source.startswith("upgrade.d/")]
    expect(steps, ["upgrade.d/0002-title-and-search"], "the upgrade steps that ran")
    instance.until("UP")
    backups = sorted(path.name for path in (root / "backup").iterdir() if not path.name.startswith("."))
    expect(len(backups), 1, "the number of backups")
    screen.fact(f"the data of 1.0 was kept as backup/{backups[0]}")
    at = health(port)
    expect((at["notes"], at["schema"]), (1, 2), "notes and schema")
    screen.fact(f"GET /healthz → {at['state']}, {at['notes']} note, schema {at['schema']}")
    expect(texts(port, "?q=bread"), ["buy milk\nand bread"], "what the search finds")
    screen.fact("GET /notes?q=bread → the old note, by the new search")


def keep(instance: Instance, receiver: Receiver, ww: str, root: Path, port: int) -> None:
    """Say how to talk to what was left running."""
    print(
        f"\nLeft running (KEEP=1):\n"
        f"  page    http://127.0.0.1:{port}/\n"
        f"  health  curl http://127.0.0.1:{port}/healthz\n"
        f"  config  {ww} cfg --root {root} port\n"
        f"  log     tail -f {instance.log}\n"
        f"  events  {ww} events --root {root} -n all\n"
        f"  stop    kill -TERM {instance.pid}\n"
        f"          kill -TERM {receiver.pid}     (the receiver; it keeps {receiver.database})\n"
        f"  remove  rm -r {root}        (after the stop)"
    )


def play(root: Path, ww: str, keeping: bool, receiver: Receiver, started: Callable[[Instance], None]) -> None:
    """The whole life."""
    screen = Screen()
    print(f"The life of images/notes under ww run, in {root}")
    receiver.start()
    port = free_port()
    put_image(root, "1.0")
    instance = Instance(screen, ww, root, settings(port, receiver), "1.0")
    started(instance)
    first_life(screen, instance, receiver, port)

    screen.title("4  The image is replaced by 2.0, the data stays")
    put_image(root, "2.0")
    instance = Instance(screen, ww, root, settings(port, receiver), "2.0")
    started(instance)
    second_life(screen, instance, root, port)
    if keeping:
        keep(instance, receiver, ww, root, port)
        return
    screen.title("5  Clean stop")
    instance.stop()
    receiver.until_states([*FIRST_LIFE, *SECOND_LIFE])
    expect(receiver.whole(), journalled(ww, root), "the number of events at the receiver")
    screen.fact(f"the receiver has all {receiver.whole()} events of both lives, in order")


def journalled(ww: str, root: Path) -> int:
    """How many events the instance has written down, over all its lives."""
    command = [ww, "events", "--root", str(root), "-n", "all", "--json"]
    return len(subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE_S).stdout.splitlines())


def fail(words: str, instances: list[Instance]) -> NoReturn:
    """Say what did not happen, and show the end of the log."""
    sys.stdout.flush()
    sys.stderr.write(f"\ndemo FAILED: {words}\n")
    for instance in instances[-1:]:
        sys.stderr.write(f"last lines of {instance.log}:\n")
        sys.stderr.writelines(f"  {line}\n" for line in instance.last_lines())
    sys.exit(1)


def work_directory() -> tuple[Path, bool]:
    """Where to work, and whether it is ours to remove."""
    wanted = os.environ.get("WW_DEMO_DIR")
    if not wanted:
        return Path(tempfile.mkdtemp(prefix="ww-demo-")), True
    root = Path(wanted).absolute()
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):
        fail(f"{root} (WW_DEMO_DIR) is not empty", [])
    return root, False


def main() -> None:
    """Play it; leave nothing behind unless asked to."""
    ww = shutil.which("ww")
    if ww is None:
        fail("there is no command ww; `make demo` installs it into .venv", [])
    keeping = os.environ.get("KEEP", "") not in ("", "0")
    root, temporary = work_directory()
    instances: list[Instance] = []
    receiver = Receiver(root / "receiver", free_port())
    complete = False
    try:
        play(root, ww, keeping, receiver, instances.append)
        complete = True
    except (DemoError, ReceiverError) as error:
        fail(str(error), instances)
    except KeyboardInterrupt:
        fail("interrupted", [])
    finally:
        if not (complete and keeping):
            for instance in instances:
                instance.end()
            receiver.kill()
            if temporary and complete:  # what failed is left to be looked at
                shutil.rmtree(root, ignore_errors=True)
    if not keeping:
        print("\nThe demo has passed.")


if __name__ == "__main__":
    main()
