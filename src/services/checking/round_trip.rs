//! Sends a mail and reads it back, as a stranger, a sender and a reader experience a mail server.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use super::server::Server;
use crate::probe::{
    ConnectionCache, Error, Imap, OURSELVES, Pop3, Reply, Result, Session, Smtp, Tls, random,
};
use crate::secret::Secret;
use crate::visible::visible;

/// The default time limit for delivery.
const DELIVERY: Duration = Duration::from_secs(60);

/// The shortest and the longest interval between two looks into the mailbox.
const TICKS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// A foreign address, under a name that never resolves (RFC 2606).
pub(crate) const ANOTHER: &str = "somebody@far.example";

/// Returns the sender of the test mail from outside. It is in a domain of the
/// server's own, as in mail from lists and forwarders, because the server would
/// look up any other, and the host may have no DNS.
pub(crate) fn stranger(domain: &str) -> String {
    format!("stranger@{domain}")
}

pub(crate) fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, domain)| domain)
}

/// The header field by which programs that answer automatically recognize the test
/// mail (RFC 3834).
const TEST_MAIL: &str = "Auto-Submitted: auto-generated";

/// How the subject of a mail begins that an account sends.
pub(crate) const SUBMITTED: &str = "From an account";

/// The number of messages that are searched over POP3, which has no search.
const MOST_MESSAGES: u32 = 50;

#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub login: String,
    pub address: String,
    pub password: Secret<String>,
}

/// A protocol to read mail with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Imap,
    Pop3,
}

/// Receives each command and its reply.
pub(crate) type Transcript<'a> = &'a mut dyn FnMut(&str, &str);

/// An exchange of test mails with a server.
#[derive(Debug)]
pub(crate) struct RoundTrip {
    server: IpAddr,
    tls: Tls,
    token: String,
    delivery: Duration,
    connections: ConnectionCache,
}

impl RoundTrip {
    /// Begins an exchange. The subject of its mails contains a unique random word.
    ///
    /// # Errors
    ///
    /// Fails if the system has no random numbers.
    pub(crate) fn new(server: IpAddr, tls: Tls) -> Result<Self> {
        let token = random()?.expose()[..12].to_owned();
        Ok(Self { server, tls, token, delivery: DELIVERY, connections: ConnectionCache::default() })
    }

    /// Begins an exchange with a server that other checks use too.
    ///
    /// # Errors
    ///
    /// Also fails if there is nothing to identify the server by.
    pub(crate) fn with(server: &Server) -> Result<Self> {
        let (delivery, connections) = (server.delivery, server.connections.clone());
        Ok(Self { delivery, connections, ..Self::new(server.address(), server.tls()?)? })
    }

