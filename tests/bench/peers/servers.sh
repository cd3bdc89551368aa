# Other brokers for measuring, in bash, each with a configuration of its own in a temporary folder, on a free port of loopback;
# sourced by tests/bench/beside and smoke.
#
#   peer_has NAME                   whether its program is installed
#   peer_start NAME FOLDER [COMMAND...] starts it fresh, under COMMAND if given; sets peer_pid, peer_port, peer_kind (redis, mqtt, nats)
#   peer_again FOLDER               starts what is in the folder once more, after peer_stop or peer_kill
#   peer_stop, peer_kill            SIGTERM, or SIGKILL; waits
#   peer_words NAME                 what it is, for tables
#
# Names: redis-none, redis-everysec, redis-always, mosquitto, mosquitto-save, nats. Only what was started here is ended.

peer_pid=
peer_job=
peer_port=
peer_kind=

peer_words() {
    case $1 in
    redis-none) echo "Redis, in memory only" ;;
    redis-everysec) echo "Redis, appendfsync everysec" ;;
    redis-always) echo "Redis, appendfsync always" ;;
    mosquitto) echo "Mosquitto, persistence as it comes" ;;
    mosquitto-save) echo "Mosquitto, saved at every change" ;;
    nats) echo "NATS JetStream, file" ;;
    esac
}

peer_kind_of() {
    case $1 in
    redis-*) echo redis ;;
    mosquitto*) echo mqtt ;;
    nats) echo nats ;;
    esac
}

peer_program() {
    case $1 in
    redis-*) PATH=$PATH:/usr/sbin command -v redis-server ;;
    mosquitto*) PATH=$PATH:/usr/sbin command -v mosquitto ;;
    nats) PATH=$PATH:/usr/sbin command -v nats-server ;;
    esac
}

peer_has() {
    peer_program "$1" >/dev/null
}

peer_answers() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# A port that nobody has. Somebody may take it before the broker does, which then does not start and is given another.
peer_free_port() {
    local port
    for (( ; ; )); do
        port=$((20000 + RANDOM % 10000))
        peer_answers $port || { echo $port; return; }
    done
}

# Redis's own lines about saving are off: the append-only file is what is compared.
peer_configure() {
    local name=$1 folder=$2 port=$3
    case $name in
    redis-*)
        cat >"$folder/conf" <<CONF
bind 127.0.0.1
port $port
dir $folder
save ""
maxclients 100000
tcp-backlog 511
logfile $folder/log
CONF
        [ "$name" = redis-none ] || printf 'appendonly yes\nappendfsync %s\n' "${name#redis-}" >>"$folder/conf"
        ;;
    mosquitto*)
        cat >"$folder/conf" <<CONF
user $(id -un)
listener $port 127.0.0.1
allow_anonymous true
persistence true
persistence_location $folder/
max_queued_messages 0
max_inflight_messages 32
set_tcp_nodelay true
log_dest file $folder/log
log_type error
CONF
        [ "$name" != mosquitto-save ] || printf 'autosave_interval 1\nautosave_on_changes true\n' >>"$folder/conf"
        ;;
    nats)
        cat >"$folder/conf" <<CONF
listen: 127.0.0.1:$port
logfile: "$folder/log"
jetstream: { store_dir: "$folder/store", max_memory_store: 64MB, max_file_store: 64GB }
CONF
        ;;
    esac
}

peer_again() {
    local folder=$1 name program i
    shift
    name=$(cat "$folder/name")
    peer_port=$(cat "$folder/port")
    peer_kind=$(peer_kind_of "$name")
    program=$(peer_program "$name")
    local -a run=("$program" "$folder/conf")
    [ $peer_kind = redis ] || run=("$program" -c "$folder/conf")
    "$@" "${run[@]}" >"$folder/said" 2>&1 &
    peer_job=$!
    # A full one reads its files before it listens.
    for ((i = 0; i < 1200; i++)); do
        peer_answers "$peer_port" && break
        kill -0 "$peer_job" 2>/dev/null || { wait "$peer_job"; peer_job=; return 1; }
        sleep 0.05
    done
    peer_pid=$peer_job
    # Under another program the broker is its child.
    [ "$(readlink "/proc/$peer_job/exe")" = "$(realpath "$program")" ] ||
        peer_pid=$(cut -d' ' -f1 "/proc/$peer_job/task/$peer_job/children")
    # Redis listens before it has read its files, and says LOADING until then.
    [ $peer_kind != redis ] || peer_redis_loaded
}

peer_redis_loaded() {
    local answer i
    for ((i = 0; i < 1200; i++)); do
        answer=$(exec 3<>"/dev/tcp/127.0.0.1/$peer_port" && printf 'PING\r\n' >&3 && head -n 1 <&3)
        [[ $answer = +PONG* ]] && return 0
        sleep 0.05
    done
    return 1
}

peer_start() {
    local name=$1 folder=$2 i
    shift 2
    for ((i = 0; i < 5; i++)); do
        rm -rf "$folder"
        mkdir -p "$folder"
        echo "$name" >"$folder/name"
        peer_free_port >"$folder/port"
        peer_configure "$name" "$folder" "$(cat "$folder/port")"
        peer_again "$folder" "$@" && return 0
    done
    echo "$name does not start:" >&2
    cat "$folder"/said "$folder"/log >&2
    return 1
}

peer_end() {
    [ -n "$peer_pid" ] || return 0
    kill "-$1" "$peer_pid" 2>/dev/null
    wait "$peer_job" 2>/dev/null
    peer_pid=
    peer_job=
}

peer_stop() {
    peer_end TERM
}

peer_kill() {
    peer_end KILL
}
