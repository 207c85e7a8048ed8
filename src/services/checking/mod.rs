//! The definition of a check, and the tools that the checks of all services
//! share: the server as other hosts reach it, a test mail, a temporary login.

mod check;
mod networks;
mod round_trip;
mod server;
mod temporary_login;

pub use check::Check;
pub use check::Daemon;
pub(crate) use check::{Here, Outside, Person, Quick, SEE_PORTS, Site, not_asked, unanswered};
pub(crate) use networks::Networks;
pub(crate) use round_trip::{ANOTHER, domain_of, stranger};
pub(crate) use round_trip::{Account, Reader, RoundTrip};
pub use server::{Certificate, Identity, Port, Protocol, Server};
pub(crate) use server::{family, is_public, reachable};
pub(crate) use temporary_login::TemporaryLogin;
