//! `certificate`: a certificate and its key exist, belong together, cover the
//! hostname and do not expire soon. A pair that fails this is replaced by a
//! self-signed one. [`examine()`] judges pairs that mailprov did not make.

mod examine;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use examine::{Harm, belongs, covers, examine, exposed_key, parse, parse_der};
use examine::{is_authority, seconds};

use super::attributes::{name, path, section};
use super::kind::{Declaration, Thing};
use super::{Assets, Key, Overlay, Planned, Resource, Said, State, Target, Undo, Withdrawal};
use crate::host::{Content, Entry, Error, Host, Ownership, Result};
use crate::yaml::{Decoder, KeySpec, Node, Section, ValueType};

/// The folder in which pairs are made. Only root may read it.
const WORK: &str = "/var/lib/mailprov/certificate";

/// The lifetime of a self-signed certificate: the longest that clients accept.
const DAYS: &str = "825";

/// How long before its end a certificate is replaced, in seconds.
const SOON: i64 = 30 * 24 * 60 * 60;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Certificate {
    pair: Pair,
    hostname: String,
}

/// The paths of a certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pair {
    /// The chain, the host's own certificate first.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The state of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateState {
    pub names: Vec<String>,
    /// When it expires, in seconds since 1970.
    pub expires: Planned<i64>,
    pub belongs: bool,
    /// Whether only root can read the key.
    pub private: bool,
    /// Whether it is an authority's (RFC 5280, 4.2.1.9), which a server's
    /// should not be.
    #[serde(default)]
    pub authority: bool,
}

const FIELDS: Section = section(
    &[
        KeySpec::new("certificate", ValueType::Text, "The path of the certificate."),
        KeySpec::new("key", ValueType::Text, "The path of the key."),
        KeySpec::new("hostname", ValueType::Text, "The name that it is for."),
    ],
    &["certificate", "key", "hostname"],
);
impl Declaration for Certificate {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "certificate",
        ValueType::Section(&FIELDS),
        "A self-signed certificate is there.",
    )];

    fn decode(_: &str, node: &Node, _: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &FIELDS)?;
        let mut path_of = |name| {
            let entry = fields.require(name, &node.span, decoder)?;
            path(&entry.value, decoder)
        };
        let (certificate, key) = (path_of("certificate"), path_of("key"));
        let hostname = fields.require("hostname", &node.span, decoder)?;
        let hostname = name(&hostname.value, decoder)?;
        Some(Self { pair: Pair { certificate: certificate?, key: key? }, hostname })
    }

    /// Returns the present pair if it is good, else a new one.
    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        let key = Key::Certificate(self.pair.clone());
        let after = match overlay.state(&key)? {
            State::Certificate(state)
                if state.belongs
                    && !state.authority
                    && covers(&state.names, &self.hostname)
                    && state.expires.known().is_none_or(|end| *end > seconds() + SOON) =>
            {
                CertificateState { private: true, ..state }
            }
            _ => CertificateState {
                names: vec![self.hostname.clone()],
                expires: Planned::AfterApply,
                belongs: true,
                private: true,
                authority: false,
            },
        };
        Ok(vec![Target { key, after: State::Certificate(after) }])
    }

    fn key(&self) -> Option<Key> {
        Some(Key::Certificate(self.pair.clone()))
    }

    fn found_by(_: &str) -> Option<&'static [&'static str]> {
        Some(&["certificate", "key", "hostname"])
    }

    fn withdrawals(
        word: &str,
        fields: &Node,
        assets: &dyn Assets,
        decoder: &mut Decoder,
    ) -> Option<Vec<Withdrawal>> {
        let pair = Self::decode(word, fields, assets, decoder)?.pair;
        let gone = |path: &Path, secret| Withdrawal {
            brought: Key::Certificate(pair.clone()),
            resource: Resource::no_file(path.to_owned()),
            secret,
        };
        Some(vec![gone(&pair.key, true), gone(&pair.certificate, false)])
    }

    fn loadable(&self) -> Vec<Key> {
        [&self.pair.certificate, &self.pair.key].map(|path| Key::File(path.clone())).into()
    }
}

impl Thing for Certificate {
    const NAME: &str = "certificate";
    type Key = Pair;
    type State = CertificateState;

    fn name(pair: &Pair) -> String {
        pair.certificate.display().to_string()
    }

