//! Reads a whole `mail.yml`.

use std::collections::HashSet;
use std::sync::Arc;

use super::{MAIL_YML, Settings, SpecReader, mask};
use crate::diagnostic::{Diagnostic, Source};
use crate::mail::{self, Credentials, Directory, Files, Hostname, Spanned};
use crate::yaml::{self, Decoder, Node, ValueType};

/// A mail server, as `mail.yml` describes it.
#[derive(Debug)]
pub struct Spec {
    /// The text with every secret masked, for later diagnostics.
    pub source: Arc<Source>,
    /// The host name, to which the MX record points.
    pub hostname: Spanned<Hostname>,
    /// Domains, accounts and forwards.
    pub directory: Directory,
    /// Password and quota of each account, in the order of the accounts.
    pub credentials: Vec<Credentials>,
    /// The settings of each service.
    pub services: Settings,
}

#[derive(Debug, Clone)]
pub(crate) struct ListedAccount {
    /// Its name.
    pub(crate) name: String,
    /// All addresses, its own before its aliases.
    pub(crate) addresses: Vec<String>,
    /// The quota in bytes.
    pub(crate) quota: Option<u64>,
    /// The domains of its catch-alls.
    pub(crate) catch_all: Vec<String>,
    /// The devices that have a password of their own.
    pub(crate) devices: Vec<String>,
    /// Whether the person chose the password that counts; `None` where only another
    /// machine or root knows.
    pub(crate) own_password: Option<bool>,
}

impl Spec {
    /// Returns the accounts, to be listed. `own` has the names of those whose password the
    /// person chose, if they are known.
    pub(crate) fn listed_accounts(&self, own: Option<&[String]>) -> Vec<ListedAccount> {
        let own: Option<HashSet<&str>> = own.map(|own| own.iter().map(String::as_str).collect());
        let accounts = self.directory.accounts.iter().zip(&self.credentials).enumerate();
        let listed = accounts.map(|(index, (account, credentials))| {
            let caught = self.directory.catch_all.iter().filter(|it| it.account == index);
            let addresses = self.directory.all_addresses(index);
            let devices = credentials.app_passwords.iter();
            let name = account.name.value.to_string();
            ListedAccount {
                own_password: own.as_ref().map(|own| own.contains(name.as_str())),
                name,
                addresses: addresses.iter().map(ToString::to_string).collect(),
                quota: credentials.quota.map(|quota| quota.bytes()),
                catch_all: caught.map(|it| it.domain.to_string()).collect(),
                devices: devices.map(|it| it.device.to_string()).collect(),
            }
        });
        listed.collect()
    }

    /// Returns the size limit of a mail in bytes, which `extra` can override.
    pub(crate) fn largest_mail(&self) -> u64 {
        let mut extra = self.services.extra.postfix.iter();
        let own = extra.find(|(name, _)| name.value == "message_size_limit");
        let own = own.and_then(|(_, value)| value.parse().ok());
        own.unwrap_or(self.services.postfix.message_size.bytes())
    }
}

/// Returns the JSON Schema of `mail.yml`, for editors.
pub fn schema() -> serde_json::Value {
    let about = "What a mail server is: its name, domains, accounts. See mailprov.";
    yaml::schema("mail.yml", about, &ValueType::Section(&MAIL_YML))
}

/// Reads a `mail.yml`, and the `password_file`s that it names from `files`.
///
/// # Errors
///
/// Returns all mistakes in the text, in their order. None of them contains a password or a hash.
pub fn load(source: &Arc<Source>, files: &Files<'_>) -> Result<Spec, Vec<Diagnostic>> {
    let root = yaml::parse(source).map_err(|mistakes| not_yaml(source, mistakes))?;
    let mut decoder = Decoder::new(&mask::tree(source, &root));
    let spec = read(&mut decoder, &root, files);
    decoder.finish(spec)
}

/// Reads the text of a `mail.yml` that has no mistake and names no files. `HASH` is an
/// account's password in it.
#[cfg(test)]
pub(crate) fn load_text(text: &str) -> Spec {
    let hash = format!("{{password: \"{{SHA512-CRYPT}}$6$saltsalt${}\"}}", "a".repeat(86));
    let text = text.replace("HASH", &hash);
    let source = Arc::new(Source { name: "mail.yml".into(), text });
    load(&source, &Files::beside(std::path::Path::new("."))).unwrap()
}

/// Returns a diagnostic at the first bytes of a `mail.yml` that are not UTF-8,
/// or `None` if there are none. It shows no password or hash.
pub(crate) fn not_text(name: &str, bytes: &[u8]) -> Option<Diagnostic> {
    let mistake = Diagnostic::not_text(name, bytes)?;
    Some(Diagnostic { source: mask::lines(&mistake.source), ..mistake })
}

/// Moves the diagnostics of a text that is not YAML to its masked copy.
fn not_yaml(source: &Arc<Source>, mistakes: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let masked = mask::lines(source);
    let point = |mistake: Diagnostic| {
        let mistake = Diagnostic { source: Arc::clone(&masked), ..mistake };
        match mail::unquoted_hash(&source.text, &mistake.span) {
            Some(place) => Diagnostic::new(&masked, place, "a hash without quotes")
                .help("put it in double quotes: YAML takes the `{` for the beginning of a map"),
            None => mistake,
        }
    };
    mistakes.into_iter().map(point).collect()
}

fn read(decoder: &mut Decoder, root: &Node, files: &Files<'_>) -> Option<Spec> {
    if root.is_null() {
        let help = "begin with `hostname`, `domains` and `accounts`; the README has a file to copy";
        decoder.error(&(0..0), "the file is empty", help);
        return None;
    }
    let fields = decoder.fields(root, &MAIL_YML)?;
    let hostname = mail::hostname(decoder, &fields);
    let (directory, credentials) = mail::directory(decoder, &fields, files);
    let source = Arc::clone(decoder.source());
    let mut reader = SpecReader { decoder, fields: &fields, files, hostname: hostname.as_ref() };
    let services = Settings::read(&mut reader);
    Some(Spec {
        source,
        hostname: hostname?,
        directory: directory?,
        credentials: credentials?,
        services: services?,
    })
}
