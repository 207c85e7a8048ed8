//! The definition of a check, and the data that it gets.

use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::super::Spec;
use super::round_trip::Account;
use super::server::{Port, Server};
use crate::engine::Plan;
use crate::finding::{Finding, Rule};
use crate::host::{self, Host, Unit};
use crate::probe::Error;

/// A check, as `--only` selects it.
#[derive(Debug)]
pub struct Check {
    /// The rule of the check as a whole, for when the check could not be made.
    /// Its id is the name of the check.
    pub(crate) rule: Rule,
    pub(crate) rules: &'static [&'static [&'static Rule]],
    /// Whether it connects to ports of the server.
    pub(crate) uses_ports: bool,
    /// Whether a port that it finds wrong explains later findings about that port.
    pub(crate) explains: bool,
    /// The check on the host, as root.
    pub(crate) here: Here,
    /// The check from another machine, if there is one; the function may return
    /// why it cannot be made.
    pub(crate) outside: Option<FromOutside>,
    /// The part that `apply` runs after its changes. It is never slow, provokes
    /// no rejection and touches no mailbox.
    pub(crate) quick: Option<Quick>,
}

/// Makes a check from another machine, or returns why it cannot.
pub(crate) type FromOutside = fn(&Outside<'_>) -> Result<Vec<Finding>, &'static str>;

/// A daemon with ports of its own.
#[derive(Debug)]
pub struct Daemon {
    pub(crate) unit: &'static str,
    /// The rule that it runs with the configuration on disk.
    pub(crate) running: &'static Rule,
    /// The list that contains this rule.
    pub(crate) rules: &'static [&'static Rule],
    /// Whether a port is closed or useless while it does not run.
    pub(crate) is_behind: fn(&Port) -> bool,
}

/// A check on the host, by the data that it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Here {
    Alone(fn(&Site<'_>) -> host::Result<Vec<Finding>>),
    /// Compares the host with mail.yml.
    Planned(fn(&Site<'_>, &Plan) -> host::Result<Vec<Finding>>),
    LoggedIn(fn(&Site<'_>, &Account) -> host::Result<Vec<Finding>>),
}

/// A quick check, by the data that it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Quick {
    Alone(fn(&Server) -> Vec<Finding>),
    LoggedIn(fn(&Server, &Account) -> Vec<Finding>),
}

/// The mail server to check, from its own host.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    pub host: &'a Host,
    pub spec: &'a Spec,
    pub server: Server,
    /// The units that should run.
    pub services: Vec<Unit>,
    /// The files with hashes and passwords that users other than root can read,
    /// each with those users.
    pub open_secrets: Vec<(PathBuf, String)>,
}

/// The mail server to check, from another machine.
#[derive(Debug)]
pub(crate) struct Outside<'a> {
    pub host: &'a Host,
    pub spec: &'a Spec,
    pub server: Server,
    pub person: Option<Person>,
}

/// The account that logs in from another machine.
#[derive(Debug)]
pub(crate) struct Person {
    pub account: Account,
    /// An address of another account, if there is one.
    pub of_another: Option<String>,
}

impl Check {
    /// Returns the defaults of a check that can be made only on the host.
    pub(crate) const fn on_the_host(
        rule: Rule,
        rules: &'static [&'static [&'static Rule]],
        here: Here,
    ) -> Self {
        Self { rule, rules, uses_ports: false, explains: false, here, outside: None, quick: None }
    }

    /// Returns the name, which is the id of its rule.
    pub fn name(&self) -> &'static str {
        self.rule.id
    }

    /// Returns the finding that the check could not be made.
    pub(crate) fn not_made(&'static self, why: impl Into<String>, remedy: &str) -> Finding {
        Finding::of(&self.rule).not_checked(why, remedy)
    }

    /// Returns all rules, that of the check as a whole first.
    pub(crate) fn all_rules(&'static self) -> impl Iterator<Item = &'static Rule> {
        std::iter::once(&self.rule).chain(self.rules.iter().copied().flatten().copied())
    }
}

/// Checks are sent to other hosts by name.
impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Outside<'_> {
    /// Returns a local address in each domain.
    pub(crate) fn recipients(&self) -> Vec<String> {
        let domains = &self.spec.directory.domains;
        domains.iter().map(|it| format!("postmaster@{it}")).collect()
    }

    /// Returns the server, or why it cannot be reached.
    pub(crate) fn server(&self) -> Result<&Server, &'static str> {
        match self.server.addresses.is_empty() {
            true => Err("the server's name leads to no address"),
            false => Ok(&self.server),
        }
    }
}

/// Judges a question without a proper answer. A question that could not be
/// asked from this machine says nothing about the server.
pub(crate) fn unanswered(finding: Finding, error: &Error, remedy: impl Into<String>) -> Finding {
    match error {
        Error::Unreachable(why) => finding.not_checked(why.clone(), "Ask from another machine."),
        error => finding.wrong(error.to_string(), remedy),
    }
}

/// Judges a question that the server did not let us ask: a port did not answer,
/// or Postfix put the mail off, as it does on a full disk.
pub(crate) fn not_asked(finding: Finding, error: &Error) -> Finding {
    let remedy = match error {
        Error::Refused { .. } => {
            "See why: journalctl -u 'postfix*' -u dovecot; a full disk: mailprov check --only disk"
        }
        _ => SEE_PORTS,
    };
    finding.not_checked(error.to_string(), remedy)
}

/// The remedy of findings that depend on a port.
pub(crate) const SEE_PORTS: &str = "See the results under `ports`.";
