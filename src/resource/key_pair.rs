//! `key_pair`: a private key that is made once, with its public key beside it.
//! The world checks signatures by it, so an existing key is never replaced: if
//! it is not a key, or not as declared, the step fails and says how to go on.
//! An undo keeps it too.
//!
//! Templates get the public key by the function `public_key(PATH)`. For a key
//! that is not made yet they get a [hole](fill), which is filled once it is;
//! the plan shows such a file with a part that is known after apply.

use std::fmt;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use x509_cert::der::asn1::UintRef;
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::attributes::{DeclaredOwnership, GROUP_OF, MODE, OWNER, path, section};
use super::describe::{owned, ownership_differences};
use super::file::{refuse_missing_folder, refuse_unknown_names};
use super::kind::{Declaration, Thing};
use super::planned::{AFTER_APPLY, Planned};
use super::state::owned_json;
use super::{Assets, Key, Overlay, Said, State, Target, Undo};
use crate::host::{Content, Entry, Error, Host, Ownership, Result};
use crate::yaml::{Decoder, KeySpec, Node, Section, ValueType};

/// The folder in which keys are made. Only root may read it.
const WORK: &str = "/var/lib/mailprov/key_pair";

/// Encloses the path of a key in place of its public key, by characters that no
/// text contains (Unicode, private use).
pub(crate) const HOLE: [char; 2] = ['\u{f8e0}', '\u{f8e1}'];

/// The allowed sizes of RSA keys.
const SIZES: [&str; 2] = ["2048", "4096"];

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyPair {
    files: KeyFiles,
    algorithm: Algorithm,
    declared: DeclaredOwnership,
}

/// The paths of a key pair.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyFiles {
    pub private: PathBuf,
    /// The file of the public key, if declared.
    pub public: Option<PathBuf>,
}

/// The state of a key pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPairState {
    pub algorithm: Algorithm,
    /// The public key, a SubjectPublicKeyInfo in DER.
    pub public: Planned<Vec<u8>>,
    /// The owner and mode of the private key.
    pub ownership: Ownership,
    /// Whether the file of the public key, if declared, holds it.
    pub is_published: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// RSA, with the number of bits.
    Rsa(u32),
    /// Ed25519 (RFC 8410).
    Ed25519,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA, {bits} bits"),
            Self::Ed25519 => f.write_str("Ed25519"),
        }
    }
}

const FIELDS: Section = section(
    &[
        KeySpec::new("path", ValueType::Text, "The path of the private key (PKCS#8, PEM)."),
        KeySpec::new("public", ValueType::Text, "The path of the public key (PEM), mode 0644.")
            .or("no file"),
        KeySpec::new("algorithm", ValueType::Text, "`rsa` or `ed25519`.").or("`rsa`"),
        KeySpec::new("bits", ValueType::Number, "The size of an RSA key: 2048 or 4096.").or("2048"),
        OWNER,
        GROUP_OF,
        MODE.or("`\"0600\"` for a new one"),
    ],
    &["path"],
);
impl Declaration for KeyPair {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "key_pair",
        ValueType::Section(&FIELDS),
        "A private key is there, made once and never replaced.",
    )];

    fn decode(_: &str, node: &Node, _: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &FIELDS)?;
        let private = fields.require("path", &node.span, decoder);
        let private = private.and_then(|entry| path(&entry.value, decoder));
        let public = match fields.get("public") {
            Some(entry) => Some(path(&entry.value, decoder)?),
            None => None,
        };
        let declared = DeclaredOwnership::decode(&fields, decoder);
        let bits = match fields.get("bits") {
            Some(entry) => {
                let text = decoder.text(&entry.value)?;
                let bits = SIZES.contains(&text).then(|| text.parse().ok()).flatten();
                if bits.is_none() {
                    decoder.error(&entry.value.span, "no key is made of this size", "2048 or 4096");
                }
                Some((bits?, &entry.key.span))
            }
            None => None,
        };
        let algorithm = match fields.get("algorithm") {
            Some(entry) => match (decoder.line(&entry.value)?, bits) {
                ("rsa", bits) => Algorithm::Rsa(bits.map_or(2048, |(bits, _)| bits)),
                ("ed25519", None) => Algorithm::Ed25519,
                ("ed25519", Some((_, span))) => {
                    decoder.error(span, "an Ed25519 key has one size", "leave `bits` out");
                    return None;
                }
                _ => {
                    let help = "`rsa` or `ed25519`";
                    decoder.error(&entry.value.span, "no key is made for this algorithm", help);
                    return None;
                }
            },
            None => Algorithm::Rsa(bits.map_or(2048, |(bits, _)| bits)),
        };
        Some(Self { files: KeyFiles { private: private?, public }, algorithm, declared })
    }

    /// Returns the present pair with the declared owner, else a new one.
    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        let key = Key::KeyPair(self.files.clone());
        let path = &self.files.private;
        let (public, actual) = match overlay.state(&key)? {
            State::KeyPair(state) if state.algorithm != self.algorithm => {
                return Err(Error::Other(format!(
                    "{} holds another key ({}) than this step asks for ({}), and a key is never \
                     replaced; keep the step as the key is, or move the key away, then apply again",
                    path.display(),
                    state.algorithm,
                    self.algorithm
                )));
            }
            State::KeyPair(state) => (state.public, Some(state.ownership)),
            _ => (Planned::AfterApply, None),
        };
        let ownership = self.declared.complete(actual.as_ref(), 0o600);
        // An undo does not restore this path, so no other place checks it.
        overlay.reject_unsafe_paths(&Key::at(path.clone()))?;
        for path in [Some(path), self.files.public.as_ref()].into_iter().flatten() {
            refuse_missing_folder(overlay, path)?;
        }
        refuse_unknown_names(overlay, &ownership)?;
        let algorithm = self.algorithm;
        let state = KeyPairState { algorithm, public, ownership, is_published: true };
        Ok(vec![Target { key, after: State::KeyPair(state) }])
    }

    fn loadable(&self) -> Vec<Key> {
        let all = [Some(&self.files.private), self.files.public.as_ref()];
        all.into_iter().flatten().cloned().map(Key::File).collect()
    }
}

