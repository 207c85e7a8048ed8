//! What the filter costs: memory, and how fast mail comes in with and without it.
//! `tests/throughput` runs it.

use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::{FILTERED, WORDS, from, server};
use crate::common::{Server, mail_yml};
use crate::support::Suite;

/// Mails that come in, and connections at once.
const MAILS: usize = 200;
/// See [`MAILS`].
const AT_ONCE: usize = 8;

/// Returns how much memory the filter takes, in MiB, as `check` says.
fn memory(server: &Server) -> u64 {
    let output = server.debian.mailprov(&["check", "--json", "--only", "spam"]).success();
    let stdout = output.stdout();
    let events = stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let finding = events.into_iter().find(|it| it["id"] == "spam.memory").unwrap();
    let seen = finding["seen"].as_str().unwrap().split(' ').next().unwrap().to_owned();
    seen.parse().unwrap()
}

/// Hands mail in on several connections. Returns how many came in a second.
fn mails_a_second(server: &Server) -> f64 {
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let mut smtp = server.good_server();
                for _ in 0..MAILS / AT_ONCE {
                    let letter = from("ida@good.test", "", WORDS);
                    let sent = smtp.send("ida@good.test", &["thomas@example.org"], letter.bytes());
                    sent.unwrap().expect_code(250);
                }
            });
        }
    });
    let count = f64::from(u32::try_from(MAILS).unwrap());
    let rate = count / begun.elapsed().as_secs_f64();
    server.settle();
    rate
}

#[test]
#[expect(clippy::print_stderr, reason = "the figures are what it is run for")]
fn it_takes_little_memory_and_mail_comes_in_fast() {
    for suite in Suite::ALL {
        let (server, _dns) = server(suite);
        // The first mail waits for the first answers of the DNS.
        let _ = server.filed("ida@good.test", &from("ida@good.test", "", WORDS));
        let idle = memory(&server);
        let with = mails_a_second(&server);
        let after = memory(&server);
        let mut imap = server.imap("thomas");
        let arrived = imap.messages("INBOX").unwrap().len() + imap.messages("Junk").unwrap().len();
        assert_eq!(arrived, MAILS + 1, "{suite:?}");
        drop(imap);
        let yaml = FILTERED.yaml.lines().filter(|line| !line.starts_with("spam:"));
        let yaml: String = yaml.map(|line| format!("{line}\n")).collect();
        let server = Server::of(server.debian.mail_yml(&mail_yml(&yaml)).apply(), FILTERED);
        let without = mails_a_second(&server);
        eprintln!(
            "{suite:?}: {idle} MiB idle, {after} MiB after {MAILS} mails; {with:.0} mails/s with \
             the filter, {without:.0} without"
        );
        assert!(idle < 150 && after < 200, "{suite:?}: {idle} {after}");
    }
}
