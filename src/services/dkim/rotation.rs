//! The change of a key in two steps, so that no signature is by a key which the
//! world does not know: a new key waits until its record is published, and then
//! signs. The names of the key files are all the state there is, so a change can
//! be cut off anywhere and gone on with later.

use std::time::SystemTime;

use jiff::Timestamp;

use super::keys::{Family, Keys, SigningKey};
use super::records::of_key;
use crate::host::{Entry, Error, Host, Result};
use crate::probe::Resolver;
use crate::resource::{generate_key, public_key};
use crate::services::{Record, Spec};

/// A new key of a domain that waits for its record.
#[derive(Debug)]
pub(crate) struct Rotation {
    key: SigningKey,
    /// The records to publish.
    pub(crate) records: Vec<Record>,
}

impl Rotation {
    /// Returns the new keys of a domain: those that wait already, else one of each
    /// family that signs, which it makes.
    ///
    /// # Errors
    ///
    /// Also fails if the domain has no key yet.
    pub(crate) fn begin(host: &Host, spec: &Spec, domain: &str) -> Result<Vec<Self>> {
        let families = spec.services.dkim.map_or(&[][..], |settings| settings.families());
        let mut waiting = Vec::new();
        for family in families {
            if Keys::on(host, *family)?.waiting_for(domain).is_some() {
                waiting.push(*family);
            }
        }
        let families = if waiting.is_empty() { families } else { &waiting };
        families.iter().map(|family| Self::of(host, spec, domain, *family)).collect()
    }

    fn of(host: &Host, spec: &Spec, domain: &str, family: Family) -> Result<Self> {
        let keys = Keys::on(host, family)?;
        let signing = keys.signing_for(domain).ok_or_else(|| {
            Error::Other(format!("{domain} has no key yet; `mailprov apply` makes one"))
        })?;
        let key = match keys.waiting_for(domain) {
            Some(key) => key.clone(),
            None => {
                let Some(Entry::File { ownership, .. }) = host.entry(&signing.path())? else {
                    return Err(Error::Other(format!("{} is no file", signing.path().display())));
                };
                let selector = keys.new_selector(domain, Timestamp::now());
                let key = SigningKey { domain: domain.into(), family, selector, waits: true };
                let private = generate_key(host, family.algorithm())?;
                host.put_new_file(&key.path(), &private, &ownership)?;
                key
            }
        };
        let path = key.path();
        let public = public_key(host, &path)?
            .ok_or_else(|| Error::Other(format!("{} is gone", path.display())))?;
        let why = "the next key, which signs once this is published";
        let records = of_key(spec, &key, &public, "dns.dkim_next", why);
        Ok(Self { key, records })
    }

    /// Returns why the records cannot be relied on yet; `None` once DNS has all.
    pub(crate) fn awaits(&self, resolver: &Resolver) -> Option<String> {
        self.records.iter().find_map(|record| match resolver.txt(&record.name) {
            Ok(texts) if texts.contains(&record.value) => None,
            Ok(texts) if texts.is_empty() => Some(format!("DNS has no record {}", record.name)),
            Ok(_) => Some(format!("DNS has another text at {}", record.name)),
            Err(why) => Some(why),
        })
    }

    /// Has the key sign from now on: the next plan puts it into the configuration.
    pub(crate) fn finish(&self, host: &Host) -> Result<()> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let waiting = self.key.path();
        // From this time on, the record of the former key is kept for a week.
        host.set_mtime(&waiting, i64::try_from(now.as_secs()).unwrap_or_default())?;
        host.rename(&waiting, &SigningKey { waits: false, ..self.key.clone() }.path())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::Source;
    use crate::mail::Files;

    #[test]
    fn a_waiting_key_that_cannot_be_read_never_signs() {
        let hash = format!("{{SHA512-CRYPT}}$6$saltsalt${}", "a".repeat(86));
        let text = format!(
            "hostname: mail.example.org\ndomains: [example.org]\n\
             accounts: {{anna: {{password: \"{hash}\"}}}}\n"
        );
        let source = Arc::new(Source { name: "mail.yml".into(), text });
        let spec = crate::services::load(&source, &Files::beside(Path::new("."))).unwrap();
        let tree = tempfile::tempdir().unwrap();
        let keys = tree.path().join("etc/dkim");
        fs::create_dir_all(&keys).unwrap();
        let host = Host::open(tree.path()).unwrap();
        let begin = || Rotation::begin(&host, &spec, "example.org").unwrap_err().to_string();
        assert!(begin().contains("has no key yet"), "{}", begin());
        fs::write(keys.join("example.org.m202611.key"), "").unwrap();
        fs::write(keys.join("example.org.m202612.next"), "cut off").unwrap();
        assert!(begin().contains("m202612.next holds no private key"), "{}", begin());
    }
}
