//! A host whose daemons cannot speak IPv6.

use crate::common::{Letter, REFUSING, STRANGER, servers};

/// Stands for a kernel without it: to the daemons a socket of that family is refused.
const WITHOUT: &str = "\
for unit in dovecot.service postfix.service postfix@-.service; do
    mkdir -p /etc/systemd/system/$unit.d
    printf '[Service]\\nRestrictAddressFamilies=AF_UNIX AF_INET AF_NETLINK\\n' \
        >/etc/systemd/system/$unit.d/no-ipv6.conf
done
systemctl daemon-reload
systemctl stop dovecot postfix postfix@-";

#[test]
fn a_host_without_ipv6_is_served_by_ipv4() {
    for server in servers(REFUSING) {
        let _ = server.debian.shell(WITHOUT).success();
        let _ = server.debian.run(&["mailprov", "apply", "--yes"]).success();
        let _ = server.debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
        assert!(server.debian.read_text("/etc/dovecot/dovecot.conf").contains("\nlisten = *\n"));
        let protocols = server.debian.run(&["postconf", "-h", "inet_protocols"]).stdout();
        assert_eq!(protocols.trim(), "ipv4");
        let check = server.debian.mailprov(&["check", "--only", "ports,login,mail,relay"]);
        let _ = check.success();

        let letter = Letter::new();
        let mut smtp = server.stranger();
        smtp.send(STRANGER, &["anna@example.org"], letter.bytes()).unwrap().expect_code(250);
        server.settle();
        assert_eq!(server.readers(&letter), ["anna"]);

        // It is served by both again where it can be.
        let again = "rm /etc/systemd/system/*/no-ipv6.conf && systemctl daemon-reload && \
                     systemctl stop dovecot postfix postfix@-";
        let _ = server.debian.shell(again).success();
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        assert!(server.debian.connect_v6(993).is_ok());
        assert!(server.debian.connect_v6(25).is_ok());
    }
}
