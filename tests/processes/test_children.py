"""Children of a real PID 1 loop: every end is reported as it was, every child starts clean, every refusal is a value."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys

import pytest

from tests.support import driver
from tests.support.paths import PACKAGE
from tests.support.waiting import until

WAIT_FOR = """
def wait_for(*outcomes):
    left = [len(outcomes)]
    ended = [None] * len(outcomes)
    def take(n, exit):
        ended[n] = [exit.code, exit.signal, exit.status, exit.words()]
        left[0] -= 1
        if not left[0]:
            loop.stop()
    for n, outcome in enumerate(outcomes):
        reaper.watch(outcome.pid, lambda exit, n=n: take(n, exit))
    loop.run()
    return ended
"""


@pytest.mark.rule("D-reaper")
def test_every_exit_code_is_reported_as_it_was() -> None:
    found = driver.run(
        WAIT_FOR
        + """
for start in range(0, 256, 16):
    for end in wait_for(*(sh(f"exit {code}") for code in range(start, start + 16))):
        say(*end)
"""
    )
    assert found == [[code, None, code, f"exit code {code}"] for code in range(256)]


@pytest.mark.rule("D-reaper")
def test_every_killing_signal_is_reported_as_it_was() -> None:
    deadly = [
        number.value
        for number in signal.Signals
        if number.name not in ("SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU")
    ]
    found = driver.run(
        WAIT_FOR
        + """
import resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
for number in json.loads(sys.argv[1]):
    [end] = wait_for(sh("kill -$1 $$; sleep 60", str(number)))
    say(*end)
""",
        str(deadly),
    )
    assert [end[:3] for end in found] == [[None, number, 128 + number] for number in deadly]
    assert found[deadly.index(9)][3] == "killed by SIGKILL"


@pytest.mark.rule("D-reaper")
def test_a_child_that_is_dead_before_anybody_watches_it_is_reported_all_the_same() -> None:
    [[ended]] = driver.run(
        WAIT_FOR
        + """
child = sh("exit 7")
while procs.read(child.pid).state != "Z":
    pass
say(wait_for(child))
"""
    )
    assert ended[0][0] == 7


@pytest.mark.rule("D-reaper", "D-pid1")
def test_a_thousand_orphans_are_collected_and_each_is_reported() -> None:
    [[count, codes, zombies]] = driver.run(
        """
assert set_subreaper()
seen = []
def adopted(pid, exit):
    seen.append(exit.code)
    if len(seen) == 1000:
        loop.stop()
reaper.on_adopted = adopted
shepherd = fork_task(lambda: [os.fork() or os._exit(n % 256) for n in range(1000)] and 0)
reaper.watch(shepherd.pid, lambda exit: None)
loop.run()
say(len(seen), sorted(seen) == sorted(n % 256 for n in range(1000)), [p.pid for p in procs.scan() if p.ppid == os.getpid()])
"""
    )
    assert (count, codes, zombies) == (1000, True, [])


@pytest.mark.rule("D-reaper")
def test_a_listener_that_fails_does_not_lose_the_ends_of_others() -> None:
    [[errors, ended]] = driver.run(
        """
errors, ended = [], []
loop.on_error(lambda error: errors.append(str(error)))
bad, good = sh("exit 1"), sh("exit 2")
def fail(exit):
    raise ValueError("a defect")
reaper.watch(bad.pid, fail)
def take(exit):
    ended.append(exit.code)
    loop.stop()
reaper.watch(good.pid, take)
while any(procs.read(pid).state != "Z" for pid in (bad.pid, good.pid)):
    pass
loop.run()
say(errors, ended)
"""
    )
    assert (errors, ended) == (["a defect"], [2])


STATUS = "grep -E '^SigIgn' /proc/self/status; ls /proc/self/fd"


@pytest.mark.rule("D-hook-contract", "D-spawn-outcomes")
@pytest.mark.parametrize("options", ["", ", umask=0o22"], ids=["posix_spawn", "fork"])
def test_a_child_starts_clean(options: str) -> None:
    [[text, leader, own, given]] = driver.run(
        WAIT_FOR
        + f"""
