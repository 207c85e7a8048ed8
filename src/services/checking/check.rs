//! What a check is, and what it gets to look at.

use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::super::Spec;
use super::round_trip::Account;
use super::server::Server;
use crate::engine::Plan;
use crate::finding::{Finding, Rule};
use crate::host::{self, Host, Unit};
use crate::probe::Error;

/// A check, as `--only` takes it.
#[derive(Debug)]
pub struct Check {
    /// The check as a whole, as it is told of where it could not be made. Its id
    /// is the name of the check.
    pub(crate) rule: Rule,
    /// The rules that it judges by.
    pub(crate) rules: &'static [&'static [&'static Rule]],
    /// Whether it connects to ports of the server.
    pub(crate) uses_ports: bool,
    /// Whether a port that it finds wrong explains what later checks find there.
    pub(crate) explains: bool,
    /// How it is made on the host, as root.
    pub(crate) here: Here,
    /// How it is made from another machine, if it can be; or why it cannot.
    pub(crate) outside: Option<FromOutside>,
    /// What `apply` looks at once its changes are made: nothing that is slow, has
    /// the server refuse something, or touches a mailbox.
    pub(crate) quick: Option<Quick>,
}

/// Makes a check from another machine, or says why it cannot.
pub(crate) type FromOutside = fn(&Outside<'_>) -> Result<Vec<Finding>, &'static str>;

/// A daemon that serves ports of its own.
#[derive(Debug)]
pub struct Daemon {
    /// Its unit, without `.service`.
    pub(crate) unit: &'static str,
    /// That it runs with what is on disk.
    pub(crate) running: &'static Rule,
    /// The list that this rule is in.
    pub(crate) rules: &'static [&'static Rule],
    /// The ports that are closed, or of no use, while it does not run.
    pub(crate) ports: &'static [u16],
}

/// A check on the host, by what it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Here {
    Alone(fn(&Site<'_>) -> host::Result<Vec<Finding>>),
    /// It compares the host with what mail.yml asks for.
    Planned(fn(&Site<'_>, &Plan) -> host::Result<Vec<Finding>>),
    LoggedIn(fn(&Site<'_>, &Account) -> host::Result<Vec<Finding>>),
}

/// A quick check, by what it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Quick {
    Alone(fn(&Server) -> Vec<Finding>),
    LoggedIn(fn(&Server, &Account) -> Vec<Finding>),
}

/// The mail server that is checked, from its own host.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    pub host: &'a Host,
    pub spec: &'a Spec,
    pub server: Server,
    /// The services that are to run.
    pub services: Vec<Unit>,
    /// The files with hashes and passwords that others than root may read, and who.
    pub open_secrets: Vec<(PathBuf, String)>,
}

/// The mail server that is checked, from another machine.
#[derive(Debug)]
pub(crate) struct Outside<'a> {
    /// This machine.
    pub host: &'a Host,
    pub spec: &'a Spec,
    pub server: Server,
    pub person: Option<Person>,
}

/// The account that logs in from another machine.
#[derive(Debug)]
pub(crate) struct Person {
    pub account: Account,
    /// An address that belongs to others, if there is one.
    pub of_another: Option<String>,
}

impl Check {
    /// What all checks have that only the host can make.
    pub(crate) const fn on_the_host(
        rule: Rule,
        rules: &'static [&'static [&'static Rule]],
        here: Here,
    ) -> Self {
        Self { rule, rules, uses_ports: false, explains: false, here, outside: None, quick: None }
    }

    /// Returns its name.
    pub fn name(&self) -> &'static str {
        self.rule.id
    }

    /// Says that the check could not be made.
    pub(crate) fn not_made(&'static self, why: impl Into<String>, remedy: &str) -> Finding {
        Finding::of(&self.rule).not_checked(why, remedy)
    }

    /// Returns all rules, the check as a whole first.
    pub(crate) fn all_rules(&'static self) -> impl Iterator<Item = &'static Rule> {
        std::iter::once(&self.rule).chain(self.rules.iter().copied().flatten().copied())
    }
}

/// A check goes to another host by its name.
impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Outside<'_> {
    /// Returns an address of ours in each domain.
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

/// Judges something that got no proper answer. What could not be asked from here
/// says nothing of the server.
pub(crate) fn unanswered(finding: Finding, error: &Error, remedy: impl Into<String>) -> Finding {
    match error {
        Error::Unreachable(why) => finding.not_checked(why.clone(), "Ask from another machine."),
        error => finding.wrong(error.to_string(), remedy),
    }
}

/// What to do where something depends on a port.
pub(crate) const SEE_PORTS: &str = "See the results under `ports`.";
