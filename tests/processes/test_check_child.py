"""The readiness child, run for real against servers on the loopback interface."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import freeports
from tests.support.waiting import until
from ww.home.command import check_command

pytestmark = pytest.mark.rule("D-service-check")

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@contextmanager
def checking(*arguments: str, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [*check_command(), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(env or {})},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def listening(family: int = socket.AF_INET, address: object = ("127.0.0.1", 0)) -> socket.socket:
    made = socket.socket(family)
    made.bind(address)  # type: ignore[arg-type]
    made.listen()
    return made


class Server:
    """Answers each connection by `answer`, which is given it and returns what is to be sent."""

    def __init__(self, answer: Callable[[socket.socket], bytes], context: ssl.SSLContext | None = None) -> None:
        self.socket = listening()
        self.port = self.socket.getsockname()[1]
        self.requests: list[bytes] = []
        self._answer = answer
        self._context = context
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                made, _ = self.socket.accept()
            except OSError:
                return
            try:
                made.settimeout(10)
                with self._context.wrap_socket(made, server_side=True) if self._context else made as connection:
                    self.requests.append(connection.recv(65536))
                    connection.sendall(self._answer(connection))
            except OSError:
                continue

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self._thread.join(10)


@contextmanager
def serving(answer: Callable[[socket.socket], bytes], context: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(answer, context)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def free_port() -> int:
    return freeports.free_port()


def ready(*arguments: str, **options: dict[str, str]) -> None:
    with checking(*arguments, **options) as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, b"", b"")


def problem(*arguments: str, **options: dict[str, str]) -> str:
    """What the child says when it is ended after its first try."""
    with checking(*arguments, "--interval-s", "3600", **options) as process:
        until(lambda: process.poll() is not None or rests(process.pid), "the rest after the first try", 20)
        process.terminate()
        out, err = process.communicate(timeout=5)
    assert (process.returncode, err, out.count(b"\n")) == (1, b"", 1), (process.returncode, err, out)
    return out.decode().rstrip("\n")


def rests(pid: int) -> bool:
    """Whether a thread of `pid` sleeps for a given time, as the child does between two tries and at no other time."""
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            if "nanosleep" in Path(f"/proc/{pid}/task/{task}/wchan").read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            continue  # One that has just ended.
    return False


def test_a_port_that_listens_is_ready(tmp_path: Path) -> None:
    with listening() as made:
        port = made.getsockname()[1]
        ready("tcp", f"127.0.0.1:{port}")
        ready("tcp", f"localhost:{port}")
    with listening(socket.AF_UNIX, str(tmp_path / "s")):
        ready("tcp", f"unix:{tmp_path}/s")
    with listening(socket.AF_UNIX, f"\0ww-test-{os.getpid()}"):
        ready("tcp", f"unix:@ww-test-{os.getpid()}")


def test_an_address_of_version_6_is_understood() -> None:
    try:
        made = listening(socket.AF_INET6, ("::1", 0))
    except OSError:
        # The parser is tried all the same.
        assert problem("tcp", "[::1]:1").startswith("[::1]:1: ")
        return
    with made:
        ready("tcp", f"[::1]:{made.getsockname()[1]}")
        ready("tcp", f"::1:{made.getsockname()[1]}")


def test_it_goes_on_trying_until_the_service_is_there(free_port: int) -> None:
    with checking("tcp", f"127.0.0.1:{free_port}", "--interval-s", "0.05") as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        with listening(socket.AF_INET, ("127.0.0.1", free_port)):
            assert process.wait(10) == 0


@pytest.mark.parametrize("status", [200, 204, 299, 301, 399])
def test_any_answer_of_2xx_or_3xx_is_ready_and_no_redirect_is_followed(status: int) -> None:
    with serving(lambda _: f"HTTP/1.0 {status} Word\r\nLocation: http://127.0.0.1:1/\r\n\r\n".encode()) as server:
        ready("http", f"http://127.0.0.1:{server.port}/health")
        assert len(server.requests) == 1


def test_what_is_asked_for() -> None:
    with serving(lambda _: OK) as server:
        ready("http", f"http://us%3aer:p%20w@127.0.0.1:{server.port}/é/a%20b?q=[1]&r=é#frag", env={"http_proxy": "x"})
        ready("http", f"http://localhost:{server.port}")
    first, second = (request.decode().split("\r\n") for request in server.requests)
    assert first[0] == "GET /%C3%A9/a%20b?q=[1]&r=%C3%A9 HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in first
    assert "Authorization: Basic dXM6ZXI6cCB3" in first
    assert second[0] == "GET / HTTP/1.1"
    assert not [line for line in second if line.startswith("Authorization")]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 503 Not yet\r\n\r\n", "answered 503 Not yet"),
        (b"HTTP/1.1 404\r\n\r\n", "answered 404"),
        (b"HTTP/1.1 500 \x1b[31m" + b"x" * 999 + b"\r\n\r\n", "answered 500 ?[31mxxx"),
        (b"", "remote end closed connection without response"),
        (b"SSH-2.0-OpenSSH\r\n", "SSH-2.0-OpenSSH"),
    ],
)
@pytest.mark.rule("D-secret-masked")
def test_any_other_answer_is_said_and_no_secret_with_it(answer: bytes, words: str) -> None:
    with serving(lambda _: answer) as server:
        said = problem("http", f"http://us:hunter2@127.0.0.1:{server.port}/h?token=hunter3")
    assert said.startswith(f"http://127.0.0.1:{server.port}/h?…: ")
    assert words.lower() in said.lower()
    assert "hunter" not in said
    assert len(said) < 300


def drip(connection: socket.socket) -> bytes:
    """A byte now and then, without end: no time-out between two of them."""
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        connection.sendall(b"H")
        time.sleep(0.05)
    return b""


def hang(connection: socket.socket) -> bytes:
    return connection.recv(1)


@pytest.mark.parametrize("answer", [drip, hang])
def test_a_server_that_hangs_or_drips_is_given_up_in_time_and_asked_again(
    answer: Callable[[socket.socket], bytes],
) -> None:
    with serving(answer) as server:
        address = f"http://127.0.0.1:{server.port}"
        with checking("http", address, "--attempt-s", "0.2", "--interval-s", "0.05") as process:
            until(lambda: len(server.requests) > 2, "the third try")
            process.terminate()
            out, _ = process.communicate(timeout=5)
        assert (process.returncode, out.decode()) == (1, f"{address}: no answer in time\n")


def test_refusals_are_said_in_words(free_port: int, tmp_path: Path) -> None:
    assert problem("tcp", f"127.0.0.1:{free_port}") == f"127.0.0.1:{free_port}: connection refused"
    assert problem("http", f"http://127.0.0.1:{free_port}/x") == f"http://127.0.0.1:{free_port}/x: connection refused"
    assert problem("tcp", f"unix:{tmp_path}/no") == f"unix:{tmp_path}/no: no such file or directory"
    assert "AF_UNIX path too long" in problem("tcp", f"unix:{tmp_path}/{'x' * 200}").replace("aF", "AF")
    assert "the name cannot be looked up" in problem("tcp", "no-such-name.invalid:1")


def test_a_port_is_not_ready_because_it_was_connected_to_itself() -> None:
    """A port of the kernel's own choosing may be chosen for the very connection that asks for it."""
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        address = made.getsockname()
        made.connect(address)
        assert made.getsockname() == made.getpeername()
        assert address[1] >= low
    code = (
        "import socket, sys; sys.path.insert(0, sys.argv[1]); from ww import check\n"
        "made = socket.socket(); made.bind(('127.0.0.1', 0)); made.connect(made.getsockname())\n"
        "print(check._connected(lambda: made, 1e18))"
    )
    root = os.path.dirname(os.path.dirname(check_command()[2]))
    done = subprocess.run([check_command()[0], "-IS", "-c", code, root], capture_output=True, text=True, check=True)
    assert done.stdout == "connection refused\n"


