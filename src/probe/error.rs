//! What can go wrong between us and a mail server.

use std::io;
use std::net::SocketAddr;

use crate::visible::visible;

/// The result of asking a server something.
pub type Result<T> = std::result::Result<T, Error>;

/// A question that got no proper answer. What a server said is shown with its
/// control characters made visible.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens, or nobody lets us through.
    #[error("{address} could not be reached: {}", crate::local::reason(source))]
    Connect {
        /// Who was called.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody answered there before, and that is how it showed.
    #[error("{0}")]
    Silent(String),
    /// We cannot call there, whoever listens.
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
    /// An answer that never ends.
    #[error("the server's answer is too long")]
    TooLong,
    /// TLS did not come about: the certificate, or the two have nothing in common.
    #[error("TLS failed: {}", visible(.0.to_string()))]
    Tls(rustls::Error),
    /// The name that a certificate was to vouch for, or what was to be trusted,
    /// is none.
    #[error("{0}")]
    Trust(String),
    /// Something was said in the clear where TLS was to begin, by anybody.
    #[error("the server speaks on in the clear after it agreed to TLS")]
    Injected,
    /// Words that would end the line that they are to be in.
    #[error("a line break or another control character cannot be sent")]
    Unsendable,
    /// The answer is none in this protocol.
    #[error("this is no {protocol} answer: {words}")]
    Odd {
        /// Such as `SMTP`.
        protocol: &'static str,
        /// What was said.
        words: String,
    },
    /// The server says no.
    #[error("{asked} was refused: {words}")]
    Refused {
        /// What it was asked, without secrets.
        asked: String,
        /// What it said.
        words: String,
    },
    /// Mail of strangers for strangers is taken.
    #[error("the server passes on mail of strangers to strangers (an open relay): {0}")]
    Relays(String),
    /// Mails that were taken are not in the mailbox.
    #[error("{found} of {count} mails arrived within {within} s")]
    NotDelivered {
        /// How long was waited, in seconds.
        within: u64,
        /// How many are there.
        found: usize,
        /// How many should be.
        count: usize,
    },
    /// We were told to stop.
    #[error("told to stop")]
    Stopped,
}

impl Error {
    /// Makes an error of an answer that is none.
    pub(super) fn odd(protocol: &'static str, words: impl Into<String>) -> Self {
        Self::Odd { protocol, words: words.into() }
    }

    /// Makes an error of an answer that says no.
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
