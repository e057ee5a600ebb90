"""The nginx image with the real nginx: tested configuration, warm cache, figures, reloads and stops that lose nothing."""

from __future__ import annotations

import os
import pathlib
import signal
import ssl
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.freeports import free_port, nobody
from tests.support.hammer import Hammer, Upstream, get
from tests.support.home import PATIENCE_S, Instance
from tests.support.imagetree import ImageTree
from tests.support.services import need
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import until

RELOADS = 20


class Nginx(ImageTree):
    """The image on ports of its own, with workers of our user, as theirs cannot look into a test's directory."""

    def __init__(self, root: pathlib.Path) -> None:
        super().__init__(root, "nginx")
        self.port, self.status_port = free_port(), free_port()
        user = "root" if os.getuid() == 0 else "www-data"
        self.configure(listen=f"127.0.0.1:{self.port}", status_listen=f"127.0.0.1:{self.status_port}", worker_user=user)

    def up(self) -> Instance:
        return self.start().wait_state("UP")

    def reload(self, **values: object) -> subprocess.CompletedProcess[str]:
        self.configure(**values)
        self.write_config()
        return self.ww("reload")

    def pid(self) -> int:
        return int(self.status()["services"][0]["pid"])


@pytest.fixture
def nginx(tmp_path: pathlib.Path) -> Iterator[Nginx]:
    need("nginx")
    made = Nginx(tmp_path / "home")
    yield made
    made.end()


@pytest.mark.rule("D-image-nginx")
def test_it_serves_reports_its_figures_and_stops_well(nginx: Nginx) -> None:
    nginx.settings(monitor={"interval_s": 0.2})
    instance = nginx.up()
    assert instance.states() == ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP"]
    assert "It serves." in get(nginx.port)[1]
    assert get(nginx.port, "/nothing-here")[0] == 404
    until(lambda: nginx.figures().get("requests", 0) >= 5, "figures that grow", PATIENCE_S)
    names = {"active", "accepted", "handled", "dropped", "requests", "reading", "writing", "waiting"}
    assert set(nginx.figures()) == names
    assert all(isinstance(value, int) for value in nginx.figures().values())
    assert nginx.figures()["dropped"] == 0
    assert instance.stop() == 0
    assert not nginx.left_behind()


@pytest.mark.rule("D-image-nginx")
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"listen": "80; include /etc/passwd"}, "listen: '80; include /etc/passwd'"),
        ({"locations": {"/a/": {"text": 'x"; } evil {'}}}, "locations./a/.text:"),
        ({"locations": {"/ { } location /b": {"text": "x"}}}, "does not match '^(= )?/"),
        ({"locations": {"/a/": {"proxy": "http://a/$request_uri"}}}, "locations./a/.proxy:"),
        ({"locations": {"/a/": {"proxy": "http://a", "text": "x"}}}, "locations./a/:"),
        ({"worker_proceses": 3}, "did you mean"),
    ],
)
def test_a_configuration_that_says_more_than_it_should_is_refused(
    nginx: Nginx, values: dict[str, object], words: str
) -> None:
    instance = nginx.configure(**values).run_to_end()
    assert instance.process.returncode == 78
    assert words in instance.messages()


@pytest.mark.rule("D-image-nginx-test")
def test_what_nginx_itself_refuses_ends_the_boot_with_its_words(nginx: Nginx) -> None:
    nginx.configure(tls={"certificate": "/nowhere/crt.pem", "key": "/nowhere/key.pem"})
    instance = nginx.run_to_end()
    assert instance.process.returncode == 70
    assert instance.states() == ["BOOT", "ERROR"]
    assert 'cannot load certificate "/nowhere/crt.pem"' in instance.messages()


@pytest.mark.rule("D-image-nginx-test")
def test_an_upstream_that_has_no_address_yet_is_waited_for(nginx: Nginx) -> None:
    nginx.settings(hooks={"boot": {"retry_delay_s": 0.05, "retries": 2}})
    nginx.configure(locations={"/api/": {"proxy": "http://nobody.invalid"}})
    instance = nginx.run_to_end()
    assert instance.process.returncode == 70
    assert instance.messages().count('host not found in upstream "nobody.invalid"') >= 3


@pytest.mark.rule("D-image-nginx-warm")
def test_the_first_visitor_gets_what_warmup_has_put_into_the_cache(nginx: Nginx) -> None:
    with Upstream() as upstream:
        nginx.configure(locations={"/": {"proxy": upstream.url, "cache_s": 60}}, warm=["/", "/list?page=1"])
        instance = nginx.up()
        assert upstream.asked == ["/", "/list?page=1"]
        for path in ("/", "/list?page=1"):
            status, body, headers = get(nginx.port, path)
            assert (status, body, headers["X-Cache-Status"]) == (200, "x" * 10, "HIT")
        assert upstream.asked == ["/", "/list?page=1"]
        assert instance.stop() == 0
        nginx.configure(warm=[])
        instance = nginx.up()
        assert get(nginx.port)[2]["X-Cache-Status"] == "HIT", "the cache lies in the data"
        assert instance.stop() == 0


