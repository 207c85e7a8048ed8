//! Caches the rendered playbook. A run that applied a mail.yml stores the steps
//! of the playbook, since the same text on the same host by the same program
//! renders the same. Contents are stored as digests. These are enough
//! to find that there is nothing to do, in a fraction of the time that it takes
//! to render ten thousand accounts; else the playbook is rendered again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::last_known::LastKnown;
use super::{Plan, STATE_DIR, plan};
use crate::digest::Digest;
use crate::host::{Content, Error, Facts, Host, Ownership, Result};
use crate::local;
use crate::playbook::{Declared, Reads};
use crate::resource::{Overlay, examine_certificate};

/// Everything that decides what a playbook declares.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CacheKey {
    /// The identity of this program.
    program: String,
    /// The facts of the host, as JSON.
    facts: String,
    mail: PathBuf,
    /// The digest of mail.yml.
    text: Digest,
    /// The digests of the password files that it names.
    files: BTreeMap<PathBuf, Digest>,
    /// The playbook, unless it is the embedded one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    own: Option<(OwnPlaybook, Reads)>,
}

/// A playbook of the user's own, as the command line names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OwnPlaybook {
    /// Its absolute path.
    pub file: PathBuf,
    /// Whether mail.yml is named as well. If not, the playbook decides whether it is
    /// read.
    pub names_mail: bool,
}

/// The rendered steps, with the key that they are valid for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CachedPlaybook {
    inputs: CacheKey,
    pub hostname: String,
    /// The certificate and its key, unless mailprov makes them.
    certificate: Option<(PathBuf, PathBuf)>,
    /// The files that hold hashes and passwords: mail.yml, and those that it
    /// names.
    #[serde(default)]
    pub secrets: Vec<PathBuf>,
    /// The accounts whose password the person chose.
    #[serde(default)]
    pub own_passwords: Vec<String>,
    pub declared: Vec<Declared>,
}

impl CacheKey {
    /// Gathers the key. Returns `None` where this program cannot be identified.
    pub(crate) fn new(
        facts: &Facts,
        mail: &Path,
        text: Digest,
        files: BTreeMap<PathBuf, Digest>,
        own: Option<(OwnPlaybook, Reads)>,
    ) -> Option<Self> {
        let facts = serde_json::to_string(facts).ok()?;
        Some(Self { program: Host::binary_id()?, facts, mail: mail.to_owned(), text, files, own })
    }
}

impl CachedPlaybook {
    /// Makes an entry of rendered steps. Drops their contents.
    pub(crate) fn new(
        inputs: CacheKey,
        hostname: String,
        certificate: Option<(PathBuf, PathBuf)>,
        secrets: Vec<PathBuf>,
        own_passwords: Vec<String>,
        declared: &[Declared],
    ) -> Option<Self> {
        let digested = serde_json::to_value(declared).ok()?;
        let declared = serde_json::from_value(digested).ok()?;
        Some(Self { inputs, hostname, certificate, secrets, own_passwords, declared })
    }

    /// Returns the hostname of the mail.yml that was last applied.
    pub(crate) fn last_hostname(host: &Host) -> Option<String> {
        let content = host.read(&path()).ok()??;
        serde_json::from_slice::<Self>(content.bytes()).ok().map(|cached| cached.hostname)
    }

    /// Returns whether the facts are those of the entry.
    pub(crate) fn fits(&self, facts: Result<Facts>) -> bool {
        let facts = facts.ok().and_then(|facts| serde_json::to_string(&facts).ok());
        facts.as_ref() == Some(&self.inputs.facts)
    }

    /// Returns the entry for the mail.yml at `mail` with this text and a playbook, if
    /// it is still valid and may be read.
    pub(crate) fn read(
        host: &Host,
        mail: &Path,
        text: &Digest,
        own: Option<&OwnPlaybook>,
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
            && inputs.own.as_ref().map(|(own, _)| own) == own
            && inputs.files.iter().all(is_as_it_was)
            && inputs.own.iter().all(|(_, reads)| reads.are_as_they_were())
            && cached.fits(facts(host));
        fits.then_some(cached)
    }

    /// Compares the steps with the host. Returns a plan only if it is empty.
    pub(crate) fn nothing_to_do(&self, host: &Host) -> Option<Plan> {
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

    /// Stores the entry, unless it is stored already.
    pub(crate) fn note(&self, host: &Host) -> Result<()> {
        let text = serde_json::to_vec(self).map_err(Error::encoding)?;
        if host.read(&path())?.is_some_and(|noted| noted.bytes() == text) {
            return Ok(());
        }
        LastKnown::update(host)?;
        host.make_private_directories(Path::new(STATE_DIR))?;
        host.put_file(&path(), &Content::new(text), &Ownership::of_root(0o600))
    }
}

/// Returns the path of the cache. Only root may read it.
fn path() -> PathBuf {
    Path::new(STATE_DIR).join("resolved.json")
}
