//! The quick way to find that nothing is to be done, which is how nearly every
//! look at a host ends.

use std::path::PathBuf;

use super::load::{Wanted, find, tell_of_open_secrets};
use crate::cli::Global;
use crate::digest::Digest;
use crate::engine::{CachedPlaybook, Plan};
use crate::host::Host;
use crate::local;
use crate::report::Report;
use crate::services;

/// A host that was brought in order by the mail.yml that counts now.
pub(super) struct Settled {
    /// The host.
    pub(super) host: Host,
    /// Its mail.yml.
    pub(super) mail: PathBuf,
    resolved: CachedPlaybook,
}

impl Settled {
    /// Finds it. None where mail.yml, this program or anything else that counts
    /// is another than at that time.
    pub(super) fn find(global: &Global, wanted: Wanted<'_>) -> Option<Self> {
        let Wanted::Here(mail) = wanted else { return None };
        if global.playbook.is_some() {
            return None;
        }
        let mail = std::path::absolute(find(mail).ok()??).ok()?;
        let text = Digest::of(&local::read(&mail).ok()?);
        let host = Host::open(&global.root).ok()?;
        let resolved = CachedPlaybook::read(&host, &mail, &text, services::facts)?;
        Some(Self { host, mail, resolved })
    }

    /// Returns the plan, where that is empty, and says what it was made from.
    pub(super) fn nothing_to_do(&self, report: &mut Report) -> Option<Plan> {
        let plan = self.resolved.nothing_to_do(&self.host)?;
        report.from(&self.mail);
        tell_of_open_secrets(&self.resolved.secrets, report);
        Some(plan)
    }

    /// The server's name.
    pub(super) fn subject(&self) -> &str {
        &self.resolved.hostname
    }
}
