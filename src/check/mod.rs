//! Questions to a mail server, over the network like anybody's mail program:
//! small clients for SMTP, IMAP and POP3, in the clear or over TLS; and what is
//! to be found out with them, one file a [`Part`].
//!
//! A server may say anything, at any pace: answers have a limit in length and
//! in time, and what is odd in them is an [`Error`], as is a connection that
//! breaks. An SMTP answer that says no is an answer; where a mail program could
//! not go on after it, it is [`Error::Refused`].

mod calls;
mod causes;
mod clear;
mod dns;
mod error;
mod exchange;
mod health;
mod imap;
mod log;
mod login;
mod mailboxes;
mod networks;
mod outward;
mod part;
mod pop3;
mod ports;
mod post;
mod probe;
mod relay;
mod ruleset;
#[cfg(test)]
mod script;
mod server;
mod shown;
mod smtp;
mod tls;
mod wire;

pub use calls::Calls;
pub use causes::Causes;
pub use clear::in_the_clear;
pub use dns::{Record, Resolver, Wanted, dns};
pub use error::{Error, Result};
pub use exchange::{Account, Exchange, Reader, Said, random};
pub use health::{clock, disk, queue};
pub use imap::Imap;
pub use log::log;
pub use login::{Login, login, spoofing, without_login};
pub use mailboxes::mailboxes;
pub use outward::outward;
pub use part::Part;
pub use pop3::Pop3;
pub use ports::ports;
pub use post::post;
pub use probe::Probe;
pub use relay::{relay, takes_ours};
pub use ruleset::rulesets;
pub use server::{Certificate, Identity, Server, is_public, reachable};
pub use shown::certificates;
pub use smtp::{Reply, Smtp};
pub use tls::{Tls, authorities};
pub use wire::{Session, Wire};

use base64ct::{Base64, Encoding};

use crate::finding::Finding;
use crate::secret::Secret;

/// Judges something that got no proper answer. What we could not ask says
/// nothing of the server.
fn unanswered(finding: Finding, error: &Error, remedy: impl Into<String>) -> Finding {
    match error {
        Error::Barred(why) => finding.not_checked(why.clone(), "Ask from another machine."),
        error => finding.wrong(error.to_string(), remedy),
    }
}

/// What SASL PLAIN (RFC 4616) sends, in base64.
fn plain(user: &str, password: &Secret<String>) -> Secret<String> {
    let words = format!("\0{user}\0{}", password.expose());
    Secret::new(Base64::encode_string(words.as_bytes()))
}
