//! `apt_source`: a package source of apt with its signing key, in one file
//! (sources.list(5), deb822). Its lists are fetched right after the file
//! changes, so that later steps can install from it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::attributes::{ABSENT, AssetError, TEXTS, is_true, section};
use super::file::File;
use super::kind::{Declaration, Thing};
use super::{Assets, Key, Overlay, Said, State, Target, Undo, package};
use crate::digest::Digest;
use crate::host::{Content, Host, Ownership, Result};
use crate::yaml::{Decoder, Fields, KeySpec, Kind, Node, Section, ValueType};

/// The folder that records with which file the lists of each source were
/// fetched.
const NOTES: &str = "/var/lib/mailprov/apt-sources";

/// The first line of a key in text form.
const ARMOR: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AptSource {
    name: String,
    /// The text of its file; `None` where the source is removed.
    text: Option<String>,
}

/// The state of a source's package lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lists {
    /// The digest of the source's file when the lists were fetched.
    source: Digest,
}

const TEXT_OR_TEXTS: ValueType = ValueType::Either(&[ValueType::Text, TEXTS]);

const FIELDS: Section = section(
    &[
        KeySpec::new(
            "name",
            ValueType::Text,
            "The name of its file: `/etc/apt/sources.list.d/NAME.sources`.",
        ),
        KeySpec::new("uris", TEXT_OR_TEXTS, "Where it is, such as `https://deb.example.org/`."),
        KeySpec::new("suites", TEXT_OR_TEXTS, "Which releases, such as `{{ facts.codename }}`."),
        KeySpec::new("components", TEXT_OR_TEXTS, "Which parts of these.").or("`main`"),
        KeySpec::new(
            "key",
            ValueType::Text,
            "The key that signs it: a file in `files/` beside the playbook, the text of the key \
             itself, or the absolute path of a keyring on the host.",
        ),
        ABSENT,
    ],
    &["name"],
);

impl Declaration for AptSource {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "apt_source",
        ValueType::Section(&FIELDS),
        "apt knows a source of packages, and its lists are fetched.",
    )];

    fn decode(_: &str, node: &Node, assets: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &FIELDS)?;
        let entry = fields.require("name", &node.span, decoder)?;
        let name = decoder.line(&entry.value)?.to_owned();
        // apt ignores files with other names (sources.list(5)).
        let is_fine = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_fine) {
            let help = "letters, digits, `_`, `-` and `.`; apt reads no file of another name";
            decoder.error(&entry.value.span, "this is not a name of a source", help);
            return None;
        }
        if is_true(&fields, "absent", decoder) {
            return Some(Self { name, text: None });
        }
        let uris = words("uris", &fields, node, decoder, |word| {
            let schemes = ["http://", "https://", "file:/", "copy:/"];
            schemes.iter().any(|scheme| word.starts_with(scheme))
        });
        let suites = words("suites", &fields, node, decoder, |_| true);
        let components = match (fields.get("components"), &suites) {
            (Some(_), _) => words("components", &fields, node, decoder, |_| true)?,
            // A suite that ends with a slash is a folder, without components.
            (None, Some(suites)) if suites.ends_with('/') => String::new(),
            (None, _) => "main".into(),
        };
        let key = fields.require("key", &node.span, decoder);
        let key = key.and_then(|entry| key_of(&entry.value, assets, decoder));
        let components = match components.as_str() {
            "" => String::new(),
            components => format!("Components: {components}\n"),
        };
        let text = format!(
            "# Written by mailprov: changes are overwritten.\nTypes: deb\nURIs: {}\nSuites: {}\n\
             {components}Signed-By:{}\n",
            uris?, suites?, key?
        );
        Some(Self { name, text: Some(text) })
    }

    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        let path = file_of(&self.name);
        let (file, lists) = match &self.text {
            Some(text) => {
                let lists = Lists { source: Digest::of(text.as_bytes()) };
                (File::of_root(path, text, 0o644), State::AptSource(lists))
            }
            None => (File::absent(path), State::Absent),
        };
        let mut targets = file.targets(overlay)?;
        targets.push(Target { key: Key::AptSource(self.name.clone()), after: lists });
        Ok(targets)
    }

    fn key(&self) -> Option<Key> {
        Some(Key::AptSource(self.name.clone()))
    }

    fn found_by(_: &str) -> Option<&'static [&'static str]> {
        Some(&["name"])
    }
}

