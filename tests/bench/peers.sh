# To be sourced: what mailprov is measured against. `peers_make IMAGE` prints the
# folder of a tree that holds the peers, to be laid over the tree of a bare
# Debian 13; it is built once for these versions, in $results/peers-….

ansible=2.21.5
pyinfra=3.10.0
rash=2.19.2
# CFEngine is the one of Debian.

# Runs in the tree, with the network of this machine.
peers_recipe="
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get --quiet update
apt-get --quiet --yes --no-install-recommends install python3-venv python3-apt cfengine3 strace
# Its daemons would work beside what is measured.
systemctl mask cfengine3 cf-execd cf-monitord cf-serverd
python3 -m venv --system-site-packages /opt/peers
/opt/peers/bin/pip install --quiet ansible-core==$ansible pyinfra==$pyinfra
# As after a first run of each.
/opt/peers/bin/python -m compileall -q /opt/peers/lib || true
apt-get clean
rm -rf /root/.cache
"

peers_make() {
    local image=$1 recipe tree disk
    recipe=$(printf '%s' "$image $peers_recipe $rash" | sha256sum)
    tree=$results/peers-${recipe:0:12}
    if ! [ -d "$tree" ]; then
        box_make "$boxes-peers" "$image"
        disk=$work/$boxes-peers
        # A machine may stand behind a proxy with an authority of its own. And
        # apt-get clean must not take the packages that the image keeps.
        (box_nspawn "$boxes-peers" --as-pid2 --console=pipe --resolv-conf=bind-host \
            --bind-ro=/etc/ssl/certs/ca-certificates.crt:/run/authorities \
            --setenv=PIP_CERT=/run/authorities --tmpfs=/var/cache/apt/archives \
            sh -c "$peers_recipe") >&2
        # rash is built here: Debian 13 runs what an older Debian built.
        cargo install --quiet --locked --no-default-features \
            --root "$results/rash" --target-dir "$results/rash-build" "rash_core@$rash" >&2
        install -D "$results/rash/bin/rash" "$disk/root/opt/peers/bin/rash"
        umount "$disk/root"
        rm -rf "$results"/peers-*
        mv "$disk/disk" "$tree"
        box_remove "$boxes-peers"
    fi
    echo "$tree"
}
