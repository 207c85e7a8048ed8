//! The mail servers that tests speak to, and what all of them ask.

use std::fmt;
use std::process;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{
    Algorithm, Authority, Debian, Imap, Pop3, Smtp, SmtpReply, Suite, Tls, sha512_crypt, wait_for,
};

/// Where the certificate and its key lie in each box.
pub const CERTIFICATE: &str = "/etc/ssl/mail/fullchain.pem";
/// See [`CERTIFICATE`].
pub const KEY: &str = "/etc/ssl/mail/privkey.pem";

/// Whom strangers in these tests pose as: a sender in a domain that the servers need
/// not look up, since most of them have no DNS.
pub const STRANGER: &str = "stranger@example.org";

/// What a server is to be.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The `mail.yml`, its `tls` left out for the tests' own, and with `HASH-NAME` for the hash of
    /// [`password_of`] NAME.
    pub yaml: &'static str,
    /// Everyone who can log in.
    pub logins: &'static [&'static str],
}

/// A server for three people, where nobody gets mail to unknown addresses.
pub const REFUSING: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org, example.net]
accounts:
  thomas: {password: HASH-thomas, aliases: [info, sales@example.net]}
  anna: {password: HASH-anna}
  auser3: {password: HASH-auser3}
forwards:
  both@example.org: [thomas, anna]
  club@example.org: [bob@elsewhere.example, thomas]
",
    logins: &["thomas", "anna", "auser3"],
};

/// The same with a catch-all for all domains.
pub const CATCHING: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org, example.net]
accounts:
  thomas: {password: HASH-thomas, aliases: [info, sales@example.net]}
  anna: {password: HASH-anna, aliases: [fun]}
  auser3: {password: HASH-auser3}
catch_all: thomas
",
    logins: &["thomas", "anna", "auser3"],
};

/// As little as can be asked for.
pub const ONLY_THOMAS: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org]
accounts:
  thomas: {password: HASH-thomas}
",
    logins: &["thomas"],
};

/// A certificate for every name in these tests, by an authority of their own.
static CERTIFICATES: LazyLock<Certificates> = LazyLock::new(|| {
    let authority = Authority::new();
    let names = ["mail.example.org", "example.org", "mx.elsewhere.example"];
    let issued = authority.issue(&names, Algorithm::Rsa);
    Certificates { root: authority.root_pem(), chain: issued.chain_pem(), key: issued.key_pem() }
});

struct Certificates {
    root: String,
    chain: String,
    key: String,
}

/// Returns an account's password.
pub fn password_of(login: &str) -> String {
    let name = login.split('@').next().unwrap_or(login);
    format!("the secret of {}", name.to_lowercase())
}

/// Services that are on by default, here or where mail is forwarded, and off where a test
/// is about something else: they take seconds to set up, and bans would end a test that
/// fails logins on purpose.
const OFF: [&str; 3] = ["ban", "spam", "srs"];

/// Returns whole text for `mail.yml`: see [`Spec::yaml`].
pub fn mail_yml(yaml: &str) -> String {
    let mut text = String::new();
    if !yaml.lines().any(|line| line.starts_with("tls:")) {
        text += &format!("tls: {{certificate: {CERTIFICATE}, key: {KEY}}}\n");
    }
    for service in OFF {
        if !yaml.lines().any(|line| line.starts_with(&format!("{service}:"))) {
            text += &format!("{service}: false\n");
        }
    }
    for (index, part) in yaml.split("HASH-").enumerate() {
        if index == 0 {
            text += part;
            continue;
        }
        let end = part.find(|c: char| !c.is_alphanumeric()).unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        text += &format!("\"{}\"{rest}", sha512_crypt(&password_of(name)));
    }
    text
}

/// A mail that can be told from all others.
#[derive(Debug, Clone)]
pub struct Letter {
    token: String,
    bytes: Vec<u8>,
}

impl Letter {
    /// Writes a short one.
    pub fn new() -> Self {
        Self::saying(b"Hello.\r\n")
    }

    /// Writes one with this body, lines ended by CRLF.
    pub fn saying(body: &[u8]) -> Self {
        Self::with_header("", body)
    }

