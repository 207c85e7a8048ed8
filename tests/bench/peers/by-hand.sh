#!/bin/sh
# The article's job as a careful administrator writes it down: look, and mend
# what is not so. $wanted holds what the files should be.
set -eu
wanted=/opt/bench/wanted
changed=0
reload=

# file PATH OWNER GROUP MODE [SERVICE]
file() {
    if ! cmp --quiet "$wanted$1" "$1" || [ "$(stat --format '%U %G %a' "$1")" != "$2 $3 $4" ]; then
        install --owner "$2" --group "$3" --mode "$4" "$wanted$1" "$1"
        changed=$((changed + 1))
        reload="$reload ${5-}"
    fi
}

# directory PATH OWNER GROUP MODE
directory() {
    if [ "$(stat --format '%F %U %G %a' "$1")" != "directory $2 $3 $4" ]; then
        install --directory --owner "$2" --group "$3" --mode "$4" "$1"
        changed=$((changed + 1))
    fi
}

# table SOURCE COMPILED COMMAND...
table() {
    if ! [ "$2" -nt "$1" ] && [ "$(stat --format %Y "$1")" != "$(stat --format %Y "$2")" ]; then
        shift 2
        "$@"
        changed=$((changed + 1))
    fi
}

packages='postfix dovecot-core dovecot-lmtpd dovecot-imapd dovecot-pop3d dovecot-sieve dovecot-managesieved ca-certificates openssl'
# shellcheck disable=SC2086
if dpkg-query --show --showformat '${db:Status-Status}\n' $packages | grep --quiet --invert-match '^installed$'; then
    DEBIAN_FRONTEND=noninteractive apt-get --yes --no-install-recommends install $packages
    changed=$((changed + 1))
fi

case $(getent group vmail) in
vmail:*:5000:*) ;;
*) groupadd --gid 5000 vmail; changed=$((changed + 1)) ;;
esac
case $(getent passwd vmail) in
vmail:*:5000:5000:*:/var/vmail:/usr/sbin/nologin) ;;
*)
    useradd --uid 5000 --gid vmail --home-dir /var/vmail --shell /usr/sbin/nologin vmail
    changed=$((changed + 1))
    ;;
esac

directory /var/vmail vmail vmail 700
file /etc/ssl/certs/mailprov.pem root root 644
file /etc/ssl/private/mailprov.key root root 600
file /etc/dovecot/dovecot.conf root root 644 dovecot
file /etc/dovecot/users root dovecot 640
directory /etc/dovecot/sieve root root 755
file /etc/dovecot/sieve/before.sieve root root 644
file /etc/postfix/main.cf root root 644 postfix
file /etc/postfix/master.cf root root 644 postfix
file /etc/postfix/mailboxes root root 644
file /etc/postfix/virtual root root 644
file /etc/postfix/senders root root 644
file /etc/aliases root root 644
for source in /etc/postfix/mailboxes /etc/postfix/virtual /etc/postfix/senders; do
    table $source $source.db postmap hash:$source
done
table /etc/aliases /etc/aliases.db postalias hash:/etc/aliases
table /etc/dovecot/sieve/before.sieve /etc/dovecot/sieve/before.svbin sievec /etc/dovecot/sieve/before.sieve
directory /var/spool/postfix/private postfix root 700

for service in dovecot postfix; do
    if ! systemctl --quiet is-enabled $service || ! systemctl --quiet is-active $service; then
        systemctl --quiet enable --now $service
        changed=$((changed + 1))
    fi
done
for service in $reload; do
    systemctl reload "$service"
done
echo "changed=$changed"