impl Thing for KeyPair {
    const NAME: &str = "key_pair";
    type Key = KeyFiles;
    type State = KeyPairState;

    fn name(files: &KeyFiles) -> String {
        files.private.display().to_string()
    }

    fn observe(host: &Host, files: &KeyFiles) -> Result<State> {
        let (content, ownership) = match host.entry(&files.private)? {
            None => return Ok(State::Absent),
            Some(Entry::File { content, ownership }) => (content, ownership),
            Some(_) => return Err(unusable(&files.private, "is no file")),
        };
        let (algorithm, public) = read(&content).map_err(|why| unusable(&files.private, why))?;
        let is_published = match &files.public {
            Some(path) => host.read(path)?.is_some_and(|content| content.bytes() == pem(&public)),
            None => true,
        };
        let public = Planned::Known(public);
        Ok(State::KeyPair(KeyPairState { algorithm, public, ownership, is_published }))
    }

    /// Makes a missing pair. Of an existing one it only changes owner, mode and
    /// the file of the public key.
    fn write(
        host: &Host,
        files: &KeyFiles,
        _: &State,
        after: &State,
        _: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        let State::KeyPair(wish) = after else {
            return Err(Error::Other("a key is never removed".into()));
        };
        let path = &files.private;
        let private = match host.entry(path)? {
            Some(Entry::File { content, .. }) => content,
            _ => generate(host, wish.algorithm)?,
        };
        let (_, public) = read(&private).map_err(|why| unusable(path, why))?;
        host.put_file(path, &private, &wish.ownership)?;
        match &files.public {
            Some(path) => {
                let Ownership { owner, group, .. } = &wish.ownership;
                let ownership = Ownership::new(owner, group, 0o644);
                host.put_file(path, &Content::new(pem(&public)), &ownership)
            }
            None => Ok(()),
        }
    }

    /// Keeps the key, since signatures depend on it.
    fn undo(_: &KeyFiles, before: &State, _: &State, _: &State, _: &Overlay<'_>) -> Result<Undo> {
        Ok(match before {
            State::KeyPair(_) => Undo::Restore(before.clone()),
            _ => Undo::FilesOnly,
        })
    }

    fn affected_paths(files: &KeyFiles) -> Vec<PathBuf> {
        files.public.iter().cloned().collect()
    }

