//! The clients with which checks and tests talk to a mail server: SMTP, IMAP,
//! POP3 and ManageSieve, with and without TLS, HTTP over TLS, and DNS.
//!
//! A server may send anything at any pace: answers have limits in length and
//! time, and invalid ones are an [`Error`], as is a broken connection. An SMTP
//! reply that refuses something is a reply; only where a mail program could not
//! continue, it is [`Error::Refused`].

#![expect(clippy::disallowed_methods, reason = "servers are called here")]

mod connections;
mod error;
#[cfg(test)]
mod fake_server;
mod http;
mod imap;
mod line_stream;
mod local;
mod managesieve;
mod milter;
mod policy;
mod pop3;
mod resolver;
mod smtp;
mod tls;

pub use connections::ConnectionCache;
pub use error::{Error, Result};
#[cfg(test)]
pub(crate) use fake_server::fake_server;
pub(crate) use http::{FetchedPage, fetch, post, shown_certificate};
pub use imap::Imap;
pub use line_stream::LineStream;
pub(crate) use line_stream::Session;
pub(crate) use line_stream::is_open;
pub(crate) use local::call_local;
pub use managesieve::{ManageSieve, StoredScript};
pub(crate) use milter::ask_milter;
pub(crate) use policy::ask;
pub use pop3::Pop3;
pub(crate) use resolver::{Found, Resolver};
pub use smtp::{Reply, Smtp};
pub use tls::Tls;
pub(crate) use tls::authorities;

use base64ct::{Base64, Encoding};

use crate::secret::{Secret, random_bytes};

/// The name in EHLO. It never resolves (RFC 2606).
pub(crate) const OURSELVES: &str = "mailprov.invalid";

/// Returns 32 random hexadecimal digits: a password, or a unique word.
pub(crate) fn random() -> Result<Secret<String>> {
    let none = || Error::Broken(std::io::Error::other("there are no random numbers"));
    let bytes = random_bytes::<16>().ok_or_else(none)?;
    Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// Returns the message of SASL PLAIN (RFC 4616) in base64.
fn sasl_plain(user: &str, password: &Secret<String>) -> Secret<String> {
    let words = format!("\0{user}\0{}", password.expose());
    Secret::new(Base64::encode_string(words.as_bytes()))
}