impl Thing for AptSource {
    const NAME: &str = "apt_source";
    type Key = String;
    type State = Lists;

    fn name(name: &String) -> String {
        name.clone()
    }

    fn observe(host: &Host, name: &String) -> Result<State> {
        let note = host.read(&note_of(name))?;
        let lists = note.and_then(|note| serde_json::from_slice(note.bytes()).ok());
        Ok(lists.map_or(State::Absent, State::AptSource))
    }

    fn write(
        host: &Host,
        name: &String,
        _: &State,
        after: &State,
        say: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        let note = note_of(name);
        let State::AptSource(lists) = after else { return host.remove(&note) };
        package::fetch_lists(host, &file_of(name), say)?;
        host.make_private_directories(Path::new(NOTES))?;
        let text = serde_json::to_vec(lists).unwrap_or_default();
        host.put_file(&note, &Content::new(text), &Ownership::of_root(0o600))
    }

    /// apt ignores the lists of a source that is gone.
    fn undo(_: &String, _: &State, _: &State, _: &State, _: &Overlay<'_>) -> Result<Undo> {
        Ok(Undo::FilesOnly)
    }

    fn affected_paths(name: &String) -> Vec<PathBuf> {
        vec![note_of(name)]
    }

    fn describe(_: &String, _: &State, after: &State) -> Option<Vec<String>> {
        Some(vec![match after {
            State::AptSource(_) => "fetch its package lists".into(),
            _ => "its package lists are of no use".into(),
        }])
    }

    fn json(lists: &Lists) -> Value {
        json!({"state": "fetched", "source": lists.source})
    }
}

fn file_of(name: &str) -> PathBuf {
    format!("/etc/apt/sources.list.d/{name}.sources").into()
}

fn note_of(name: &str) -> PathBuf {
    Path::new(NOTES).join(format!("{name}.json"))
}

/// Reads a word or a list of words without white space.
fn words(
    field: &str,
    fields: &Fields<'_>,
    node: &Node,
    decoder: &mut Decoder,
    is_fine: impl Fn(&str) -> bool,
) -> Option<String> {
    let value = &fields.require(field, &node.span, decoder)?.value;
    let items = match &value.kind {
        Kind::Scalar(_) => std::slice::from_ref(value),
        _ => decoder.list(value)?,
    };
    let mut words = Vec::new();
    for item in items {
        let word = decoder.line(item)?;
        let is_word = !word.is_empty() && word.chars().all(|c| c.is_ascii_graphic() && c != '#');
        if !is_word || !is_fine(word) {
            let message = format!("this is nothing that apt knows as one of `{field}`");
            let help = "write one word, such as https://deb.example.org/, bookworm or main";
            decoder.error(&item.span, message, help);
            return None;
        }
        words.push(word.to_owned());
    }
    if words.is_empty() {
        decoder.error(&value.span, format!("`{field}` is empty"), "name at least one");
        return None;
    }
    Some(words.join(" "))
}

/// Reads the key in the form of a `Signed-By:` field.
fn key_of(node: &Node, assets: &dyn Assets, decoder: &mut Decoder) -> Option<String> {
    let text = decoder.text(node)?;
    if text.starts_with('/') && !text.contains(char::is_whitespace) {
        return Some(format!(" {text}"));
    }
    let key = match text.contains(ARMOR) {
        true => text.to_owned(),
        false => match assets.file(text) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(AssetError::Name { message, help }) => {
                decoder.error(&node.span, message, &help);
                return None;
            }
            Err(AssetError::Template(diagnostic)) => {
                decoder.report(*diagnostic);
                return None;
            }
        },
    };
    let Some(key) = key.find(ARMOR).map(|at| key[at..].trim_end()) else {
        let help = "it begins with -----BEGIN PGP PUBLIC KEY BLOCK-----; `gpg --armor` writes one";
        decoder.error(&node.span, "this is no key as text", help);
        return None;
    };
    // Continuation lines begin with a space; a dot stands for an empty line (deb822(5)).
    let line = |line: &str| match line.trim_end() {
        "" => "\n .".to_owned(),
        line => format!("\n {line}"),
    };
    Some(key.lines().map(line).collect())
}
