//! What a step put on a host goes away again once its `present:` is not true any
//! more. Packages, users and groups stay, since others may have come to rely on
//! them; so do originals, and what a program did.

use super::{Assets, Key, Resource};
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

/// Reduces the fields of a step to those that tell where it left something, so
/// that the others, which may speak of what is not there any more, need no
/// sense. None where all that it brought stays.
pub fn traces(kind: &str, fields: &Node) -> Option<Node> {
    let found_by = Resource::found_by(kind)?;
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
        Resource::withdrawals(kind, fields, assets, decoder)
    }

    /// Takes away by a step of the same fields that says `absent: true`.
    pub(super) fn by_absence(
        kind: &str,
        fields: &Node,
        assets: &dyn Assets,
        decoder: &mut Decoder,
    ) -> Option<Vec<Self>> {
        let secret = fields.get("secret").and_then(Node::as_scalar).and_then(Scalar::boolean);
        let resource = Resource::decode(kind, &absent(fields), assets, decoder)?;
        let brought = resource.key()?;
        let secret = secret == Some(true) || resource.holds_secrets();
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
    /// Names what the resource declares, to find out whether another declares it
    /// as well.
    pub fn names(&self) -> Vec<String> {
        self.key().iter().chain(&self.loadable()).map(Key::to_string).collect()
    }
}
