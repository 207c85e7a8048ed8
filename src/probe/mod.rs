//! Clients for what a mail server offers, used by checks and by tests: SMTP, IMAP
//! and POP3, in the clear or over TLS, and DNS.
//!
//! A server may say anything, at any pace: answers have a limit in length and
//! in time, and what is odd in them is an [`Error`], as is a connection that
//! breaks. An SMTP reply that refuses something is a reply; where a mail program
//! could not go on after it, it is [`Error::Refused`].

#![expect(clippy::disallowed_methods, reason = "servers are called here")]

mod connections;
mod error;
#[cfg(test)]
mod fake_server;
mod imap;
mod line_stream;
mod pop3;
mod resolver;
mod smtp;
mod tls;

pub use connections::ConnectionCache;
pub use error::{Error, Result};
#[cfg(test)]
pub(crate) use fake_server::fake_server;
pub use imap::Imap;
pub(crate) use line_stream::Session;
pub(crate) use line_stream::is_open;
pub use pop3::Pop3;
pub(crate) use resolver::{Found, Resolver};
pub use smtp::{Reply, Smtp};
pub use tls::Tls;
pub(crate) use tls::authorities;

use base64ct::{Base64, Encoding};
use rustls::crypto::ring;

use crate::secret::Secret;

/// The name by which we introduce ourselves. It leads nowhere (RFC 2606).
pub(crate) const OURSELVES: &str = "mailprov.invalid";

/// Returns 32 random hexadecimal digits: a password, or a word that nothing else
/// contains.
pub(crate) fn random() -> Result<Secret<String>> {
    let mut bytes = [0; 16];
    let filled = ring::default_provider().secure_random.fill(&mut bytes);
    filled.map_err(|_| Error::Broken(std::io::Error::other("there are no random numbers")))?;
    Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// Returns what SASL PLAIN (RFC 4616) sends, in base64.
fn sasl_plain(user: &str, password: &Secret<String>) -> Secret<String> {
    let words = format!("\0{user}\0{}", password.expose());
    Secret::new(Base64::encode_string(words.as_bytes()))
}
