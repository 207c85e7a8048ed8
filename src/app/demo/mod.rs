//! The scenario of the box: the built-in mail.yml, or a copy of the user's with
//! one more account.

pub(crate) mod authority;

use std::path::Path;
use std::sync::Arc;

use super::{folder, parse, source};
use crate::command_error::CommandError;
use crate::diagnostic::{Diagnostic, Source};
use crate::host::Host;
use crate::local;
use crate::mail::{Files, Invalid, Password};
use crate::probe::{self, Tls};
use crate::resource::{Overlay, examine_certificate};
use crate::sandbox::{self, DemoServer};
use crate::secret::Secret;
use crate::services::checking::{Account, Reader};
use crate::services::{SandboxCopy, Spec};
use crate::yaml::Document;

pub(crate) const EXAMPLE: &str = include_str!("mail.yml");

/// The path of a self-signed certificate of mailprov.
const CERTIFICATE: &str = "/etc/ssl/certs/mailprov.pem";

/// The password of its accounts.
const EXAMPLE_PASSWORD: &str = "correct horse";

/// The issuer of the certificate of the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voucher {
    /// The authority in the box.
    Authority,
    /// The box: it is self-signed.
    Itself,
    /// An authority that this machine may not know: mail.yml names the certificate.
    Unknown,
}

/// The mail service of the box, and two of its accounts.
pub(crate) struct Demo {
    pub(crate) text: String,
    pub(crate) spec: Spec,
    pub(crate) voucher: Voucher,
    /// The account that sends.
    pub(crate) sender: Account,
    /// The account that receives.
    pub(crate) reader: Account,
    /// The protocol by which it reads.
    pub(crate) by: Reader,
    /// The introduction, a paragraph.
    pub(crate) about: String,
    /// The part of mail.yml that is shown.
    pub(crate) shown: Option<String>,
}

impl Demo {
    /// Reads the mail.yml at `path`, or the built-in one.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self, CommandError> {
        match path {
            Some(path) => Self::of(path),
            None => Self::example(),
        }
    }

    fn example() -> Result<Self, CommandError> {
        let account = |login: &str, address: &str| Account {
            login: login.into(),
            address: address.into(),
            password: Secret::new(EXAMPLE_PASSWORD.into()),
        };
        let source = Arc::new(Source { name: "mail.yml".into(), text: EXAMPLE.into() });
        Ok(Self {
            text: EXAMPLE.into(),
            spec: parse(&source, &Files::beside(Path::new("/")))?,
            voucher: Voucher::Authority,
            sender: account("thomas", "thomas@example.org"),
            reader: account("anna@example.net", "anna@example.org"),
            by: Reader::Imap,
            about: "What it is to be, a mail.yml that comes with mailprov:\n".into(),
            shown: Some(EXAMPLE.into()),
        })
    }

    fn of(path: &Path) -> Result<Self, CommandError> {
        let name = path.display().to_string();
        let source = source(path)?;
        let spec = parse(&source, &Files::beside(folder(path)))?;
        let stands_in = stands_in(&spec)?;
        let word = probe::random()?;
        let secret = probe::random()?;
        let probe = format!("try-{}", &word.expose()[..6]);
        let whole = std::path::absolute(path).map_err(|e| failed_to("find", path, e))?;
        let hash = Password::parse(secret.expose()).and_then(|it| it.hash());
        let trial = SandboxCopy {
            account: &probe,
            hash: &hash
                .map_err(|Invalid { message, help }| failed(format!("{message}: {help}")))?,
            authority: stands_in.is_some().then_some(authority::DIRECTORY),
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
            about.push_str(&format!(
                "The authority in the box stands in for that of your certificate: {why}.\n"
            ));
        }
        let voucher = match stands_in {
            Some(_) => Voucher::Authority,
            None if spec.services.certificate.is_self_signed() => Voucher::Itself,
            None => Voucher::Unknown,
        };
        Ok(Self {
            text: copy.source().text.clone(),
            voucher,
            sender: account.clone(),
            reader: account,
            by: if spec.services.dovecot.imap { Reader::Imap } else { Reader::Pop3 },
            spec,
            about,
            shown: None,
        })
    }

    /// Returns the TLS settings that verify the box, which may have an authority with this
    /// root.
    pub(crate) fn tls(&self, server: &DemoServer, root: Option<&str>) -> Result<Tls, CommandError> {
        let hostname = self.spec.hostname.value.as_str();
        if let Some(root) = root {
            return Ok(Tls::trusting(root.as_bytes(), hostname)?);
        }
        if self.voucher == Voucher::Unknown {
            return Ok(Tls::unverified(hostname)?);
        }
        let pem = server
            .read(CERTIFICATE)
            .map_err(|error| failed_to("read", Path::new(CERTIFICATE), error))?;
        Ok(Tls::pinned(&pem, hostname)?)
    }

    /// Writes the mail.yml, readable by its owner only.
    pub(crate) fn write(&self, path: &Path) -> Result<(), CommandError> {
        local::write(path, self.text.as_bytes(), 0o600).map_err(|e| failed_to("write", path, e))
    }
}

/// The state after a failure.
const NOTHING_LEFT: &str = "The box is gone. Nothing was changed on this machine.";

impl From<sandbox::Error> for CommandError {
    fn from(error: sandbox::Error) -> Self {
        failed("").because(error)
    }
}

impl From<probe::Error> for CommandError {
    fn from(error: probe::Error) -> Self {
        failed("").because(error)
    }
}

/// Returns the error of a box.
pub(crate) fn failed(message: impl Into<String>) -> CommandError {
    CommandError::failed(message).after_changes().hinted(NOTHING_LEFT)
}

/// Reports a failed operation on a file.
fn failed_to(deed: &str, path: &Path, error: std::io::Error) -> CommandError {
    failed(format!("could not {deed} {}", path.display())).because(error)
}

/// Explains why the named certificate cannot be used here, if so.
fn stands_in(spec: &Spec) -> Result<Option<String>, CommandError> {
    let host = Host::open(Path::new("/"))?;
    let tls = spec.services.certificate.on(&host);
    if tls.is_self_signed() {
        return Ok(None);
    }
    if let Some((_, order)) = tls.order() {
        return Ok(Some(format!("{} cannot reach a box", order.authority())));
    }
    let hostname = spec.hostname.value.to_string();
    if spec.services.web.is_some() {
        let why = "Let's Encrypt, which would issue those of the web side, cannot reach a box";
        return Ok(Some(why.into()));
    }
    let (certificate, key) = (&tls.certificate.value, &tls.key.value);
    let problems = examine_certificate(&Overlay::new(&host), certificate, key, &hostname)?;
    Ok(problems.into_iter().next().map(|problem| problem.message))
}
