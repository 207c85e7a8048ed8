//! What a step put on a host goes away again once its `present:` is not true any
//! more. Packages, users and groups stay, since others may have come to rely on
//! them; so do originals, and what a program did.

use super::{Assets, Key, Overlay, Resource, Result, State, Target, certificate, file};
use crate::yaml::{self, Decoder, Entry, Kind, Node, Scalar, Style};

/// Something that a step may have put on a host, and how to take it away.
#[derive(Debug)]
pub struct Withdrawal {
    /// The key under which a run put it there.
    pub brought: Key,
    /// Declares it away.
    pub resource: Resource,
    /// Whether it may hold a secret: it goes before what holds none.
    pub secret: bool,
}

/// Returns the fields that tell where a kind of resource left something; none
/// for a kind that stays.
fn found_by(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "file" => &["path", "secret"],
        "directory" | "link" => &["path"],
        "table" => &["path", "type", "program"],
        "certificate" => &["certificate", "key", "hostname"],
        "service" => &["name", "pid_file"],
        _ => return None,
    })
}

/// Reduces the fields of a step to those that tell where it left something, so
/// that the others, which may speak of what is not there any more, need no
/// sense. None where all that it brought stays.
pub fn traces(kind: &str, fields: &Node) -> Option<Node> {
    let found_by = found_by(kind)?;
    let Kind::Map(entries) = &fields.kind else { return Some(fields.clone()) };
    let entries = entries.iter().filter(|entry| found_by.contains(&entry.key.text.as_str()));
    Some(Node { span: fields.span.clone(), kind: Kind::Map(entries.cloned().collect()) })
}

impl Withdrawal {
    /// Reads such fields, their templates rendered.
    pub fn decode(
        kind: &str,
        fields: &Node,
        assets: &dyn Assets,
        decoder: &mut Decoder,
    ) -> Option<Vec<Self>> {
        if kind == "certificate" {
            let pair = certificate::Certificate::decode(fields, decoder)?;
            let [certificate, key] = pair.paths();
            let gone = |path, secret| Self {
                brought: pair.key(),
                resource: Resource::File(file::File::absent(path)),
                secret,
            };
            return Some(vec![gone(key, true), gone(certificate, false)]);
        }
        let secret = fields.get("secret").and_then(Node::as_scalar).and_then(Scalar::boolean);
        let resource = Resource::decode(kind, &absent(fields), assets, decoder)?;
        let brought = resource.key()?;
        // A table holds what its source held.
        let secret = secret == Some(true) || kind == "table";
        Some(vec![Self { brought, resource, secret }])
    }
}

/// Returns the fields of a step that declares the same away.
fn absent(fields: &Node) -> Node {
    let entry = |key: &str, value: Node| Entry {
        key: yaml::Key { span: fields.span.clone(), text: key.into() },
        value,
    };
    let mut entries = match &fields.kind {
        Kind::Map(entries) => entries.clone(),
        Kind::Scalar(_) | Kind::List(_) => vec![entry("name", fields.clone())],
    };
    let scalar = Scalar { text: "true".into(), style: Style::Plain };
    let value = Node { span: fields.span.clone(), kind: Kind::Scalar(scalar) };
    entries.push(entry("absent", value));
    Node { span: fields.span.clone(), kind: Kind::Map(entries) }
}

impl Resource {
    /// Returns the key of what the resource declares, where that is one thing which
    /// can be taken away.
    pub fn key(&self) -> Option<Key> {
        match self {
            Self::File(file) => Some(file.key()),
            Self::Table(table) => Some(table.key()),
            Self::Certificate(certificate) => Some(certificate.key()),
            Self::Service(service) => Some(Key::Service(service.key().clone())),
            _ => None,
        }
    }

    /// Names what the resource declares, to find out whether another declares it
    /// as well.
    pub fn names(&self) -> Vec<String> {
        self.key().iter().chain(&self.loadable()).map(Key::to_string).collect()
    }

    /// Returns what is to go of a resource that declares something away. A
    /// directory in which something is left stays.
    ///
    /// # Errors
    ///
    /// Fails where a look fails.
    pub fn withdrawn(&self, view: &Overlay<'_>) -> Result<Vec<Target>> {
        let Self::File(file) = self else { return self.targets(view) };
        let Key::File(path) = file.key() else { return Ok(Vec::new()) };
        let key = Key::File(path.clone());
        let goes = |name: &String| {
            view.planned(&Key::File(path.join(name))).is_some_and(|state| *state == State::Absent)
        };
        if let State::Directory(_) = view.state(&key)?
            && !view.host().list(&path)?.iter().all(goes)
        {
            return Ok(Vec::new());
        }
        Ok(vec![Target { key, after: State::Absent }])
    }
}
