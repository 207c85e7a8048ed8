# Run on a host by its own sh, over SSH: describes the host, receives the program
# if asked to, and executes it.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 077
cd /

program=/usr/local/bin/mailprov
# The program to run: else that of the Debian package.
there=$program
if ! [ -f "$there" ]; then there=/usr/bin/mailprov; fi
digest() { sha256sum | cut -d ' ' -f 1; }
say() { printf '%s=%s\n' "$1" "$2"; }
release() { sed -n "s/^$1=//p" /etc/os-release 2>/dev/null | tr -d '"' | tail -n 1; }

say mailprov-greets 1
say distribution "$(release ID)"
say like "$(release ID_LIKE)"
say release "$(release VERSION_ID)"
say codename "$(release VERSION_CODENAME)"
say machine "$(uname -m)"
say user "$(id -u)"
say libc "$(getconf GNU_LIBC_VERSION 2>/dev/null || true)"
say clock "$(date +%s)"
say free "$(df -Pk /usr 2>/dev/null | tail -n 1 | tr -s ' ' | cut -d ' ' -f 4)"
if [ -f "$there" ]; then say program "$(digest <"$there")"; fi
say end ''

IFS=' ' read -r order size wanted || exit 0
case $order in
run) ;;
receive)
    mkdir -p -m 755 "${program%/*}"
    # Left by an earlier connection that was cut off.
    find "${program%/*}" -maxdepth 1 -name '.mailprov.????????' -mmin +60 -delete
    new=$(mktemp "${program%/*}/.mailprov.XXXXXXXX")
    trap 'rm -f "$new"' EXIT
    trap 'exit 1' HUP INT TERM
    head -c "$size" >"$new"
    if [ "$(digest <"$new")" != "$wanted" ]; then
        echo 'the program did not arrive whole' >&2
        exit 1
    fi
    chmod 755 "$new"
    case $("$new" --version 2>&1) in
    'mailprov '*) ;;
    *)
        echo 'what was sent is not mailprov, or does not run here' >&2
        exit 1
        ;;
    esac
    sync "$new"
    mv -f "$new" "$program"
    trap - EXIT HUP INT TERM
    there=$program
    ;;
*) exit 0 ;;
esac
exec "$there" serve
