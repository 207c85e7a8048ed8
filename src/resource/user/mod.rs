//! `user`: a system user, which owns files but cannot log in by password.

pub(super) mod handover;
mod membership;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use handover::Handover;
pub(super) use membership::Membership;

use crate::host::{self, Error, Host, Result};
use crate::resource::attributes::{ABSENT, TEXTS, is_true, name, number, path, section};
use crate::resource::file::reject_unknown_name;
use crate::resource::kind::{Declaration, Thing};
use crate::resource::{Assets, Key, Overlay, Planned, Said, State, Target, Undo};
use crate::yaml::{Decoder, KeySpec, Node, Section, ValueType};

/// A user, as far as declared.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    name: String,
    uid: Option<u32>,
    group: Option<String>,
    home: Option<PathBuf>,
    shell: Option<PathBuf>,
    #[serde(default)]
    groups: Vec<String>,
    absent: bool,
}

/// The state of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserState {
    /// The user; its number may not be known yet.
    pub(crate) user: host::User,
    /// Whether the number is declared or observed, not yet to be assigned.
    pub numbered: bool,
}

const FIELDS: Section = section(
    &[
        KeySpec::new("name", ValueType::Text, "The user's name."),
        KeySpec::new("uid", ValueType::Number, "Its number.").or("the system's choice"),
        KeySpec::new("group", ValueType::Text, "The main group.").or("one of the same name"),
        KeySpec::new("groups", TEXTS, "Groups that it is in as well. Others that it is in stay.")
            .or("none"),
        KeySpec::new(
            "home",
            ValueType::Text,
            "The home folder. It is not made; a `directory` step does that.",
        )
        .or("`/nonexistent`"),
        KeySpec::new("shell", ValueType::Text, "The login shell.").or("`/usr/sbin/nologin`"),
        ABSENT,
    ],
    &["name"],
);
impl Declaration for User {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "user",
        ValueType::Section(&FIELDS),
        "A system user exists that cannot log in.",
    )];

    fn decode(_: &str, node: &Node, _: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &FIELDS)?;
        let name = fields.require("name", &node.span, decoder);
        let name = name.and_then(|entry| self::name(&entry.value, decoder));
        let uid = fields.get("uid").map(|entry| number(&entry.value, decoder));
        let group = fields.get("group").map(|entry| self::name(&entry.value, decoder));
        let home = fields.get("home").map(|entry| path(&entry.value, decoder));
        let shell = fields.get("shell").map(|entry| path(&entry.value, decoder));
        let mut groups = Vec::new();
        if let Some(entry) = fields.get("groups") {
            for item in decoder.list(&entry.value)? {
                groups.push(self::name(item, decoder)?);
            }
        }
        let absent = is_true(&fields, "absent", decoder);
        Some(Self {
            name: name?,
            uid: uid.flatten(),
            group: group.flatten(),
            home: home.flatten(),
            shell: shell.flatten(),
            groups,
            absent,
        })
    }

    /// Returns the user as declared, completed by the current state or the
    /// defaults of a system user, and the files in its home.
    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        let key = Key::User(self.name.clone());
        if self.absent {
            return Ok(vec![Target { key, after: State::Absent }]);
        }
        let before = overlay.state(&key)?;
        let (actual, known) = match &before {
            State::User(UserState { user, numbered }) => (user.clone(), *numbered),
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
            let taken_by = overlay.host().user_name(uid);
            if taken_by != self.name && !taken_by.starts_with('#') {
                return Err(Error::Other(format!(
                    "the user number {uid} that `{}` should have belongs to the user `{taken_by}`; \
                     give that one another (usermod --uid) first",
                    self.name
                )));
            }
        }
        let mut targets = Vec::new();
        if let (State::User(UserState { user: old, .. }), true) = (&before, known) {
            targets.extend(self.handover(overlay, old, &user)?);
        }
        let numbered = known || self.uid.is_some();
        targets.push(Target { key, after: State::User(UserState { user, numbered }) });
        for group in &self.groups {
            reject_unknown_name(overlay, "group", group, &Key::Group(group.clone()))?;
            let member = Membership { user: self.name.clone(), group: group.clone() };
            targets.push(Target { key: Key::Membership(member), after: State::Done });
        }
        Ok(targets)
    }
}

