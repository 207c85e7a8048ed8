//! The playbooks in the program: the folders under `playbooks/`.

/// The file of a playbook's steps.
pub(crate) const FILE: &str = "playbook.yml";

/// A playbook in the program, with its templates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Embedded {
    /// The name of the playbook's folder.
    pub name: &'static str,
    files: &'static [(&'static str, &'static str)],
}

/// All embedded playbooks, as listed by `playbooks/build.rs`.
const ALL: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/playbooks.rs"));

/// Returns all embedded playbooks.
pub(crate) fn all() -> &'static [Embedded] {
    ALL
}

/// Returns the embedded playbook `name`.
pub(crate) fn embedded(name: &str) -> Option<Embedded> {
    ALL.iter().find(|playbook| playbook.name == name).copied()
}

impl Embedded {
    /// Returns a description, in a line.
    pub(crate) fn about(&self) -> &'static str {
        let lines = self.file(FILE).unwrap_or_default().lines();
        let about = lines.filter_map(|line| line.strip_prefix("about: ")).next();
        about.unwrap_or_default().trim_matches('"')
    }

    /// Returns the text of a file of the playbook.
    pub(crate) fn file(&self, name: &str) -> Option<&'static str> {
        self.files.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// Returns the names and texts of all its files.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.files.iter().copied()
    }

    /// Returns the names of the files in one of its folders.
    pub(super) fn list(&self, folder: &str) -> Vec<String> {
        let names = self.files.iter().filter_map(|(name, _)| {
            let (parent, name) = name.rsplit_once('/').unwrap_or(("", name));
            (parent == folder).then(|| name.to_owned())
        });
        names.collect()
    }
}
