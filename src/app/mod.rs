//! The work of the commands: open their input, plan, apply, check. Returns
//! values, and prints nothing.

mod after;
mod certificate;
pub(crate) mod checks;
mod context;
pub(crate) mod demo;
mod elsewhere;
mod error;
mod key_change;
mod left_behind;
mod mail_file;
pub(crate) mod mail_yml;
mod mailboxes;
mod password;
mod plan;
mod pull;
pub(crate) mod received;
mod records;
mod rollback;
mod run;
mod saved;
mod takeover;
mod watch;

pub(crate) use certificate::Renewal;
pub(crate) use context::{Context, MailSource, playbook};
pub(crate) use elsewhere::{Elsewhere, elsewhere};
pub(crate) use key_change::KeyChange;
pub(crate) use left_behind::left_behind;
pub(crate) use mail_file::{
    find, folder, found, no_mail_yml, parse, read, source, text, unreadable,
};
pub(crate) use mailboxes::Renamed;
pub(crate) use password::given_password;
pub(crate) use plan::Planned;
pub(crate) use pull::{Pulled, hand_over};
pub(crate) use records::published;
pub(crate) use rollback::{Rollback, find_run};
pub(crate) use run::Ready;
pub(crate) use saved::{PlanSource, read_plan};
pub(crate) use watch::{Watched, send_mail};
