//! `package`: Debian packages are installed, or not.

mod apt;
mod no_start;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(super) use apt::fetch_lists;

use crate::host::{Host, Result};
use crate::resource::attributes::{TEXTS, is_true, name};
use crate::resource::kind::{Declaration, Thing};
use crate::resource::{Assets, Key, Overlay, Planned, Said, State, Target, Undo};
use crate::yaml::{self, Decoder, KeySpec, Node, Section, ValueType};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Package {
    names: Vec<String>,
    absent: bool,
}

/// The state of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageState {
    /// The version; known after apply where only the installation decides it.
    pub version: Planned<String>,
    /// Whether it is unpacked and configured.
    pub complete: bool,
    /// Whether it is installed only as a dependency.
    pub automatic: bool,
    /// Whether a run removed it, so that undoing it means to reinstall it and
    /// to start its daemons.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub returns: bool,
    /// Its own files that are missing, which make it damaged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<PathBuf>,
}

const FIELDS: Section = Section {
    keys: &[
        KeySpec::new("name", ValueType::Text, "One Debian package."),
        KeySpec::new("names", TEXTS, "Several Debian packages."),
        KeySpec::new("absent", ValueType::Boolean, "`true`: removed, its configuration kept.")
            .or("`false`"),
    ],
    required: &[],
    one_of: &["name", "names"],
    together: &[],
};
impl Package {
    /// Returns whether the step installs packages, not removes them.
    pub(super) fn installs(&self) -> bool {
        !self.absent
    }

    pub(super) fn install_as_well(&mut self, other: &Self) {
        let more = other.names.iter().filter(|name| !self.names.contains(name));
        let more: Vec<_> = more.cloned().collect();
        self.names.extend(more);
    }
}

impl Declaration for Package {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "package",
        ValueType::Either(&[ValueType::Text, TEXTS, ValueType::Section(&FIELDS)]),
        "Debian packages are installed.",
    )];

    fn decode(_: &str, node: &Node, _: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        let (names, absent) = match &node.kind {
            yaml::Kind::Map(_) => {
                let fields = decoder.fields(node, &FIELDS)?;
                let absent = is_true(&fields, "absent", decoder);
                match fields.get("name") {
                    Some(entry) => (vec![&entry.value], absent),
                    None => {
                        let entry = fields.require("names", &node.span, decoder)?;
                        (decoder.list(&entry.value)?.iter().collect(), absent)
                    }
                }
            }
            yaml::Kind::List(items) => (items.iter().collect(), false),
            yaml::Kind::Scalar(_) => (vec![node], false),
        };
        let is_left_out =
            |node: &&Node| node.as_scalar().is_some_and(|scalar| scalar.text.trim().is_empty());
        let names = names.into_iter().filter(|node| !is_left_out(node));
        let names: Option<Vec<_>> = names.map(|node| name(node, decoder)).collect();
        Some(Self { names: names?, absent })
    }

    /// Explains the removal of a package that is only in the way.
    fn reason(&self, target: &Target) -> Option<String> {
        (!self.absent && target.after == State::Absent).then(|| "in the way of the others".into())
    }

    fn loadable(&self) -> Vec<Key> {
        self.names.iter().cloned().map(Key::Package).collect()
    }

    /// Returns each package with the version that apt would install, its
    /// dependencies, and the packages that apt would remove.
    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        let keys = self.loadable();
        let mut befores = Vec::new();
        for key in &keys {
            befores.push(overlay.state(key)?);
        }
        let is_complete = |state: &State| matches!(state, State::Package(it) if it.complete && it.missing.is_empty());
        let missing: Vec<String> = self
            .names
            .iter()
            .zip(&befores)
            .filter(|(_, before)| !is_complete(before))
            .map(|(name, _)| name.clone())
            .collect();
        // Packages from a source of an earlier step are known only once its lists are fetched.
        let lists_come = overlay.all_planned().any(|(key, _)| matches!(key, Key::AptSource(_)));
        let coming = match (self.absent || lists_come, missing.is_empty()) {
            (false, false) => overlay.host().simulate_install(&missing)?.unwrap_or_default(),
            _ => crate::host::Simulation::default(),
        };
        let version_of = |name: &String| {
            let coming = coming.installs.iter().find(|(coming, _)| coming == name);
            coming.map_or(Planned::AfterApply, |(_, version)| Planned::Known(version.clone()))
        };
        let asked_for = self.names.iter().zip(keys).zip(befores).map(|((name, key), before)| {
            let after = match self.absent {
                true => State::Absent,
                false if is_complete(&before) => before,
                false => match before {
                    // Damaged: reinstall the same version.
                    State::Package(PackageState { version, complete: true, .. }) => {
                        match version_of(name) {
                            Planned::AfterApply => installed(version, false),
                            coming => installed(coming, false),
                        }
                    }
                    _ => installed(version_of(name), false),
                },
            };
            Target { key, after }
        });
        let others = coming.installs.iter().filter(|(name, _)| !self.names.contains(name));
        let needed = others.map(|(name, version)| Target {
            key: Key::Package(name.clone()),
            after: installed(Planned::Known(version.clone()), true),
        });
        let in_the_way = coming
            .removes
            .iter()
            .map(|name| Target { key: Key::Package(name.clone()), after: State::Absent });
        Ok(asked_for.chain(needed).chain(in_the_way).collect())
    }
}

