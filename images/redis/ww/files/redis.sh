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
    if [ -n "$private" ]; then
        answer=$(redis-cli -s "$private/sock" "$@") || return 1
    else
        REDISCLI_AUTH=$(cat "$redis_etc/password" 2> /dev/null || :)
        [ -z "$REDISCLI_AUTH" ] || export REDISCLI_AUTH
        answer=$(redis-cli --no-auth-warning -s "$redis_data/redis.sock" "$@") || return 1
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
    if [ -d "$redis_data/appendonlydir" ] || [ -f "$redis_data/appendonly.aof" ]; then
        echo aof
    elif [ -f "$redis_data/dump.rdb" ]; then
        echo rdb
    fi
}

refuse_second_server() { # `ww backup` beside an instance whose service does not answer now: two servers on one data are its end
    if [ -z "$WW_STATE" ] && ww status > /dev/null 2>&1; then
        echo "the instance runs and its server does not answer: try again when it is UP" >&2
        exit 75
    fi
}

private_up() { # yes|no DIRECTORY: a server on the data that reads the append-only file or not, reached by us alone
    appendonly=$1 directory=$2
    private=$(mktemp -d "$WW_DATA/.private.XXXXXX")
    make_directory "$private"
    trap private_down EXIT
    trap 'exit 143' TERM INT HUP
    (exec_as_redis redis-server --port 0 --unixsocket "$private/sock" --unixsocketperm 700 --dir "$directory" \
        --appendonly "$appendonly" --save '' --loglevel warning --logfile '') &
    private_pid=$!
    until [ "$(ask ping 2> /dev/null)" = PONG ]; do
        kill -0 "$private_pid" 2> /dev/null || fail "the private server on $directory did not start: its reason stands above"
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
