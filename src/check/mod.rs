//! What a mail server is asked, over the network like by any mail program, and on
//! its host: one file a [`Part`]. The clients are in [`crate::probe`].

mod causes;
mod certificates;
mod dns;
mod health;
mod log;
mod login;
mod mailboxes;
mod networks;
mod outward;
mod part;
mod plaintext_auth;
mod ports;
mod post;
mod relay;
mod round_trip;
mod ruleset;
mod server;
mod temporary_login;

pub use causes::Causes;
pub use certificates::certificates;
pub use dns::{ExpectedRecords, Record, dns};
pub use health::{clock, disk, queue};
pub use log::log;
pub use login::{Login, login, spoofing, without_login};
pub use mailboxes::mailboxes;
pub use outward::outward;
pub use part::Part;
pub use plaintext_auth::plaintext_auth;
pub use ports::ports;
pub use post::post;
pub use relay::{accepts_local_mail, relay};
pub use round_trip::{Account, Reader, RoundTrip, Transcript};
pub use ruleset::rulesets;
pub use server::{Certificate, Identity, Server, is_public, reachable};
pub use temporary_login::TemporaryLogin;

use crate::finding::Finding;
use crate::probe::Error;

/// Judges something that got no proper answer. What we could not ask says
/// nothing of the server.
fn unanswered(finding: Finding, error: &Error, remedy: impl Into<String>) -> Finding {
    match error {
        Error::Unreachable(why) => finding.not_checked(why.clone(), "Ask from another machine."),
        error => finding.wrong(error.to_string(), remedy),
    }
}