os.set_inheritable(os.open("/dev/null", os.O_RDONLY), True)
assert close_inherited() >= 1
reader, writer = os.pipe()
SIGNALS.pthread_sigmask(SIGNALS.SIG_BLOCK, [signals.USR1])
child = sh({STATUS!r}, stdout=writer{options})
leader = procs.read(child.pid)
# Once it is started its parent gives it this, be it that it has ended meanwhile.
given = int(open(f"/proc/{{child.pid}}/oom_score_adj").read())
wait_for(child)
# The shell clears its signal mask itself, so a program is asked that does not.
wait_for(spawn(Command(("grep", "SigBlk", "/proc/self/status"), env, stdout=writer{options})))
own = int(open("/proc/self/oom_score_adj").read())
say(os.read(reader, 65536).decode(), leader.session == leader.pgid == child.pid, own, given)
"""
    )
    lines = text.split()
    assert lines[-2:] == ["SigBlk:", "0" * 16]
    # 32 and 33 belong to the C library; nobody can set them.
    assert int(lines[lines.index("SigIgn:") + 1], 16) & ~(3 << 31) == 0
    assert lines[2:6] == ["0", "1", "2", "3"]  # 3 is the directory that ls reads
    assert given == min(1000, own + 200)
    assert leader


@pytest.mark.rule("D-hook-contract")
def test_stdin_is_empty_and_standard_descriptors_may_be_swapped() -> None:
    [[out, err]] = driver.run(
        WAIT_FOR
        + """
a, b = os.pipe(), os.pipe()
ours = os.dup(1), os.dup(2)
os.dup2(a[1], 1)
os.dup2(b[1], 2)
wait_for(sh("echo out; echo err >&2; cat", stdout=2, stderr=1))
os.dup2(ours[0], 1)
os.dup2(ours[1], 2)
say(os.read(b[0], 100).decode(), os.read(a[0], 100).decode())
"""
    )
    assert (out, err) == ("out\n", "err\n")


@pytest.mark.rule("D-hook-contract")
def test_identity_limits_directory_and_umask(tmp_path: object) -> None:
    if os.getuid() != 0:
        pytest.skip("root: another identity can be tried by root alone")
    [[text]] = driver.run(
        WAIT_FOR
        + """
reader, writer = os.pipe()
wait_for(sh("id -u; id -g; id -G; pwd; umask; ulimit -n; ulimit -Hn", stdout=writer, user=65534, group=65533,
    groups=(65532, 65531), cwd="/tmp", umask=0o27, limits={"nofile": (100, 200)}))
say(os.read(reader, 65536).decode())
"""
    )
    assert text.split("\n") == ["65534", "65533", "65533 65531 65532", "/tmp", "0027", "100", "200", ""]


@pytest.mark.rule("D-hook-contract")
def test_the_preload_of_the_image_comes_back() -> None:
    [[text]] = driver.run(
        WAIT_FOR
        + """
reader, writer = os.pipe()
script = 'echo "${LD_PRELOAD-none} ${WW_LD_PRELOAD-none}"'
for change in ({"WW_LD_PRELOAD": "libno.so"}, {"WW_LD_PRELOAD": ""}, {}, {"WW_LD_PRELOAD": "x", "LD_PRELOAD": "mine"}):
    clean = {key: value for key, value in env.items() if "LD_PRELOAD" not in key}
    wait_for(spawn(Command(("/bin/sh", "-c", script), {**clean, **change}, stdout=writer, stderr=None)))
say(os.read(reader, 65536).decode())
"""
    )
    assert text.splitlines() == ["libno.so none", "none none", "none none", "mine none"]


@pytest.mark.rule("D-hook-contract")
def test_the_preload_of_the_image_is_not_for_our_own_helpers() -> None:
    """An image's interpreter has a loader of its own, which a library for the image's libc may end."""
    [[text]] = driver.run(
        WAIT_FOR
        + """
import tempfile
reader, writer = os.pipe()
folder = tempfile.mkdtemp()
with open(folder + "/launch.py", "w") as file:
    file.write("import os, sys; print(sys.argv[1], os.environ.get('LD_PRELOAD'), os.environ.get('WW_LD_PRELOAD'))")
clean = {key: value for key, value in env.items() if "LD_PRELOAD" not in key}
for word in ("_compile", "_check"):
    argv = (sys.executable, "-IS", folder + "/launch.py", word)
    wait_for(spawn(Command(argv, {**clean, "WW_LD_PRELOAD": "x"}, stdout=writer, stderr=None)))
say(os.read(reader, 65536).decode())
"""
    )
    assert text.splitlines() == ["_compile None None", "_check None None"]


def script(directory: object, name: str, text: bytes, mode: int = 0o755) -> str:
    path = f"{directory}/{name}"
    with open(path, "wb") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


ASK = (
    WAIT_FOR
    + """
