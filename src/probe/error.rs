//! The errors of conversations with a server.

use std::io;
use std::net::SocketAddr;

use crate::visible::visible;

/// The result of a request to a server.
pub type Result<T> = std::result::Result<T, Error>;

/// A request that got no proper answer. Text from the server is shown with its
/// control characters made visible.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages show what the fields are")]
pub enum Error {
    /// No process listens, or a firewall drops the packets.
    #[error("{address} could not be reached: {}", crate::local::reason(source))]
    Connect { address: SocketAddr, source: io::Error },
    /// The port did not answer before. Contains the earlier error.
    #[error("{0}")]
    Silent(String),
    /// This machine cannot call the port, whatever its state.
    #[error("{0}")]
    Unreachable(String),
    /// The connection broke.
    #[error("the connection broke: {}", crate::local::reason(.0))]
    Broken(io::Error),
    /// The server closed the connection.
    #[error("the server hung up")]
    Closed,
    /// No answer in time.
    #[error("the server did not answer in time")]
    TooSlow,
    /// The answer exceeds the limit.
    #[error("the server's answer is too long")]
    TooLong,
    /// The handshake failed: the certificate is invalid, or the two have no
    /// version or cipher in common.
    #[error("TLS failed: {}", visible(.0.to_string()))]
    Tls(rustls::Error),
    /// The name to verify is invalid, or there are no certificates to trust.
    #[error("{0}")]
    Trust(String),
    /// Plain text arrived after the server agreed to TLS; it could be an attacker's.
    #[error("the server speaks on in the clear after it agreed to TLS")]
    Injected,
    /// A control character in a word would end its line.
    #[error("a line break or another control character cannot be sent")]
    Unsendable,
    /// The answer is not valid in this protocol.
    #[error("this is no {protocol} answer: {words}")]
    Odd { protocol: &'static str, words: String },
    /// The server refused.
    #[error("{asked} was refused: {words}")]
    Refused { asked: String, words: String },
    /// The server is an open relay.
    #[error("the server passes on mail of strangers to strangers (an open relay): {0}")]
    Relays(String),
    /// Not all accepted mails are in the mailbox.
    #[error("{found} of {count} mails arrived within {within} s")]
    NotDelivered { within: u64, found: usize, count: usize },
    /// A signal stopped the program.
    #[error("told to stop")]
    Stopped,
}

impl Error {
    /// Returns the error for an invalid answer.
    pub(super) fn odd(protocol: &'static str, words: impl Into<String>) -> Self {
        Self::Odd { protocol, words: words.into() }
    }

    /// Returns the error for a refusal.
    pub(crate) fn refused(asked: impl Into<String>, words: impl Into<String>) -> Self {
        Self::Refused { asked: asked.into(), words: words.into() }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => Self::Closed,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::TooSlow,
            _ => match error.downcast::<rustls::Error>() {
                Ok(error) => Self::Tls(error),
                Err(error) => Self::Broken(error),
            },
        }
    }
}
