//! Mail programs' side of the protocols, over real sockets: small, strict, and
//! able to say what no decent mail program would.
//!
//! A connection that breaks or never answers is an error; an answer that says
//! no is an answer.

mod browser;
mod http;
mod imap;
mod managesieve;
mod pop3;
mod smtp;
mod tls;
mod wire;

pub use browser::Browser;
pub use http::Page;
pub use imap::{Imap, Reply as ImapReply};
pub use managesieve::ManageSieve;
pub use pop3::Pop3;
pub use smtp::{Reply as SmtpReply, Smtp};
pub use tls::Tls;
pub use wire::Wire;
