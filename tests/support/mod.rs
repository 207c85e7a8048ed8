//! The toolbox of the tests: real Debian boxes, clients that speak the protocols,
//! certificates and passwords. It needs root and the programs that `tests/run`
//! installs.
//!
//! ```
//! let debian = Debian::fresh(Suite::Trixie).mail_yml("hostname: …").apply();
//! let mut imap = Imap::connect_tls(debian.connect(993)?, &Tls::unverified("mail.example.org"))?;
//! imap.login("thomas", "secret")?;
//! ```

mod certificates;
mod clients;
mod daemon;
mod debian;
mod debs;
mod dns;
mod dnssec;
mod host;
mod image;
mod judge;
mod knot;
mod last_words;
mod network;
mod output;
mod password;
mod pebble;
mod process;
mod snapshot;
mod template;
mod terminal;
mod tree;
mod wait;

pub use certificates::{Algorithm, Authority, Issued};
pub use clients::{Browser, Imap, ImapReply, ManageSieve, Page, Pop3, Smtp, SmtpReply, Tls, Wire};
pub use debian::Debian;
pub use dns::{Dns, Zone};
pub use image::{box_cache, sweep_boxes};
pub use judge::{Judgement, dmarc, judge, seals};
pub use knot::Knot;
pub use last_words::on_each;
pub use mailprov::sandbox::Suite;
pub use network::{Addresses, Network};
pub use output::Output;
pub use password::sha512_crypt;
pub use pebble::Pebble;
pub use process::Process;
pub use snapshot::{Aspect, Diff, Entry, Kind, Snapshot};
pub use terminal::Terminal;
pub use tree::tree;
pub use wait::{PATIENCE, wait_at_most, wait_for};