@pytest.mark.rule("D-image-nginx-warm")
def test_what_cannot_be_warmed_does_not_keep_it_from_up(nginx: Nginx) -> None:
    nginx.configure(locations={"/": {"proxy": f"http://{nobody()}"}})
    instance = nginx.up()
    assert "/: 502" in instance.messages()
    assert instance.stop() == 0


@pytest.mark.timeout(180)
@pytest.mark.rule("D-image-nginx-reload")
def test_twenty_reloads_under_load_lose_no_request(nginx: Nginx, record_property: Any) -> None:
    with Upstream() as upstream:
        nginx.configure(log={"access": False})

        def locations(number: int) -> dict[str, object]:
            return {"/slow/": {"proxy": upstream.url}, "= /n": {"text": str(number)}}

        instance = nginx.configure(locations=locations(0)).up()
        master = nginx.pid()
        with Hammer(nginx.port, ("/", "/n", "/slow/x"), fresh=6, kept=3) as hammer:
            until(lambda: hammer.answers >= 50, "answers", PATIENCE_S)
            for number in range(1, RELOADS + 1):
                before = hammer.answers
                reloaded = nginx.reload(locations=locations(number))
                assert reloaded.returncode == 0, reloaded.stderr
                seen = {get(nginx.port, "/n")[1] for _ in range(20)}
                assert seen == {str(number)}, "after `ww reload` nobody is served by the old configuration"
                until(lambda before=before: hammer.answers > before + 20, "the load goes on", PATIENCE_S)
        assert hammer.failures == []
        assert hammer.answers > 50 * RELOADS
        assert nginx.pid() == master, "nginx was not restarted"
        assert instance.states()[-1] == "UP"
        assert instance.stop() == 0
    record_property(
        f"{RELOADS} reloads of nginx", f"{hammer.answers} answers, 0 lost, {hammer.asked_again} asked again"
    )


@pytest.mark.rule("D-image-nginx-reload")
def test_without_kept_connections_nobody_has_to_ask_again(nginx: Nginx) -> None:
    nginx.configure(log={"access": False}, keepalive_s=0).up()
    with Hammer(nginx.port, fresh=0, kept=4) as hammer:
        for number in range(1, 6):
            before = hammer.answers
            assert nginx.reload(locations={"= /n": {"text": str(number)}}).returncode == 0
            until(lambda before=before: hammer.answers > before + 20, "the load goes on", PATIENCE_S)
    assert hammer.failures == []
    assert hammer.asked_again == 0


@pytest.mark.rule("D-image-nginx-reload")
def test_the_load_notices_a_restart(nginx: Nginx) -> None:
    """The counter-proof: the same clients lose requests where nginx is restarted instead of reloaded."""
    nginx.configure(log={"access": False})
    nginx.up()
    with Hammer(nginx.port) as hammer:
        until(lambda: hammer.answers >= 50, "answers", PATIENCE_S)
        os.kill(nginx.pid(), signal.SIGKILL)
        until(lambda: hammer.failures, "failures", PATIENCE_S)


@pytest.mark.rule("D-image-nginx-reload")
def test_a_reload_that_nginx_refuses_changes_nothing(nginx: Nginx) -> None:
    nginx.configure(locations={"= /n": {"text": "old"}})
    instance = nginx.up()
    refused = nginx.reload(
        locations={"= /n": {"text": "new"}}, tls={"certificate": "/nowhere/c.pem", "key": "/nowhere/k.pem"}
    )
    assert refused.returncode == 1
    assert "cannot load certificate" in instance.messages()
    assert get(nginx.port, "/n")[1] == "old"
    os.kill(nginx.pid(), signal.SIGKILL)
    instance.wait_state("UP", 2)
    assert get(nginx.port, "/n")[1] == "old", "and so it is after a restart"
    assert nginx.reload(locations={"= /n": {"text": "new"}}, tls=None).returncode == 0
    assert get(nginx.port, "/n")[1] == "new"
    assert instance.stop() == 0


@pytest.mark.timeout(90)
@pytest.mark.rule("D-image-nginx-reload")
def test_a_reload_that_nginx_cannot_carry_out_goes_back(nginx: Nginx) -> None:
    """A port that somebody else has passes nginx's test of the configuration, and fails after HUP."""
    with Upstream() as other:
        instance = nginx.up()
        failed = nginx.reload(listen=other.url.removeprefix("http://"))
        assert failed.returncode == 1
        assert "it goes on with the old one" in instance.messages()
        assert "It serves." in get(nginx.port)[1]
        os.kill(nginx.pid(), signal.SIGKILL)
        instance.wait_state("UP", 2)
        assert "It serves." in get(nginx.port)[1]
        assert instance.stop() == 0


