//! Lists the files that a mail.yml names.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::certificate::Certificate;
use super::{Configured, MAIL_YML, SpecReader};
use crate::diagnostic::Source;
use crate::mail::{self, Files, Invalid, PasswordHash, secret_file};
use crate::yaml::{self, Decoder, Kind, Node, printable};

/// A file that a mail.yml names, with the path as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReferencedFile {
    /// Its path.
    pub path: PathBuf,
    pub span: Range<usize>,
    pub kind: ReferencedKind,
}

/// The purpose of such a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReferencedKind {
    /// The hash of an account's password.
    Hash,
    /// A password on one line.
    Secret,
    Certificate,
    Key,
}

impl ReferencedFile {
    /// Checks the content of a password file, which must be one line.
    ///
    /// # Errors
    ///
    /// Returns why it is invalid, without any of the content.
    pub(crate) fn judge(&self, text: &str) -> Result<(), Invalid> {
        let shown = printable(&self.path.display().to_string());
        match self.kind {
            ReferencedKind::Certificate | ReferencedKind::Key => Ok(()),
            ReferencedKind::Secret => secret_file::line(&shown, text.into()).map(drop),
            ReferencedKind::Hash => {
                PasswordHash::parse(&secret_file::line(&shown, text.into())?).map(drop)
            }
        }
    }
}

/// Returns the files that a mail.yml names, as far as it can be parsed.
/// Mistakes are left to [`load`](super::load).
pub(crate) fn referenced_files(source: &Arc<Source>) -> Vec<ReferencedFile> {
    let mut named = Vec::new();
    let Ok(root) = yaml::parse(source) else { return named };
    password_files(&root, ReferencedKind::Secret, &mut named);
    let mut decoder = Decoder::new(source);
    let Some(fields) = decoder.fields(&root, &MAIL_YML) else { return named };
    let hostname = mail::hostname(&mut decoder, &fields);
    let files = &Files::beside(Path::new(""));
    let (decoder, hostname) = (&mut decoder, hostname.as_ref());
    let reader = &mut SpecReader { decoder, fields: &fields, files, hostname };
    if let Some(tls) = Certificate::read(reader)
        && !tls.is_managed()
    {
        let (certificate, key) = (tls.certificate, tls.key);
        for (file, kind) in [(certificate, ReferencedKind::Certificate), (key, ReferencedKind::Key)]
        {
            named.push(ReferencedFile { path: file.value, span: file.span, kind });
        }
    }
    named
}

/// Finds the `password_file`s. Those of accounts contain hashes.
fn password_files(node: &Node, kind: ReferencedKind, found: &mut Vec<ReferencedFile>) {
    let Kind::Map(entries) = &node.kind else { return };
    for entry in entries {
        match &entry.value.kind {
            Kind::Scalar(scalar) if entry.key.text == "password_file" => {
                let (path, span) = (PathBuf::from(&scalar.text), entry.value.span.clone());
                found.push(ReferencedFile { path, span, kind });
            }
            _ if entry.key.text == "accounts" => {
                password_files(&entry.value, ReferencedKind::Hash, found);
            }
            _ => password_files(&entry.value, kind, found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_be_the_rest_right_or_wrong() {
        let text = "hostname: mail.example.org\ndomains: [oops\n";
        let source = |text: &str| Arc::new(Source { name: "mail.yml".into(), text: text.into() });
        assert_eq!(referenced_files(&source(text)), []);
        let text = "hostname: mail.example.org
nonsense: 1
accounts:
  anna: {password_file: anna}
  bob: {password: wrong}
relay: {host: a.org, username: me, password_file: /root/relay}
tls: {certificate: /etc/ssl/a.pem, key: /etc/ssl/a.key}
";
        let named = referenced_files(&source(text));
        let named: Vec<_> = named.iter().map(|it| (it.path.to_str().unwrap(), it.kind)).collect();
        assert_eq!(
            named,
            [
                ("anna", ReferencedKind::Hash),
                ("/root/relay", ReferencedKind::Secret),
                ("/etc/ssl/a.pem", ReferencedKind::Certificate),
                ("/etc/ssl/a.key", ReferencedKind::Key),
            ]
        );
        let text = "tls: {acme: {dns: {server: ns.a.org, key: a, password_file: tsig}}}\n";
        let named = referenced_files(&source(text));
        let named: Vec<_> = named.iter().map(|it| (it.path.to_str().unwrap(), it.kind)).collect();
        assert_eq!(named, [("tsig", ReferencedKind::Secret)]);
    }
}