impl User {
    /// Hands over the files in the home if the number of the user or its group
    /// changes.
    fn handover(
        &self,
        overlay: &Overlay<'_>,
        old: &host::User,
        new: &host::User,
    ) -> Result<Option<Target>> {
        if old.uid != new.uid {
            let users = overlay.host().processes_of(old.uid)?;
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
        // Else the handover of the group covers it.
        let has_other_group = old.group != new.group || old.home != new.home;
        let gid = match has_other_group {
            true => overlay.host().group(&old.group)?.map(|group| group.gid),
            false => None,
        };
        let to = match overlay.state(&Key::Group(new.group.clone()))? {
            State::Group(Planned::Known(group)) => Some(group.gid),
            _ => None,
        };
        handover::target(overlay, &new.home, (old.uid, new.uid), gid.zip(to))
    }
}

impl Thing for User {
    const NAME: &str = "user";
    type Key = String;
    type State = UserState;

    fn name(name: &String) -> String {
        name.clone()
    }

    fn observe(host: &Host, name: &String) -> Result<State> {
        let state = |user| State::User(UserState { user, numbered: true });
        Ok(host.user(name)?.map_or(State::Absent, state))
    }

    /// The home folder has a step of its own.
    fn write(
        host: &Host,
        name: &String,
        before: &State,
        after: &State,
        _: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        let State::User(UserState { user, numbered }) = after else {
            return host.command(["userdel", "--", name]).run().map(drop);
        };
        let mut argv: Vec<String> = match before {
            State::User(_) => vec!["usermod".into()],
            _ => ["useradd", "--system", "--no-create-home"].map(String::from).into(),
        };
        let same = |same: fn(&host::User, &host::User) -> bool| match before {
            State::User(UserState { user: old, .. }) => same(old, user),
            _ => false,
        };
        let mut option = |name: &str, value: String| argv.extend([name.into(), value]);
        if *numbered && !same(|a, b| a.uid == b.uid) {
            option("--uid", user.uid.to_string());
        }
        if !same(|a, b| a.group == b.group) {
            if host.group(&user.group)?.is_some() {
                option("--gid", user.group.clone());
            } else if user.group == *name {
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

    fn undo(_: &String, before: &State, _: &State, _: &State, _: &Overlay<'_>) -> Result<Undo> {
        Ok(Undo::Restore(before.clone()))
    }

    fn describe(_: &String, before: &State, after: &State) -> Option<Vec<String>> {
        Some(match (before, after) {
            (State::User(UserState { user: a, .. }), State::User(UserState { user: b, .. })) => [
                ("uid", a.uid.to_string(), b.uid.to_string()),
                ("group", a.group.clone(), b.group.clone()),
                ("home", a.home.display().to_string(), b.home.display().to_string()),
                ("shell", a.shell.display().to_string(), b.shell.display().to_string()),
            ]
            .into_iter()
            .filter(|(_, old, new)| old != new)
            .map(|(name, old, new)| format!("{name} {old} → {new}"))
            .collect(),
            (State::Absent, State::User(UserState { user, numbered })) => {
                let uid = numbered.then(|| format!("uid {}", user.uid));
                let rest = format!("group {}, home {}", user.group, user.home.display());
                uid.into_iter().chain([rest]).collect()
            }
            _ => return None,
        })
    }

    fn json(UserState { user, numbered }: &UserState) -> Value {
        json!({
            "state": "user", "uid": numbered.then_some(user.uid), "group": user.group,
            "home": user.home, "shell": user.shell,
        })
    }

    fn is_met(wish: &UserState, actual: &UserState) -> bool {
        match wish.numbered {
            true => wish == actual,
            false => wish.user == host::User { uid: wish.user.uid, ..actual.user.clone() },
        }
    }
}
