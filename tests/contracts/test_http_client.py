"""The HTTP client against real servers: one deadline for everything, TLS that is never off unsaid, no secret in any word."""

from __future__ import annotations

import gzip
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.support.certificates import Authority
from tests.support.faultproxy import FaultProxy
from tests.support.freeports import nobody
from tests.support.receiver import Receiver, hang, reset, status, trickle, trickle_body, truncated
from tests.support.stopwatch import Stopwatch
from ww.clients.errors import Broken, ClientError, TimedOut, TlsFault, Unreachable
from ww.clients.http import HttpClient, Options, origin, url_fault
from ww.clients.tls import Tls


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def client() -> Iterator[HttpClient]:
    made = HttpClient()
    yield made
    made.close()


SETUP_S = 1.0
"""What a busy machine may need to read the authorities that it trusts, before there is a connection that could hang."""


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


@pytest.mark.rule("D-http-client")
def test_a_request_and_its_answer(receiver: Receiver, client: HttpClient) -> None:
    receiver.always = status(201, b"hello", x_more="1")
    answer = client.request("PUT", receiver.url, soon(), body=b"body", headers={"X-A": "b"})
    assert (answer.status, answer.body, answer.headers["X-More"]) == (201, b"hello", "1")
    assert (receiver.requests[0].raw, receiver.requests[0].headers["x-a"]) == (b"body", "b")
    assert answer.took_s > 0


@pytest.mark.rule("D-http-client")
def test_one_connection_is_kept(receiver: Receiver, client: HttpClient) -> None:
    for _ in range(3):
        client.request("POST", receiver.url, soon())
    assert len({request.peer for request in receiver.requests}) == 1


@pytest.mark.rule("D-http-client-deadline")
@pytest.mark.parametrize("fault", [hang, trickle(0.05), trickle_body(0.05)], ids=["hang", "headers", "body"])
def test_no_server_can_hold_a_request_beyond_its_deadline(
    receiver: Receiver, client: HttpClient, fault: object
) -> None:
    receiver.always = fault  # type: ignore[assignment]
    with Stopwatch() as watch, pytest.raises(TimedOut, match="no complete answer in time"):
        client.request("POST", receiver.url, soon(0.5))
    assert watch.elapsed_s > 0.4
    assert watch.seconds < 1.0


@pytest.mark.rule("D-http-client-deadline")
def test_nor_over_tls(tmp_path: Path) -> None:
    ca = Authority(tmp_path)
    with Receiver(context=ca.server()) as receiver:
        receiver.always = trickle(0.05)
        client = HttpClient(Options(tls=Tls(ca_file=ca.ca_file)))
        with Stopwatch() as watch, pytest.raises(TimedOut):
            client.request("POST", receiver.url, soon(SETUP_S + 0.5))
        assert watch.seconds < SETUP_S + 1.0


