//! `user`: a user, who owns files and may log in with a key, but not by password.

mod authorized_keys;
pub(super) mod handover;
mod membership;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use authorized_keys::AuthorizedKeys;
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
    #[serde(default = "yes")]
    is_system: bool,
    #[serde(default)]
    authorized_keys: Option<AuthorizedKeys>,
    absent: bool,
}

/// The state of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct UserState {
    pub(crate) uid: Planned<u32>,
    group: String,
    home: PathBuf,
    shell: PathBuf,
    /// Whether the number is, or will be, one of a system user.
    is_system: bool,
}

/// A [`UserState`] as journals and saved plans have it.
#[derive(Serialize, Deserialize)]
struct Stored {
    user: host::User,
    /// Whether the number is known.
    numbered: bool,
    #[serde(default = "yes")]
    system: bool,
}

impl From<Stored> for UserState {
    fn from(Stored { user, numbered, system }: Stored) -> Self {
        let host::User { uid, group, home, shell } = user;
        Self { uid: numbered.then_some(uid).into(), group, home, shell, is_system: system }
    }
}

impl From<UserState> for Stored {
    fn from(state: UserState) -> Self {
        let UserState { uid, group, home, shell, is_system } = state;
        let numbered = uid.known().is_some();
        let uid = uid.known().copied().unwrap_or(0);
        Self { user: host::User { uid, group, home, shell }, numbered, system: is_system }
    }
}

impl From<host::User> for UserState {
    fn from(host::User { uid, group, home, shell }: host::User) -> Self {
        let is_system = uid <= LAST_SYSTEM_UID;
        Self { uid: Planned::Known(uid), group, home, shell, is_system }
    }
}

const fn yes() -> bool {
    true
}

/// Debian's `SYS_UID_MAX` (login.defs(5)).
const LAST_SYSTEM_UID: u32 = 999;

/// The home of a user without one, as adduser(8) has it.
const NO_HOME: &str = "/nonexistent";

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
            "The home folder. It is made only for `authorized_keys`; else a `directory` step does \
             that.",
        )
        .or("`/nonexistent`, or `/home/NAME` if `system` is `false`"),
        KeySpec::new("shell", ValueType::Text, "The login shell.")
            .or("`/usr/sbin/nologin`, or `/bin/bash` if `system` is `false`"),
        KeySpec::new(
            "system",
            ValueType::Boolean,
            "`false`: a new user is one for a person, with a number from 1000.",
        )
        .or("`true`"),
        KeySpec::new(
            "authorized_keys",
            TEXTS,
            "SSH keys that the user may log in with, each a line of `.ssh/authorized_keys` in the \
             home folder. Other keys in that file stay.",
        )
        .or("none"),
        KeySpec::new(
            "exclusive",
            ValueType::Boolean,
            "`true`: other keys are removed from that file. Needs `authorized_keys`.",
        )
        .or("`false`"),
        ABSENT,
    ],
    &["name"],
);
impl Declaration for User {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "user",
        ValueType::Section(&FIELDS),
        "A user exists who cannot log in by password.",
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
        let authorized_keys = AuthorizedKeys::decode(&fields, decoder)?;
        let is_system = fields.get("system").is_none() || is_true(&fields, "system", decoder);
        let absent = is_true(&fields, "absent", decoder);
        Some(Self {
            name: name?,
            uid: uid.flatten(),
            group: group.flatten(),
            home: home.flatten(),
            shell: shell.flatten(),
            groups,
            is_system,
            authorized_keys,
            absent,
        })
    }

    /// Returns the user as declared, completed by the current state or the
    /// usual values, the files in its home that change hands, its groups and
    /// its keys.
    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        let key = Key::User(self.name.clone());
        if self.absent {
            return Ok(vec![Target { key, after: State::Absent }]);
        }
        let old = match overlay.state(&key)? {
            State::User(state) => Some(state),
            _ => None,
        };
        let actual = old.clone().unwrap_or_else(|| self.usual());
        let user = UserState {
            uid: self.uid.map_or(actual.uid, Planned::Known),
            group: self.group.clone().unwrap_or(actual.group),
            home: self.home.clone().unwrap_or(actual.home),
            shell: self.shell.clone().unwrap_or(actual.shell),
            is_system: actual.is_system,
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
        if let Some(old) = &old {
            targets.extend(self.handover(overlay, old, &user)?);
        }
        targets.push(Target { key, after: State::User(user.clone()) });
        for group in &self.groups {
            reject_unknown_name(overlay, "group", group, &Key::Group(group.clone()))?;
            let member = Membership { user: self.name.clone(), group: group.clone() };
            targets.push(Target { key: Key::Membership(member), after: State::Done });
        }
        if let Some(keys) = &self.authorized_keys {
            targets.extend(keys.targets(overlay, &self.name, &user.group, &user.home)?);
        }
        Ok(targets)
    }
}

