//! The ways that mail takes through the server: ports, programs, sockets,
//! folders, as the configuration files have them.

use super::{File, Setting, settings};

/// One way, from where mail comes to where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Its purpose.
    pub title: String,
    /// The stops, in order.
    pub stops: Vec<Stop>,
}

/// A stop on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// A port, a program, a socket or a folder.
    pub name: String,
    /// What happens there.
    pub about: String,
}

impl Stop {
    pub(crate) fn new(name: impl Into<String>, about: &str) -> Self {
        Self { name: name.into(), about: about.into() }
    }
}

/// The settings of all files, which the ways are read from.
#[derive(Debug)]
pub struct ServerFiles {
    pub(crate) settings: Vec<Setting>,
    /// The folder of an account's mail.
    pub(crate) mailbox: String,
}

impl ServerFiles {
    /// Reads the files. `mailbox` is the folder of an account's mail.
    pub fn of(files: &[File], mailbox: String) -> Self {
        Self { settings: files.iter().flat_map(settings).collect(), mailbox }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Returns the words of a setting's value.
    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        let value = self.find(name).map(Setting::value).unwrap_or_default();
        value.split([' ', ',']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    fn find(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().rfind(|setting| setting.name == name)
    }
}