@pytest.mark.rule("D-http-client-deadline")
def test_nor_a_server_that_never_shakes_hands(client: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with Stopwatch() as watch, pytest.raises(TimedOut):
            client.request("POST", f"https://127.0.0.1:{listener.getsockname()[1]}/", soon(SETUP_S + 0.4))
        assert watch.seconds < SETUP_S + 1.0


@pytest.mark.rule("D-http-client-deadline")
def test_nor_one_that_reads_slowly(receiver: Receiver, client: HttpClient) -> None:
    with FaultProxy(receiver.port) as proxy:
        proxy.blackhole = True
        with Stopwatch() as watch, pytest.raises(TimedOut):
            client.request("POST", f"http://127.0.0.1:{proxy.port}/", soon(0.5), body=bytes(20_000_000))
        assert watch.seconds < 1.0


@pytest.mark.rule("D-http-client")
def test_what_cannot_be_reached_is_told_apart(receiver: Receiver, client: HttpClient) -> None:
    closed = nobody()
    with pytest.raises(Unreachable, match=f"cannot connect to {re.escape(closed)}: Connection refused"):
        client.request("POST", f"http://{closed}/secret", soon())
    with pytest.raises(Unreachable, match=r"cannot look up no-such-host.invalid"):
        client.request("POST", "http://no-such-host.invalid/secret", soon())
    receiver.always = reset
    with pytest.raises(Broken, match=r"http://127.0.0.1:\d+: Connection reset by peer"):
        client.request("POST", receiver.url, soon())
    receiver.always = truncated
    with pytest.raises(Broken, match="the answer ended before it was complete"):
        client.request(
            "POST", receiver.url, soon(), headers={"Content-Type": "application/cloudevents+json"}, body=EVENT
        )


EVENT = b'{"id":"000000000001","source":"/s"}'


@pytest.mark.rule("D-http-client")
def test_an_answer_ends_at_the_limit(receiver: Receiver) -> None:
    client = HttpClient(Options(max_answer_bytes=1000))
    receiver.always = status(200, b"x" * 200_000)
    answer = client.request("POST", receiver.url, soon())
    assert (len(answer.body), answer.cut) == (1000, True)
    receiver.always = status(200, gzip.compress(bytes(50_000_000)), content_encoding="gzip")
    answer = client.request("POST", receiver.url, soon())
    assert (len(answer.body), answer.cut) == (1000, True)
    receiver.always = status(200, b"fine")
    assert client.request("POST", receiver.url, soon()).body == b"fine"


@pytest.mark.rule("D-http-client")
def test_redirects_stay_at_the_same_place(receiver: Receiver, client: HttpClient) -> None:
    with Receiver() as elsewhere:
        receiver.faults += [status(307, location="/other"), status(200)]
        assert client.request("POST", receiver.url, soon(), body=b"x").status == 200
        assert [(request.path, request.raw) for request in receiver.requests] == [
            ("/v1/events", b"x"),
            ("/other", b"x"),
        ]
        for code, target in ((307, elsewhere.url), (302, "/other"), (308, elsewhere.url)):
            receiver.faults.append(status(code, location=target))
            answer = client.request("POST", receiver.url, soon(), headers={"Authorization": "Bearer abcdef"})
            assert answer.status == code
        assert not elsewhere.requests
        for target in ("http://[bad", "ftp://x/", ""):
            receiver.faults += [status(200, b"fine", location=target), status(307, location=target)]
            assert client.request("POST", receiver.url, soon()).body == b"fine"
            assert client.request("POST", receiver.url, soon()).status == 307
        receiver.always = status(308, location="/round")
        assert client.request("POST", receiver.url, soon()).status == 308


@pytest.mark.rule("D-http-client-tls")
def test_a_certificate_is_checked(tmp_path: Path) -> None:
    ca, other = Authority(tmp_path / "a"), Authority(tmp_path / "b")
    with Receiver(context=ca.server()) as receiver:
        assert HttpClient(Options(tls=Tls(ca_file=ca.ca_file))).request("POST", receiver.url, soon()).status == 204
        for tls in (Tls(), Tls(ca_file=other.ca_file)):
            with pytest.raises(TlsFault, match=r"its certificate is not accepted: .*issuer"):
                HttpClient(Options(tls=tls)).request("POST", receiver.url, soon())
        assert HttpClient(Options(tls=Tls(verify=False))).request("POST", receiver.url, soon()).status == 204
        assert len(receiver.requests) == 2
        named = Tls(ca_file=ca.ca_file, server_name="other.example.org")
        with pytest.raises(TlsFault, match=r"not valid for 'other.example.org'"):
            HttpClient(Options(tls=named)).request("POST", receiver.url, soon())
    with Receiver(context=ca.server("receiver.example.org")) as receiver:
        with pytest.raises(TlsFault, match="not valid for 'localhost'"):
            HttpClient(Options(tls=Tls(ca_file=ca.ca_file))).request("POST", receiver.url, soon())
        named = Tls(ca_file=ca.ca_file, server_name="receiver.example.org")
        assert HttpClient(Options(tls=named)).request("POST", receiver.url, soon()).status == 204


@pytest.mark.rule("D-http-client-tls")
def test_the_lowest_version_is_kept_to(tmp_path: Path) -> None:
    ca = Authority(tmp_path)
    with Receiver(context=ca.server(version=ssl.TLSVersion.TLSv1_2)) as receiver:
        assert HttpClient(Options(tls=Tls(ca_file=ca.ca_file))).request("POST", receiver.url, soon()).status == 204
        with pytest.raises(TlsFault, match="protocol version"):
            HttpClient(Options(tls=Tls(ca_file=ca.ca_file, min_version="1.3"))).request("POST", receiver.url, soon())


@pytest.mark.rule("D-http-client-tls")
def test_a_client_shows_its_certificate_and_takes_over_a_new_one(tmp_path: Path) -> None:
    ca, clients = Authority(tmp_path / "servers"), Authority(tmp_path / "clients")
    with Receiver(context=ca.server(clients=clients)) as receiver:
        with pytest.raises(ClientError):
            HttpClient(Options(tls=Tls(ca_file=ca.ca_file))).request("POST", receiver.url, soon())
        cert, key = clients.client("one@example.org")
        client = HttpClient(Options(tls=Tls(ca_file=ca.ca_file, cert_file=cert, key_file=key)))
        client.request("POST", receiver.url, soon())
        assert "one@example.org" in str(receiver.requests[-1].certificate)
        new_cert, new_key = clients.client("two@example.org")
        os.replace(new_cert, cert)
        os.replace(new_key, key)
        client.request("POST", receiver.url, soon())
        assert "two@example.org" in str(receiver.requests[-1].certificate)


@pytest.mark.rule("D-http-client-tls")
def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    missing = str(tmp_path / "missing.pem")
    for tls, words in (
        (Tls(ca_file=missing), "cannot read the authorities of .*missing.pem: No such file or directory"),
        (Tls(ca_file=str(empty)), "cannot use the authorities of .*empty.pem"),
        (Tls(cert_file=missing, verify=False), "cannot read the certificate .*missing.pem"),
        (Tls(cert_file=str(empty), verify=False), "cannot use the certificate .*empty.pem"),
    ):
        with pytest.raises(TlsFault, match=words):
            HttpClient(Options(tls=tls)).request("POST", "https://127.0.0.1:1/", soon())


@pytest.mark.rule("D-http-client-proxy")
def test_a_proxy_passes_requests_on(receiver: Receiver, client: HttpClient) -> None:
    with Receiver() as proxy:
        answer = client.request("POST", receiver.url, soon(), proxy=f"http://user:abcdef@127.0.0.1:{proxy.port}")
        assert answer.status == 204
        assert proxy.requests[0].path == receiver.url
        assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")
        assert not receiver.requests


@pytest.mark.rule("D-http-client-proxy")
def test_a_tunnel_leads_to_a_server_with_tls(tmp_path: Path) -> None:
    ca = Authority(tmp_path)
    with Receiver(context=ca.server()) as receiver, Tunnel() as tunnel:
        client = HttpClient(Options(tls=Tls(ca_file=ca.ca_file)))
        assert client.request("POST", receiver.url, soon(), proxy=tunnel.url).status == 204
        assert tunnel.asked[0].startswith(f"CONNECT localhost:{receiver.port} ")
        tunnel.answer = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
        client.close()
        with pytest.raises(ClientError, match=r"through the proxy http://127.0.0.1:\d+: .*407") as caught:
            client.request("POST", receiver.url, soon(), proxy=tunnel.url.replace("//", "//user:abcdef@"))
        assert "abcdef" not in str(caught.value)


@pytest.mark.rule("D-http-client-proxy")
def test_the_environment_names_a_proxy_unless_told_otherwise(receiver: Receiver, tmp_path: Path) -> None:
    with Receiver() as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        code = (
            "import sys, time\nfrom ww.clients.http import HttpClient, Options\n"
            "client = HttpClient(Options(environment_proxies=sys.argv[2] == 'yes'))\n"
            "print(client.request('POST', sys.argv[1], time.monotonic() + 5).status)\n"
        )
        for environment, wanted, proxied in (
            ({"http_proxy": url}, "yes", 1),
            ({"http_proxy": url}, "no", 0),
            ({"http_proxy": url, "no_proxy": "127.0.0.1"}, "yes", 0),
        ):
            before = len(proxy.requests)
            assert python(code, receiver.url, wanted, **environment) == "204"
            assert len(proxy.requests) - before == proxied


def python(code: str, *arguments: str, **environment: str) -> str:
    import subprocess
    import sys

    import ww

    place = str(Path(ww.__file__).parent.parent)
    argv = [sys.executable, "-P", "-c", code, *arguments]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": place, **environment}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.rule("D-http-client")
def test_no_words_hold_a_path_a_query_or_a_header(receiver: Receiver, client: HttpClient) -> None:
    secret = "abcdef-hidden"
    places = [
        f"http://{nobody()}",
        "http://no-such-host.invalid",
        f"https://127.0.0.1:{receiver.port}",
        "http://[::bad",
    ]
    for place in places:
        with pytest.raises((ClientError, ValueError)) as caught:
            client.request("POST", f"{place}/{secret}?token={secret}", soon(), headers={"Authorization": secret})
        assert secret not in repr(caught.value) + str(caught.value.__cause__)
    for fault in (reset, hang, truncated):
        receiver.always = fault
        with pytest.raises(ClientError) as caught:
            client.request("POST", receiver.url + f"?{secret}", soon(0.3), headers={"Authorization": secret})
        assert secret not in repr(caught.value) + str(caught.value.__cause__)
    with pytest.raises(ClientError) as caught:
        client.request("POST", receiver.url, soon(), headers={"Authorization": f"{secret}\r\nX: y"})
    assert secret not in repr(caught.value)


@pytest.mark.rule("D-http-client")
def test_cookies_and_netrc_are_left_alone(receiver: Receiver, client: HttpClient, tmp_path: Path) -> None:
    receiver.faults += [status(200, set_cookie="a=b")]
    client.request("POST", receiver.url, soon())
    client.request("POST", receiver.url, soon())
    assert "cookie" not in receiver.requests[1].headers
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    code = "import sys, time\nfrom ww.clients.http import HttpClient\nHttpClient().request('POST', sys.argv[1], time.monotonic() + 5)"
    python(code, receiver.url, HOME=str(tmp_path))
    assert "authorization" not in receiver.requests[2].headers


@pytest.mark.rule("D-http-client")
def test_an_old_connection_is_not_used_again(receiver: Receiver, client: HttpClient) -> None:
    with FaultProxy(receiver.port) as proxy:
        url = f"http://127.0.0.1:{proxy.port}/"
        client.request("POST", url, soon())
        client._used -= 5
        client.request("POST", url, soon())
        assert proxy.accepted == 2
        proxy.half_close()
        client.request("POST", url, soon())
        assert proxy.accepted == 3


def test_what_may_be_shown_of_a_url() -> None:
    assert origin("https://u:p@host.example.org/secret?x#y") == "https://host.example.org:443"
    assert origin("http://[::1]:80/secret") == "http://[::1]:80"
    assert not url_fault("https://a.example.org/x?y=z")
    for wrong in (
        "ftp://a/",
        "http://",
        "http://u:p@a/",
        "//a",
        "http://a:x/",
        "http://a b/",
        "http://a:0/",
        "http://[::bad/",
    ):
        assert url_fault(wrong)


class Tunnel:
    """A proxy that knows CONNECT and nothing else."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[str] = []
        self.answer = b"HTTP/1.1 200 Connected\r\n\r\n"

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            request = b""
            while b"\r\n\r\n" not in request:
                request += client.recv(4096)
            line = request.split(b"\r\n")[0].decode()
            self.asked.append(line)
            client.sendall(self.answer)
            if b" 200 " not in self.answer:
                client.close()
                continue
            host, port = line.split()[1].rsplit(":", 1)
            server = socket.create_connection((host, int(port)))
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=pump, args=(one, other), daemon=True).start()


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while chunk := source.recv(65536):
            target.sendall(chunk)
    except OSError:
        pass
    finally:
        target.close()
