//! The definition of a check, and the tools that the checks of all services
//! share: the server as other hosts reach it, a test mail, a temporary login.

mod check;
mod networks;
mod past_filters;
mod round_trip;
mod server;
mod temporary_folder;
mod temporary_login;

pub use check::Check;
pub use check::Daemon;
pub(crate) use check::{Here, Outside, Person, Quick, SEE_PORTS, Site, not_asked, unanswered};
pub(crate) use networks::Networks;
pub(crate) use past_filters::PastFilters;
pub(crate) use round_trip::{ANOTHER, domain_of, stranger};
pub(crate) use round_trip::{Account, Reader, RoundTrip, SUBMITTED};
pub(crate) use server::family;
pub use server::{Certificate, Identity, Port, Protocol, Server};
pub(crate) use temporary_login::TemporaryLogin;