    fn observe(host: &Host, pair: &Pair) -> Result<State> {
        let (certificate, key) = (host.read(&pair.certificate)?, host.read(&pair.key)?);
        let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(State::Absent) };
        let private = match host.entry(&pair.key)? {
            Some(Entry::File { ownership, .. }) => {
                ownership.mode & 0o077 == 0 && ownership.owner == "root"
            }
            _ => true,
        };
        let unfit = CertificateState {
            names: Vec::new(),
            expires: Planned::AfterApply,
            belongs: false,
            private,
            authority: false,
        };
        let state = match parse(certificate.bytes()) {
            Some((names, validity)) => CertificateState {
                names,
                expires: Planned::Known(validity.1),
                belongs: belongs(certificate.bytes(), key.bytes()) == Some(true),
                private,
                authority: is_authority(certificate.bytes()),
            },
            None => unfit,
        };
        Ok(State::Certificate(state))
    }

    /// Makes a self-signed pair, or only restricts the key to root.
    fn write(
        host: &Host,
        pair: &Pair,
        _: &State,
        after: &State,
        _: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        let State::Certificate(wish) = after else {
            return Err(Error::Other("a certificate is never removed".into()));
        };
        if let State::Certificate(actual) = Self::observe(host, pair)?
            && Self::is_met(wish, &CertificateState { private: true, ..actual })
            && let Some(key) = host.read(&pair.key)?
        {
            return host.put_file(&pair.key, &key, &Ownership::of_root(0o600));
        }
        let hostname = wish.names.first().map_or("", String::as_str);
        let folder = Path::new(WORK);
        host.make_private_directories(folder)?;
        let (key, certificate) = (folder.join("key"), folder.join("certificate"));
        // A common name has at most 64 characters (RFC 5280, ub-common-name). Clients read the
        // alternative name.
        let common = if hostname.len() <= 64 { hostname } else { "mail" };
        // The system's own configuration would make an authority's certificate.
        let settings = Content::new(settings(common, hostname));
        let configuration = folder.join("openssl.cnf");
        host.put_file(&configuration, &settings, &Ownership::of_root(0o600))?;
        let made = host
            .command([
                "openssl".into(),
                "req".into(),
                "-x509".into(),
                "-newkey".into(),
                "ec".into(),
                "-pkeyopt".into(),
                "ec_paramgen_curve:P-256".into(),
                "-nodes".into(),
                "-sha256".into(),
                "-days".into(),
                DAYS.into(),
                "-config".into(),
                configuration.display().to_string(),
                "-keyout".into(),
                key.display().to_string(),
                "-out".into(),
                certificate.display().to_string(),
            ])
            .run()
            .and_then(|_| Ok((host.read(&key)?, host.read(&certificate)?)));
        host.remove_tree(folder)?;
        let (Some(key), Some(certificate)) = made? else {
            return Err(Error::Other("openssl ended well but made no certificate".into()));
        };
        host.put_file(&pair.key, &key, &Ownership::of_root(0o600))?;
        host.put_file(&pair.certificate, &certificate, &Ownership::of_root(0o644))
    }

    fn undo(_: &Pair, _: &State, _: &State, _: &State, _: &Overlay<'_>) -> Result<Undo> {
        Ok(Undo::FilesOnly)
    }

    fn affected_paths(pair: &Pair) -> Vec<PathBuf> {
        vec![pair.certificate.clone(), pair.key.clone()]
    }

    fn describe(_: &Pair, before: &State, after: &State) -> Option<Vec<String>> {
        let State::Certificate(new) = after else { return None };
        let State::Certificate(old) = before else {
            let is_new = *before == State::Absent;
            return is_new.then(|| vec![format!("self-signed, for {}", new.names.join(", "))]);
        };
        let mut words = Vec::new();
        if !old.belongs {
            words.push("the key is not the certificate's".into());
        }
        if old.names != new.names {
            words.push(format!("name {} → {}", old.names.join(", "), new.names.join(", ")));
        }
        if !old.private {
            words.push("others can read the key".into());
        }
        if old.authority {
            words.push("it is an authority's (CA:TRUE), not a server's".into());
        }
        if words.is_empty() {
            words.push("about to expire".into());
        }
        Some(words)
    }

    fn json(certificate: &CertificateState) -> Value {
        json!({
            "state": "certificate", "names": certificate.names, "expires": certificate.expires,
            "key_belongs": certificate.belongs, "key_private": certificate.private,
            "authority": certificate.authority,
        })
    }

    fn is_met(wish: &CertificateState, actual: &CertificateState) -> bool {
        let expires = actual.expires.clone();
        // An authority's certificate is never made again.
        let authority = wish.authority && actual.authority;
        wish.expires.is_met_by(&actual.expires)
            && CertificateState { expires, authority, ..wish.clone() } == *actual
    }

    fn cleanup(host: &Host, _: &mut dyn FnMut(&str)) -> Result<()> {
        host.remove_tree(Path::new(WORK))
    }
}

/// Returns an openssl-req(1) configuration for a server's certificate that
/// covers only its own name.
fn settings(common: &str, hostname: &str) -> Vec<u8> {
    format!(
        "[req]\nprompt = no\ndistinguished_name = name\nx509_extensions = extensions\n\
         [name]\nCN = {common}\n\
         [extensions]\nbasicConstraints = critical, CA:FALSE\n\
         keyUsage = critical, digitalSignature\nextendedKeyUsage = serverAuth\n\
         subjectKeyIdentifier = hash\nsubjectAltName = DNS:{hostname}\n"
    )
    .into_bytes()
}
