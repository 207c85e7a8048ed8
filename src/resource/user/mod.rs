//! `user`: a system user, who owns things but does not log in by password.

pub(super) mod handover;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use handover::Handover;

use crate::host::{self, Error, Host, Result};
use crate::resource::attributes::{name, path};
use crate::resource::group::number;
use crate::resource::{Key, Overlay, State, Target, keys};
use crate::yaml::{Decoder, Node};

/// A user, with as much of the account as is declared.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    name: String,
    uid: Option<u32>,
    group: Option<String>,
    home: Option<PathBuf>,
    shell: Option<PathBuf>,
    absent: bool,
}

impl User {
    /// Reads the fields of a `user` step.
    pub(super) fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &keys::USER)?;
        let name = fields.require("name", &node.span, decoder);
        let name = name.and_then(|entry| self::name(&entry.value, decoder));
        let uid = fields.get("uid").map(|entry| number(&entry.value, decoder));
        let group = fields.get("group").map(|entry| self::name(&entry.value, decoder));
        let home = fields.get("home").map(|entry| path(&entry.value, decoder));
        let shell = fields.get("shell").map(|entry| path(&entry.value, decoder));
        let absent = fields.get("absent").is_some_and(|e| decoder.boolean(&e.value) == Some(true));
        Some(Self {
            name: name?,
            uid: uid.flatten(),
            group: group.flatten(),
            home: home.flatten(),
            shell: shell.flatten(),
            absent,
        })
    }

    /// Returns the user as declared, the rest as it is or as is usual for a
    /// system user, and what belongs to it in its home.
    pub(super) fn targets(&self, view: &Overlay<'_>) -> Result<Vec<Target>> {
        let key = Key::User(self.name.clone());
        if self.absent {
            return Ok(vec![Target { key, after: State::Absent }]);
        }
        let before = view.state(&key)?;
        let (actual, known) = match &before {
            State::User { user, numbered } => (user.clone(), *numbered),
            _ => {
                let usual = host::User {
                    uid: 0,
                    group: self.name.clone(),
                    home: "/nonexistent".into(),
                    shell: "/usr/sbin/nologin".into(),
                };
                (usual, false)
            }
        };
        let user = host::User {
            uid: self.uid.unwrap_or(actual.uid),
            group: self.group.clone().unwrap_or(actual.group),
            home: self.home.clone().unwrap_or(actual.home),
            shell: self.shell.clone().unwrap_or(actual.shell),
        };
        if let Some(uid) = self.uid {
            let taken_by = view.host().user_name(uid);
            if taken_by != self.name && !taken_by.starts_with('#') {
                return Err(Error::Other(format!(
                    "the user number {uid} that `{}` should have belongs to the user `{taken_by}`; \
                     give that one another (usermod --uid) first",
                    self.name
                )));
            }
        }
        let mut targets = Vec::new();
        if let (State::User { user: old, .. }, true) = (&before, known) {
            targets.extend(self.handover(view, old, &user)?);
        }
        let numbered = known || self.uid.is_some();
        targets.push(Target { key, after: State::User { user, numbered } });
        Ok(targets)
    }

    /// Wants what is in the home to go along with the number of the user, and
    /// of its group.
    fn handover(
        &self,
        view: &Overlay<'_>,
        old: &host::User,
        new: &host::User,
    ) -> Result<Option<Target>> {
        if old.uid != new.uid {
            let users = view.host().processes_of(old.uid)?;
            if !users.is_empty() {
                return Err(Error::Other(format!(
                    "`{}` is to get the number {}, which usermod does not give while a process \
                     runs as that user: {}; stop it first (systemctl stop dovecot, where it is \
                     Dovecot's)",
                    self.name,
                    new.uid,
                    users.join(", ")
                )));
            }
        }
        // Else it goes along with the number of the group.
        let has_other_group = old.group != new.group || old.home != new.home;
        let gid = match has_other_group {
            true => view.host().group(&old.group)?.map(|group| group.gid),
            false => None,
        };
        let to = match view.state(&Key::Group(new.group.clone()))? {
            State::Group(Some(group)) => Some(group.gid),
            _ => None,
        };
        handover::target(view, &new.home, (old.uid, new.uid), gid.zip(to))
    }
}

/// Looks a user up.
pub(super) fn observe(host: &Host, name: &str) -> Result<State> {
    Ok(host.user(name)?.map_or(State::Absent, |user| State::User { user, numbered: true }))
}

/// Makes, changes or removes a user. The home folder is a step of its own.
pub(super) fn write(host: &Host, name: &str, before: &State, after: &State) -> Result<()> {
    let State::User { user, numbered } = after else {
        return host.command(["userdel", "--", name]).run().map(drop);
    };
    let mut argv: Vec<String> = match before {
        State::User { .. } => vec!["usermod".into()],
        _ => ["useradd", "--system", "--no-create-home"].map(String::from).into(),
    };
    let same = |same: fn(&host::User, &host::User) -> bool| match before {
        State::User { user: old, .. } => same(old, user),
        _ => false,
    };
    let mut option = |name: &str, value: String| argv.extend([name.into(), value]);
    if *numbered && !same(|a, b| a.uid == b.uid) {
        option("--uid", user.uid.to_string());
    }
    if !same(|a, b| a.group == b.group) {
        if host.group(&user.group)?.is_some() {
            option("--gid", user.group.clone());
        } else if user.group == name {
            option("--user-group", String::new());
        }
    }
    if !same(|a, b| a.home == b.home) {
        option("--home", user.home.display().to_string());
    }
    if !same(|a, b| a.shell == b.shell) {
        option("--shell", user.shell.display().to_string());
    }
    argv.retain(|word| !word.is_empty());
    argv.extend(["--".into(), name.into()]);
    host.command(argv).run().map(drop)
}
