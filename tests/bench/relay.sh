# A fresh relay for measuring, in bash; sourced by run, smoke and tests/integration/no_write_test.
#
#   relay_make FOLDER SETTLE_MS   sets it up, with quotas that a load generator does not meet
#   relay_start FOLDER [COMMAND...] serves, under COMMAND if given; sets relay_pid (of zaguan-relay) and relay_at (address/key)
#   relay_stop                    SIGTERM, waits
#   relay_number FOLDER NAME      one number of its status
#
# zaguan_relay is the program. Only what was started here is ended.

relay_pid=
relay_job=

relay_make() {
    "$zaguan_relay" init "$1" --listen 127.0.0.1:0 >/dev/null || return 1
    cat >"$1/relay.conf" <<CONF
[relay]
listen = 127.0.0.1:0
settle = $2
[limits]
sends-a-day = 10000000
desk-vouchers-a-day = 10000000
memory-mib = 512
connections-of-address = 1000000
connects-a-second = 1000000
handshakes-a-second = 1000000
commands-a-second = 1000000
CONF
}

relay_start() {
    local folder=$1 at= i
    shift
    rm -f "$folder/said" # of the start before
    "$@" "$zaguan_relay" serve "$folder" >"$folder/said" 2>"$folder/log" &
    relay_job=$!
    for ((i = 0; i < 200; i++)); do
        at=$(sed -n 's/^listening on //p' "$folder/said" 2>/dev/null | head -n 1)
        [ -n "$at" ] && break
        kill -0 "$relay_job" 2>/dev/null || break
        sleep 0.05
    done
    if [ -z "$at" ]; then
        echo "the relay does not start:" >&2
        cat "$folder/said" "$folder/log" >&2
        return 1
    fi
    relay_pid=$relay_job
    # Under another program the relay is its child.
    [ "$(readlink "/proc/$relay_job/exe")" = "$(realpath "$zaguan_relay")" ] ||
        relay_pid=$(cut -d' ' -f1 "/proc/$relay_job/task/$relay_job/children")
    relay_at=$at/$("$zaguan_relay" address "$folder" | sed 's|.*/||')
}

relay_stop() {
    [ -n "$relay_pid" ] || return 0
    kill "$relay_pid" 2>/dev/null
    wait "$relay_job" 2>/dev/null
    relay_pid=
    relay_job=
}

relay_number() {
    "$zaguan_relay" status "$1" --json | grep -o "\"$2\": *[0-9]*" | grep -o '[0-9]*$'
}
