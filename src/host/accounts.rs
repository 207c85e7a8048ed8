//! Looks up, creates and changes system users and groups.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use users::os::unix::UserExt;

use super::recent::Recent;
use super::{Error, Host, Result};
use crate::local;

/// A line of `/etc/passwd`, with the name of its group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The number of the user.
    pub uid: u32,
    /// The name of the primary group.
    pub group: String,
    /// The home folder.
    pub home: PathBuf,
    /// The login shell.
    pub shell: PathBuf,
}

/// A line of `/etc/group`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The number of the group.
    pub gid: u32,
}

impl Host {
    /// Returns the user with this name.
    pub fn user(&self, name: &str) -> Result<Option<User>> {
        self.users.of(name.to_owned(), |name| self.find_user(name))
    }

    fn find_user(&self, name: &str) -> Result<Option<User>> {
        let found = match self.is_tree() {
            true => self.passwd_line("/etc/passwd", |fields| fields[0] == name)?.and_then(user_of),
            false => users::get_user_by_name(name).map(|user| {
                let (home, shell) = (user.home_dir().to_owned(), user.shell().to_owned());
                (user.uid(), user.primary_group_id(), home, shell)
            }),
        };
        Ok(found.map(|(uid, gid, home, shell)| User {
            uid,
            group: self.group_name(gid),
            home,
            shell,
        }))
    }

    /// Returns the group with this name.
    pub fn group(&self, name: &str) -> Result<Option<Group>> {
        self.groups.of(name.to_owned(), |name| self.find_group(name))
    }

    fn find_group(&self, name: &str) -> Result<Option<Group>> {
        let gid = match self.is_tree() {
            true => self
                .passwd_line("/etc/group", |fields| fields[0] == name)?
                .and_then(|fields| fields.get(2)?.parse().ok()),
            false => users::get_group_by_name(name).map(|group| group.gid()),
        };
        Ok(gid.map(|gid| Group { gid }))
    }

    /// Returns the name of a user number, or `#number` if it has none.
    pub(crate) fn user_name(&self, uid: u32) -> String {
        self.name_of("/etc/passwd", &self.user_names, uid, local::user_name)
    }

    /// Returns the name of a group number, or `#number` if it has none.
    pub(crate) fn group_name(&self, gid: u32) -> String {
        self.name_of("/etc/group", &self.group_names, gid, local::group_name)
    }

    /// Returns the number and the home of each user in `/etc/passwd` whose
    /// primary group has this number.
    pub(crate) fn members(&self, gid: u32) -> Result<Vec<(u32, PathBuf)>> {
        let Some(content) = self.read(Path::new("/etc/passwd"))? else { return Ok(Vec::new()) };
        let text = content.text();
        let users =
            text.lines().filter_map(|line| user_of(line.split(':').map(str::to_owned).collect()));
        let members = users.filter(|(_, of, ..)| *of == gid).map(|(uid, _, home, _)| (uid, home));
        Ok(members.collect())
    }

    /// Returns the name of the person at the keyboard: the user who called
    /// sudo, else the current user. Over SSH it includes the address.
    pub(crate) fn operator(&self) -> String {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let behind = variable("SUDO_USER");
        let name = behind.unwrap_or_else(|| self.user_name(nix::unistd::getuid().as_raw()));
        // sshd(8): the client's address comes first.
        match variable("SSH_CONNECTION").as_deref().and_then(|value| value.split(' ').next()) {
            Some(address) => format!("{name} from {address}"),
            None => name,
        }
    }

    /// Returns the numbers of an owner and a group, given by name or as `#number`.
    pub(super) fn numbers(&self, owner: &str, group: &str) -> Result<(u32, u32)> {
        let unknown = |kind, name: &str| Error::NoSuchName { kind, name: name.into() };
        let uid = match owner.strip_prefix('#').and_then(|number| number.parse().ok()) {
            Some(uid) => uid,
            None => self.user(owner)?.ok_or_else(|| unknown("user", owner))?.uid,
        };
        let gid = match group.strip_prefix('#').and_then(|number| number.parse().ok()) {
            Some(gid) => gid,
            None => self.group(group)?.ok_or_else(|| unknown("group", group))?.gid,
        };
        Ok((uid, gid))
    }

    /// Returns the name of a number: in a tree from `file`, else from `ask`,
    /// which uses all sources of nsswitch.conf(5). Nearly all files have the
    /// same few owners, so answers are cached for a moment.
    fn name_of(
        &self,
        file: &str,
        recent: &Recent<u32, String>,
        number: u32,
        ask: impl Fn(u32) -> String,
    ) -> String {
        let find = || {
            if !self.is_tree() {
                return ask(number);
            }
            let text = number.to_string();
            let line = self.passwd_line(file, |fields| fields.get(2) == Some(&text.as_str()));
            line.ok().flatten().map_or(format!("#{number}"), |fields| fields[0].clone())
        };
        recent.get(&number).unwrap_or_else(|| {
            let name = find();
            recent.put(number, name.clone());
            name
        })
    }

    /// Finds a line of a colon-separated file in a tree, which the running
    /// machine's name service does not know.
    fn passwd_line(
        &self,
        file: &str,
        wanted: impl Fn(&[&str]) -> bool,
    ) -> Result<Option<Vec<String>>> {
        let Some(content) = self.read(Path::new(file))? else { return Ok(None) };
        let text = content.text();
        let mut lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        Ok(lines
            .find(|line| wanted(line))
            .map(|line| line.into_iter().map(str::to_owned).collect()))
    }
}

/// Splits a line of `/etc/passwd`: number, group number, home, shell.
fn user_of(fields: Vec<String>) -> Option<(u32, u32, PathBuf, PathBuf)> {
    Some((
        fields.get(2)?.parse().ok()?,
        fields.get(3)?.parse().ok()?,
        fields.get(5)?.into(),
        fields.get(6)?.into(),
    ))
}
