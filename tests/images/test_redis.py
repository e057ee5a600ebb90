"""The redis image below `--root`, with the real server: loading, persistence through stops and kills, backups."""

from __future__ import annotations

import json
import os
import pwd
import signal
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.freeport import free_port
from tests.support.imagehome import ImageHome
from tests.support.services import need
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.running import Running

LONG_S = 60.0
pytestmark = [pytest.mark.timeout(240), pytest.mark.rule("D-image-redis")]


class Redis(ImageHome):
    """The image on a port of its own."""

    def __init__(self) -> None:
        super().__init__("redis")
        self.port = free_port()
        self.config |= {"listen": "127.0.0.1", "port": self.port}
        if os.getuid():
            self.config["ww"]["services"] = {"redis": {"user": None}}

    def ask(self, *command: str, password: str = "") -> str:
        """The answer over TCP, as an application gets it; "" if there is none."""
        environ = {**os.environ, **({"REDISCLI_AUTH": password} if password else {})}
        words = ["redis-cli", "--no-auth-warning", "-h", "127.0.0.1", "-p", str(self.port), *command]
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=environ, timeout=60)
        return done.stdout.strip() if done.returncode == 0 else ""

    def fill(self, count: int, size: int = 16) -> None:
        """`count` keys of one kind, at once."""
        assert self.ask("DEBUG", "POPULATE", str(count), "key", str(size)) == "OK"


@pytest.fixture
def home() -> Iterator[Redis]:
    need("redis")
    made = Redis()
    made.config["settings"] = {"enable-debug-command": "local"}
    yield made
    made.end()


def said(running: Running) -> str:
    return "\n".join(str(line.get("message")) for line in running.lines())


@pytest.mark.rule("D-image-secrets")
def test_settings_and_a_password_from_a_file_reach_the_server(home: Redis) -> None:
    password = "o'pen \"ses\\ame$"
    changes: dict[str, Any] = {
        "password": home.secret("redis", password),
        "maxmemory": "64mb",
        "maxmemory_policy": "allkeys-lru",
        "settings": {"timeout": 77, "activedefrag": False, "client-output-buffer-limit": "normal 0 0 0"},
    }
    with home.up(**changes) as running:
        assert running.states() == ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP"]
        assert home.ask("PING", password=password) == "PONG"
        assert "NOAUTH" in home.ask("PING")
        assert home.ask("CONFIG", "GET", "timeout", password=password).split() == ["timeout", "77"]
        assert home.ask("CONFIG", "GET", "maxmemory", password=password).split()[1] == str(64 << 20)
        assert home.health()["maxmemory"] == 64 << 20
        assert running.stop() == 0
    etc = home.data / "etc"
    kept = [path for path in home.root.rglob("*") if path.is_file() and "secrets" not in path.parts]
    assert [path for path in kept if password.encode() in path.read_bytes()] == [etc / "password"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (etc, etc / "password", etc / "redis.conf"))


@pytest.mark.rule("D-image-warm")
def test_it_is_not_up_before_all_data_is_loaded(home: Redis) -> None:
    with home.up() as running:
        home.fill(20_000)
        home.ask("BGREWRITEAOF")
        until(lambda: "aof_rewrite_in_progress:0" in home.ask("INFO", "persistence"), "the rewrite", LONG_S)
        running.stop()
    # The server says of itself that it loads when it is asked between two keys; each takes it 200 us here.
    slow = {"enable-debug-command": "local", "key-load-delay": 200, "loading-process-events-interval-bytes": 1024}
    with home.start(settings=slow) as running:
        loading = until(lambda: "LOADING" in home.ask("GET", "key:1"), "the server loads", LONG_S)
        assert loading
        assert "UP" not in running.states()
        running.until_state("UP")
        assert home.ask("DBSIZE") == "20000"
        assert "loaded: 20000 keys" in said(running)


@pytest.mark.rule("D-image-no-loss")
@pytest.mark.parametrize("persistence", ["aof", "rdb", "both"])
def test_a_stop_keeps_what_was_written_a_moment_before(home: Redis, persistence: str) -> None:
    for round_ in range(3):
        with home.up(persistence=persistence) as running:
            assert home.ask("DBSIZE") == str(round_ * 100)
            for number in range(100):
                assert home.ask("SET", f"{round_}:{number}", "x") == "OK"
            assert running.stop() == 0


