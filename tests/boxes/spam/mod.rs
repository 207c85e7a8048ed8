//! The spam filter: mail is judged, learnt from and never lost, and people write
//! with a From: of their own.

mod configured;
mod guard;
mod judged;
mod learning;
mod load;
mod own_from;
mod small_hosts;
#[cfg(feature = "throughput")]
mod throughput;

use super::common::{Letter, Server, Spec, servers};
use crate::support::{Dns, Network, Smtp, Suite, Zone, wait_for};

/// A server for two people that has a spam filter.
pub(super) const FILTERED: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org, example.net]
accounts:
  thomas: {password: HASH-thomas, aliases: [info, sales@example.net]}
  anna: {password: HASH-anna}
catch_all: {example.net: anna}
spam: {allow: [friend@strict.test, \"@friends.test\"]}
",
    logins: &["thomas", "anna"],
};

/// The sockets of the filter.
const MILTER: &str = "/var/spool/postfix/rspamd/milter.sock";
/// See [`MILTER`].
const CONTROLLER: &str = "/var/lib/rspamd-learn/controller.sock";

/// A text of enough words to judge.
const WORDS: &str = "Good morning, the minutes of our meeting on the garden fence are attached. \
                     Please read them until Friday, and tell me which days suit you in May.\r\n";

/// What the world's DNS says: the test's own address may send for good.test and
/// friends.test, not for strict.test, careful.test and our own domain.
fn world(server: &Server) -> Zone {
    let client = Network::client();
    let ours = server.debian.addresses();
    Zone::default()
        .host("mail.example.org", ours)
        .back(ours, "mail.example.org")
        .mx("example.org", "mail.example.org")
        .text("example.org", "v=spf1 mx -all")
        .text("_dmarc.example.org", "v=DMARC1; p=quarantine")
        .host("mx.good.test", client)
        .back(client, "mx.good.test")
        .mx("good.test", "mx.good.test")
        .text("good.test", "v=spf1 a:mx.good.test -all")
        .text("_dmarc.good.test", "v=DMARC1; p=reject")
        .mx("friends.test", "mx.good.test")
        .text("friends.test", "v=spf1 a:mx.good.test -all")
        .text("_dmarc.friends.test", "v=DMARC1; p=none")
        .mx("strict.test", "mx.good.test")
        .text("strict.test", "v=spf1 -all")
        .text("_dmarc.strict.test", "v=DMARC1; p=reject")
        .mx("careful.test", "mx.good.test")
        .text("careful.test", "v=spf1 -all")
        .text("_dmarc.careful.test", "v=DMARC1; p=quarantine")
}

/// Starts a server without DNS, on each release.
fn filtered() -> impl Iterator<Item = Server> {
    servers(FILTERED).inspect(Server::wait_for_filter)
}

/// Starts a server that asks such a DNS.
fn server(suite: Suite) -> (Server, Dns) {
    let server = Server::start(FILTERED, suite);
    let dns = serve(&server, world(&server));
    (server, dns)
}

/// Has the server and its filter, which reads /etc/resolv.conf as it starts, ask a DNS.
fn serve(server: &Server, zone: Zone) -> Dns {
    let dns = zone.serve(server.debian.network(), &[&server.debian]);
    let _ = server.debian.run(&["systemctl", "restart", "rspamd", "postfix"]).success();
    server.wait_for_filter();
    dns
}

/// A letter with this From: and lines more in its header.
fn from(sender: &str, lines: &str, body: &str) -> Letter {
    let letter = Letter::with_header(lines, body.as_bytes());
    let text = String::from_utf8_lossy(letter.bytes()).into_owned();
    let (_, rest) = text.split_once("\r\n").unwrap();
    let text = format!("From: {sender}\r\n{rest}").replace("somebody@", "thomas@");
    letter.with_bytes(text.as_bytes())
}

impl Server {
    /// Waits until the filter takes mail.
    pub(super) fn wait_for_filter(&self) {
        wait_for("the spam filter", || {
            let listening = self.debian.run(&["ss", "-Hlx"]).stdout();
            [MILTER, CONTROLLER].iter().all(|it| listening.contains(it)).then_some(())
        });
    }

    /// Calls as the mail server of good.test.
    pub(super) fn good_server(&self) -> Smtp {
        let mut smtp = Smtp::connect(self.debian.connect(25).unwrap()).unwrap();
        smtp.command("EHLO mx.good.test").unwrap().expect_code(250);
        smtp
    }

    /// Hands in a mail to thomas and returns the folder that it then lies in, and its
    /// text there.
    #[track_caller]
    pub(super) fn filed(&self, envelope: &str, letter: &Letter) -> (&'static str, String) {
        let sent = self.good_server().send(envelope, &["thomas@example.org"], letter.bytes());
        sent.unwrap().expect_code(250);
        self.settle();
        let mut imap = self.imap("thomas");
        for folder in ["INBOX", "Junk"] {
            imap.select(folder).unwrap();
            let found = imap.search(&format!("SUBJECT {}", letter.token())).unwrap();
            if let [number] = found[..] {
                let mail = imap.fetch(number).unwrap();
                return (folder, String::from_utf8_lossy(&mail).into_owned());
            }
        }
        panic!("the mail is nowhere: {}", self.debian.shell("journalctl -t rspamd -n 5").stdout());
    }
}
