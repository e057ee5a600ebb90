# shellcheck shell=sh
# What the hooks of this image share: `. "$WW_FILES/redis.sh"`.

redis_data=$WW_DATA/redis
redis_etc=$WW_DATA/etc
private=''
private_pid=''
unset REDISCLI_AUTH

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

exec_as_redis() {
    if [ "$(id -u)" = 0 ]; then
        exec setpriv --reuid=redis --regid=redis --init-groups -- "$@"
    fi
    exec "$@"
}

as_redis() { (exec_as_redis "$@"); }

make_directory() { # PATH: ours alone
    mkdir -p "$1"
    chmod 0700 "$1"
    [ "$(id -u)" != 0 ] || chown redis:redis "$1"
}

ask() { # COMMAND…: the answer of the private server if there is one, else of the service; an error is an error
    limit=0
    [ "$1" != ping ] || limit=10 # a server that hangs accepts connections all the same
    if [ -n "$private" ]; then
        answer=$(timeout "$limit" redis-cli -s "$private/sock" "$@") || return 1
    else
        REDISCLI_AUTH=$(cat "$redis_etc/password" 2> /dev/null || :)
        [ -z "$REDISCLI_AUTH" ] || export REDISCLI_AUTH
        answer=$(timeout "$limit" redis-cli --no-auth-warning -s "$redis_data/redis.sock" "$@") || return 1
    fi
    printf '%s\n' "$answer"
    case $answer in
        ERR* | NOAUTH* | WRONGPASS* | LOADING* | MISCONF* | NOPERM* | BUSY* | MASTERDOWN*) return 1 ;;
    esac
}

info() { # FIELD
    ask info | tr -d '\r' | sed -n "s/^$1://p"
}

kept_as() { # what is in the data directory: aof, rdb or nothing
    set -- "$redis_data"/appendonlydir/*.manifest
    if [ -f "$1" ] || [ -f "$redis_data/appendonly.aof" ]; then
        echo aof
    elif [ -f "$redis_data/dump.rdb" ]; then
        echo rdb
    fi
}

refuse_second_server() { # `ww backup` beside an instance whose service does not answer now: two servers on one data are its end
    # The instance may be that of another container on the same volume: no process, port or lock of the server shows it.
    if [ -z "$WW_STATE" ] && { [ -n "${WW_HOLDER:-}" ] || ww status > /dev/null 2>&1; }; then
        echo "the instance (${WW_HOLDER:-here}) runs and its server does not answer: try again when it is UP" >&2
        exit 75
    fi
}

render() { # Redis' configuration from ours
    for name in redis.conf password; do
        ww render --mode 0600 "$WW_FILES/$name.j2" "$redis_etc/$name"
        [ "$(id -u)" != 0 ] || chown redis:redis "$redis_etc/$name"
    done
}

private_up() { # yes|no DIRECTORY [CONFIGURATION]: a server on the data that reads the append-only file or not, reached by us alone
    appendonly=$1 directory=$2 configuration=${3:-}
    # Of an append-only file the keys of a database that the server has not go into another one, without an error.
    databases=$(sed -n 's/^databases //p' "$redis_etc/redis.conf" 2> /dev/null | tail -n 1)
    [ "${databases:-0}" -ge 1024 ] || databases=1024
    private=$(mktemp -d "$redis_data/.private.XXXXXX")
    make_directory "$private"
    trap private_down EXIT
    trap 'exit 143' TERM INT HUP
    set -- --port 0 --tls-port 0 --unixsocket "$private/sock" --unixsocketperm 700 --requirepass '' --replicaof no one \
        --cluster-enabled no --dir "${directory:-$private}" --databases "$databases" --appendonly "$appendonly" --save '' \
        --loglevel warning --logfile ''
    (exec_as_redis redis-server ${configuration:+"$configuration"} "$@") &
    private_pid=$!
    until [ "$(ask ping 2> /dev/null)" = PONG ]; do
        kill -0 "$private_pid" 2> /dev/null || fail "the private server${directory:+" on $directory"} did not start: its reason stands above"
        sleep 0.05
    done
}

private_down() {
    [ -n "$private_pid" ] || return 0
    ended=$private_pid private_pid='' code=0
    kill -TERM "$ended" 2> /dev/null || :
    wait "$ended" || code=$?
    rm -rf "$private"
    private=''
    trap - EXIT
    return "$code"
}

wait_rewritten() { # an append-only file that was asked for is whole
    until [ "$(info aof_rewrite_in_progress)$(info aof_rewrite_scheduled)" = 00 ]; do sleep 0.05; done
    [ "$(info aof_last_bgrewrite_status)" = ok ] || fail "the append-only file could not be written"
}

snapshot_to_file() { # made aside and moved in one step: a try that was killed is made again from the snapshot
    rm -rf "$redis_data/.new"
    make_directory "$redis_data/.new"
    ln "$redis_data/dump.rdb" "$redis_data/.new/dump.rdb"
    private_up no "$redis_data/.new"
    ask config set appendonly yes > /dev/null
    wait_rewritten
    private_down
    for made in appendonlydir appendonly.aof; do
        [ -e "$redis_data/.new/$made" ] || continue
        rm -rf "${redis_data:?}/$made"
        mv "$redis_data/.new/$made" "$redis_data/$made"
    done
    sync "$redis_data"
    rm -rf "$redis_data/.new"
}

file_to_snapshot() {
    private_up yes "$redis_data"
    ask save > /dev/null
    private_down
    for old in appendonlydir appendonly.aof; do
        rm -rf "$redis_data/.gone"
        [ ! -e "$redis_data/$old" ] || mv "$redis_data/$old" "$redis_data/.gone"
    done
    rm -rf "$redis_data/.gone"
}