    /// Writes one with further lines in its header.
    pub fn with_header(lines: &str, body: &[u8]) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(1);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let token = format!("token-{}-{number}-end", process::id());
        let header = format!(
            "From: <{STRANGER}>\r\nTo: <somebody@example.org>\r\nSubject: {token}\r\n\
             Date: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{token}@elsewhere.example>\r\n\
             {lines}\r\n"
        );
        Self { token, bytes: [header.as_bytes(), body].concat() }
    }

    /// Returns the word that no other mail has, also its subject.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the same mail with other bytes.
    #[must_use]
    pub fn with_bytes(self, bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), ..self }
    }

    /// Returns the whole mail.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A provisioned server and a client of it.
pub struct Server {
    /// The box that it runs on.
    pub debian: Debian,
    logins: &'static [&'static str],
}

impl Server {
    /// Starts a copy of a server that became so by one `apply`.
    pub fn start(spec: Spec, suite: Suite) -> Self {
        let debian = Debian::prepared(spec.yaml, suite, |bare| provision(bare, spec));
        Self { debian, logins: spec.logins }
    }

    /// Takes a box for a server.
    pub fn of(debian: Debian, spec: Spec) -> Self {
        Self { debian, logins: spec.logins }
    }

    /// Starts one in the network of another.
    pub fn neighbour(&self, spec: Spec, suite: Suite) -> Self {
        let provision = |bare| provision(bare, spec);
        let debian = self.debian.prepared_neighbour(spec.yaml, suite, provision);
        Self { debian, logins: spec.logins }
    }

    /// Brings the server into another state.
    #[must_use]
    #[track_caller]
    pub fn change(self, spec: Spec) -> Self {
        self.change_with(spec, "")
    }

    /// Brings the server into another state, asked for with some lines more.
    #[must_use]
    #[track_caller]
    pub fn change_with(self, spec: Spec, lines: &str) -> Self {
        let text = mail_yml(&[spec.yaml, lines].concat());
        let debian = self.debian.mail_yml(&text).apply();
        Self { debian, logins: spec.logins }
    }

    /// Trusts the tests' authority and nobody else.
    pub fn tls() -> Tls {
        Tls::trusting(&CERTIFICATES.root, "mail.example.org")
    }

