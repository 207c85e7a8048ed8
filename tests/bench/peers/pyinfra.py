"""The article's job for pyinfra, on this machine itself."""

from pyinfra.operations import apt, files, server, systemd

WANTED = "/opt/bench/wanted"

apt.packages(
    name="Install Postfix and Dovecot",
    packages=[
        "postfix", "dovecot-core", "dovecot-lmtpd", "dovecot-imapd",
        "dovecot-pop3d", "dovecot-sieve", "dovecot-managesieved",
        "ca-certificates", "openssl",
    ],
    no_recommends=True,
)
server.group(name="Create the group that owns the mail", group="vmail", gid=5000)
server.user(
    name="Create the user who owns the mail",
    user="vmail", uid=5000, group="vmail", home="/var/vmail",
    shell="/usr/sbin/nologin", ensure_home=False,
)
files.directory(
    name="Create the directory of the mailboxes",
    path="/var/vmail", user="vmail", group="vmail", mode="700",
)


def put(path, group="root", mode="644"):
    """Puts a file, and says whether that changed it."""
    return files.put(
        name=path, src=WANTED + path, dest=path, user="root", group=group, mode=mode,
    )


put("/etc/ssl/certs/mailprov.pem")
put("/etc/ssl/private/mailprov.key", mode="600")
dovecot = put("/etc/dovecot/dovecot.conf")
put("/etc/dovecot/users", group="dovecot", mode="640")
postfix = [put("/etc/postfix/main.cf"), put("/etc/postfix/master.cf")]
files.directory(
    name="Create the directory of the filters for all accounts",
    path="/etc/dovecot/sieve", user="root", group="root", mode="755",
)
for source, program in [
    ("/etc/postfix/mailboxes", "postmap hash:"),
    ("/etc/postfix/virtual", "postmap hash:"),
    ("/etc/postfix/senders", "postmap hash:"),
    ("/etc/aliases", "postalias hash:"),
    ("/etc/dovecot/sieve/before.sieve", "sievec "),
]:
    text = put(source)
    server.shell(
        name=f"{source}, compiled",
        commands=[f"{program}{source}"],
        _if=text.did_change,
    )
files.directory(
    name="Create the directory of Postfix's sockets",
    path="/var/spool/postfix/private", user="postfix", group="root", mode="700",
)
systemd.service(name="Run Dovecot", service="dovecot", running=True, enabled=True)
systemd.service(name="Run Postfix", service="postfix", running=True, enabled=True)
systemd.service(
    name="Dovecot reloads", service="dovecot", reloaded=True, _if=dovecot.did_change,
)
systemd.service(
    name="Postfix reloads", service="postfix", reloaded=True,
    _if=lambda: any(text.did_change() for text in postfix),
)
