//! The kinds of thing a playbook can declare: one file a kind, each with the
//! fields of its step, the [`Key`] it is known by, how to look at it and how to
//! bring it about.
//!
//! A closed set: a new kind is one file and one variant of [`Resource`],
//! [`Key`] and [`State`].

mod attributes;
mod backup;
mod certificate;
mod command;
mod describe;
mod file;
mod group;
mod json;
mod key;
mod keys;
mod mailbox;
mod overlay;
mod package;
mod service;
mod state;
mod table;
mod undo;
mod user;
mod withdrawal;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::host::{Host, Result};
use crate::yaml::{Decoder, Node};

pub use attributes::{AssetError, Assets};
pub use certificate::{
    CertificateState, Harm, Problem as CertificateProblem, belongs as key_belongs, covers,
    examine as examine_certificate, exposed_key, parse as read_certificate, parse_der as read_der,
};
pub use describe::{Action, action, differences};
pub use json::json;
pub use key::Key;
pub use keys::KINDS;
pub use mailbox::{Place, Removal};
pub use overlay::Overlay;
pub use package::{Returning, returning};
pub use service::{
    Check, Configuration, LoadedConfig, Service, ServiceState, last_configuration, unwell_services,
};
pub use state::{Blob, State, Stored};
pub use table::TableKey;
pub use undo::{Undo, dependents_of, undo};
pub use user::Handover;
pub use withdrawal::{Withdrawal, traces};

/// What one step of a playbook declares.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Resource {
    /// The originals of some paths are kept.
    Backup(backup::Backup),
    /// Debian packages are installed.
    Package(package::Package),
    /// A system group exists.
    Group(group::Group),
    /// A system user exists.
    User(user::User),
    /// A folder, a file or a link is there, or is not.
    File(file::File),
    /// A lookup table is compiled from its source.
    Table(table::Table),
    /// A certificate and its key are there and good.
    Certificate(certificate::Certificate),
    /// A service runs with the configuration that is on disk.
    Service(service::Service),
    /// A program has been run.
    Command(command::Command),
}

/// One key and the state that a step wants it in.
#[derive(Debug, Clone)]
pub struct Target {
    /// What it is about.
    pub key: Key,
    /// What is to be.
    pub after: State,
}

impl Resource {
    /// Wants a file of root's that was sent along with a mail.yml, its content
    /// never shown.
    pub fn sent_file(path: PathBuf, content: &str, mode: u32) -> Self {
        Self::File(file::File::secret(path, content, mode))
    }

    /// Wants no file at a path.
    pub fn no_file(path: PathBuf) -> Self {
        Self::File(file::File::absent(path))
    }

    /// Wants a directory of root's for such files.
    pub fn sent_directory(path: PathBuf, mode: u32) -> Self {
        Self::File(file::File::directory(path, mode))
    }

    /// Reads the fields of a step of the kind `kind`, its templates rendered.
    pub fn decode(
        kind: &str,
        node: &Node,
        assets: &dyn Assets,
        decoder: &mut Decoder,
    ) -> Option<Self> {
        Some(match kind {
            "backup" => Self::Backup(backup::Backup::decode(node, decoder)?),
            "package" => Self::Package(package::Package::decode(node, decoder)?),
            "group" => Self::Group(group::Group::decode(node, decoder)?),
            "user" => Self::User(user::User::decode(node, decoder)?),
            "directory" => Self::File(file::File::decode_directory(node, decoder)?),
            "file" => Self::File(file::File::decode_file(node, assets, decoder)?),
            "link" => Self::File(file::File::decode_link(node, decoder)?),
            "table" => Self::Table(table::Table::decode(node, assets, decoder)?),
            "certificate" => Self::Certificate(certificate::Certificate::decode(node, decoder)?),
            "service" => Self::Service(service::Service::decode(node, decoder)?),
            "command" => Self::Command(command::Command::decode(node, decoder)?),
            other => unreachable!("`{other}` is not in KINDS"),
        })
    }

    /// Returns the keys of the resource with the states they should be in,
    /// what is not declared taken from what is there.
    pub fn targets(&self, view: &Overlay<'_>) -> Result<Vec<Target>> {
        match self {
            Self::Backup(backup) => Ok(backup.targets()),
            Self::Package(package) => package.targets(view),
            Self::Group(group) => group.targets(view),
            Self::User(user) => user.targets(view),
            Self::File(file) => file.targets(view),
            Self::Table(table) => table.targets(view),
            Self::Certificate(certificate) => certificate.targets(view),
            Self::Service(service) => service.targets(view),
            Self::Command(command) => Ok(command.targets()),
        }
    }

    /// Refuses, before anything is changed, what it would fail at.
    ///
    /// # Errors
    ///
    /// Fails where something is in the way, and says what and how to mend it.
    pub fn refuse_obstacles(&self, view: &Overlay<'_>) -> Result<()> {
        match self {
            Self::Service(service) => service.refuse_held_ports(view),
            _ => Ok(()),
        }
    }

