//! What a service's own checker does not accept never comes near the service.

use super::agent::{converged, greeting, mail_yml};
use crate::support::{Debian, Suite};

/// What a person may append to mail.yml, and the checker's words about it.
const BROKEN: [(&str, &str); 4] = [
    ("extra: {postfix: {smtpd_bannner: hello}}\n", "unused parameter: smtpd_bannner=hello"),
    ("extra: {postfix: {message_size_limit: lots}}\n", "message_size_limit"),
    ("extra: {dovecot: \"nonsense = yes\"}\n", "nonsense"),
    ("extra: {dovecot: \"protocol imap {\"}\n", "dovecot.conf"),
];

#[test]
fn a_file_that_its_checker_refuses_stops_plan_and_apply() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        for (extra, words) in BROKEN {
            debian.write("/etc/mailprov/mail.yml", mail_yml() + extra, 0o600);
            let before = debian.snapshot();
            for command in [&["plan"][..], &["apply", "--yes"]] {
                let output = debian.mailprov(command).exits(1);
                let text = output.stderr();
                assert!(text.contains(words), "{output}");
                assert!(text.contains("Nothing was changed"), "{output}");
                assert!(!text.contains("/var/lib/mailprov/stage"), "{output}");
            }
            // The folder in which files are staged comes and goes.
            let after = debian.snapshot();
            before.diff(&after).without_folder_times(&after).assert_empty();
        }
        assert!(greeting(&debian, 25).starts_with("220 mail.example.org"));
        assert!(greeting(&debian, 143).starts_with("* OK"));
    }
}

#[test]
fn on_a_fresh_host_no_service_starts_with_what_its_checker_refuses() {
    for (suite, (extra, words)) in Suite::ALL.into_iter().zip([BROKEN[0], BROKEN[2]]) {
        let debian = Debian::with_mail_packages(suite).mail_yml(&(mail_yml() + extra));
        let output = debian.mailprov(&["apply", "--yes"]).exits(1);
        assert!(output.stderr().contains(words), "{output}");
        for file in ["/etc/postfix/main.cf", "/etc/dovecot/dovecot.conf"] {
            assert!(!debian.exists(file) || !debian.read_text(file).contains("mailprov"), "{file}");
        }
        // Mended, it goes on from where it stopped.
        let debian = debian.mail_yml(&mail_yml()).apply();
        assert!(greeting(&debian, 25).starts_with("220 mail.example.org"));
    }
}
