# To be sourced: installs the Debian packages that the box tests need and that
# are missing. Ends the script that sources it where it is not run by root.

packages=(
    binutils dpkg-dev           # to pack: strip, dpkg-shlibdeps
    ca-certificates             # outside certificates, for crates and packages
    chromium chromium-driver    # a real browser
    debian-archive-keyring      # the newer release's keys
    e2fsprogs                   # chattr
    fonts-dejavu-core           # letters in its pictures
    gcc libc6-dev               # to link, and for ring's C
    iproute2                    # the boxes' networks
    mmdebstrap                  # the boxes' trees
    nftables                    # firewalls before boxes
    openssl                     # certificates, hashes, a second opinion on TLS
    openssh-client              # logging in to boxes
    python3-authheaders         # a second opinion on DMARC
    python3-dkim                # a second opinion on signatures
    python3-jsonschema          # a second opinion on our schemas
    strace                      # the files and programs that an apply opens
    systemd-container           # systemd-nspawn
    tmux                        # terminals
    util-linux                  # nsenter, mount
)

if [ "$(id -u)" -ne 0 ]; then
    echo "$0 boots Debian boxes: run it as root" >&2
    exit 77
fi
# Installs those of some packages that are missing.
need() {
    local package state lists missing=()
    for package; do
        state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) || state=
        [ "$state" = installed ] || missing+=("$package")
    done
    lists=$(apt-get indextargets --format '$(FILENAME)' 'Created-By: Packages' 'Origin: Debian')
    if [ ${#missing[@]} -gt 0 ] || [ -z "$lists" ]; then
        apt-get --quiet update
    fi
    if [ ${#missing[@]} -gt 0 ]; then
        echo "Installing ${missing[*]}"
        DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes --no-install-recommends \
            install "${missing[@]}"
    fi
}

need "${packages[@]}"
