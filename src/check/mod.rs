//! Questions to a mail server, over the network like anybody's mail program:
//! small clients for SMTP, IMAP and POP3, in the clear or over TLS.
//!
//! A server may say anything, at any pace: answers have a limit in length and
//! in time, and what is odd in them is an [`Error`], as is a connection that
//! breaks. An SMTP answer that says no is an answer; where a mail program could
//! not go on after it, it is [`Error::Refused`].

mod error;
mod exchange;
mod imap;
mod pop3;
#[cfg(test)]
mod script;
mod smtp;
mod tls;
mod wire;

pub use error::{Error, Result};
pub use exchange::{Account, Exchange, Reader, Said, random};
pub use imap::Imap;
pub use pop3::Pop3;
pub use smtp::{Reply, Smtp};
pub use tls::Tls;
pub use wire::{Session, Wire};

use base64ct::{Base64, Encoding};

use crate::secret::Secret;

/// What SASL PLAIN (RFC 4616) sends, in base64.
fn plain(user: &str, password: &Secret<String>) -> Secret<String> {
    let words = format!("\0{user}\0{}", password.expose());
    Secret::new(Base64::encode_string(words.as_bytes()))
}
