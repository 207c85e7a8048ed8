//! `package`: Debian packages are installed.

mod apt;
mod no_start;

use serde::{Deserialize, Serialize};

pub(super) use apt::{cleanup, write};

use crate::host::{Host, Result};
use crate::resource::attributes::name;
use crate::resource::{Key, Overlay, State, Target, keys};
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

    /// Says why a package is to go that the step only finds in the way.
    pub(super) fn reason(&self, after: &State) -> Option<String> {
        (!self.absent && *after == State::Absent).then(|| "in the way of the others".into())
    }

    /// Returns the packages.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.names.iter().cloned().map(Key::Package).collect()
    }

    /// Returns each package with the version that apt would install, those that
    /// come along, and those that would have to go.
    pub(super) fn targets(&self, view: &Overlay<'_>) -> Result<Vec<Target>> {
        let keys = self.keys();
        let mut befores = Vec::new();
        for key in &keys {
            befores.push(view.state(key)?);
        }
        let is_complete = |state: &State| matches!(state, State::Package { complete: true, missing, .. } if missing.is_empty());
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
                false => match before {
                    // Damaged: the same version anew.
                    State::Package { version, complete: true, .. } => {
                        installed(version_of(name).or(version), false)
                    }
                    _ => installed(version_of(name), false),
                },
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
    State::Package { version, complete: true, automatic, returns: false, missing: Vec::new() }
}

/// Looks a package up in dpkg's database, and whether its files are there.
pub(super) fn observe(host: &Host, name: &str) -> Result<State> {
    let Some(package) = host.package(name)? else { return Ok(State::Absent) };
    let missing = if package.complete { host.missing_files(name)? } else { Vec::new() };
    Ok(State::Package {
        version: Some(package.version),
        complete: package.complete,
        automatic: false,
        returns: false,
        missing,
    })
}

/// How packages that a run removed come back.
#[derive(Debug, Default)]
pub struct Returning {
    /// What comes back, and what has to go for it.
    pub targets: Vec<Target>,
    /// What does not come back, each in a sentence.
    pub not_reverted: Vec<String>,
}

/// Plans how `gone` packages, each with the state that it was in, come back: in
/// the version that they had, else in the one that apt would install. They are
/// fetched for that, so that what is planned can be done.
///
/// # Errors
///
/// Fails where apt cannot be asked at all.
pub fn returning(host: &Host, gone: &[(Key, State)]) -> Result<Returning> {
    let as_it_was = |(key, state): &(Key, State)| match (key, state) {
        (Key::Package(name), State::Package { version, .. }) => {
            Some((name.clone(), version.clone()))
        }
        _ => None,
    };
    let exact: Vec<_> = gone.iter().filter_map(as_it_was).collect();
    if exact.is_empty() {
        return Ok(Returning::default());
    }
    let any: Vec<_> = exact.iter().map(|(name, _)| (name.clone(), None)).collect();
    for (wanted, fetch_lists) in [(&exact, false), (&any, false), (&exact, true), (&any, false)] {
        if fetch_lists {
            host.apt(&["update"], &[]).capture()?;
        }
        let names: Vec<String> =
            wanted.iter().map(|(name, version)| apt::exact(name, version)).collect();
        let Ok(Some(coming)) = host.simulate_install(&names) else { continue };
        if !host.apt(&["install", "--download-only"], &names).capture()?.success() {
            continue;
        }
        let back = wanted.iter().map(|(name, version)| {
            let brought = coming.installs.iter().find(|(brought, _)| brought == name);
            let version = version.clone().or_else(|| Some(brought?.1.clone()));
            let (complete, automatic, returns, missing) = (true, false, true, Vec::new());
            let after = State::Package { version, complete, automatic, returns, missing };
            Target { key: Key::Package(name.clone()), after }
        });
        let makes_way = coming
            .removes
            .iter()
            .map(|name| Target { key: Key::Package(name.clone()), after: State::Absent });
        let targets = back.chain(makes_way).collect();
        return Ok(Returning { targets, not_reverted: Vec::new() });
    }
    let not_reverted = exact.iter().map(|(name, _)| self::gone(name)).collect();
    Ok(Returning { targets: Vec::new(), not_reverted })
}

/// Says that a package is not back.
pub(super) fn gone(name: &str) -> String {
    format!("{name} was removed and is not back: apt-get install {name}")
}
