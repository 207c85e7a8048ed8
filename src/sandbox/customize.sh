# What mmdebstrap does last to a fresh tree, "$1": it becomes the bare server
# that a provider hands over, made quiet enough to be compared before and after.
set -eu
root=$1

# Installing needs no network afterwards: the packages of a mail server lie in
# apt's own cache, which apt-get keeps.
chroot "$root" apt-get clean
chroot "$root" apt-get install --yes --no-install-recommends --download-only \
    postfix dovecot-core dovecot-imapd dovecot-pop3d dovecot-lmtpd \
    dovecot-sieve dovecot-managesieved \
    opendkim rspamd postsrsd unbound fail2ban python3-systemd nftables \
    libsasl2-modules openssl sudo nginx apache2 pebble \
    dovecot-auth-lua unattended-upgrades \
    roundcube-core roundcube-sqlite3 roundcube-plugins \
    "$(chroot "$root" apt-cache search --names-only '^php[0-9.]+-fpm$' | cut -d ' ' -f 1)"

# apt takes a second to think about seventy thousand packages, each time it is asked. Those
# that no server installs are left out of its lists, unless they were fetched just now.
fetched=$(ls "$root/var/cache/apt/archives" | cut -d _ -f 1)
for list in "$root"/var/lib/apt/lists/*_Packages; do
    fetched=$fetched awk '
        BEGIN {
            RS = ""; ORS = "\n\n"
            sections = "debian-installer|debug|education|electronics|embedded|fonts|games|" \
                "gnome|gnu-r|gnustep|golang|graphics|hamradio|haskell|introspection|java|" \
                "javascript|kde|libdevel|lisp|localization|math|ocaml|otherosfs|ruby|rust|" \
                "science|sound|tex|translations|video|x11|xfce|zope"
            left_out = "\nSection: (" sections ")\n"
            names = split(ENVIRON["fetched"], of_name, "\n")
            for (i = 1; i <= names; i++) is_fetched[of_name[i]] = 1
        }
        $2 in is_fetched || $0 !~ left_out
    ' "$list" >"$list.short"
    mv "$list.short" "$list"
done
chroot "$root" apt-cache gencaches

# systemd in a container cannot always see that a service's last process is gone.
mkdir -p "$root/etc/systemd/system.conf.d"
printf '[Manager]\nDefaultTimeoutStopSec=5s\n' >"$root/etc/systemd/system.conf.d/box.conf"

# Nothing runs by the clock or holds apt's lock unasked, and no login prompt
# fights over a console that nobody reads.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    e2scrub_all.timer fstrim.timer console-getty.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# An installed server, not an installer's first boot: it has an identity, gets
# its name from who boots it, and knows no resolver.
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
rm -f "$root/etc/hostname" "$root/etc/resolv.conf"

# There is no way out of a box, so apt need not try twice. The tree had one
# while it was built, therefore this comes last.
printf 'Acquire::Retries "0";\n' >"$root/etc/apt/apt.conf.d/99box"
