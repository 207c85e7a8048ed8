//! The program that a long text is read in.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

use super::signals::CtrlC;

/// The variables that name it, the first that is set counts.
const VARIABLES: [&str; 2] = ["MAILPROV_PAGER", "PAGER"];

const USUAL: &str = "less";

/// How `less` is to be where nobody chose otherwise, as git has it: ends where
/// all fits, shows colours, leaves what was read on the screen.
const LESS: &str = "FRX";

/// By these is known who became root.
const BECAME_ROOT: [&str; 3] = ["SUDO_UID", "DOAS_USER", "PKEXEC_UID"];

/// A program to read in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pager {
    argv: Vec<String>,
    /// It runs as root for a user who may not be allowed all that root is: it
    /// must neither start programs nor write files.
    is_confined: bool,
}

impl Pager {
    /// Chooses it as git and systemd do; none where none is wanted.
    pub(crate) fn choose() -> Option<Self> {
        let is_dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let became_root = BECAME_ROOT.iter().any(|name| std::env::var_os(name).is_some());
        let named = VARIABLES.iter().find_map(|name| std::env::var(name).ok());
        if is_dumb { None } else { Self::of(named.as_deref(), geteuid().is_root() && became_root) }
    }

    fn of(named: Option<&str>, is_confined: bool) -> Option<Self> {
        // Run without a shell: what only a shell would understand is not run at all.
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

    /// Shows a text until it was read.
    ///
    /// # Errors
    ///
    /// Fails where the program does not start: then nothing was shown.
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
        // It is the pager's: it ends a search there.
        let _held = CtrlC::hold();
        let mut child = command.spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // It may be left before its end.
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