def test_https_checks_the_certificate(tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl: not installed; it is in Debian's package openssl")
    key, cert = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(["openssl", *new.split(), *names, "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with serving(lambda _: OK, context) as server:
        url = f"https://localhost:{server.port}/"
        assert "the certificate is refused: self" in problem("http", url)
        ready("http", url, env={"SSL_CERT_FILE": cert})
        other = f"https://127.0.0.1:{server.port}/"
        assert "the certificate is refused: IP address mismatch" in problem("http", other, env={"SSL_CERT_FILE": cert})


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("tcp",),
        ("udp", "127.0.0.1:1"),
        ("tcp", "127.0.0.1"),
        ("tcp", ":80"),
        ("tcp", "host:0"),
        ("tcp", "host:65536"),
        ("tcp", "host:²"),
        ("tcp", "[::1:80"),
        ("tcp", "unix:"),
        ("tcp", "host:1", "--interval-s"),
        ("tcp", "host:1", "--interval-s", "0"),
        ("tcp", "host:1", "--interval-s", "nan"),
        ("tcp", "host:1", "--bogus", "1"),
        ("http", "ftp://hunter2@host/"),
        ("http", "http:///hunter2"),
        ("http", "http://host:x/hunter2"),
        ("http", "http://host:0/hunter2"),
        ("http", "http://[::1/hunter2"),
        ("http", "http://host/hun ter2"),
        ("http", "http://host/\nhunter2"),
    ],
)
def test_wrong_arguments_end_with_64_and_one_line(arguments: tuple[str, ...]) -> None:
    with checking(*arguments) as process:
        out, err = process.communicate(timeout=10)
    assert (process.returncode, err, out.count(b"\n")) == (64, b"", 1)
    assert out.startswith(b"check: ")
    assert b"hunter2" not in out
    assert b"ter2" not in out


def test_it_ends_with_the_one_who_started_it() -> None:
    with serving(lambda _: b"HTTP/1.1 503 No\r\n\r\n") as server:
        command = [*check_command(), "http", f"http://127.0.0.1:{server.port}/"]
        shell = ["sh", "-c", '"$@" & echo $!; read -r line', "sh", *command]
        with subprocess.Popen(shell, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            child = int(process.stdout.readline())
            until(lambda: server.requests, "the first try")
            process.stdin.close()
            process.wait(10)
            # It holds the pipe as long as it lives.
            if not select.select([process.stdout], [], [], 10)[0]:
                os.kill(child, signal.SIGKILL)
                pytest.fail("it lives on")
            assert process.stdout.read() == b""
