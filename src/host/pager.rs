//! The pager for long texts.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

use super::signals::CtrlC;

/// The variables that name the pager; the first one that is set counts.
const VARIABLES: [&str; 2] = ["MAILPROV_PAGER", "PAGER"];

const USUAL: &str = "less";

/// The default options of `less`, as in git: quit if the text fits on one
/// screen, show colours, do not clear the screen.
const LESS: &str = "FRX";

/// The variables that name the user who became root.
const BECAME_ROOT: [&str; 3] = ["SUDO_UID", "DOAS_USER", "PKEXEC_UID"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pager {
    argv: Vec<String>,
    /// Whether the pager runs as root for a user who may not be allowed
    /// everything. It must then not be able to start programs or write files.
    is_confined: bool,
}

impl Pager {
    /// Chooses the pager as git and systemd do. Returns `None` on a dumb
    /// terminal, and if the variable is empty or `cat`.
    pub(crate) fn choose() -> Option<Self> {
        let is_dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let became_root = BECAME_ROOT.iter().any(|name| std::env::var_os(name).is_some());
        let named = VARIABLES.iter().find_map(|name| std::env::var(name).ok());
        if is_dumb { None } else { Self::of(named.as_deref(), geteuid().is_root() && became_root) }
    }

    fn of(named: Option<&str>, is_confined: bool) -> Option<Self> {
        // There is no shell, so a command that needs one is not run at all.
        let is_plain =
            |c: char| c.is_alphanumeric() || c.is_whitespace() || "/._-+=:,%".contains(c);
        let named = named.unwrap_or(USUAL);
        let argv: Vec<String> = named.split_whitespace().map(str::to_owned).collect();
        match argv.first().map(String::as_str) {
            None | Some("cat") => None,
            Some(_) if is_confined || !named.chars().all(is_plain) => {
                Some(Self { argv: vec![USUAL.into()], is_confined })
            }
            Some(_) => Some(Self { argv, is_confined }),
        }
    }

    /// Shows a text until the user quits the pager.
    ///
    /// # Errors
    ///
    /// Fails if the program does not start. Nothing was shown then.
    pub(crate) fn show(&self, text: &str) -> io::Result<()> {
        let (program, arguments) = self.argv.split_first().ok_or(io::ErrorKind::NotFound)?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped());
        if self.is_confined {
            command.env("LESSSECURE", "1").env("LESS", LESS);
        }
        for (name, value) in [("LESS", LESS), ("LV", "-c"), ("LESSCHARSET", "utf-8")] {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        // Ctrl-C is for the pager, which cancels a search with it.
        let _held = CtrlC::hold();
        let mut child = command.spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // The user may quit before the end.
            let _ = input.write_all(text.as_bytes());
        }
        child.wait().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(named: Option<&str>, is_confined: bool) -> Option<String> {
        Pager::of(named, is_confined).map(|pager| pager.argv.join(" "))
    }

    #[test]
    fn a_pager_is_a_program_and_no_line_for_a_shell() {
        assert_eq!(argv(None, false).as_deref(), Some("less"));
        assert_eq!(argv(Some("most -w"), false).as_deref(), Some("most -w"));
        for none in ["", " ", "cat"] {
            assert_eq!(argv(Some(none), false), None);
        }
        for line in ["less | tee /x", "sh -c 'id'", "$(id)", "less;id"] {
            assert_eq!(argv(Some(line), false).as_deref(), Some("less"), "{line}");
        }
    }

    #[test]
    fn of_one_who_became_root_it_is_less_confined() {
        assert_eq!(argv(Some("/home/anna/pager"), true).as_deref(), Some("less"));
        assert_eq!(argv(Some("cat"), true), None);
    }
}
