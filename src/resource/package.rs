//! `package`: Debian packages are installed.

use serde::{Deserialize, Serialize};

use super::attributes::name;
use super::{Key, State, Target, View, keys};
use crate::host::{Host, Result};
use crate::yaml::{Decoder, Kind, Node};

/// Packages that are installed in one go.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Package {
    names: Vec<String>,
    absent: bool,
}

impl Package {
    /// Reads a `package` step: a name, a list of names, or a map with `names`.
    /// A name that its template left empty is left out.
    pub(super) fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let (names, absent) = match &node.kind {
            Kind::Map(_) => {
                let fields = decoder.fields(node, &keys::PACKAGE)?;
                let absent =
                    fields.get("absent").is_some_and(|e| decoder.boolean(&e.value) == Some(true));
                match fields.get("name") {
                    Some(entry) => (vec![&entry.value], absent),
                    None => {
                        let entry = fields.require("names", &node.span, decoder)?;
                        (decoder.list(&entry.value)?.iter().collect(), absent)
                    }
                }
            }
            Kind::List(items) => (items.iter().collect(), false),
            Kind::Scalar(_) => (vec![node], false),
        };
        let is_left_out =
            |node: &&Node| node.as_scalar().is_some_and(|scalar| scalar.text.trim().is_empty());
        let names = names.into_iter().filter(|node| !is_left_out(node));
        let names: Option<Vec<_>> = names.map(|node| name(node, decoder)).collect();
        Some(Self { names: names?, absent })
    }

    /// Returns the packages.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.names.iter().cloned().map(Key::Package).collect()
    }

    /// Returns each package with the version that apt would install, those that
    /// come along, and those that would have to go.
    pub(super) fn targets(&self, view: &View<'_>) -> Result<Vec<Target>> {
        let keys = self.keys();
        let mut befores = Vec::new();
        for key in &keys {
            befores.push(view.state(key)?);
        }
        let is_complete = |state: &State| matches!(state, State::Package { complete: true, .. });
        let missing: Vec<String> = self
            .names
            .iter()
            .zip(&befores)
            .filter(|(_, before)| !is_complete(before))
            .map(|(name, _)| name.clone())
            .collect();
        let coming = match (self.absent, missing.is_empty()) {
            (false, false) => view.host().simulate_install(&missing)?.unwrap_or_default(),
            _ => crate::host::Simulation::default(),
        };
        let version_of = |name: &String| {
            let coming = coming.installs.iter().find(|(coming, _)| coming == name);
            coming.map(|(_, version)| version.clone())
        };
        let asked_for = self.names.iter().zip(keys).zip(befores).map(|((name, key), before)| {
            let after = match self.absent {
                true => State::Absent,
                false if is_complete(&before) => before,
                false => installed(version_of(name), false),
            };
            Target { key, after }
        });
        let others = coming.installs.iter().filter(|(name, _)| !self.names.contains(name));
        let needed = others.map(|(name, version)| Target {
            key: Key::Package(name.clone()),
            after: installed(Some(version.clone()), true),
        });
        let in_the_way = coming
            .removes
            .iter()
            .map(|name| Target { key: Key::Package(name.clone()), after: State::Absent });
        Ok(asked_for.chain(needed).chain(in_the_way).collect())
    }
}

fn installed(version: Option<String>, automatic: bool) -> State {
    State::Package { version, complete: true, automatic }
}

/// Looks a package up in dpkg's database.
pub(super) fn observe(host: &Host, name: &str) -> Result<State> {
    Ok(host.package(name)?.map_or(State::Absent, |package| State::Package {
        version: Some(package.version),
        complete: package.complete,
        automatic: false,
    }))
}
