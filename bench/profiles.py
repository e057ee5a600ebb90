"""Where ww's time goes, kept as text beside the samples: what is imported, which system calls, which functions."""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

from bench import ours
from bench.install import PLACE, REPO
from bench.lives import Late, Life
from bench.peers import FLOOR, Peer, Start
from bench.rows import place_of, prepared

NAME = "profile"
FOLDER = "profiles"
TAG = "profile"
PYTHON = str(PLACE / "ww" / "bin" / "python")

CPROFILE = """\
import cProfile, os, pstats, sys
launcher, out = sys.argv[1:3]
sys.argv = sys.argv[2:]
sys.argv[0] = launcher
profile = cProfile.Profile()
leave = os._exit
me = os.getpid()
def ended(code):
    if os.getpid() == me:
        profile.disable()
        with open(out, "w") as file:
            pstats.Stats(profile, stream=file).strip_dirs().sort_stats("cumulative").print_stats(40)
    leave(code)
os._exit = ended
profile.enable()
exec(compile(open(launcher).read(), launcher, "exec"))
"""


def write(results: Path) -> None:
    """One life under each profiler; what is not on this machine is said in the file."""
    folder = results / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    ours.forget(place_of(ours.PLAIN, TAG))
    start, place = prepared(ours.PLAIN, TAG, 1)
    one_life(place, start.argv)
    keep(folder / "memory.txt", f"{memory_map(ours.PLAIN, TAG)}\n\n{memory_map(FLOOR, TAG)}")
    arguments = ["--root", str(place / "home")]
    said = one_life(place, [PYTHON, "-ISX", "importtime", ours.RUN, *arguments])
    keep(folder / "importtime.txt", import_times(said))
    if shutil.which("strace"):
        trace = place / "strace"
        outside = ("strace", "-f", "-o", str(trace))
        one_life(place, [PYTHON, "-IS", ours.RUN, *arguments], outside)
        keep(folder / "strace.txt", system_calls(trace.read_text()))
    else:
        keep(folder / "strace.txt", "strace is not on this machine (apt-get install strace)")
    profile = place / "cprofile"
    one_life(place, [PYTHON, "-IS", "-c", CPROFILE, ours.RUN, str(profile), *arguments])
    keep(folder / "cprofile.txt", profile.read_text() if profile.exists() else "cProfile wrote nothing")


def memory_map(peer: Peer, tag: str) -> str:
    """What the memory of PID 1 is made of: KiB resident and proportional by what is mapped."""
    start, place = prepared(peer, tag, 1)
    try:
        with Life(start, place) as life:
            life.born()
            time.sleep(0.75)
            text = Path(f"/proc/{life.pid}/smaps").read_text()
    except Late as late:
        return str(late)
    sizes: dict[str, list[int]] = {}
    name = ""
    for line in text.splitlines():
        if re.match(r"[0-9a-f]+-", line):
            parts = line.split(None, 5)
            name = parts[5] if len(parts) > 5 else "[anonymous]"
            sizes.setdefault(name, [0, 0])
        elif line.startswith(("Rss:", "Pss:")):
            sizes[name][line.startswith("Pss:")] += int(line.split()[1])
    total = [sum(pair[index] for pair in sizes.values()) for index in (0, 1)]
    lines = [f"{peer.name}: {total[0]} KiB resident, {total[1]} KiB proportional:"]
    dearest = sorted(sizes.items(), key=lambda item: -item[1][0])[:8]
    return "\n".join([*lines, *(f"{rss:>7} {pss:>7} {name}" for name, (rss, pss) in dearest)])


def one_life(place: Path, argv: list[str], outside: tuple[str, ...] = ()) -> str:
    """Start, three quarters of a second, stop; what it printed."""
    try:
        with Life(Start(argv, outside=outside), place) as life:
            life.born()
            time.sleep(0.75)
            life.stopped(signal.SIGTERM)
            time.sleep(0.1)
            return life.said()
    except Late as late:
        return str(late)


def keep(path: Path, text: str) -> None:
    for private, word in ((str(REPO), "…"), (str(Path.home()), "~")):
        text = text.replace(private, word)
    lines = [line.rstrip() for line in text.strip().splitlines()]
    path.write_text("\n".join(lines) + "\n")


def import_times(said: str) -> str:
    """The dearest imports and their sum."""
    found = re.findall(r"import time:\s+(\d+) \|\s+(\d+) \| (.*)", said)
    total = sum(int(own) for own, _all, _name in found)
    dearest = sorted(found, key=lambda one: -int(one[0]))[:40]
    lines = [f"{len(found)} modules, {total} µs in all (under -X importtime); own µs, with children µs, module:"]
    return "\n".join([*lines, *(f"{own:>6} {both:>7} {name.strip()}" for own, both, name in dearest)])


def system_calls(trace: str) -> str:
    """Counts of the calls that PID 1 makes before it starts the service, and between TERM and its end."""
    lines = [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in trace.splitlines()]
    begins = [index for index, (_pid, call) in enumerate(lines) if call.startswith(f'execve("{PYTHON}"')]
    lines = lines[begins[-1] :] if begins else []
    own = [call for pid, call in lines if pid == lines[0][0]]
    before: list[str] = []
    for call in own:
        before.append(call)
        if re.match(r"(v?fork|clone3?)\(", call):
            break
    names = Counter(match.group(1) for call in before if (match := re.match(r"(\w+)\(", call)))
    report = [f"{len(before)} system calls before the first process is started:"]
    report += [f"{count:>6} {name}" for name, count in names.most_common(15)]
    stop = next((index for index, call in enumerate(own) if "SIGTERM" in call and call.startswith("---")), len(own))
    after = Counter(match.group(1) for call in own[stop:] if (match := re.match(r"(\w+)\(", call)))
    report += ["", f"{sum(after.values())} system calls from TERM to the end:"]
    report += [f"{count:>6} {name}" for name, count in after.most_common(15)]
    return "\n".join(report)
