# shellcheck shell=sh
# What the hooks of this image share: `. "$WW_FILES/postgres.sh"`.

pg_data=$WW_DATA/pg
pg_etc=$WW_DATA/etc
pg_sockets=$WW_DATA/sockets
pg_bin=${PG_BIN:-$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)}
pg_private=${PG_PRIVATE:-}
pg_pid=''
unset PGHOST PGPORT PGUSER PGDATABASE PGSERVICE PGOPTIONS PGPASSWORD
export PGCONNECT_TIMEOUT=5 PGAPPNAME=ww

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

setting() { # KEY DEFAULT: also where nothing is compiled yet, as in a container that only restores
    ww cfg "$1" --default "$2" 2> /dev/null || printf '%s\n' "$2"
}

exec_as_postgres() { # the server refuses to run as root
    if [ "$(id -u)" = 0 ]; then
        export HOME=/var/lib/postgresql
        exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    fi
    exec "$@"
}

as_postgres() { (exec_as_postgres "$@"); }

make_directory() { # PATH: ours alone
    mkdir -p "$1"
    chmod 0700 "$1"
    [ "$(id -u)" != 0 ] || chown postgres:postgres "$1"
}

own_major() { "$pg_bin/postgres" -V | sed 's/^[^0-9]*//; s/[^0-9].*$//'; }

refuse_other_major() { # data of another major version cannot be opened, and nothing here changes it
    [ -s "$pg_data/PG_VERSION" ] || return 0
    theirs=$(cat "$pg_data/PG_VERSION") ours=$(own_major)
    [ "$theirs" != "$ours" ] || return 0
    fail "the data in $pg_data was made by PostgreSQL $theirs; this image has PostgreSQL $ours and cannot open it" \
        "nothing was changed. To move it to PostgreSQL $ours:" \
        "  1. start an image with PostgreSQL $theirs on this data, and run in it: ww backup to-$ours" \
        "  2. stop it, and with this image, the same /data and the same /backup, run: ww restore to-$ours" \
        "  3. start this image"
}

init_cluster() { # DIRECTORY
    rm -rf "$1"
    make_directory "$1"
    set -- "$1" -U postgres -E "$(setting initdb.encoding UTF8)" --locale "$(setting initdb.locale C.UTF-8)"
    [ "$(setting initdb.data_checksums true)" = false ] || set -- "$@" --data-checksums
    said=$(as_postgres "$pg_bin/initdb" -D "$@" --auth-local=trust --auth-host=scram-sha-256 2>&1) || fail "$said"
}

private_up() { # DIRECTORY: a server on it that listens on no TCP port, with its socket where nobody else comes
    rm -rf "$WW_DATA"/.private.*
    pg_private=$(mktemp -d "$WW_DATA/.private.XXXXXX")
    make_directory "$pg_private"
    # Whoever names pg_hba has the server check it: it does not start with a line that it cannot read.
    printf 'local all all trust\n' | cat - ${pg_hba:+"$pg_hba"} > "$pg_private/hba"
    chmod 0644 "$pg_private/hba"
    set -- -D "$1" -c listen_addresses= -c port=5432 -c "unix_socket_directories=$pg_private" \
        -c unix_socket_permissions=0700 -c "hba_file=$pg_private/hba" -c logging_collector=off -c archive_mode=off
    [ ! -r "$pg_etc/postgresql.conf" ] || set -- "$@" -c "config_file=$pg_etc/postgresql.conf"
    trap private_down EXIT
    trap 'exit 143' TERM INT HUP
    (exec_as_postgres "$pg_bin/postgres" "$@") & # the server itself, not a shell around it: it gets our signals
    pg_pid=$!
    until "$pg_bin/pg_isready" -q -U postgres -h "$pg_private" -p 5432; do
        kill -0 "$pg_pid" 2> /dev/null || fail "the private server on $2 did not start: its reason stands above"
        sleep 0.05
    done
    export PG_PRIVATE="$pg_private"
}

private_down() { # whole, or with an exit code
    [ -n "$pg_pid" ] || return 0
    ended=$pg_pid pg_pid='' code=0
    kill -INT "$ended" 2> /dev/null || :
    wait "$ended" || code=$?
    rm -rf "$pg_private"
    pg_private=''
    unset PG_PRIVATE
    trap - EXIT
    return "$code"
}

refuse_second_server() { # `ww backup` beside an instance whose service does not answer now: two servers on one data are its end
    # The instance may be that of another container on the same volume: no process, port or lock of the server shows it.
    if [ -z "$WW_STATE" ] && { [ -n "${WW_HOLDER:-}" ] || ww status > /dev/null 2>&1; }; then
        echo "the instance (${WW_HOLDER:-here}) runs and its server does not answer: try again when it is UP" >&2
        exit 75
    fi
}

connection() { # sets host and port: the private server if there is one, else the service
    host=$pg_sockets
    port=5432
    if [ -n "$pg_private" ]; then
        host=$pg_private
    else
        port=$(setting port 5432)
    fi
}

any_server() { # the service if it runs, else a private server on the data
    [ -z "$pg_private" ] || return 0
    connection
    if ! "$pg_bin/pg_isready" -q -U postgres -h "$host" -p "$port"; then
        refuse_other_major
        refuse_second_server
        private_up "$pg_data"
    fi
}

run_sql() { # DATABASE ARGUMENT…: SQL on standard input
    connection
    database=$1
    shift
    "$pg_bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$host" -p "$port" -U postgres -d "$database" "$@"
}

apply_roles() { # roles, passwords, the database and its extensions, as configured; also where `set -e` is off, behind ||
    sql=$(ww render "$WW_FILES/roles.sql.j2" -) || return 1
    printf '%s\n' "$sql" | run_sql postgres || return 1
    ww cfg database.name > "$pg_etc/database.new" && mv "$pg_etc/database.new" "$pg_etc/database"
}

refuse_other_database() { # the migrations are noted for the one that was made: another would have none of them
    made=$(cat "$pg_etc/database" 2> /dev/null || :) wanted=$(ww cfg database.name)
    if [ ! -s "$pg_data/PG_VERSION" ] || [ -z "$made" ] || [ "$made" = "$wanted" ]; then return 0; fi
    fail "database.name is $wanted, and this data was made with the database $made: set it back" \
        "nothing was changed. To give it another name: ALTER DATABASE … RENAME TO …, stop, and remove $pg_etc/database"
}

refuse_unknown_user() { # initdb and psql look their user up
    [ "$(id -u)" = 0 ] || id -un > /dev/null 2>&1 ||
        fail "user $(id -u) is not in /etc/passwd, and PostgreSQL wants a user that is" \
            "without root this image runs as: docker run --user postgres:0 --read-only --cap-drop ALL"
}

stopped_whole() { # nothing is to be recovered
    LC_ALL=C "$pg_bin/pg_controldata" "$pg_data" 2> /dev/null | grep -q 'cluster state: *shut down$'
}

check_access() { # FILE: the rules that will be in force, where they are new and a server that recovers nothing can read them
    if [ "$WW_STATE" != BOOT ] || cmp -s "$1" "$pg_etc/pg_hba.conf" || ! stopped_whole; then return 0; fi
    pg_hba=$1
    private_up "$pg_data"
    private_down
}

run_steps() { # the numbered migrations, for a cluster that is new
    for step in "$WW_USR"/upgrade.d/[0-9]*; do
        [ ! -x "$step" ] || "$step" "" "$WW_TO"
    done
}
