//! On the machine itself, too, mail and passwords are only for whom they are.

use crate::common::{REFUSING, servers};

#[test]
fn mail_belongs_to_vmail_and_nobody_else_can_look() {
    for server in servers(REFUSING) {
        server.reached_by("thomas@example.org");
        let shell = |line: &str| server.debian.shell(line).success().stdout();
        assert_eq!(shell("id -u vmail; id -g vmail"), "5000\n5000\n");
        let home = "stat -c '%a %u:%g' /var/vmail";
        assert_eq!(shell(home), "700 5000:5000\n");
        assert_eq!(shell("find /var/vmail ! -user vmail -o ! -group vmail"), "");
        let mails = shell("find /var/vmail -type f -path '*/new/*' -o -path '*/cur/*'");
        assert!(!mails.is_empty(), "there is mail to look at");
        let as_nobody = "setpriv --reuid=nobody --regid=nogroup --clear-groups ls /var/vmail";
        assert_ne!(server.debian.shell(as_nobody).code(), 0);
        let shell_of_vmail = shell("getent passwd vmail | cut -d: -f7");
        assert_eq!(shell_of_vmail, "/usr/sbin/nologin\n");
    }
}

#[test]
fn only_those_who_need_them_read_passwords_and_keys() {
    for server in servers(REFUSING) {
        let stat = |path: &str| {
            let stat = ["stat", "-c", "%a %U:%G", path];
            server.debian.run(&stat).success().stdout().trim_end().to_owned()
        };
        assert_eq!(stat("/etc/dovecot/users"), "640 root:dovecot");
        // Where anybody gets to /var/spool/postfix/private is Postfix's: 0700.
        assert_eq!(stat("/var/spool/postfix/private"), "700 postfix:root");
        assert_eq!(stat("/var/spool/postfix/private/auth"), "660 postfix:postfix");
        assert_eq!(stat("/var/spool/postfix/private/dovecot-lmtp"), "600 postfix:postfix");
        // Dovecot's tokens and statistics aside, no socket is for everybody.
        let open =
            "find /run/dovecot -type s -perm /002 ! -path '*/login/*' ! -path '*/token-login/*'";
        let open = server.debian.shell(open).success().stdout();
        assert_eq!(open, "", "open to every local user");
    }
}

#[test]
fn the_checkers_of_both_programs_have_nothing_to_say() {
    for server in servers(REFUSING) {
        for line in ["postfix check", "postconf -n", "postconf -M", "doveconf -n"] {
            let output = server.debian.shell(line).success();
            assert_eq!(output.stderr(), "", "{line}");
        }
    }
}