    fn edit(_: &KeyFiles, after: &State, _: Option<Content>) -> Option<Content> {
        match after {
            State::KeyPair(state) => state.public.known().map(|public| Content::new(pem(public))),
            _ => None,
        }
    }

    fn describe(_: &KeyFiles, before: &State, after: &State) -> Option<Vec<String>> {
        Some(match (before, after) {
            (State::KeyPair(old), State::KeyPair(new)) => {
                let words = ownership_differences(&old.ownership, &new.ownership);
                let public = (!old.is_published).then(|| "write the public key".to_owned());
                words.into_iter().chain(public).collect()
            }
            (State::Absent, State::KeyPair(new)) => vec![
                new.algorithm.to_string(),
                owned(&new.ownership),
                format!("public key {AFTER_APPLY}"),
            ],
            _ => return None,
        })
    }

    fn json(pair: &KeyPairState) -> Value {
        let mut object = owned_json("key_pair", &pair.ownership);
        object.insert("algorithm".into(), pair.algorithm.to_string().into());
        object.insert("public_key".into(), json!(pair.public.known().and_then(|it| in_dns(it))));
        object.into()
    }

    fn is_met(wish: &KeyPairState, actual: &KeyPairState) -> bool {
        let public = actual.public.clone();
        wish.public.is_met_by(&public) && KeyPairState { public, ..wish.clone() } == *actual
    }

    fn cleanup(host: &Host, _: &mut dyn FnMut(&str)) -> Result<()> {
        host.remove_tree(Path::new(WORK))
    }
}

/// Makes a private key, PKCS#8 in PEM, readable by root only.
fn generate(host: &Host, algorithm: Algorithm) -> Result<Content> {
    let folder = Path::new(WORK);
    host.make_private_directories(folder)?;
    let new = folder.join("key");
    let bits;
    let options = match algorithm {
        Algorithm::Rsa(size) => {
            bits = format!("rsa_keygen_bits:{size}");
            vec!["-algorithm", "RSA", "-pkeyopt", &bits]
        }
        Algorithm::Ed25519 => vec!["-algorithm", "ED25519"],
    };
    let out = ["-outform", "PEM", "-out"];
    let argv = ["openssl", "genpkey"].into_iter().chain(options).chain(out);
    let argv = argv.map(String::from).chain([new.display().to_string()]);
    let made = host.command(argv).run().and_then(|_| host.read(&new));
    host.remove_tree(folder)?;
    made?.ok_or_else(|| Error::Other("openssl ended well but made no key".into()))
}

fn unusable(path: &Path, why: &str) -> Error {
    Error::Other(format!(
        "{} {why}, and what is there is never replaced; move it away, then apply again",
        path.display()
    ))
}

/// Parses a private key: returns its algorithm and its public key.
fn read(private: &Content) -> std::result::Result<(Algorithm, Vec<u8>), &'static str> {
    const NO_KEY: &str = "holds no private key (PEM, RSA of 2048 to 4096 bits or Ed25519)";
    let key = PrivateKeyDer::from_pem_slice(private.bytes()).map_err(|_| NO_KEY)?;
    let key = any_supported_type(&key).map_err(|_| NO_KEY)?;
    let public = key.public_key().ok_or(NO_KEY)?.to_vec();
    let algorithm = algorithm(&public).ok_or(NO_KEY)?;
    Ok((algorithm, public))
}

/// Parses the algorithm of a public key (RFC 3279, 2.3.1, and RFC 8410).
fn algorithm(public: &[u8]) -> Option<Algorithm> {
    let info = SubjectPublicKeyInfoRef::from_der(public).ok()?;
    match &*info.algorithm.oid.to_string() {
        "1.2.840.113549.1.1.1" => {
            let mut reader = SliceReader::new(info.subject_public_key.raw_bytes()).ok()?;
            let modulus = reader.sequence(|fields| {
                let modulus: UintRef<'_> = fields.decode()?;
                let _: UintRef<'_> = fields.decode()?;
                Ok(modulus)
            });
            Some(Algorithm::Rsa(8 * u32::try_from(modulus.ok()?.as_bytes().len()).ok()?))
        }
        "1.3.101.112" => Some(Algorithm::Ed25519),
        _ => None,
    }
}