@pytest.mark.rule("D-image-nginx-stop")
def test_a_stop_answers_what_is_under_way(nginx: Nginx) -> None:
    with Upstream() as upstream:
        nginx.configure(locations={"/slow/": {"proxy": upstream.url}}, warm=[])
        instance = nginx.up()
        answers: list[tuple[int, str]] = []
        clients = [
            threading.Thread(target=lambda: answers.append(get(nginx.port, "/slow/x")[:2]), daemon=True)
            for _ in range(5)
        ]
        for client in clients:
            client.start()
        until(lambda: len(upstream.asked) == 5, "five requests under way", PATIENCE_S)
        assert instance.stop() == 0
        for client in clients:
            client.join(10)
        assert answers == [(200, "x" * 10)] * 5
        with pytest.raises(ConnectionRefusedError):
            get(nginx.port)


@pytest.mark.rule("D-image-nginx-stop")
def test_a_request_without_end_does_not_outlast_the_stop(nginx: Nginx) -> None:
    with Upstream() as upstream:
        upstream.SLOW_S = 8.0
        nginx.configure(locations={"/slow/": {"proxy": upstream.url}}, warm=[]).settings(stop={"budget_s": 2})
        instance = nginx.up()
        threading.Thread(target=_fails, args=(nginx.port,), daemon=True).start()
        until(lambda: upstream.asked, "a request under way", PATIENCE_S)
        with Stopwatch() as watch:
            assert instance.stop() == 0
        assert watch.seconds < 2.5
        assert not nginx.left_behind()


def _fails(port: int) -> None:
    try:
        get(port, "/slow/x")
    except (OSError, ValueError):
        pass
    except Exception as error:  # noqa: BLE001
        assert "Incomplete" in repr(error), error  # noqa: PT017


@pytest.mark.rule("D-image-nginx")
def test_a_killed_nginx_is_restarted(nginx: Nginx) -> None:
    instance = nginx.up()
    killed = nginx.pid()
    os.kill(killed, signal.SIGKILL)
    instance.wait_state("UP", 2)
    assert instance.states().count("RESTARTING") == 1
    assert nginx.pid() != killed
    assert "It serves." in get(nginx.port)[1]
    assert instance.stop() == 0


@pytest.mark.rule("D-image-nginx")
def test_it_serves_tls_and_a_reload_takes_a_new_certificate(nginx: Nginx, tmp_path: pathlib.Path) -> None:
    def certificate(serial: int) -> None:
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
        files = ["-set_serial", str(serial), "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "crt.pem")]
        subprocess.run([*command.split(), *files], check=True, capture_output=True)

    def served() -> str:
        return ssl.get_server_certificate(("127.0.0.1", nginx.port))

    certificate(1)
    nginx.configure(tls={"certificate": str(tmp_path / "crt.pem"), "key": str(tmp_path / "key.pem")})
    instance = nginx.up()
    assert "/: 200" in instance.messages(), "warmup asks by TLS as well"
    assert served() == (tmp_path / "crt.pem").read_text()
    own = ssl.create_default_context(cafile=str(tmp_path / "crt.pem"))
    with urllib.request.urlopen(f"https://127.0.0.1:{nginx.port}/", context=own, timeout=10) as answer:
        assert b"It serves." in answer.read()
    certificate(2)
    assert nginx.ww("reload").returncode == 0
    assert served() == (tmp_path / "crt.pem").read_text()
    assert instance.stop() == 0


@pytest.mark.rule("D-image-nginx")
def test_redirects_files_and_paths_that_are_left_out(nginx: Nginx) -> None:
    (nginx.root / "ww/files/more/docs").mkdir(parents=True)
    (nginx.root / "ww/files/more/docs/a.txt").write_text("a page")
    (nginx.root / "ww/files/server.d").mkdir()
    (nginx.root / "ww/files/server.d/own.conf").write_text("location = /own { return 204; }\n")
    nginx.configure(
        locations={
            "/docs/": {"files": "more"},
            "/old/": {"redirect": "/docs/", "code": 301},
            "/gone": None,
            "= /closed": {"text": "closed", "code": 503},
        }
    )
    instance = nginx.up()
    assert get(nginx.port, "/docs/a.txt")[1] == "a page"
    status, _, headers = get(nginx.port, "/old/x")
    assert (status, headers["Location"].rpartition("/docs")[1]) == (301, "/docs")
    assert get(nginx.port, "/gone")[0] == 404
    assert get(nginx.port, "/own")[0] == 204, "nginx's own words, from server.d"
    assert get(nginx.port, "/closed")[:2] == (503, "closed")
    assert instance.stop() == 0
