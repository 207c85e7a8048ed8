//! A bare host, ten lines of `mail.yml`, one `apply`: a mail server, and
//! nothing left to do.

use crate::support::{Debian, Suite};

const MAIL_YML: &str = r#"hostname: mail.example.org
domains: [example.org, example.net]
accounts:
  thomas:
    password: "HASH"
    aliases: [info, sales@example.net]
  anna:
    password: "HASH"
catch_all: thomas
tls: {self_signed: true}
"#;

#[test]
fn the_second_apply_changes_nothing() {
    for suite in Suite::ALL {
        let text = MAIL_YML.replace("HASH", &crate::support::sha512_crypt("secret"));
        let debian = Debian::fresh(suite).mail_yml(&text);
        let output = debian.mailprov(&["apply", "--yes"]);
        println!("{output}");
        let _ = output.success();
        let before = debian.snapshot();
        let output = debian.mailprov(&["plan", "--detailed-exitcode"]);
        println!("{output}");
        let _ = output.exits(0);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        before.diff(&debian.snapshot()).assert_empty();
        println!("{}", debian.shell("systemctl --no-pager status dovecot 'postfix*'; ss -ltn; journalctl --no-pager -p warning; ls -la /var/lib/mailprov /usr/sbin/policy*").stdout());
    }
}
