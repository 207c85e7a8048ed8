//! The playbooks that are part of the program: the folders under `playbooks/`.

/// A playbook in the program, with its templates.
#[derive(Debug, Clone, Copy)]
pub struct Embedded {
    /// The playbook's name.
    pub name: &'static str,
    /// What it brings about, in a line.
    pub about: &'static str,
    files: &'static [(&'static str, &'static str)],
}

/// Lists files of a playbook's folder with their texts.
macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../playbooks/", $folder, "/", $name)))),*]
    };
}

/// All embedded playbooks.
pub(super) const ALL: &[Embedded] = &[Embedded {
    name: "postmaster",
    about: "your own mail server: Postfix and Dovecot, as mail.yml says",
    files: files!("postmaster":
        "playbook.yml",
        "templates/etc/aliases",
        "templates/etc/dovecot/dovecot.conf@2.3",
        "templates/etc/dovecot/dovecot.conf@2.4",
        "templates/etc/dovecot/recipients@2.3",
        "templates/etc/dovecot/recipients@2.4",
        "templates/etc/dovecot/users@2.3",
        "templates/etc/dovecot/users@2.4",
        "templates/etc/postfix/mailboxes",
        "templates/etc/postfix/main.cf",
        "templates/etc/postfix/master.cf",
        "templates/etc/postfix/relay_password",
        "templates/etc/postfix/senders",
        "templates/etc/postfix/virtual",
        "templates/etc/systemd/system/mailprov-certificate-target.path",
        "templates/etc/systemd/system/mailprov-certificate.path",
        "templates/etc/systemd/system/mailprov-certificate.service",
        "templates/etc/systemd/system/mailprov-watch.service",
        "templates/etc/systemd/system/mailprov-watch.timer",
    ),
}];

/// Returns the embedded playbook of that name.
pub fn embedded(name: &str) -> Option<Embedded> {
    ALL.iter().find(|playbook| playbook.name == name).copied()
}

impl Embedded {
    /// Returns the text of a file of the playbook.
    pub fn file(&self, name: &str) -> Option<&'static str> {
        self.files.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// Returns the names and texts of all its files.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.files.iter().copied()
    }

    /// Returns the names in one of its folders.
    pub(super) fn list(&self, folder: &str) -> Vec<String> {
        let names = self.files.iter().filter_map(|(name, _)| {
            let (parent, name) = name.rsplit_once('/').unwrap_or(("", name));
            (parent == folder).then(|| name.to_owned())
        });
        names.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }

    #[test]
    fn what_is_embedded_is_what_is_in_the_folder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks");
        let mut found = Vec::new();
        walk(&root, &root, &mut found);
        found.retain(|name| name != "README.md");
        found.sort();
        let mut embedded: Vec<String> = ALL
            .iter()
            .flat_map(|playbook| {
                playbook.files().map(|(name, _)| format!("{}/{name}", playbook.name))
            })
            .collect();
        embedded.sort();
        assert_eq!(found, embedded);
    }
}
