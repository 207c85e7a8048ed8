//! `key_pair`: a private key that is made once, with its public key beside it.
//! The world checks signatures by it, so an existing key is never replaced: if
//! it is not a key, or not as declared, the step fails and says how to go on.
//! An undo keeps it too.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::attributes::{DeclaredOwnership, GROUP_OF, MODE, OWNER, path, section};
use super::describe::{owned, ownership_differences};
use super::file::{ownership_once_made, refuse_missing_folder};
use super::kind::{Declaration, Thing};
use super::planned::{AFTER_APPLY, Planned};
use super::public_key::{Algorithm, as_seed, in_dns, pem, read, unusable};
use super::state::owned_json;
use super::{Assets, Key, Overlay, Said, State, Target, Undo};
use crate::host::{Content, Entry, Error, Host, Ownership, Result};
use crate::yaml::{Decoder, KeySpec, Node, Section, ValueType};

/// The folder in which keys are made. Only root may read it.
const WORK: &str = "/var/lib/mailprov/key_pair";

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

const FIELDS: Section = section(
    &[
        KeySpec::new("path", ValueType::Text, "The path of the private key (PKCS#8, PEM)."),
        KeySpec::new("public", ValueType::Text, "The path of the public key (PEM), mode 0644.")
            .or("no file"),
        KeySpec::new(
            "algorithm",
            ValueType::Text,
            "`rsa`, `ed25519`, or `ed25519_seed`: the private key is the base64 of its 32 bytes, \
             as rspamd reads it.",
        )
        .or("`rsa`"),
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
                ("ed25519_seed", None) => Algorithm::Ed25519Seed,
                ("ed25519" | "ed25519_seed", Some((_, span))) => {
                    decoder.error(span, "an Ed25519 key has one size", "leave `bits` out");
                    return None;
                }
                _ => {
                    let help = "`rsa`, `ed25519` or `ed25519_seed`";
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
        let ownership = ownership_once_made(overlay, path, &self.declared, actual.as_ref())?;
        if let Some(public) = &self.files.public {
            refuse_missing_folder(overlay, public)?;
        }
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

/// Makes a private key, PKCS#8 in PEM unless it is a seed, readable by root only.
///
/// # Errors
///
/// Fails if OpenSSL does.
pub(crate) fn generate(host: &Host, algorithm: Algorithm) -> Result<Content> {
    let folder = Path::new(WORK);
    host.make_private_directories(folder)?;
    let new = folder.join("key");
    let bits;
    let options = match algorithm {
        Algorithm::Rsa(size) => {
            bits = format!("rsa_keygen_bits:{size}");
            vec!["-algorithm", "RSA", "-pkeyopt", &bits]
        }
        Algorithm::Ed25519 | Algorithm::Ed25519Seed => vec!["-algorithm", "ED25519"],
    };
    let out = ["-outform", "PEM", "-out"];
    let argv = ["openssl", "genpkey"].into_iter().chain(options).chain(out);
    let argv = argv.map(String::from).chain([new.display().to_string()]);
    let made = host.command(argv).run().and_then(|_| host.read(&new));
    host.remove_tree(folder)?;
    let made = made?;
    let made = match algorithm {
        Algorithm::Ed25519Seed => made.and_then(|key| as_seed(&key)),
        _ => made,
    };
    made.ok_or_else(|| Error::Other("openssl ended well but made no key".into()))
}
