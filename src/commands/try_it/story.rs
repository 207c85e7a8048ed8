//! The scenario of the box: the built-in mail.yml, or a copy of the user's with
//! one more account.

use std::path::Path;
use std::sync::Arc;

use super::super::{CommandError, password};
use crate::app;
use crate::diagnostic::Diagnostic;
use crate::host::Host;
use crate::local;
use crate::mail::{Files, Password};
use crate::probe;
use crate::report::Report;
use crate::resource::{Overlay, examine_certificate};
use crate::secret::Secret;
use crate::services::checking::{Account, Reader};
use crate::services::{SandboxCopy, Spec};
use crate::yaml::Document;

pub(in crate::commands) const EXAMPLE: &str = include_str!("mail.yml");

/// The password of its accounts.
const EXAMPLE_PASSWORD: &str = "correct horse";

/// The mail service of the box, and two of its accounts.
pub(super) struct Story {
    pub(super) text: String,
    pub(super) hostname: String,
    pub(super) self_signed: bool,
    /// The account that sends.
    pub(super) sender: Account,
    /// The account that receives.
    pub(super) reader: Account,
    /// The protocol by which it reads.
    pub(super) by: Reader,
    /// The introduction, a paragraph.
    about: String,
    /// The part of mail.yml that is shown.
    shown: Option<String>,
}

impl Story {
    /// Reads the mail.yml at `path`, or the built-in one.
    pub(super) fn read(path: Option<&Path>, report: &mut Report) -> Result<Self, CommandError> {
        match path {
            Some(path) => Self::of(path, report),
            None => Ok(Self::example()),
        }
    }

    fn example() -> Self {
        let account = |login: &str, address: &str| Account {
            login: login.into(),
            address: address.into(),
            password: Secret::new(EXAMPLE_PASSWORD.into()),
        };
        Self {
            text: EXAMPLE.into(),
            hostname: "mail.example.org".into(),
            self_signed: true,
            sender: account("thomas", "thomas@example.org"),
            reader: account("anna@example.net", "anna@example.org"),
            by: Reader::Imap,
            about: "What it is to be, a mail.yml that comes with mailprov:\n".into(),
            shown: Some(EXAMPLE.into()),
        }
    }

    fn of(path: &Path, report: &mut Report) -> Result<Self, CommandError> {
        let name = path.display().to_string();
        report.from(path);
        let source = app::source(path)?;
        let spec = app::parse(&source, &Files::beside(app::folder(path)))?;
        let stands_in = stands_in(&spec)?;
        let word = probe::random()?;
        let secret = probe::random()?;
        let probe = format!("try-{}", &word.expose()[..6]);
        let whole = std::path::absolute(path).map_err(|e| super::failed_to("find", path, e))?;
        let hash = Password::parse(secret.expose()).and_then(|it| it.hash());
        let trial = SandboxCopy {
            account: &probe,
            hash: &hash.map_err(password::refused)?,
            self_signed: stands_in.is_some(),
            folder: whole.parent().unwrap_or(Path::new("/")),
        };
        let copy = Document::parse(&source).map_err(CommandError::mistakes)?;
        let copy = trial.of(&copy).map_err(|mistake| {
            // Shows the place without its secrets.
            let source = Arc::clone(&spec.source);
            CommandError::mistakes(vec![Diagnostic { source, ..mistake }])
        })?;
        let domain = &spec.directory.domains[0];
        let address = format!("{probe}@{domain}");
        let account = Account { login: address.clone(), address, password: secret };
        let mut about = format!(
            "What it is to be: {name}, with an account `{probe}` added to the copy in the box, \
             to try it with.\n"
        );
        if let Some(why) = &stands_in {
            about.push_str(&format!("A self-signed certificate stands in for yours: {why}.\n"));
        }
        Ok(Self {
            text: copy.source().text.clone(),
            hostname: spec.hostname.value.to_string(),
            self_signed: spec.services.certificate.self_signed || stands_in.is_some(),
            sender: account.clone(),
            reader: account,
            by: if spec.services.dovecot.imap { Reader::Imap } else { Reader::Pop3 },
            about,
            shown: None,
        })
    }

    pub(super) fn begin(&self, report: &mut Report) {
        report.tell(&format!("\n{}", self.about));
        if let Some(shown) = &self.shown {
            report.quote(shown);
        }
    }

    /// Writes the mail.yml, readable by its owner only.
    pub(super) fn write(&self, path: &Path) -> Result<(), CommandError> {
        local::write(path, self.text.as_bytes(), 0o600)
            .map_err(|e| super::failed_to("write", path, e))
    }
}

/// Explains why the named certificate cannot be used here, if so.
fn stands_in(spec: &Spec) -> Result<Option<String>, CommandError> {
    if spec.services.certificate.self_signed {
        return Ok(None);
    }
    let host = Host::open(Path::new("/"))?;
    let hostname = spec.hostname.value.to_string();
    let (certificate, key) =
        (&spec.services.certificate.certificate.value, &spec.services.certificate.key.value);
    let problems = examine_certificate(&Overlay::new(&host), certificate, key, &hostname)?;
    Ok(problems.into_iter().next().map(|problem| problem.message))
}