fn installed(version: Planned<String>, automatic: bool) -> State {
    State::Package(PackageState {
        version,
        complete: true,
        automatic,
        returns: false,
        missing: Vec::new(),
    })
}

impl Thing for Package {
    const NAME: &str = "package";
    type Key = String;
    type State = PackageState;
    const HAS_SIDE_EFFECTS: bool = true;

    fn name(name: &String) -> String {
        name.clone()
    }

    /// Reads the package from dpkg's database, and verifies that its files
    /// exist.
    fn observe(host: &Host, name: &String) -> Result<State> {
        let Some(package) = host.package(name)? else { return Ok(State::Absent) };
        let missing = if package.complete { host.missing_files(name)? } else { Vec::new() };
        Ok(State::Package(PackageState {
            version: Planned::Known(package.version),
            complete: package.complete,
            automatic: false,
            returns: false,
            missing,
        }))
    }

    fn write(
        host: &Host,
        name: &String,
        before: &State,
        after: &State,
        say: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        apt::write(host, &[(name, before, after)], say)
    }

    fn write_all(
        host: &Host,
        batch: &[(&String, &State, &State)],
        say: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        apt::write(host, batch, say)
    }

    fn undo(
        name: &String,
        before: &State,
        _: &State,
        now: &State,
        _: &Overlay<'_>,
    ) -> Result<Undo> {
        Ok(match (before, now) {
            (before, now) if before == now => Undo::FilesOnly,
            (State::Absent, _) => Undo::Purge,
            // A repaired package stays repaired.
            (State::Package(before), now)
                if !before.missing.is_empty() && *now != State::Absent =>
            {
                Undo::FilesOnly
            }
            (before, State::Absent) => Undo::Reinstall(before.clone()),
            (
                State::Package(PackageState { version: Planned::Known(was), .. }),
                State::Package(PackageState { version: Planned::Known(is), .. }),
            ) if was != is => {
                Undo::Irreversible(format!("the package {name} stays at {is}; it was {was}"))
            }
            _ => Undo::Irreversible(format!("the package {name} stays as it is now")),
        })
    }

    fn describe(_: &String, before: &State, after: &State) -> Option<Vec<String>> {
        Some(match (before, after) {
            (
                State::Package(PackageState { version: Planned::Known(version), .. }),
                State::Absent,
            ) => {
                vec![format!("now {version}")]
            }
            (State::Package(_), State::Absent) => vec!["now installed".into()],
            (State::Package(old), State::Package(_)) if !old.missing.is_empty() => {
                vec![damage(&old.missing), "installed again".into()]
            }
            (
                State::Package(PackageState {
                    version: Planned::Known(old), complete: true, ..
                }),
                State::Package(PackageState { version: Planned::Known(new), .. }),
            ) => vec![format!("{old} → {new}")],
            (State::Package(PackageState { complete: false, .. }), _) => {
                vec!["its installation was interrupted".into()]
            }
            (State::Absent, State::Package(new)) => {
                let version = match &new.version {
                    Planned::Known(version) => version.clone(),
                    Planned::AfterApply => "version known once apt's lists are fetched".into(),
                };
                let why = match (new.returns, new.automatic) {
                    (true, _) => Some("comes back".to_owned()),
                    (false, true) => Some("needed by the others".to_owned()),
                    (false, false) => None,
                };
                [version].into_iter().chain(why).collect()
            }
            _ => return None,
        })
    }

    fn json(package: &PackageState) -> Value {
        let PackageState { version, complete, automatic, missing, .. } = package;
        json!({
            "state": "installed", "version": version, "complete": complete,
            "automatic": automatic, "missing": missing,
        })
    }

    /// A package named by a step may have any version.
    fn is_met(wish: &PackageState, actual: &PackageState) -> bool {
        wish.complete == actual.complete
            && wish.missing == actual.missing
            && (!wish.automatic || wish.version == actual.version)
    }

    fn cleanup(host: &Host, say: &mut dyn FnMut(&str)) -> Result<()> {
        apt::cleanup(host, say)
    }
}

/// Describes which files of a package are missing.
fn damage(missing: &[PathBuf]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> = missing.iter().take(SHOWN).map(|path| path.display().to_string()).collect();
    let more = missing.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("files of it are missing: {}{more}", shown.join(", "))
}

/// A plan to reinstall packages that a run removed.
#[derive(Debug, Default)]
pub(crate) struct Returning {
    /// What comes back, and what has to be removed for it.
    pub targets: Vec<Target>,
    /// What does not come back, each in a sentence.
    pub not_reverted: Vec<String>,
}

/// Plans how `gone` packages, each with its former state, come back: in the
/// former version, else in the one that apt would install. Downloads them, so
/// that the plan can be carried out.
///
/// # Errors
///
/// Fails where apt does not run.
pub(crate) fn returning(host: &Host, gone: &[(Key, State)]) -> Result<Returning> {
    let as_it_was = |(key, state): &(Key, State)| match (key, state) {
        (Key::Package(name), State::Package(PackageState { version, .. })) => {
            Some((name.clone(), version.known().cloned()))
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
            let version = version.clone().or_else(|| Some(brought?.1.clone())).into();
            let (complete, automatic, returns, missing) = (true, false, true, Vec::new());
            let after =
                State::Package(PackageState { version, complete, automatic, returns, missing });
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

/// Describes a package that was not restored.
pub(super) fn gone(name: &str) -> String {
    format!("{name} was removed and is not back: apt-get install {name}")
}