/// Encodes a public key in PEM, as `openssl pkey -pubout` does.
fn pem(public: &[u8]) -> Vec<u8> {
    let mut text = String::from("-----BEGIN PUBLIC KEY-----\n");
    let encoded = Base64::encode_string(public);
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str("-----END PUBLIC KEY-----\n");
    text.into_bytes()
}

/// Encodes a public key for DNS (RFC 6376, 3.6.1; for Ed25519 the bare key, RFC
/// 8463, 4.2).
fn in_dns(public: &[u8]) -> Option<String> {
    let info = SubjectPublicKeyInfoRef::from_der(public).ok()?;
    Some(match algorithm(public)? {
        Algorithm::Rsa(_) => Base64::encode_string(public),
        Algorithm::Ed25519 => Base64::encode_string(info.subject_public_key.raw_bytes()),
    })
}

/// Returns the public key of the private key at `path` as DNS has it: base64,
/// on one line. Returns `None` where there is no key yet.
///
/// # Errors
///
/// Fails where the file is not a private key.
pub(crate) fn public_key(host: &Host, path: &Path) -> Result<Option<String>> {
    let Some(content) = host.read(path)? else { return Ok(None) };
    let (_, public) = read(&content).map_err(|why| unusable(path, why))?;
    Ok(in_dns(&public))
}

/// Returns the placeholder for the public key of `path`.
pub(crate) fn hole(path: &str) -> String {
    format!("{}{path}{}", HOLE[0], HOLE[1])
}

/// Fills the holes of a content with public keys. Holes for keys that are not
/// made yet stay.
pub(super) fn fill(host: &Host, content: &Content) -> Result<Content> {
    let Some(text) = with_holes(content) else { return Ok(content.clone()) };
    let mut filled = String::new();
    for (between, path) in holes(text) {
        filled.push_str(between);
        if let Some(path) = path {
            let key = public_key(host, Path::new(path))?;
            filled.push_str(&key.unwrap_or_else(|| hole(path)));
        }
    }
    Ok(Content::new(filled))
}

/// Returns a content for display: fills its holes with public keys, or with
/// words where a key is not made yet.
///
/// # Errors
///
/// Fails where a file that it names is not a private key.
pub(crate) fn filled(host: &Host, content: &Content) -> Result<Content> {
    fill(host, content).map(|content| shown(&content))
}

/// Returns a content as text if it has holes.
pub(super) fn with_holes(content: &Content) -> Option<&str> {
    let text = std::str::from_utf8(content.bytes()).ok()?;
    text.contains(HOLE[0]).then_some(text)
}

/// Splits a text at its holes: the text before each, and its path.
fn holes(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split(HOLE[1]).map(|part| match part.split_once(HOLE[0]) {
        Some((between, path)) => (between, Some(path)),
        None => (part, None),
    })
}

/// Returns a content as a plan shows it.
pub(super) fn shown(content: &Content) -> Content {
    let Some(text) = with_holes(content) else { return content.clone() };
    let show = |(between, path): (&str, Option<&str>)| {
        format!("{between}{}", path.map_or("", |_| super::planned::AFTER_APPLY))
    };
    Content::new(holes(text).map(show).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn the_example_of_rfc_8410_is_read() {
        let (algorithm, public) = read(&Content::new(ED25519)).unwrap();
        assert_eq!(algorithm, Algorithm::Ed25519);
        let wanted = "-----BEGIN PUBLIC KEY-----\n\
            MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
            -----END PUBLIC KEY-----\n";
        assert_eq!(String::from_utf8(pem(&public)).unwrap(), wanted);
        assert_eq!(in_dns(&public).unwrap(), "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=");
        for wrong in ["", "text", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
        {
            assert!(read(&Content::new(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn holes_are_filled_once_the_key_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::open(folder.path()).unwrap();
        let text = format!("a {} b {}\n", hole("/key"), hole("/key"));
        let content = Content::new(text.clone());
        assert_eq!(fill(&host, &content).unwrap().bytes(), text.as_bytes());
        assert_eq!(shown(&content).bytes(), b"a (known after apply) b (known after apply)\n");
        std::fs::write(folder.path().join("key"), ED25519).unwrap();
        let filled = fill(&host, &content).unwrap();
        let key = "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
        assert_eq!(filled.bytes(), format!("a {key} b {key}\n").as_bytes());
        assert!(with_holes(&filled).is_none());
    }
}