    /// Says why one of its targets is wanted, where the states alone do not.
    pub fn reason(&self, target: &Target) -> Option<String> {
        match self {
            Self::Package(package) => package.reason(&target.after),
            _ => None,
        }
    }

    /// Returns what a service loads that this step notifies.
    pub fn loadable(&self) -> Vec<Key> {
        match self {
            Self::Package(package) => package.keys(),
            Self::File(file) => vec![file.key()],
            Self::Table(table) => vec![table.key()],
            Self::Certificate(certificate) => certificate.files().to_vec(),
            _ => Vec::new(),
        }
    }

    /// Returns path and content of a file that is declared, and whether that is
    /// secret.
    pub fn declared_file(&self) -> Option<(&Path, &crate::host::Content, bool)> {
        match self {
            Self::File(file) => file.declared_content(),
            _ => None,
        }
    }

    /// Tells whether its reader looks once a second whether it changed, so that
    /// what follows a change waits until it has.
    pub fn is_polled(&self) -> bool {
        matches!(self, Self::File(file) if file.is_polled())
    }

    /// Returns the programs that are run to plan it, each with its arguments.
    pub fn asks(&self) -> Vec<&[String]> {
        match self {
            Self::Command(command) => command.unless().into_iter().collect(),
            resource => resource.checks().iter().map(|check| &check.argv[..]).collect(),
        }
    }

    /// Returns how the resource is checked before it goes live.
    pub fn checks(&self) -> &[Check] {
        match self {
            Self::Service(service) => &service.checks,
            _ => &[],
        }
    }
}

/// Looks at the host: the state that `key` is in.
pub fn observe(host: &Host, key: &Key) -> Result<State> {
    match key {
        Key::Original(path) => backup::observe(host, path),
        Key::Package(package) => package::observe(host, package),
        Key::Group(name) => group::observe(host, name),
        Key::User(name) => user::observe(host, name),
        Key::Handover(handover) => user::handover::observe(host, handover),
        Key::Mailbox(removal) => mailbox::observe(host, removal),
        Key::File(path) => file::observe(host, path),
        Key::Table(table) => table::observe(host, table),
        Key::Certificate(pair) => certificate::observe(host, pair),
        Key::Service(service) => service::observe(host, service),
        Key::Command(command) => command::observe(host, command),
    }
}

/// Puts right what a killed run left half done and no plan would show. `say`
/// is told what takes long.
pub fn cleanup(host: &Host, say: &mut dyn FnMut(&str)) -> Result<()> {
    for folder in [table::WORK, certificate::WORK] {
        host.remove_tree(Path::new(folder))?;
    }
    package::cleanup(host, say)
}

/// Puts right what a killed run left between the states of a key.
pub fn cleanup_key(host: &Host, key: &Key) -> Result<()> {
    match key {
        Key::Mailbox(removal) => mailbox::cleanup(host, removal),
        _ => Ok(()),
    }
}

/// Returns the paths at which bringing a key about leaves something, so that
/// what stood there can be kept and put back.
pub fn affected_paths(key: &Key) -> Vec<PathBuf> {
    match key {
        Key::File(path) => vec![path.clone()],
        Key::Table(table) => table.files(),
        Key::Certificate(pair) => vec![pair.certificate.clone(), pair.key.clone()],
        Key::Service(service) => service::affected_paths(service),
        // Originals stay kept; the rest is undone by other means, or not at all.
        Key::Original(_)
        | Key::Package(_)
        | Key::Command(_)
        | Key::Group(_)
        | Key::User(_)
        | Key::Handover(_)
        | Key::Mailbox(_) => Vec::new(),
    }
}

/// What is said while a step is made.
#[derive(Debug, Clone, Copy)]
pub enum Said<'a> {
    /// What is being done, since it takes long.
    Doing(&'a str),
    /// What a person should know afterwards too.
    Warning(&'a str),
}

/// Brings each key of one step from its first state to its second. `say` is
/// told what takes long, and what is worth a warning.
pub fn write(
    host: &Host,
    batch: &[(&Key, &State, &State)],
    say: &mut dyn FnMut(Said<'_>),
) -> Result<()> {
    if let [(Key::Package(_), ..), ..] = batch {
        return package::write(host, batch, say);
    }
    for (key, before, after) in batch {
        match key {
            Key::Original(path) => backup::write(host, path)?,
            Key::Package(_) => unreachable!("a step has one kind"),
            Key::Group(name) => group::write(host, name, before, after)?,
            Key::User(name) => user::write(host, name, before, after)?,
            Key::Handover(handover) => user::handover::write(host, handover)?,
            Key::Mailbox(removal) => mailbox::write(host, removal, after)?,
            Key::File(path) => file::write(host, path, after)?,
            Key::Table(table) => table::write(host, table, after)?,
            Key::Certificate(pair) => certificate::write(host, pair, after)?,
            Key::Service(service) => {
                let say = &mut |text: &str| say(Said::Doing(text));
                service::write(host, service, before, after, say)?;
            }
            Key::Command(command) => command::write(host, command)?,
        }
    }
    Ok(())
}