    /// Returns the root of the tests' authority.
    pub fn root() -> &'static str {
        &CERTIFICATES.root
    }

    /// Calls as another server does, in the clear, and says `EHLO`.
    pub fn stranger(&self) -> Smtp {
        let mut smtp = Smtp::connect(self.debian.connect(25).unwrap()).unwrap();
        smtp.ehlo().unwrap();
        smtp
    }

    /// Goes over to TLS on 587, without a password yet.
    pub fn anonymous_submission(&self) -> Smtp {
        Smtp::connect_starttls(self.debian.connect(587).unwrap(), &Self::tls()).unwrap()
    }

    /// Logs in on 587.
    #[track_caller]
    pub fn submission(&self, login: &str) -> Smtp {
        let mut smtp = self.anonymous_submission();
        smtp.auth_plain(login, &password_of(login)).unwrap().expect_code(235);
        smtp
    }

    /// Logs in on 465.
    #[track_caller]
    pub fn submissions(&self, login: &str) -> Smtp {
        let stream = self.debian.connect(465).unwrap();
        let mut smtp = Smtp::connect_tls(stream, &Self::tls()).unwrap();
        smtp.ehlo().unwrap();
        smtp.auth_plain(login, &password_of(login)).unwrap().expect_code(235);
        smtp
    }

    /// Says hello on 993.
    pub fn anonymous_imap(&self) -> Imap {
        Imap::connect_tls(self.debian.connect(993).unwrap(), &Self::tls()).unwrap()
    }

    /// Logs in on 993.
    #[track_caller]
    pub fn imap(&self, login: &str) -> Imap {
        let mut imap = self.anonymous_imap();
        imap.login(login, &password_of(login)).unwrap().ok().unwrap();
        imap
    }

    /// Logs in on 995.
    #[track_caller]
    pub fn pop3(&self, login: &str) -> Pop3 {
        let stream = self.debian.connect(995).unwrap();
        let mut pop3 = Pop3::connect_tls(stream, &Self::tls()).unwrap();
        pop3.login(login, &password_of(login)).unwrap();
        pop3
    }

    /// Returns the answer to a stranger's mail to some address.
    pub fn answer_to(&self, recipient: &str) -> SmtpReply {
        let mut smtp = self.stranger();
        smtp.mail(STRANGER).unwrap().expect_code(250);
        smtp.rcpt(recipient).unwrap()
    }

    /// Returns the answer when somebody who is logged in sends from and to some
    /// address.
    pub fn answer_to_submission(&self, login: &str, from: &str, to: &str) -> SmtpReply {
        let mut smtp = self.submission(login);
        smtp.mail(from).unwrap().expect_code(250);
        smtp.rcpt(to).unwrap()
    }

    /// Hands in a stranger's mail, which must be taken.
    #[track_caller]
    pub fn receive(&self, recipients: &[&str], letter: &Letter) {
        let reply = self.stranger().send(STRANGER, recipients, letter.bytes()).unwrap();
        reply.expect_code(250);
    }

    /// Writes to a name as programs on the host do.
    #[track_caller]
    pub fn write_from_host(&self, name: &str) -> Letter {
        let letter = Letter::new();
        let text = format!("Subject: {}\n\nfrom a program\n", letter.token());
        let sendmail = ["/usr/sbin/sendmail", "-i", name];
        let _ = self.debian.run_with_input(&sendmail, text.as_bytes()).success();
        self.settle();
        letter
    }

    /// Waits until no mail is under way any more.
    #[track_caller]
    pub fn settle(&self) {
        // Postfix looks through one folder after another: a mail that goes from one to an
        // earlier one meanwhile is in neither, but the next time it is seen.
        wait_for("an empty queue", || {
            let seen = self.debian.shell("postqueue -p; postqueue -p").stdout();
            (seen.matches("queue is empty").count() == 2).then_some(())
        });
    }

    /// Returns whose inboxes hold a mail, a name for each copy.
    pub fn readers(&self, letter: &Letter) -> Vec<&'static str> {
        let mut readers = Vec::new();
        for login in self.logins {
            readers.extend(self.copies(login, letter).iter().map(|_| *login));
        }
        readers
    }

    /// Returns the copies of a mail in an account's inbox.
    #[track_caller]
    pub fn copies(&self, login: &str, letter: &Letter) -> Vec<Vec<u8>> {
        self.search(login, &format!("SUBJECT {}", letter.token()))
    }

    /// Returns the mails in an account's inbox that fit, such as `TEXT x`.
    #[track_caller]
    pub fn search(&self, login: &str, criteria: &str) -> Vec<Vec<u8>> {
        let mut imap = self.imap(login);
        imap.select("INBOX").unwrap();
        let found = imap.search(criteria).unwrap();
        found.into_iter().map(|number| imap.fetch(number).unwrap()).collect()
    }

    /// Sends a stranger's mail to an address and returns whose inboxes it then
    /// lies in, a name for each copy.
    #[track_caller]
    pub fn reached_by(&self, recipient: &str) -> Vec<&'static str> {
        let letter = Letter::new();
        self.receive(&[recipient], &letter);
        self.settle();
        self.readers(&letter)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.debian.fmt(f)
    }
}

/// Starts a server on each release.
pub fn servers(spec: Spec) -> impl Iterator<Item = Server> {
    Suite::ALL.into_iter().map(move |suite| Server::start(spec, suite))
}

/// Makes a bare box the server. Only the first has to install packages.
fn provision(bare: Debian, spec: Spec) -> Debian {
    let debian = if spec.yaml == REFUSING.yaml {
        bare
    } else {
        Debian::prepared(REFUSING.yaml, bare.suite(), |bare| provision(bare, REFUSING))
    };
    certify(&debian);
    debian.mail_yml(&mail_yml(spec.yaml)).apply()
}

/// Gives a box the certificate that [`mail_yml`] names.
pub fn certify(debian: &Debian) {
    debian.write(CERTIFICATE, &CERTIFICATES.chain, 0o644);
    debian.write(KEY, &CERTIFICATES.key, 0o600);
}
