//! What a mail.yml came to: the steps of the embedded playbook, rendered for
//! it. Noted by the run that applied it, since the same text on the same host by
//! the same program comes to the same. Contents are noted as digests: enough to
//! find that nothing is to be done, at a fraction of the time that it takes to
//! render ten thousand accounts. Where there is something to do, all is
//! rendered again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::last_known::LastKnown;
use super::{Plan, STATE_DIR, plan};
use crate::digest::Digest;
use crate::host::{Content, Error, Facts, Host, Ownership, Result};
use crate::local;
use crate::playbook::Declared;
use crate::resource::{Overlay, examine_certificate};

/// All that decides what the embedded playbook declares.
#[derive(Debug, Serialize, Deserialize)]
pub struct CacheKey {
    /// This very program.
    program: String,
    /// The host's facts, as JSON.
    facts: String,
    /// Where mail.yml lies.
    mail: PathBuf,
    /// Its text.
    text: Digest,
    /// The files with passwords that it names.
    files: BTreeMap<PathBuf, Digest>,
}

/// What they came to.
#[derive(Debug, Serialize, Deserialize)]
pub struct CachedPlaybook {
    /// What it was made from.
    inputs: CacheKey,
    /// The server's name.
    pub hostname: String,
    /// Certificate and key, where they are not ours to make.
    certificate: Option<(PathBuf, PathBuf)>,
    /// The files that hold hashes and passwords: mail.yml, and what it names.
    #[serde(default)]
    pub secrets: Vec<PathBuf>,
    /// The steps.
    pub declared: Vec<Declared>,
}

impl CacheKey {
    /// Gathers them. None where it is not known which program this is.
    pub fn new(
        facts: &Facts,
        mail: &Path,
        text: Digest,
        files: BTreeMap<PathBuf, Digest>,
    ) -> Option<Self> {
        let facts = serde_json::to_string(facts).ok()?;
        Some(Self { program: Host::binary_id()?, facts, mail: mail.to_owned(), text, files })
    }
}

impl CachedPlaybook {
    /// Makes it of steps as they were rendered. Their contents are left behind.
    pub fn new(
        inputs: CacheKey,
        hostname: String,
        certificate: Option<(PathBuf, PathBuf)>,
        secrets: Vec<PathBuf>,
        declared: &[Declared],
    ) -> Option<Self> {
        let digested = serde_json::to_value(declared).ok()?;
        let declared = serde_json::from_value(digested).ok()?;
        Some(Self { inputs, hostname, certificate, secrets, declared })
    }

    /// Returns the server's name as of the last mail.yml that was applied.
    pub fn last_hostname(host: &Host) -> Option<String> {
        let content = host.read(&path()).ok()??;
        serde_json::from_slice::<Self>(content.bytes()).ok().map(|cached| cached.hostname)
    }

    /// Tells whether it would be the same today on a host of these facts.
    pub fn fits(&self, facts: Result<Facts>) -> bool {
        let facts = facts.ok().and_then(|facts| serde_json::to_string(&facts).ok());
        facts.as_ref() == Some(&self.inputs.facts)
    }

    /// Returns what is noted for the mail.yml at `mail` with this text, if all
    /// that it depends on is as it was. Who may not read it knows nothing.
    pub fn read(
        host: &Host,
        mail: &Path,
        text: &Digest,
        facts: impl Fn(&Host) -> Result<Facts>,
    ) -> Option<Self> {
        let content = host.read(&path()).ok()??;
        let cached: Self = serde_json::from_slice(content.bytes()).ok()?;
        let inputs = &cached.inputs;
        let is_as_it_was = |(path, digest): (&PathBuf, &Digest)| {
            local::read(path).is_ok_and(|bytes| Digest::of(&bytes) == *digest)
        };
        let fits = inputs.mail == mail
            && inputs.text == *text
            && Host::binary_id().as_ref() == Some(&inputs.program)
            && inputs.files.iter().all(is_as_it_was)
            && cached.fits(facts(host));
        fits.then_some(cached)
    }

    /// Compares with the host. Returns a plan only where it is empty.
    pub fn nothing_to_do(&self, host: &Host) -> Option<Plan> {
        if let Some((certificate, key)) = &self.certificate {
            let is_trusted = |path| host.is_tree() || local::refuse_untrusted(path).is_ok();
            if !is_trusted(certificate) || !is_trusted(key) {
                return None;
            }
            let overlay = Overlay::new(host);
            let problems = examine_certificate(&overlay, certificate, key, &self.hostname).ok()?;
            if !problems.is_empty() {
                return None;
            }
        }
        plan(host, &self.declared)
            .ok()
            .filter(|plan| plan.changes.is_empty() && plan.unseen.is_empty())
    }

    /// Notes it, unless just that is noted.
    pub fn note(&self, host: &Host) -> Result<()> {
        let text = serde_json::to_vec(self).map_err(|error| Error::Other(error.to_string()))?;
        if host.read(&path())?.is_some_and(|noted| noted.bytes() == text) {
            return Ok(());
        }
        LastKnown::update(host)?;
        host.make_private_directories(Path::new(STATE_DIR))?;
        host.put_file(&path(), &Content::new(text), &Ownership::of_root(0o600))
    }
}

/// Where it is noted. For root's eyes only.
fn path() -> PathBuf {
    Path::new(STATE_DIR).join("resolved.json")
}