@pytest.mark.rule("D-image-no-loss")
def test_what_was_acknowledged_is_there_after_stops_kills_and_restarts_under_load(home: Redis) -> None:
    running = home.up()
    acknowledged: list[str] = []
    over = threading.Event()

    def write() -> None:
        number = 0
        connection = None
        while not over.is_set():
            number += 1
            try:
                if connection is None:
                    connection = socket.create_connection(("127.0.0.1", home.port), timeout=5)
                connection.sendall(f"SADD acks {number}\r\n".encode())
                if connection.recv(100).startswith(b":1"):
                    acknowledged.append(str(number))
                    continue
            except OSError:
                pass
            if connection is not None:
                connection.close()
            connection = None
        if connection is not None:
            connection.close()

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for round_ in range(9):
            had = len(acknowledged)
            until(lambda had=had: len(acknowledged) >= had + 500, "writes", LONG_S)  # type: ignore[misc]
            if round_ % 3 == 0:
                times = running.states().count("UP")
                os.kill(home.pid("redis"), signal.SIGKILL)
                running.until_state("UP", times + 1)
            elif round_ % 3 == 1:
                home.kill(running)
                running = home.up()
            else:
                assert running.stop() == 0
                running = home.up()
    finally:
        over.set()
        writing.join()
    assert set(acknowledged) <= set(home.ask("SMEMBERS", "acks").split())
    running.stop()


def test_another_persistence_never_starts_empty_beside_data_that_is_there(home: Redis) -> None:
    order = ["rdb", "aof", "rdb", "both", "none", "aof", "none", "rdb"]
    for round_, persistence in enumerate(order):
        if round_:  # what a try that was killed has left must not count
            left, owner = home.data / "redis/.new", (home.data / "redis").stat()
            (left / "appendonlydir").mkdir(parents=True)
            for path in (left, left / "appendonlydir"):
                os.chown(path, owner.st_uid, owner.st_gid)
        with home.up(persistence=persistence) as running:
            kept = len([past for past in order[:round_] if past != "none"])
            assert home.ask("DBSIZE") == str(kept * 1000), order[: round_ + 1]
            home.ask("DEBUG", "POPULATE", "1000", f"round{round_}")
            if persistence == "aof":
                home.ask("BGREWRITEAOF")  # POPULATE itself is no write that is appended
                until(lambda: "aof_rewrite_in_progress:0" in home.ask("INFO"), "the rewrite", LONG_S)
            if persistence == "both":
                home.ask("BGREWRITEAOF")
                until(lambda: "aof_rewrite_in_progress:0" in home.ask("INFO"), "the rewrite", LONG_S)
            if persistence == "rdb":
                home.ask("SAVE")
            assert running.stop() == 0


def test_reload_changes_limits_at_once_and_restarts_for_the_rest_without_a_loss(home: Redis) -> None:
    layer = home.root / "ww/etc/conf.d/50-mine.json"
    layer.parent.mkdir()
    with home.up() as running:
        home.ask("SET", "kept", "1")
        before = home.pid("redis")
        layer.write_text('{"maxmemory": "48mb", "maxmemory_policy": "allkeys-lru", "fsync": "always"}')
        home.ww("reload")
        assert home.ask("CONFIG", "GET", "maxmemory").split()[1] == str(48 << 20)
        assert home.ask("CONFIG", "GET", "appendfsync").split()[1] == "always"
        assert home.pid("redis") == before
        layer.write_text('{"password": "open-sesame", "persistence": "rdb"}')
        home.ww("reload")
        until(lambda: home.ask("GET", "kept", password="open-sesame") == "1", "the data", LONG_S)
        assert home.pid("redis") != before
        assert "NOAUTH" in home.ask("PING")
        assert running.stop() == 0


def test_a_reload_that_redis_refuses_leaves_what_it_had(home: Redis) -> None:
    layer = home.root / "ww/etc/conf.d/50-mine.json"
    layer.parent.mkdir()
    with home.up() as running:
        home.ask("SET", "kept", "1")
        before = home.pid("redis")
        layer.write_text('{"maxmemory": "48mb", "settings": {"no-such-setting": 1}}')
        home.ww("reload", code=1)
        assert "no-such-setting" in said(running)
        assert (home.pid("redis"), home.ask("CONFIG", "GET", "maxmemory").split()[1]) == (before, "0")
        os.kill(before, signal.SIGKILL)
        running.until_state("UP", 2)
        assert home.ask("GET", "kept") == "1", "it comes back with what it had"
        layer.write_text(json.dumps({"settings": {"replicaof": "127.0.0.1 1", "timeout": 77}}))
        home.ww("reload")
        until(lambda: home.ask("CONFIG", "GET", "timeout").split()[-1:] == ["77"], "the new configuration", LONG_S)
        assert home.ask("GET", "kept") == "1"
        assert not list((home.data / "redis").glob(".private.*"))


