//! Derives the paths of mail through the server from the configuration files:
//! ports, programs, sockets and folders.

use super::{File, Setting, settings};

/// A path of mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The purpose of the path.
    pub title: String,
    /// The stops, in order.
    pub stops: Vec<Stop>,
}

/// A stop on the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// A port, a program, a socket or a folder.
    pub name: String,
    /// The purpose of the stop.
    pub about: String,
}

impl Stop {
    pub(crate) fn new(name: impl Into<String>, about: &str) -> Self {
        Self { name: name.into(), about: about.into() }
    }
}

/// The settings of all files, from which the paths are derived.
#[derive(Debug)]
pub struct ServerFiles {
    pub(crate) settings: Vec<Setting>,
    /// The folder of an account's mail.
    pub(crate) mailbox: String,
}

impl ServerFiles {
    /// Parses the files. `mailbox` is the folder of an account's mail.
    pub fn of(files: &[File], mailbox: String) -> Self {
        Self { settings: files.iter().flat_map(settings).collect(), mailbox }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Returns whether a file has settings.
    pub(crate) fn has_file(&self, path: &str) -> bool {
        self.settings.iter().any(|setting| setting.file == path)
    }

    /// Returns whether a setting of a file contains a text.
    pub(crate) fn mentions(&self, path: &str, text: &str) -> bool {
        self.settings.iter().any(|it| it.file == path && it.text.contains(text))
    }

    /// Returns the words in the value of a setting.
    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        let value = self.find(name).map(Setting::value).unwrap_or_default();
        value.split([' ', ',']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    fn find(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().rfind(|setting| setting.name == name)
    }
}