for options in ({}, {"cwd": "/"}):
    outcome = spawn(Command((sys.argv[1], "a b", "*"), {"PATH": sys.argv[2]}, stdout=None, stderr=None, **options))
    if isinstance(outcome, Started):
        say("Started", *wait_for(outcome)[0])
    else:
        say(type(outcome).__name__, outcome.words(), getattr(outcome, "errno", None))
reaper.on_adopted = lambda pid, exit: say("nobody may hear of a child that never became its program")
loop.call_later(50, loop.stop)
loop.run()
"""
)


def ask(program: str, path: str = "/usr/bin:/bin") -> list[object]:
    """What `spawn` says, which must be the same by posix_spawn and by fork."""
    first, second = driver.run(ASK, program, path)
    assert first == second
    return list(first)


@pytest.mark.rule("D-spawn-outcomes")
def test_what_cannot_be_started_says_why(tmp_path: object) -> None:
    assert ask("/no/such/file")[:2] == ["NotFound", "/no/such/file: there is no such program"]
    assert ask("no-such-program")[:2] == ["NotFound", "no-such-program: there is no such program"]
    plain = script(tmp_path, "plain", b"#!/bin/sh\n", 0o644)
    assert ask(plain)[0] == "NotExecutable"
    assert ask(str(tmp_path))[0] == "NotExecutable"
    assert ask(f"{plain}/below")[0] == "NotFound"
    lost = script(tmp_path, "lost", b"#!/no/such/shell -x\nexit 0\n")
    assert ask(lost)[:2] == ["NotFound", f"{lost}: its interpreter '/no/such/shell' does not exist"]
    windows = script(tmp_path, "windows", b"#!/bin/sh\r\nexit 0\r\n")
    assert "carriage return" in str(ask(windows)[1])
    foreign = script(tmp_path, "foreign", b"\x7fELF\x02\x01\x01" + b"\0" * 200)
    assert ask(foreign)[::2] == ["Refused", errno.ENOEXEC]


@pytest.mark.rule("D-spawn-outcomes")
def test_a_binary_whose_loader_is_missing_names_it(tmp_path: object) -> None:
    with open(sys.executable, "rb") as file:
        content = file.read()
    start = content.find(b"/lib64/ld-linux-x86-64.so.2\0")
    if start < 0 or start > 4000:
        pytest.skip("x86-64: this Python is no program whose loader can be renamed")
    alien = script(tmp_path, "alien", content[:start] + b"/lib64/ld-nosuch-x86-64.so.2"[:27] + content[start + 27 :])
    assert ask(alien)[:2] == ["NotFound", f"{alien}: its interpreter '/lib64/ld-nosuch-x86-64.so.' does not exist"]


@pytest.mark.rule("D-hook-interpreter")
def test_a_hook_without_a_first_line_runs_under_sh(tmp_path: object) -> None:
    old = script(tmp_path, "old", b'test "$1" = "a b" && test "$2" = "*" && exit 5\n')
    assert ask(old)[:2] == ["Started", 5]
    blank = script(tmp_path, "blank", b"")
    assert ask(blank)[:2] == ["Started", 0]
    assert ask("old", f"/nowhere:{tmp_path}")[:2] == ["Started", 5]


@pytest.mark.rule("D-spawn-outcomes")
def test_impossible_wishes_are_refused_before_anything_starts() -> None:
    found = driver.run(
        """
for argv, changed, options in (
    ((), {}, {}), (("",), {}, {}), (("true", "a\\0b"), {}, {}), (("true",), {"A=B": "c"}, {}),
    (("true",), {}, {"user": 1}), (("true",), {}, {"limits": {"nonsense": (1, 1)}}),
    (("true",), {}, {"limits": {"nofile": (2, 1)}}), (("true",), {}, {"cwd": "/no/such"}),
    (("true", "x" * 200_000), {}, {}), (("true",), {}, {"stdout": 999}),
):
    outcome = spawn(Command(argv, {**env, **changed}, **options))
    say(type(outcome).__name__, outcome.errno, outcome.words())
