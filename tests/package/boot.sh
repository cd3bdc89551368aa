# The installed relay under systemd itself, in a container; sourced by run, which has inside, apt, fail and root.
#
#   boot_relay    starts the root folder as a machine; fails if the relay does not run, is not closed up, or does not stop well

# Without them the container's own filter refuses mlock, which a machine would not.
container=(systemd-nspawn --quiet --keep-unit --register=no --capability=CAP_IPC_LOCK -D)

can_boot() { command -v systemd-nspawn >/dev/null && "${container[@]}" "$root" /bin/true >/dev/null 2>&1; }

# What is asked inside, when it has started, into /probe.log; then the machine goes off.
write_probe() {
    cat >"$root/probe" <<'PROBE'
#!/bin/sh
exec >/probe.log 2>&1
relay() { setpriv --reuid zaguan-relay --regid zaguan-relay --clear-groups zaguan-relay "$@" 2>&1; }
home=/var/lib/zaguan-relay
pid=$(systemctl show -p MainPID --value zaguan-relay)
echo "state $(systemctl is-active zaguan-relay), $(systemctl show -p StatusText --value zaguan-relay)"
sed -n 's/^\(CapEff\|NoNewPrivs\):[[:space:]]*/\1 /p' "/proc/$pid/status"
awk '/^Max core file size/ { print "core " $5 " " $6 }' "/proc/$pid/limits"
relay status $home --json
relay backup $home /var/backups/zaguan-relay/one && echo "backup made"
relay backup $home /tmp/two
systemctl stop zaguan-relay
systemctl show -p Result -p ExecMainStatus zaguan-relay
sed -i 's|^# keys = .*|keys = /run/zaguan-relay/keys|' /etc/zaguan-relay/relay.conf
systemctl start zaguan-relay && echo "started with keys in memory"
ls /run/zaguan-relay/keys
systemctl restart zaguan-relay && echo "restarted with keys in memory"
relay status $home
journalctl -u zaguan-relay --no-pager
PROBE
    chmod 755 "$root/probe"
    cat >"$root/etc/systemd/system/probe.service" <<'UNIT'
[Unit]
After=zaguan-relay.service
[Service]
Type=oneshot
TimeoutStartSec=60
ExecStart=/probe
ExecStartPost=-/bin/systemctl poweroff --no-block
[Install]
WantedBy=multi-user.target
UNIT
    inside systemctl enable probe.service >/dev/null 2>&1
}

said() { grep -qxE "$1" "$root/probe.log" || { cat "$root/probe.log" >&2; fail "under systemd it did not say: $1"; }; }

boot_relay() {
    apt install systemd systemd-sysv "/packages/$(basename "$root"/packages/zaguan-relay_*.deb)"
    sed -i 's/^listen = .*/listen = 127.0.0.1:0/' "$root/etc/zaguan-relay/relay.conf"
    as_relay zaguan-relay init /var/lib/zaguan-relay >/dev/null
    write_probe
    rm "$root/usr/sbin/policy-rc.d"
    umount "$root/proc"
    timeout -k 5 120 "${container[@]}" "$root" --console=pipe -b >"$work/boot.log" 2>&1 || true
    [ -s "$root/probe.log" ] || { tail -n 20 "$work/boot.log" >&2; fail "nothing was started"; }
    said 'state active, listening'
    said 'CapEff 0+'
    said 'NoNewPrivs 1'
    said 'core 0 0'
    said '.*"sandboxed": 1, "memory_locked": 1.*'
    said 'backup made'
    said 'zaguan-relay: the relay wrote /tmp/two, but it has a /tmp of its own.*'
    said 'Result=success'
    said 'ExecMainStatus=0'
    said 'started with keys in memory'
    said 'owner'
    said 'restarted with keys in memory'
    said 'Keys lie in memory only.*'
}
