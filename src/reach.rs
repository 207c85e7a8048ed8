//! Formats the command lines that mailprov suggests. They repeat the options
//! that reach the host, and select the playbook or the tree, so that each line
//! works as printed.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The options with which the host was reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The other hosts, as named; empty for this machine.
    pub on: Vec<String>,
    /// Whether sudo is used there.
    pub sudo: bool,
    /// The private key to log in with.
    pub identity: Option<PathBuf>,
    /// The options for ssh.
    pub options: Vec<String>,
    /// The playbook, unless it is the default.
    pub playbook: Option<PathBuf>,
    /// The tree, unless it is this machine.
    pub root: Option<PathBuf>,
}

impl Reach {
    /// Returns the same options for one host.
    #[must_use]
    pub fn at(&self, host: impl ToString) -> Self {
        Self { on: vec![host.to_string()], ..self.clone() }
    }

    /// Returns the same options without a host, for a command that runs from here.
    #[must_use]
    pub fn from_here(&self) -> Self {
        Self { playbook: self.playbook.clone(), ..Self::default() }
    }

    /// Formats a command line of mailprov: `words` are the command and its arguments.
    pub fn command(&self, words: &[&str]) -> String {
        let mut line = Line::new("mailprov");
        words.iter().for_each(|word| line.word(word));
        self.on.iter().for_each(|host| line.option("--on", host));
        self.options_to(&mut line, self.sudo);
        line.0
    }

    /// Formats the command line that installs mailprov on a host.
    pub fn bootstrap(&self, host: impl ToString, mail: Option<&str>, sudo: bool) -> String {
        let mut line = Line::new("mailprov");
        line.word("bootstrap");
        line.word(&host.to_string());
        mail.into_iter().for_each(|mail| line.word(&as_path(mail)));
        self.options_to(&mut line, self.sudo || sudo);
        line.0
    }

    fn options_to(&self, line: &mut Line, sudo: bool) {
        if sudo {
            line.word("--sudo");
        }
        let path = |path: &Path| path.display().to_string();
        self.identity.iter().for_each(|it| line.option("--identity", &path(it)));
        self.options.iter().for_each(|it| line.option("--ssh-option", it));
        self.playbook.iter().for_each(|it| line.option("--playbook", &path(it)));
        self.root.iter().for_each(|it| line.option("--root", &path(it)));
    }
}

/// Formats a path so that no program mistakes it for an option.
pub fn as_path(path: &str) -> String {
    if path.starts_with('-') { format!("./{path}") } else { path.to_owned() }
}

/// A command line for a shell.
#[derive(Debug)]
pub struct Line(String);

impl Line {
    /// Begins a command line with a program.
    pub fn new(program: &str) -> Self {
        Self(quoted(program))
    }

    /// Adds a word.
    pub fn word(&mut self, word: &str) {
        self.0.push(' ');
        self.0.push_str(&quoted(word));
    }

    /// Adds an option with its value.
    pub fn option(&mut self, name: &str, value: &str) {
        match value.starts_with('-') {
            true => self.word(&format!("{name}={value}")),
            false => {
                self.word(name);
                self.word(value);
            }
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// Quotes a word for sh(1), if needed, so that a line can be pasted.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%_+=:,./-".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_a_meaning_for_a_shell_is_quoted() {
        assert_eq!(quoted("root@192.0.2.1:22"), "root@192.0.2.1:22");
        assert_eq!(quoted("my mail.yml"), "'my mail.yml'");
        assert_eq!(quoted("o'brien;$(id)"), r"'o'\''brien;$(id)'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("~/x"), "'~/x'");
    }

    #[test]
    fn a_command_repeats_the_options_given() {
        let reach = Reach {
            on: vec!["root@vps".into()],
            sudo: true,
            identity: Some("my key".into()),
            options: vec!["Port=22".into(), "-x".into()],
            playbook: Some("firewall".into()),
            root: None,
        };
        assert_eq!(
            reach.command(&["plan", "mail.yml"]),
            "mailprov plan mail.yml --on root@vps --sudo --identity 'my key' --ssh-option Port=22 \
             --ssh-option=-x --playbook firewall"
        );
        assert_eq!(
            Reach::default().bootstrap("debian@vps", Some("-m.yml"), true),
            "mailprov bootstrap debian@vps ./-m.yml --sudo"
        );
    }
}