"""
    )
    assert [kind for kind, _, _ in found] == ["Refused"] * 10
    assert [number for _, number, _ in found] == [errno.EINVAL] * 7 + [errno.ENOENT, errno.E2BIG, errno.EBADF]
    assert "directory /no/such" in found[7][2]


@pytest.mark.rule("D-service-limits")
@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"files": (1, 1)}, "there is no limit called 'files'; there are as, core, cpu, data, "),
        ({"nofile": (2, 1)}, "limit nofile: the soft one (2) is above the hard one (1)"),
        ({"nofile": (-1, 7)}, "limit nofile: the soft one (unlimited) is above the hard one (7)"),
        ({"core": (-2, 7)}, "limit core: -2 is no number"),
        ({"core": (0, 0), "nofile": (10, 20)}, ""),
        ({"NOFILE": (20, 30)}, "limit NOFILE 20:30, above our own hard limit (25): Operation not permitted"),
        ({"stack": (1 << 70, 1 << 70)}, "limit stack"),
    ],
)
def test_a_limit_that_cannot_be_set_says_which_and_why(limits: dict[str, object], words: str) -> None:
    source = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (25, 25))
if os.getuid() == 0 and sys.argv[2]:
    os.setresuid(412345, 412345, 412345)  # root may raise a hard limit
limits = {name: tuple(limit) for name, limit in json.loads(sys.argv[1]).items()}
outcome = sh("exit 0", limits=limits)
say(type(outcome).__name__, "" if isinstance(outcome, Started) else outcome.words())
"""
    [[kind, said]] = driver.run(source, json.dumps(limits), words)
    assert kind == ("Refused" if words else "Started")
    assert said.startswith(f"cannot be started: {words}" if words else "")


def test_a_forked_task_ends_with_its_result_and_holds_nothing_of_ours() -> None:
    found = driver.run(
        WAIT_FOR
        + """
reader, writer = os.pipe()
def listing():
    os.write(1, json.dumps(sorted(int(fd) for fd in os.listdir("/proc/self/fd"))).encode() + b"\\n")
    return 3
results = wait_for(fork_task(listing), fork_task(lambda: 0), fork_task(lambda: 1 // 0), fork_task(lambda: sys.exit(9)),
    fork_task(lambda: loop.run() or 0))
say(*(end[0] for end in results))
"""
    )
    assert found[0] == [0, 1, 2, 3]  # 3 is the listing itself
    assert found[1] == [3, 0, 70, 70, 70]


@pytest.mark.rule("D-launch-blocked", "WW-26")
def test_a_signal_that_was_blocked_before_exec_is_heard_once() -> None:
    def block() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGTERM):
            os.kill(os.getpid(), number)

    source = """
def take(number):
    say(signals.name(number))
    heard.append(number)
    if len(heard) == 2:
        loop.call_later(20, loop.stop)
heard = []
loop.on_signal(take)
loop.run()
"""
    found = driver.run(source, preexec_fn=block)
    assert sorted(found) == [["SIGHUP"], ["SIGTERM"]]


@pytest.mark.rule("WW-25")
def test_signals_arrive_in_order_and_sigpipe_is_ignored() -> None:
    source = """
loop.on_signal(lambda number: loop.stop() if number == signals.QUIT else say(signals.name(number)))
os.kill(os.getpid(), signals.PIPE)
say("ready")
loop.run()
"""
    with driver.started(source) as process:
        assert process.stdout.readline() == b'["ready"]\n'
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGTERM):
            process.send_signal(number)
            assert process.stdout.readline() == f'["{number.name}"]\n'.encode()
        process.send_signal(signal.SIGQUIT)
        assert process.wait(10) == 0


@pytest.mark.rule("D-idle-silent")
def test_without_a_timer_the_loop_does_not_wake() -> None:
    with driver.started("reaper.reap(); loop.turn(wait=False); say(1); loop.run()") as process:

        def switches() -> int:
            with open(f"/proc/{process.pid}/status") as file:
                return sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)

        def asleep() -> bool:
            with open(f"/proc/{process.pid}/stat") as stat:
                return stat.read().rpartition(")")[2].split()[0] == "S"

        process.stdout.readline()
        until(asleep, "the loop sleeps")
        before = switches()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        assert switches() == before


@pytest.mark.rule("D-pid1", "D-subreaper-own")
def test_a_proc_of_another_namespace_is_recognised() -> None:
    if subprocess.run(["unshare", "-rpf", "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare: this kernel or sandbox allows no namespaces")
    code = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); from ww.supervise import procs; print(procs.proc_is_ours())"
    python = [sys.executable, "-I", "-c", code]
    answers = [
        subprocess.run([*prefix, *python], capture_output=True, text=True, check=True).stdout.strip()
        for prefix in ([], ["unshare", "-rpf"], ["unshare", "-rpf", "--mount-proc"])
    ]
    assert answers == ["True", "False", "True"]