impl User {
    /// Returns a new user that declares no more than its name.
    fn usual(&self) -> UserState {
        let (home, shell) = match self.is_system {
            true => (NO_HOME.into(), "/usr/sbin/nologin"),
            false => (Path::new("/home").join(&self.name), "/bin/bash"),
        };
        UserState {
            uid: Planned::AfterApply,
            group: self.name.clone(),
            home,
            shell: shell.into(),
            is_system: self.is_system,
        }
    }

    /// Hands over the files in the home if the number of the user or its group
    /// changes.
    fn handover(
        &self,
        overlay: &Overlay<'_>,
        old: &UserState,
        new: &UserState,
    ) -> Result<Option<Target>> {
        let (Planned::Known(old_uid), Planned::Known(new_uid)) = (&old.uid, &new.uid) else {
            return Ok(None);
        };
        if old_uid != new_uid {
            let users = overlay.host().processes_of(*old_uid)?;
            if !users.is_empty() {
                return Err(Error::Other(format!(
                    "`{}` is to get the number {new_uid}, which usermod does not give while a \
                     process runs as that user: {}; stop it first (systemctl stop dovecot, where \
                     it is Dovecot's)",
                    self.name,
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
        handover::target(overlay, &new.home, (*old_uid, *new_uid), gid.zip(to))
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
        Ok(host.user(name)?.map_or(State::Absent, |user| State::User(user.into())))
    }

    /// The home folder has a step of its own.
    fn write(
        host: &Host,
        name: &String,
        before: &State,
        after: &State,
        _: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        let State::User(user) = after else {
            return host.command(["userdel", "--", name]).run().map(drop);
        };
        let old = match before {
            State::User(old) => Some(old),
            _ => None,
        };
        let mut argv: Vec<String> = match old {
            Some(_) => vec!["usermod".into()],
            None => vec!["useradd".into(), "--no-create-home".into()],
        };
        if old.is_none() && user.is_system {
            argv.push("--system".into());
        }
        let is_new =
            |same: fn(&UserState, &UserState) -> bool| !old.is_some_and(|old| same(old, user));
        let mut option = |name: &str, value: String| argv.extend([name.into(), value]);
        if let Planned::Known(uid) = user.uid
            && is_new(|a, b| a.uid == b.uid)
        {
            option("--uid", uid.to_string());
        }
        if is_new(|a, b| a.group == b.group) {
            if host.group(&user.group)?.is_some() {
                option("--gid", user.group.clone());
            } else if user.group == *name {
                option("--user-group", String::new());
            }
        }
        if is_new(|a, b| a.home == b.home) {
            option("--home", user.home.display().to_string());
        }
        if is_new(|a, b| a.shell == b.shell) {
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
        let words = |user: &UserState| {
            let uid = user.uid.known().map(|uid| ("uid", uid.to_string()));
            let home = ("home", user.home.display().to_string());
            let shell = ("shell", user.shell.display().to_string());
            uid.into_iter().chain([("group", user.group.clone()), home, shell]).collect::<Vec<_>>()
        };
        Some(match (before, after) {
            (State::User(old), State::User(new)) => {
                let pairs = words(old).into_iter().zip(words(new)).filter(|(old, new)| old != new);
                pairs.map(|((name, old), (_, new))| format!("{name} {old} → {new}")).collect()
            }
            (State::Absent, State::User(new)) => {
                let uid = new.uid.known().map(|uid| format!("uid {uid}"));
                let rest = format!("group {}, home {}", new.group, new.home.display());
                uid.into_iter().chain([rest]).collect()
            }
            _ => return None,
        })
    }

    fn json(user: &UserState) -> Value {
        json!({
            "state": "user", "uid": user.uid.known(), "group": user.group, "home": user.home,
            "shell": user.shell,
        })
    }

    /// Any number meets one that the system is to choose.
    fn is_met(wish: &UserState, actual: &UserState) -> bool {
        let UserState { uid, group, home, shell, .. } = wish;
        uid.is_met_by(&actual.uid)
            && (group, home, shell) == (&actual.group, &actual.home, &actual.shell)
    }
}
