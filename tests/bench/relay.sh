# A fresh relay for measuring, in bash; sourced by run, beside, growth, million, smoke and tests/integration/no_write_test.
#
#   relay_make FOLDER SETTLE_MS   sets it up, with quotas that a load generator does not meet
#   relay_start FOLDER [COMMAND...] serves, under COMMAND if given; sets relay_pid (of zaguan-relay) and relay_at (address/key)
#   relay_start_on_time FOLDER SETTLE_MS [COMMAND...] the same, again until its tick is SETTLE_MS and not longer
#   relay_start_timed FOLDER [COMMAND...] the same as relay_start, and relay_ms is how long it took until it listened
#   relay_stop, relay_kill        SIGTERM, or SIGKILL; waits
#   relay_number FOLDER NAME      one number of its status
#
# zaguan_relay is the program. Only what was started here is ended.

relay_pid=
relay_job=
relay_ms=

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
disk-mib = 131071
input-mib = 512
waiting-mib = 512
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
    relay_found "$folder" "$at"
}

# folder, address it listens on
relay_found() {
    relay_pid=$relay_job
    # Under another program the relay is its child.
    [ "$(readlink "/proc/$relay_job/exe")" = "$(realpath "$zaguan_relay")" ] ||
        relay_pid=$(cut -d' ' -f1 "/proc/$relay_job/task/$relay_job/children")
    relay_at=$2/$("$zaguan_relay" address "$1" | sed 's|.*/||')
}

relay_start_timed() {
    local folder=$1 from at=
    shift
    rm -f "$folder/fifo" && mkfifo "$folder/fifo" || return 1
    from=${EPOCHREALTIME/./}
    "$@" "$zaguan_relay" serve "$folder" >"$folder/fifo" 2>"$folder/log" &
    relay_job=$!
    read -r at <"$folder/fifo" || return 1
    relay_ms=$(awk -v a="$from" -v b="${EPOCHREALTIME/./}" 'BEGIN { printf "%.1f", (b - a) / 1000 }')
    relay_found "$folder" "${at#listening on }"
}

# At its start the relay measures the disk, and lengthens its tick if the disk was slow just then: another figure than the one that is
# asked for. If that does not end, the tick is what it is; bench_load reports it.
relay_start_on_time() {
    local folder=$1 settle=$2 i
    shift 2
    for ((i = 0; i < 20; i++)); do
        relay_start "$folder" "$@" || return 1
        grep -q "answered within $settle ms" "$folder/log" && return
        relay_stop
        sleep 0.2
    done
    relay_start "$folder" "$@"
}

relay_end() {
    [ -n "$relay_pid" ] || return 0
    kill "-$1" "$relay_pid" 2>/dev/null
    wait "$relay_job" 2>/dev/null
    relay_pid=
    relay_job=
}

relay_stop() {
    relay_end TERM
}

relay_kill() {
    relay_end KILL
}

relay_number() {
    "$zaguan_relay" status "$1" --json | grep -o "\"$2\": *[0-9]*" | grep -o '[0-9]*$'
}
