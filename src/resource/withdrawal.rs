//! Removes what a step put on a host once its `present:` is no longer true.
//! Packages, users and groups stay, since others may have come to rely on them;
//! so do originals, and the effects of programs.

use super::{Assets, Key, Resource};
use crate::yaml::{self, Decoder, Entry, Kind, Node, Scalar, Style};

/// A thing that a step may have put on a host, and how to remove it.
#[derive(Debug)]
pub(crate) struct Withdrawal {
    /// The key under which a run put it there.
    pub brought: Key,
    /// Declares it absent.
    pub resource: Resource,
    /// Whether it may hold a secret; secrets are removed first.
    pub secret: bool,
}

/// Reduces the fields of a step to those that locate what it left on the host.
/// The other fields may refer to things that no longer exist, and need not be
/// valid. `None` for a step whose effects stay.
pub(crate) fn traces(kind: &str, fields: &Node) -> Option<Node> {
    let found_by = Resource::found_by(kind)?;
    let Kind::Map(entries) = &fields.kind else { return Some(fields.clone()) };
    let entries = entries.iter().filter(|entry| found_by.contains(&entry.key.text.as_str()));
    Some(Node { span: fields.span.clone(), kind: Kind::Map(entries.cloned().collect()) })
}

impl Withdrawal {
    /// Reads such fields after their templates are rendered.
    pub(crate) fn decode(
        kind: &str,
        fields: &Node,
        assets: &dyn Assets,
        decoder: &mut Decoder,
    ) -> Option<Vec<Self>> {
        Resource::withdrawals(kind, fields, assets, decoder)
    }

    /// Removes it by a step of the same fields with `absent: true`.
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

/// Returns the fields of a step that declares the same absent.
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
    /// Returns the names of all that the resource declares, to find out whether
    /// another step declares it too.
    pub(crate) fn names(&self) -> Vec<String> {
        self.key().iter().chain(&self.loadable()).map(Key::to_string).collect()
    }
}
