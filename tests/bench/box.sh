# To be sourced: Debian boxes for the benchmark, booted by systemd-nspawn, each
# with a disk laid over trees that stay as they are and a network of its own
# that leads nowhere. What `mailprov try` does in Rust, in a few lines of shell:
# here the trees hold other programs too.
#
#   box_make NAME TREE...   a switched-off box; the first tree lies uppermost
#   box_boot NAME           switches it on and waits until it is up
#   box NAME COMMAND...     runs a command in it as root
#   box_cut NAME            ends it as if the plug were pulled; the disk stays
#   box_remove NAME         and now the disk goes too
#
# $work is where disks are kept; $work/NAME/root is the tree of a box.

# Systemds of several boxes on a host without one must not take each other's
# control groups for theirs.
box_groups() {
    local hierarchy
    [ -d /run/systemd/system ] && return
    for hierarchy in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
        [ -e "$hierarchy/cgroup.procs" ] && echo "$hierarchy/$1"
    done
    return 0
}

box_make() {
    local name=$1
    local IFS=:
    mkdir -p "$work/$name"/{disk,between,root}
    mount -t overlay -o "lowerdir=${*:2},upperdir=$work/$name/disk,workdir=$work/$name/between" \
        "$name" "$work/$name/root"
    printf '127.0.0.1 localhost\n127.0.1.1 server.box.test server\n::1 localhost\n' \
        >"$work/$name/root/etc/hosts"
    ip netns add "$name"
    ip -netns "$name" link set lo up
    # A mail server has addresses, and says so where it has none.
    ip -netns "$name" link add server0 type veth peer name wire0
    ip -netns "$name" address add 192.0.2.25/24 dev server0
    ip -netns "$name" address add 2001:db8::25/64 dev server0 nodad
    ip -netns "$name" link set wire0 up
    ip -netns "$name" link set server0 up
}

# Becomes systemd-nspawn, in the control groups of a box.
box_nspawn() {
    local name=$1 group
    shift
    for group in $(box_groups "$name"); do
        mkdir -p "$group"
        echo $BASHPID >"$group/cgroup.procs"
        [ "$1" = --keep-unit ] || set -- --keep-unit "$@"
    done
    exec systemd-nspawn --quiet --register=no --capability=CAP_NET_ADMIN --link-journal=no --machine="$name" \
        --hostname=server --directory="$work/$name/root" "$@"
}

# Boots a box: its first process is noted in $work/NAME/leader.
box_boot() {
    local name=$1 nspawn leader= state=
    (box_nspawn "$name" --boot --console=pipe --resolv-conf=off \
        --network-namespace-path="/run/netns/$name") \
        </dev/null >"$work/$name/console" 2>&1 &
    nspawn=$!
    echo $nspawn >"$work/$name/nspawn"
    for _ in $(seq 600); do
        sleep 0.1
        for leader in $(cat "/proc/$nspawn/task/$nspawn/children" 2>/dev/null); do
            # Before it becomes the box's own it is still systemd-nspawn.
            grep --quiet --invert-match systemd-nspawn "/proc/$leader/comm" || continue
            echo "$leader" >"$work/$name/leader"
            state=$(box "$name" systemctl is-system-running 2>/dev/null) || true
            [[ $state = running || $state = degraded ]] && return
        done
    done
    echo "$name does not boot: ${state:-nothing}" >&2
    cat "$work/$name/console" >&2
    return 1
}

box() {
    local name=$1
    shift
    env --ignore-environment PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root USER=root LANG=C.UTF-8 SHELL=/bin/sh \
        nsenter --mount --uts --ipc --net --pid --cgroup \
        --target="$(cat "$work/$name/leader")" -- "$@" </dev/null
}

box_cut() {
    local name=$1 nspawn
    [ -e "$work/$name/nspawn" ] || return 0
    nspawn=$(cat "$work/$name/nspawn")
    kill -KILL "$(cat "$work/$name/leader")" 2>/dev/null || true
    for _ in $(seq 100); do
        kill -0 "$nspawn" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$nspawn" 2>/dev/null || true
    wait "$nspawn" 2>/dev/null || true
    rm -f "$work/$name/nspawn" "$work/$name/leader"
}

box_remove() {
    local name=$1 group
    box_cut "$name"
    while mountpoint --quiet "$work/$name/root"; do
        umount "$work/$name/root" || sleep 0.5
    done
    [ -e "/run/netns/$name" ] && ip netns delete "$name"
    for group in $(box_groups "$name"); do
        if [ -d "$group" ]; then
            find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
        fi
    done
    rm -rf --one-file-system "${work:?}/$name"
}
