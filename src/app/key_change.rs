//! A change of the keys that sign mail: begun, awaited in the DNS, finished. The
//! next plan then puts the new keys into the configuration.

use super::run::lock;
use super::{Context, no_mail_yml};
use crate::command_error::CommandError;
use crate::probe::Resolver;
use crate::services::Record;
use crate::services::dkim::Rotation;

/// New keys that wait for their records.
pub(crate) struct KeyChange {
    context: Context,
    rotations: Vec<Rotation>,
}

impl KeyChange {
    /// Makes a key for each of these domains, or for all if none is named, unless
    /// one waits already.
    pub(crate) fn begin(context: Context, named: &[String]) -> Result<Self, CommandError> {
        let spec = context.spec().ok_or_else(no_mail_yml)?;
        if spec.services.dkim.is_none() {
            let message = "mail.yml says `dkim: false`, so no mail is signed";
            return Err(CommandError::usage(message).hinted("Take that line out, and apply."));
        }
        let known: Vec<_> = spec.directory.domains.iter().map(ToString::to_string).collect();
        let named: Vec<_> = named.iter().map(|it| it.to_lowercase()).collect();
        if let Some(strange) = named.iter().find(|domain| !known.contains(domain)) {
            let message = format!("`{strange}` is not a domain of mail.yml");
            return Err(
                CommandError::usage(message).hinted(format!("It has: {}", known.join(", ")))
            );
        }
        let domains = if named.is_empty() { &known } else { &named };
        let _lock = lock(&context.host, "dkim rotate")?;
        let begun = domains.iter().map(|domain| Rotation::begin(&context.host, spec, domain));
        let rotations = begun.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        Ok(Self { context, rotations })
    }

    /// Returns the records to publish.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.rotations.iter().flat_map(|it| it.records.clone()).collect()
    }

    /// Returns what is missing in the DNS; `None` once all records are there.
    pub(crate) fn awaits(&self) -> Option<String> {
        let resolver = Resolver::of(&self.context.host);
        self.rotations.iter().find_map(|it| it.awaits(&resolver))
    }

    /// Has the new keys sign from the next plan on.
    pub(crate) fn finish(self) -> Result<(), CommandError> {
        let _lock = lock(&self.context.host, "dkim rotate")?;
        Ok(self.rotations.iter().try_for_each(|it| it.finish(&self.context.host))?)
    }
}
