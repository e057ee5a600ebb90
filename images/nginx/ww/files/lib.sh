# What the hooks share; they read it with `. "$WW_FILES/lib.sh"`.
# shellcheck shell=sh disable=SC2034

NGINX_HOME=$WW_RUN/nginx
NGINX_CONF=$NGINX_HOME/nginx.conf

# Where workers write. The run directory is for the user of ww alone, and the workers of a master that is root are not
# that user: so the data, if it can be written.
NGINX_AS_ROOT=no
[ "$(id -u)" != 0 ] || NGINX_AS_ROOT=yes
if [ -w "$WW_DATA" ]; then
    NGINX_STATE=$WW_DATA/nginx
elif [ "$NGINX_AS_ROOT" = yes ]; then
    NGINX_STATE=/var/lib/nginx
else
    NGINX_STATE=$NGINX_HOME
fi
export NGINX_HOME NGINX_STATE NGINX_AS_ROOT

# Writes the configuration FILE, and has nginx itself test it. Fails with what nginx said; with 75 (try again) where the
# name of an upstream is not known yet.
make_config() { # FILE
    mkdir -p "$NGINX_HOME" "$NGINX_STATE"
    NGINX_GENERATION=$(date +%s.%N)
    export NGINX_GENERATION
    ww render "$WW_FILES/nginx.conf.j2" "$1"
    if said=$(nginx -t -q -p "$NGINX_HOME" -e stderr -c "$1" 2>&1); then
        return 0
    fi
    echo "$said" >&2
    case $said in
    *"host not found in upstream"*) return 75 ;;
    esac
    return 1
}

# The ADDRESS:PORT of the figures, as the configuration in use has it: `ww cfg` may be ahead of it.
status_address() {
    sed -n 's/^# status: //p' "$NGINX_CONF"
}

ask_status() { # PATH
    curl -fsS -m 5 "http://$(status_address)$1"
}