    /// Returns the random word in the subject of its mails.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.server, port)
    }

    /// Checks that a port of the exchange answers.
    pub(crate) fn knock(&self, port: u16) -> Result<()> {
        match port {
            25 => self.connections.connect::<Smtp>(self.at(port), None).map(drop),
            465 => self.connections.connect::<Smtp>(self.at(port), Some(&self.tls)).map(drop),
            995 => self.connections.connect::<Pop3>(self.at(port), Some(&self.tls)).map(drop),
            _ => self.connections.connect::<Imap>(self.at(port), Some(&self.tls)).map(drop),
        }
    }

    /// Delivers a mail as another server does, on port 25 with STARTTLS.
    ///
    /// # Errors
    ///
    /// Fails if the server does not accept the mail.
    pub(crate) fn deliver(&self, to: &str, said: Transcript<'_>) -> Result<()> {
        let mut smtp = self.stranger(said)?;
        self.send(&mut smtp, &stranger(domain_of(to)), to, "From a stranger", said)?;
        // The mail is accepted, whatever QUIT returns.
        let _ = smtp.quit();
        Ok(())
    }

    /// Asks the server, as a stranger with an address in the domain of `ours`,
    /// to relay a mail to another stranger.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Relays`] if the server accepts, and if its refusal is not clear.
    pub(crate) fn relay(&self, ours: &str, said: Transcript<'_>) -> Result<()> {
        let mut smtp = self.stranger(said)?;
        let sender = stranger(domain_of(ours));
        tell(said, &format!("MAIL FROM:<{sender}>"), &smtp.mail(&sender)?);
        let reply = smtp.rcpt(ANOTHER)?;
        let asked = format!("RCPT TO:<{ANOTHER}>");
        tell(said, &asked, &reply);
        let _ = smtp.quit();
        if reply.is_positive() {
            return Err(Error::Relays(reply.to_string()));
        }
        if reply.is_final_refusal() {
            Ok(())
        } else {
            Err(Error::refused(asked, reply.to_string()))
        }
    }

    /// Submits a mail as a mail program does, on port 465.
    ///
    /// # Errors
    ///
    /// Fails if the login or the mail is rejected.
    pub(crate) fn submit(&self, from: &Account, to: &str, said: Transcript<'_>) -> Result<()> {
        let mut smtp = self.connections.connect::<Smtp>(self.at(465), Some(&self.tls))?;
        smtp.ehlo(OURSELVES)?;
        let reply = smtp.auth_plain(&from.login, &from.password)?.require_success("the login")?;
        tell(said, &format!("AUTH PLAIN {} …", from.login), &reply);
        self.send(&mut smtp, &from.address, to, SUBMITTED, said)?;
        let _ = smtp.quit();
        Ok(())
    }

    /// Asks the server to take a mail from an account with another sender, in
    /// the envelope or in From:. Returns whether it does.
    ///
    /// # Errors
    ///
    /// Fails if the login is rejected, and if the refusal is not final.
    pub(crate) fn disguise(
        &self,
        mut smtp: Smtp,
        account: &Account,
        envelope: &str,
        from: &str,
    ) -> Result<bool> {
        smtp.auth_plain(&account.login, &account.password)?.require_success("the login")?;
        smtp.mail(envelope)?.require_success("MAIL FROM")?;
        smtp.rcpt(&account.address)?.require_success("RCPT TO")?;
        let reply = smtp.data(&self.message(from, &account.address, "Disguised"))?;
        let _ = smtp.quit();
        match reply.is_final_refusal() {
            true => Ok(false),
            false => reply.require_success("DATA …").map(|_| true),
        }
    }

    /// Reads the mails of this exchange, once all have arrived.
    ///
    /// # Errors
    ///
    /// Fails if the login is rejected, if the mails do not arrive in time, and if `stop` is set.
    pub(crate) fn read(
        &self,
        account: &Account,
        by: Reader,
        count: usize,
        stop: &dyn Fn() -> bool,
    ) -> Result<Vec<String>> {
        let end = Instant::now() + self.delivery;
        let (mut tick, longest) = TICKS;
        loop {
            if stop() {
                return Err(Error::Stopped);
            }
            let found = match by {
                Reader::Imap => self.look_by_imap(account),
                Reader::Pop3 => self.by_pop3(account, false),
            }?;
            // A filter may have made copies.
            let subjects: HashSet<_> = found.iter().filter_map(|mail| subject(mail)).collect();
            if subjects.len() >= count {
                return Ok(found);
            }
            if Instant::now() > end {
                let within = self.delivery.as_secs();
                return Err(Error::NotDelivered { within, found: subjects.len(), count });
            }
            thread::sleep(tick);
            tick = (tick * 2).min(longest);
        }
    }

    /// Removes the mails of this exchange, and no others.
    ///
    /// # Errors
    ///
    /// Fails if the login is rejected.
    pub(crate) fn remove(&self, account: &Account, by: Reader) -> Result<()> {
        match by {
            Reader::Imap => {
                let mut imap = self.imap(account)?;
                for mailbox in imap.mailboxes()? {
                    if imap.examine(&mailbox)? && !imap.search_subject(&self.token)?.is_empty() {
                        imap.select(&mailbox)?;
                        imap.remove_subject(&self.token)?;
                    }
                }
                imap.logout()
            }
            Reader::Pop3 => self.by_pop3(account, true).map(drop),
        }
    }

    fn imap(&self, account: &Account) -> Result<Imap> {
        let mut imap = self.connections.connect::<Imap>(self.at(993), Some(&self.tls))?;
        imap.login(&account.login, &account.password)?;
        Ok(imap)
    }

    /// Looks into all mailboxes of the account, since a filter may file mail.
    fn look_by_imap(&self, account: &Account) -> Result<Vec<String>> {
        let mut imap = self.imap(account)?;
        let mut messages = Vec::new();
        for mailbox in imap.mailboxes()? {
            if !imap.examine(&mailbox)? {
                continue;
            }
            for number in imap.search_subject(&self.token)? {
                messages.push(text(imap.fetch(number)?));
            }
        }
        let _ = imap.logout();
        Ok(messages)
    }

    fn by_pop3(&self, account: &Account, remove: bool) -> Result<Vec<String>> {
        let mut pop3 = self.connections.connect::<Pop3>(self.at(995), Some(&self.tls))?;
        pop3.login(&account.login, &account.password)?;
        let last = pop3.stat()?;
        let mut messages = Vec::new();
        for number in last.saturating_sub(MOST_MESSAGES) + 1..=last {
            let message = text(pop3.retrieve(number)?);
            if subject(&message).is_some_and(|subject| subject.contains(&self.token)) {
                messages.push(message);
                if remove {
                    pop3.delete(number)?;
                }
            }
        }
        let parted = pop3.quit();
        if remove {
            parted?;
        }
        Ok(messages)
    }

    /// Connects to port 25 as another server does.
    fn stranger(&self, said: Transcript<'_>) -> Result<Smtp> {
        let mut smtp = self.connections.connect::<Smtp>(self.at(25), None)?;
        smtp.start_tls(&self.tls)?;
        said("STARTTLS", "agreed");
        smtp.ehlo(OURSELVES)?;
        Ok(smtp)
    }

    fn send(
        &self,
        smtp: &mut Smtp,
        from: &str,
        to: &str,
        subject: &str,
        said: Transcript<'_>,
    ) -> Result<()> {
        let mut agree = |asked: String, reply: Reply| {
            tell(said, &asked, &reply);
            reply.require_success(&asked).map(drop)
        };
        agree(format!("MAIL FROM:<{from}>"), smtp.mail(from)?)?;
        agree(format!("RCPT TO:<{to}>"), smtp.rcpt(to)?)?;
        agree("DATA …".into(), smtp.data(&self.message(from, to, subject))?)
    }

    fn message(&self, from: &str, to: &str, subject: &str) -> String {
        format!(
            "From: <{from}>\nTo: <{to}>\nSubject: {subject} ({})\n{TEST_MAIL}\n\nHello!\n",
            self.token
        )
    }
}

fn tell(said: Transcript<'_>, asked: &str, reply: &Reply) {
    said(asked, &reply.to_string());
}

fn subject(message: &str) -> Option<&str> {
    let mut header = message.lines().take_while(|line| !line.is_empty());
    header.find(|line| line.starts_with("Subject:"))
}

/// Returns a message as text with plain line ends and without tabs.
fn text(message: Vec<u8>) -> String {
    let line = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.split(|byte| *byte == b'\t').map(visible).collect::<Vec<_>>().join("    ")
    };
    message.split(|byte| *byte == b'\n').map(line).collect::<Vec<_>>().join("\n")
}
