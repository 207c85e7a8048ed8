//! The files that a mail.yml names: where they lie, and which they are.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Hostname, at, keys, tls};
use crate::diagnostic::Source;
use crate::digest::Digest;
use crate::local;
use crate::wire::Exposed;
use crate::yaml::{self, Decoder, Kind, Node};

/// Where the files that a mail.yml names are read from.
#[derive(Debug)]
pub struct Files<'f> {
    folder: &'f Path,
    seen: RefCell<BTreeMap<PathBuf, Digest>>,
    sent: Option<&'f BTreeMap<PathBuf, Exposed>>,
}

/// The files that a mail.yml names, as it writes them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The `password_file`s.
    pub passwords: Vec<PathBuf>,
    /// The certificate and its key, unless mailprov makes them.
    pub tls: Vec<PathBuf>,
}

impl<'f> Files<'f> {
    /// Takes relative paths as beside a mail.yml that lies in `folder`.
    pub fn beside(folder: &'f Path) -> Self {
        Self { folder, sent: None, seen: RefCell::default() }
    }

    /// Takes files that came along with a mail.yml for those that it names, and
    /// where one did not come, the one in its place.
    pub fn sent(folder: &'f Path, sent: &'f BTreeMap<PathBuf, Exposed>) -> Self {
        Self { folder, sent: Some(sent), seen: RefCell::default() }
    }

    /// Returns where a file lies.
    pub fn place(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// As [`local::read`].
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let bytes = match self.sent.and_then(|sent| sent.get(Path::new(path))) {
            Some(text) => text.0.expose().clone().into_bytes(),
            None => local::read(&self.place(path))?,
        };
        self.seen.borrow_mut().insert(self.place(path), Digest::of(&bytes));
        Ok(bytes)
    }

    /// Returns the files that were read, as they were.
    pub fn seen(self) -> BTreeMap<PathBuf, Digest> {
        self.seen.into_inner()
    }
}

/// Returns the files that a mail.yml names, as far as it can be read: its
/// mistakes are for [`load`](super::load) to find.
pub fn named(source: &Arc<Source>) -> Named {
    let mut named = Named::default();
    let Ok(root) = yaml::parse(source) else { return named };
    password_files(&root, &mut named.passwords);
    let mut decoder = Decoder::new(source);
    let Some(fields) = decoder.fields(&root, &keys::MAIL) else { return named };
    let hostname = fields.get("hostname");
    let hostname =
        hostname.and_then(|entry| at::value(&mut decoder, &entry.value, Hostname::parse));
    if let Some(tls) = tls::read(&mut decoder, &fields, hostname.as_ref())
        && !tls.self_signed
    {
        named.tls = vec![tls.certificate.value, tls.key.value];
    }
    named
}

fn password_files(node: &Node, found: &mut Vec<PathBuf>) {
    let Kind::Map(entries) = &node.kind else { return };
    for entry in entries {
        match &entry.value.kind {
            Kind::Scalar(scalar) if entry.key.text == "password_file" => {
                found.push(PathBuf::from(&scalar.text));
            }
            _ => password_files(&entry.value, found),
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
        assert_eq!(named(&source(text)), Named::default());
        let text = "hostname: mail.example.org
nonsense: 1
accounts:
  anna: {password_file: anna}
  bob: {password: wrong}
relay: {host: a.org, username: me, password_file: /root/relay}
";
        let named = named(&source(text));
        assert_eq!(named.passwords, [Path::new("anna"), Path::new("/root/relay")]);
        let live = Path::new("/etc/letsencrypt/live/mail.example.org");
        assert_eq!(named.tls, [live.join("fullchain.pem"), live.join("privkey.pem")]);
    }
}
