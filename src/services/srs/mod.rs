//! Mail that is forwarded to other hosts (SRS): it leaves with a sender of this
//! host's name, so that SPF holds where it arrives, and reports about it find the
//! way back to its first sender. postsrsd translates the addresses.

mod checks;
mod journeys;

use minijinja::Value;

use super::checking::Daemon;
use super::{Configured, Inputs, Service, Spec, SpecReader, Variables};
use crate::explain::{ServerFiles, Way};
use crate::host::Init;
use crate::yaml::{KeySpec, ValueType};

/// This service in the list of all.
pub struct Srs;

impl Configured for Srs {
    const KEYS: &'static [KeySpec] = &[KeySpec::new(
        "srs",
        ValueType::Boolean,
        "`true`: mail that is forwarded to another host leaves with a sender of this host's name \
         (SRS), so that SPF holds there; reports about it go on to the first sender. `false`: it \
         keeps its sender.",
    )
    .or("`true` where `forwards` or `system_mail` lead to another host")];
    /// `None` where mail.yml leaves it open.
    type Settings = Option<bool>;

    fn read(reader: &mut SpecReader<'_>) -> Option<Option<bool>> {
        match reader.fields.get("srs") {
            Some(entry) => reader.decoder.boolean(&entry.value).map(Some),
            None => Some(None),
        }
    }
}

impl Service for Srs {
    fn name(&self) -> &'static str {
        "srs"
    }

    fn daemon(&self) -> Option<&'static Daemon> {
        Some(&checks::DAEMON)
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        let spec = &inputs.spec;
        // Without systemd, postsrsd would read a secret of its own.
        let is_on = is_on(spec) && inputs.facts.init != Init::Sysvinit;
        vec![("srs", Value::from(is_on)), ("arc", Value::from(is_sealed(spec)))]
    }

    fn journeys(&self, server: &ServerFiles) -> Vec<Way> {
        journeys::ways(server)
    }
}

/// Returns whether the senders of mail that is forwarded to other hosts are rewritten.
pub(crate) fn is_on(spec: &Spec) -> bool {
    spec.services.srs.unwrap_or_else(|| !spec.directory.forwarded().is_empty())
}

/// Returns whether mail that comes is sealed (ARC), as some of it is forwarded and
/// there are keys. The spam filter does that, where it runs.
fn is_sealed(spec: &Spec) -> bool {
    let leaves = is_on(spec) || !spec.directory.forwarded().is_empty();
    leaves && spec.services.dkim.is_some()
}