def test_no_key_changes_its_database_when_another_persistence_or_a_backup_reads_it(home: Redis) -> None:
    settings = {**home.config["settings"], "databases": 2000}
    with home.up(settings=settings) as running:
        for database in ("0", "20", "1999"):
            assert home.ask("-n", database, "SET", "whose", database) == "OK"
            assert home.ask("-n", database, "SET", f"only-{database}", "1") == "OK"
        running.stop()
    home.ww("backup", "monday")
    for persistence, restored in (("rdb", ""), ("aof", ""), ("aof", "monday")):
        if restored:
            home.ww("restore", restored)
        with home.up(settings=settings, persistence=persistence) as running:
            for database in ("0", "20", "1999"):
                assert home.ask("-n", database, "GET", "whose") == database, (persistence, restored)
                assert home.ask("-n", database, "DBSIZE") == "2", (persistence, restored)
            running.stop()


@pytest.mark.rule("D-image-secrets")
def test_a_secret_among_the_settings_may_have_any_characters_and_is_in_no_log(home: Redis) -> None:
    password = "a # \"pass\\ word'"
    with home.up(settings={**home.config["settings"], "masterauth": home.secret("master", password)}) as running:
        assert home.ask("CONFIG", "GET", "masterauth").splitlines()[1] == password
        assert "word'" not in said(running)


@pytest.mark.parametrize("persistence", ["aof", "rdb"])
def test_a_backup_of_the_running_service_is_restored(home: Redis, persistence: str) -> None:
    with home.up(persistence=persistence) as running:
        home.ask("SET", "kept", "1")
        home.ww("backup", "monday")
        home.ask("SET", "kept", "2")
        running.stop()
    home.ww("backup", "tuesday")
    home.ww("restore", "monday")
    with home.up(persistence=persistence) as running:
        assert home.ask("GET", "kept") == "1"
        running.stop()
    home.ww("restore", "tuesday")
    with home.up(persistence=persistence):
        assert home.ask("GET", "kept") == "2"
    dump = home.backup / "monday/dump.rdb"
    dump.write_bytes(dump.read_bytes()[:-20])
    assert "is damaged" in home.ww("restore", "monday", code=70)


@pytest.mark.rule("D-image-monitor")
def test_the_monitor_tells_info_as_numbers(home: Redis) -> None:
    home.config["ww"]["monitor"] = {"interval_s": 0.2}
    with home.up():
        home.fill(123)
        health = until(lambda: (found := home.health())["keys"] == 123 and found, "the keys", LONG_S)
        assert all(isinstance(value, int | float) for value in health.values())
        assert health["db0_keys"] == 123
        assert health["used_memory"] > 100_000
        assert health["aof_last_write_status"] == 1
        assert health["aof_enabled"] == 1


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"persistence": "sometimes"}, 78, "persistence"),
        ({"settings": {"requirepass": "x"}}, 78, "requirepass"),
        ({"settings": {"no-such-setting": 1}, "ww": {"restart": {"limit": 0}}}, 1, "no-such-setting"),
    ],
)
def test_a_wrong_configuration_is_refused_in_words(home: Redis, changes: dict[str, Any], code: int, words: str) -> None:
    with home.start(**changes) as refused:
        assert refused.wait() == code
        assert words in said(refused)


def test_it_runs_as_a_user_who_is_not_root(home: Redis) -> None:
    prefix: tuple[str, ...] = ()
    if os.getuid() == 0:
        # The interpreter under test may lie where only root may look.
        looks = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
        prefix = ("setpriv", "--reuid=redis", "--regid=redis", "--init-groups", *looks, "--")
        account = pwd.getpwnam("redis")
        for path in (home.root, *home.root.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)
    home.config["ww"]["services"] = {"redis": {"user": None}}
    with home.start(prefix=prefix) as running:
        running.until_state("UP")
        assert home.ask("PING") == "PONG"
        assert running.stop() == 0
