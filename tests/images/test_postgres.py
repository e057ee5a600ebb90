"""The postgres image below `--root`, with the real server: its first boot, upgrades, backups, losses and warmth."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.freeports import free_port
from tests.support.imagehome import LONG_S, ImageHome, listening_ports
from tests.support.paths import REPO
from tests.support.services import need
from tests.support.waiting import until
from ww.config.validate import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.running import Running

PASSWORD = "o'pen \"ses\\ame$"
pytestmark = [pytest.mark.timeout(240), pytest.mark.rule("D-image-postgres")]


class Postgres(ImageHome):
    """The image, with a port of its own and a role `app` that has a password."""

    def __init__(self) -> None:
        super().__init__("postgres")
        self.port = free_port()
        password = self.secret("app", PASSWORD)
        self.config |= {"listen": "127.0.0.1", "port": self.port, "roles": {"app": {"password": password}}}
        if os.getuid():
            self.config["ww"]["services"] = {"postgres": {"user": None}}

    def ask(
        self, sql: str, user: str = "app", password: str = PASSWORD, database: str = "app"
    ) -> subprocess.CompletedProcess[str]:
        """SQL over TCP, as an application asks it."""
        words = f"host=127.0.0.1 port={self.port} user={user} dbname={database} connect_timeout=5"
        environ = {**os.environ, "PGPASSWORD": password}
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", words, "-c", sql]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environ, cwd="/", timeout=60)

    def sql(self, sql: str, database: str = "app") -> str:
        """The answer to the application, which is not refused."""
        done = self.ask(sql, database=database)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def admin(self, sql: str, database: str = "app", socket: Path | None = None) -> str:
        """SQL as the superuser, through the Unix socket."""
        where = ["-h", str(socket or self.data / "sockets"), "-p", str(self.port), "-U", "postgres", "-d", database]
        done = subprocess.run(
            ["psql", "-XqAt", *where, "-c", sql], capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.strip()

    def make_older(self) -> None:
        """The image as version 1.0 was."""
        (self.root / "ww/usr/upgrade.d/0002-statements").unlink()
        (self.root / "ww/etc/version").write_text("1.0\n")

    def make_current(self) -> None:
        shutil.rmtree(self.root / "ww")
        shutil.copytree(REPO / "images/postgres/ww", self.root / "ww")

    def step(self, name: str, sql: str) -> None:
        """A migration of an image that is built on this one."""
        path = self.root / "ww/usr/upgrade.d" / name
        path.write_text(f'#!/bin/sh\nset -eu\nexec "$WW_FILES/migrate" "$0" << \'SQL\'\n{sql}\nSQL\n')
        path.chmod(0o755)

    def gate(self) -> str:
        """SQL that is over when `open_gate` was called."""
        there = f"(pg_stat_file('{self.root}/gate', true)).size IS NOT NULL"
        return f"DO $$ BEGIN WHILE NOT ({there}) LOOP PERFORM pg_sleep(0.02); END LOOP; END $$;"

    def open_gate(self) -> None:
        (self.root / "gate").touch()

    def migrations(self) -> list[str]:
        return self.admin("SELECT name FROM ww.migrations ORDER BY name").split()


@pytest.fixture
def home() -> Iterator[Postgres]:
    need("postgres")
    made = Postgres()
    yield made
    made.end()


def said(running: Running) -> str:
    return "\n".join(str(line.get("message")) for line in running.lines())


@pytest.mark.rule("D-image-secrets")
def test_a_first_boot_makes_roles_database_and_settings_as_configured(home: Postgres) -> None:
    roles = {
        "app": {"password": home.secret("app", PASSWORD), "connection_limit": 20},
        "re\"ader's": {"login": False, "member_of": ["pg_read_all_data"]},
    }
    database = {"name": "o'shop", "owner": "app", "extensions": ["pgcrypto"]}
    with home.up(roles=roles, database=database, settings={"max_connections": 33, "jit": False}) as running:
        assert running.states() == ["BOOT", "FIRSTBOOT", "UPGRADING", "WARMUP", "UP"]
        whole = "'o\\'shop'"
        assert home.sql("SELECT current_user, current_database()", whole) == "app|o'shop"
        assert home.sql("SHOW max_connections", whole) == "33"
        assert home.sql("SHOW jit", whole) == "off"
        assert home.sql("SHOW data_checksums", whole) == "on"
        assert home.sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'app'", whole) == "20"
        member = "SELECT pg_has_role('re\"ader''s', 'pg_read_all_data', 'member')"
        assert home.sql(member, whole) == "t"
        assert "crypt" in home.sql("SELECT proname FROM pg_proc WHERE proname = 'crypt'", whole)
        assert home.ask("SELECT 1", password="wrong", database=whole).returncode, "a wrong password is refused"
        assert home.ask("SELECT 1", user="postgres", password="", database=whole).returncode, "no superuser over TCP"
        assert running.stop() == 0
    kept = [path for path in home.root.rglob("*") if path.is_file() and "secrets" not in path.parts]
    assert not [path for path in kept if PASSWORD.encode() in path.read_bytes()], "the password is nowhere in clear"


def test_nobody_outside_reaches_the_server_of_a_first_boot(home: Postgres) -> None:
    home.step("0003-long", home.gate())
    accepted: list[str] = []
    over = threading.Event()
    running = home.start()

    def knock() -> None:
        while not over.wait(0.002):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", home.port)) == 0:
                    accepted.append(running.states()[-1])

    knocking = threading.Thread(target=knock)
    knocking.start()
    with running:
        (private,) = until(lambda: list(home.data.glob(".private.*/.s.PGSQL.5432")), "the private server", LONG_S)
        assert private.parent.stat().st_mode & 0o777 == 0o700
        servers = home.processes()
        assert servers
        assert not any(listening_ports(pid) for pid in servers), "no TCP port, whichever"
        home.open_gate()
        running.until_state("UP")
        over.set()
        knocking.join()
        assert accepted, "the service itself is reached"
        assert home.port in listening_ports(home.pid("postgres"))
        assert set(accepted) <= {"WARMUP", "UP"}
        assert not list(home.data.glob(".private.*"))


@pytest.mark.rule("WW-20")
def test_a_first_boot_that_is_killed_is_made_again_from_the_start(home: Postgres) -> None:
    home.step("0003-long", f"CREATE TABLE made (n int); {home.gate()}")
    running = home.start()
    running.until(lambda r: "migration 0002-statements applied" in said(r), "the second migration")
    home.kill(running)
    assert not (home.data / "pg").exists()
    home.open_gate()
    with home.up() as again:
        assert "FIRSTBOOT" in again.states()
        assert home.migrations() == ["0001-prewarm", "0002-statements", "0003-long"]
        assert home.admin("SELECT count(*) FROM made") == "0"


@pytest.mark.rule("D-backup-before-upgrade", "D-steps-once")
def test_an_upgrade_keeps_the_data_makes_a_backup_first_and_runs_each_migration_once(home: Postgres) -> None:
    home.make_older()
    with home.up() as old:
        home.sql("CREATE TABLE notes AS SELECT generate_series(1, 100) AS id")
        assert home.migrations() == ["0001-prewarm"]
        assert old.stop() == 0
    home.make_current()
    with home.up() as new:
        assert home.sql("SELECT sum(id) FROM notes") == "5050"
        assert home.migrations() == ["0001-prewarm", "0002-statements"]
        assert int(home.admin("SELECT count(*) FROM ww.statements")) > 0
        (backup,) = [path for path in home.backup.iterdir() if not path.name.startswith(".")]
        assert backup.name.endswith("-1.0")
        assert {path.name for path in backup.iterdir()} == {"app.dump", "postgres.dump", "globals.sql", "major"}
        assert backup.stat().st_mode & 0o077 == 0, "password hashes are for us alone"
        assert new.stop() == 0
    with home.up() as third:
        assert "migration" not in said(third)


@pytest.mark.rule("D-steps-once")
def test_a_migration_that_is_killed_leaves_no_half_and_is_done_by_the_next_start(home: Postgres) -> None:
    with home.up() as running:
        running.stop()
    home.step("0003-half", f"CREATE TABLE half (n int); {home.gate()} INSERT INTO half VALUES (1);")
    (home.root / "ww/etc/version").write_text("1.2\n")
    running = home.start().until_state("UPGRADING")
    until(lambda: list(home.data.glob(".private.*/.s.PGSQL.5432")), "the private server", LONG_S)
    running.until(lambda r: "0003-half" in json.dumps(r.lines()), "the migration")
    home.kill(running)
    home.open_gate()
    with home.start() as again:
        again.until_state("UP")
        assert home.admin("SELECT count(*) FROM half") == "1"
        assert home.migrations()[-1] == "0003-half"


@pytest.mark.rule("D-image-postgres-major")
def test_data_of_another_major_version_is_refused_untouched_with_the_way_to_move_it(home: Postgres) -> None:
    with home.up() as running:
        home.sql("CREATE TABLE kept AS SELECT 7 AS n")
        home.ww("backup", "moving")
        running.stop()
    version = home.data / "pg/PG_VERSION"
    major = int(version.read_text())
    version.write_text("11\n")
    before = sorted((path.name, path.stat().st_mtime_ns) for path in (home.data / "pg").rglob("*"))
    with home.start() as refused:
        assert refused.wait() == 70
        words = said(refused)
    assert f"was made by PostgreSQL 11; this image has PostgreSQL {major}" in words
    assert f"ww restore to-{major}" in words
    assert sorted((path.name, path.stat().st_mtime_ns) for path in (home.data / "pg").rglob("*")) == before
    (home.backup / "moving/major").write_text("11\n")
    home.ww("restore", "moving")
    with home.up():
        assert home.sql("SELECT n FROM kept") == "7", "the password and the owner came along"
    (home.backup / "moving/major").write_text("99\n")
    assert "this image has" in home.ww("restore", "moving", code=70)


def test_a_backup_of_the_running_service_is_restored_whole(home: Postgres) -> None:
    with home.up() as running:
        home.sql("CREATE TABLE notes AS SELECT generate_series(1, 100) AS id")
        home.admin('CREATE DATABASE "o\'dd \\ name"', "postgres")
        home.admin("CREATE TABLE there AS SELECT 1 AS n", "dbname='o\\'dd \\\\ name'")
        assert home.ww("backup", "monday").splitlines()[-1] == "monday"
        home.sql("DROP TABLE notes")
        running.stop()
    home.ww("restore", "monday")
    with home.up():
        assert home.sql("SELECT sum(id) FROM notes") == "5050"
        assert home.admin("SELECT n FROM there", "dbname='o\\'dd \\\\ name'") == "1"
        assert home.migrations() == ["0001-prewarm", "0002-statements"]


def test_a_stop_in_the_middle_of_a_first_boot_is_a_stop(home: Postgres) -> None:
    home.step("0003-long", "SELECT pg_sleep(60);")
    with home.start() as running:
        running.until(lambda r: "migration 0002-statements applied" in said(r), "the second migration")
        assert running.stop() == 0
    assert not (home.data / "pg").exists()
    until(lambda: not home.processes(), "nobody is left", LONG_S)
    home.step("0003-long", "SELECT 1;")
    with home.up() as again:
        assert "FIRSTBOOT" in again.states()


def test_a_backup_makes_the_data_of_a_new_volume(home: Postgres) -> None:
    with home.up() as running:
        home.sql("CREATE TABLE notes AS SELECT generate_series(1, 100) AS id")
        home.ww("backup", "moving")
        running.stop()
    shutil.rmtree(home.data)
    home.data.mkdir()
    home.ww("restore", "moving")
    with home.up() as running:
        assert "FIRSTBOOT" not in running.states()
        assert home.sql("SELECT sum(id) FROM notes") == "5050"


@pytest.mark.rule("D-image-warm")
def test_when_it_is_up_tables_and_answers_are_in_memory(home: Postgres) -> None:
    with home.up() as running:
        home.sql("CREATE TABLE big AS SELECT generate_series(1, 50000) AS id")
        home.admin("CREATE EXTENSION pg_buffercache")
        running.stop()
    queries = ["SELECT count(*) FROM pg_class", "SELECT * FROM there_is_none"]
    with home.up(warm={"prewarm": True, "queries": queries, "timeout_s": 10}) as running:
        cached = "SELECT count(*) FROM pg_buffercache WHERE relfilenode = pg_relation_filenode('big')"
        size = "SELECT pg_relation_size('big') / 8192"
        assert int(home.admin(cached)) >= int(home.admin(size)) > 100
        assert "prewarmed" in said(running)
        assert 'relation "there_is_none" does not exist' in said(running)
        calls = home.admin("SELECT calls FROM ww.statements WHERE query = 'SELECT count(*) FROM pg_class'")
        assert calls.splitlines()[0] >= "1"


@pytest.mark.rule("D-image-monitor")
def test_the_monitor_tells_numbers_that_are_the_servers_own(home: Postgres) -> None:
    home.config["ww"]["monitor"] = {"interval_s": 0.3}
    with home.up():
        home.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id")
        sleeper = threading.Thread(target=home.ask, args=("SELECT pg_sleep(50)",))
        sleeper.start()
        health = until(lambda: (found := home.health()).get("active") == 1 and found, "an active query", LONG_S)
        assert all(isinstance(value, int | float) for value in health.values())
        assert health["longest_query_s"] > 0
        assert health["bytes"] > 10_000_000
        assert health["max_connections"] == 100
        until(lambda: home.health().get("rows_inserted", 0) >= 1000, "the rows", LONG_S)
        home.admin("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(50)'")
        sleeper.join()


@pytest.mark.rule("D-image-no-loss")
def test_what_was_acknowledged_is_there_after_stops_kills_and_restarts_under_load(home: Postgres) -> None:
    running = home.up()
    home.sql("CREATE TABLE acks (id int PRIMARY KEY)")
    acknowledged: list[int] = []
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.is_set():
            number += 1
            if home.ask(f"INSERT INTO acks SELECT {number}").returncode == 0:
                acknowledged.append(number)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for round_ in range(6):
            had = len(acknowledged)
            until(lambda had=had: len(acknowledged) >= had + 5, "writes", LONG_S)  # type: ignore[misc]
            if round_ % 3 == 0:
                times = running.states().count("UP")
                os.kill(home.pid("postgres"), signal.SIGKILL)
                running.until_state("UP", times + 1)
            elif round_ % 3 == 1:
                home.kill(running)
                running = home.up()
            else:
                assert running.stop() == 0
                assert "database system is shut down" in said(running)
                running = home.up()
                assert "not properly shut down" not in said(running), "the stop was whole"
    finally:
        over.set()
        writing.join()
    there = {int(line) for line in home.sql("SELECT id FROM acks").split()}
    assert set(acknowledged) <= there
    running.stop()


def test_reload_applies_what_needs_no_restart_and_names_what_does(home: Postgres) -> None:
    with home.up() as running:
        before = home.pid("postgres")
        layer = home.root / "ww/etc/conf.d/50-mine.json"
        layer.parent.mkdir()
        settings = {"work_mem": "7MB", "max_connections": 50}
        layer.write_text(json.dumps({"settings": settings, "roles": {"late": {"createdb": True}}}))
        home.ww("reload")
        assert home.sql("SHOW work_mem") == "7MB"
        assert home.sql("SHOW max_connections") == "100"
        assert "max_connections waits for a restart" in said(running)
        assert home.sql("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'late'") == "t"
        assert home.pid("postgres") == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"settings": {"max_connections": "many"}}, "max_connections"),
        ({"access": ["host all all all scram-sha-256", "host all all all scram-sha-256 nosuch=1"]}, "nosuch"),
        ({"database": {"name": "other"}}, "this data was made with the database app"),
        ({"database": {"owner": "nobody"}}, "database.owner is nobody: there is no such role"),
    ],
)
def test_a_reload_that_the_server_refuses_leaves_what_it_had(
    home: Postgres, changes: dict[str, Any], words: str
) -> None:
    layer = home.root / "ww/etc/conf.d/50-mine.json"
    layer.parent.mkdir()
    with home.up() as running:
        before = {path.name: path.read_bytes() for path in (home.data / "etc").glob("p*.conf")}
        layer.write_text(json.dumps(changes))
        assert words in home.ww("reload", code=1)
        assert {path.name: path.read_bytes() for path in (home.data / "etc").glob("p*.conf")} == before
        os.kill(home.pid("postgres"), signal.SIGKILL)
        running.until_state("UP", 2)
        assert home.sql("SELECT 1") == "1", "it comes back with what it had"


def test_a_reload_after_which_the_server_answers_nobody_is_refused_in_words_and_taken_back(home: Postgres) -> None:
    layer = home.root / "ww/etc/conf.d/50-mine.json"
    layer.parent.mkdir()
    with home.up():
        before = {path.name: path.read_bytes() for path in (home.data / "etc").glob("p*.conf")}
        layer.write_text(json.dumps({"settings": {"session_preload_libraries": "nosuch"}}))
        assert "answers nobody with it" in home.ww("reload", code=1)
        assert {path.name: path.read_bytes() for path in (home.data / "etc").glob("p*.conf")} == before
        until(lambda: home.ask("SELECT 1").returncode == 0, "the server goes on with what it had", LONG_S)


def test_a_reload_of_a_server_that_does_not_answer_says_so(home: Postgres) -> None:
    with home.up():
        server = home.pid("postgres")
        os.kill(server, signal.SIGSTOP)
        try:
            assert "the server does not answer" in home.ww("reload", code=1)
        finally:
            os.kill(server, signal.SIGCONT)
        until(lambda: home.ask("SELECT 1").returncode == 0, "the server goes on", LONG_S)


@pytest.mark.rule("D-image-secrets")
def test_a_password_is_in_no_log_whatever_is_logged(home: Postgres) -> None:
    everything = {
        "log_statement": "all",
        "log_min_duration_statement": 0,
        "log_transaction_sample_rate": 1,
        "log_min_duration_sample": 0,
        "log_statement_sample_rate": 1,
        "debug_print_parse": True,
        "debug_print_rewritten": True,
        "standard_conforming_strings": False,
    }
    with home.up(settings=everything, superuser_password=home.secret("root", f"root's {PASSWORD}")) as running:
        assert home.sql("SELECT 7") == "7"
        assert home.ask("SELECT 1", user="postgres", password=f"root's {PASSWORD}").returncode == 0
        until(lambda: "SELECT 7" in said(running), "the log of statements", LONG_S)
        assert "ame$" not in said(running), "the end of every password"


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"settings": {"port": 1}}, 78, "port"),
        ({"settings": {"Port": 1}}, 78, "Port"),
        ({"roles": {"postgres": {}}}, 78, "postgres"),
        ({"roles": {"pg_mine": {}}}, 78, "pg_mine"),
        ({"access": ["local all all trust"]}, 78, "write TYPE DATABASE USER ADDRESS METHOD"),
        ({"access": ["host all all 10.0.0.1 md5"]}, 78, "write TYPE DATABASE USER ADDRESS METHOD"),
        ({"access": ["host all all 10.0.0.0/33 md5"]}, 78, "write TYPE DATABASE USER ADDRESS METHOD"),
        ({"access": ["host all all all peer"]}, 78, "METHOD is one of"),
        ({"access": ["host all all all scram-sha-256 nosuch=1"]}, 70, "nosuch"),
        ({"database": {"name": "app", "owner": "nobody", "extensions": []}}, 70, "database.owner is nobody"),
        ({"roles": None}, 78, "write roles by name"),
        ({"settings": {"max_connections": "many"}}, 70, "max_connections"),
        ({"roles": {"app": {"password": {"$secret": "nowhere"}}}}, 70, "nowhere"),
    ],
)
def test_a_wrong_configuration_is_refused_in_words(
    home: Postgres, changes: dict[str, Any], code: int, words: str
) -> None:
    with home.start(**changes) as refused:
        assert refused.wait() == code
        assert words in said(refused)
    assert not (home.data / "pg").exists()


@pytest.mark.parametrize(
    "line",
    [
        "host all all all scram-sha-256",
        "hostssl app,shop  app 10.0.0.0/8 cert  # ours",
        'hostnossl "my db" "re ader",app 192.168.1.7 255.255.255.255 md5',
        "host all +group ::1/128 trust",
        "host sameuser all fe80::7 ffff:ffff:: reject",
        "host all all .example.org password",
        'host all all db-1.example.org ldap ldapserver=ldap.example.org ldapprefix="cn="',
        "host replication all samenet gss include_realm=0",
    ],
)
def test_lines_that_postgresql_takes_are_taken(home: Postgres, line: str) -> None:
    schema = json.loads((home.root / "ww/etc/cfg_schema.json").read_text())
    assert not faults({"access": [line]}, {"properties": {"access": schema["properties"]["access"]}})


def test_an_access_line_that_is_wrong_does_not_take_the_data_down_at_the_next_start(home: Postgres) -> None:
    with home.up() as running:
        assert running.stop() == 0
    before = (home.data / "etc/pg_hba.conf").read_bytes()
    with home.start(access=["host all all all scram-sha-256 nosuch=1"]) as refused:
        assert refused.wait() == 70
        assert "RESTARTING" not in refused.states()
        assert 'unrecognized authentication option name: "nosuch"' in said(refused)
    assert (home.data / "etc/pg_hba.conf").read_bytes() == before
    with home.up(access=["host all app all scram-sha-256"]):
        assert home.sql("SELECT 1") == "1"


def test_another_name_of_the_database_is_refused_while_nothing_was_changed(home: Postgres) -> None:
    with home.up() as running:
        assert running.stop() == 0
    other = {"name": "other", "owner": "app", "extensions": []}
    with home.start(database=other) as refused:
        assert refused.wait() == 70
        assert "database.name is other, and this data was made with the database app" in said(refused)
    (home.data / "etc/database").unlink()  # as data of version 1.1 has none
    with home.start(database=other) as refused:
        assert refused.wait() == 70
        assert "database.name is other: there is no such database in this data" in said(refused)
    with home.up():
        assert home.admin("SELECT count(*) FROM pg_database WHERE datname = 'other'") == "0"


def test_the_example_of_a_migration_makes_a_table_of_the_applications_own(home: Postgres) -> None:
    page = (REPO / "images/postgres/README.md").read_text()
    pattern = r"^```sh\n(#!/bin/sh\n# /ww/usr/upgrade\.d/1001-orders\n.*?)^```$"
    (script,) = re.findall(pattern, page, re.MULTILINE | re.DOTALL)
    with home.up() as running:
        running.stop()
    path = home.root / "ww/usr/upgrade.d/1001-orders"
    path.write_text(script)
    path.chmod(0o755)
    with home.up():
        assert home.sql("INSERT INTO orders VALUES (1, 'tea') RETURNING what") == "tea"
        assert home.admin("SELECT tableowner FROM pg_tables WHERE tablename = 'orders'") == "app"


def test_the_role_of_the_image_is_not_made_where_it_is_null(home: Postgres) -> None:
    roles = {"app": None, "shop": {"password": home.secret("app", PASSWORD)}}
    with home.up(roles=roles, database={"name": "shop", "owner": "shop", "extensions": []}):
        assert home.admin("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1", "shop").split() == [
            "postgres",
            "shop",
        ]


def test_it_runs_as_a_user_who_is_not_root(home: Postgres) -> None:
    prefix: tuple[str, ...] = ()
    if os.getuid() == 0:
        # The interpreter under test may lie where only root may look.
        looks = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
        prefix = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *looks, "--")
        account = pwd.getpwnam("postgres")
        for path in (home.root, *home.root.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)
    home.config["ww"]["services"] = {"postgres": {"user": None}}
    with home.start(prefix=prefix) as running:
        running.until_state("UP")
        assert home.sql("SELECT 1") == "1"
        assert running.stop() == 0
