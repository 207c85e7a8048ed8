//! Where systemd is not process 1, as in many a container, the init scripts do
//! the same.

use super::agent::{greeting, mail_yml, mends, nothing_to_do};
use crate::support::{Debian, Imap, Suite, Tls, wait_for};

#[test]
fn init_scripts_start_a_server_that_answers_and_is_kept_so() {
    for suite in Suite::ALL {
        let debian = Debian::without_systemd(suite).mail_yml(&mail_yml()).apply();
        assert!(!debian.exists("/run/systemd/system"));
        let before = debian.snapshot();
        nothing_to_do(&debian, "after apply");
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        before.diff(&debian.snapshot()).without(&["/var/log"]).assert_empty();

        assert!(greeting(&debian, 25).starts_with("220 mail.example.org"));
        let tls = Tls::unverified("mail.example.org");
        let mut imap = Imap::connect_tls(debian.connect(993).unwrap(), &tls).unwrap();
        assert!(imap.login("thomas", "secret").unwrap().is_ok());

        let gone =
            |port| wait_for("a daemon to end", || debian.connect(port).is_err().then_some(()));
        let _ = debian.run(&["/etc/init.d/dovecot", "stop"]).success();
        gone(143);
        mends(&debian, "stopped", &["service:dovecot"]);
        let _ = debian.run(&["update-rc.d", "postfix", "disable"]).success();
        mends(&debian, "disabled", &["service:postfix"]);
        let _ = debian.shell(
            "echo 'smtpd_banner = by hand' >>/etc/postfix/main.cf; /etc/init.d/postfix restart",
        );
        wait_for("the banner", || greeting(&debian, 25).contains("by hand").then_some(()));
        mends(&debian, "by hand", &["file:/etc/postfix/main.cf", "service:postfix"]);
        assert!(greeting(&debian, 25).starts_with("220 mail.example.org"));
        let _ = debian.shell("kill -9 $(cat /run/dovecot/master.pid)");
        mends(&debian, "killed", &["service:dovecot"]);
        assert!(greeting(&debian, 143).starts_with("* OK"));
    }
}
