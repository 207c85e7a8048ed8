//! What the tests of convergence ask the program, and the box it has set up.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde_json::Value;

use crate::support::{Debian, Output, Suite, sha512_crypt};

/// A whole `mail.yml`, with a self-signed certificate.
pub(crate) const MAIL_YML: &str = r#"hostname: mail.example.org
domains: [example.org, example.net]
accounts:
  thomas:
    password: "HASH"
    aliases: [info, sales@example.net]
  anna:
    password: "HASH"
catch_all: thomas
tls: {self_signed: true}
ban: false
spam: false
"#;

/// Returns [`MAIL_YML`] with a hash of the password `secret`.
pub(crate) fn mail_yml() -> String {
    MAIL_YML.replace("HASH", &sha512_crypt("secret"))
}

/// Boots a box that was provisioned with [`MAIL_YML`].
pub(crate) fn converged(suite: Suite) -> Debian {
    Debian::prepared("converged", suite, |debian| debian.mail_yml(&mail_yml()).apply())
}

/// One change of a plan, as `plan --json` announces it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// Such as `file:/etc/postfix/main.cf`.
    pub(crate) key: String,
    /// `create`, `update` or `delete`.
    pub(crate) action: String,
    /// What differs, in words.
    pub(crate) why: Vec<String>,
    /// Whether it is said to have been changed by hand.
    pub(crate) drift: bool,
    /// What it is.
    pub(crate) before: Value,
    /// What it will be.
    pub(crate) after: Value,
}

/// Reads lines of JSON; whatever else is among them is a failure.
#[track_caller]
pub(crate) fn events(output: &Output) -> Vec<Value> {
    let parse = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{output}"))
    };
    output.stdout().lines().map(parse).collect()
}

/// Returns the changes among the lines of `plan --json` or `apply --json`.
#[track_caller]
pub(crate) fn changes(output: &Output) -> Vec<Change> {
    let events = events(output);
    let of = |kind| events.iter().filter(move |event| event["event"] == kind);
    let summary = of("plan").next().unwrap_or_else(|| panic!("no plan: {output}"));
    let changes: Vec<_> = of("change").map(change).collect();
    assert_eq!(summary["changes"], changes.len(), "{output}");
    changes
}

fn change(event: &Value) -> Change {
    let text = |name: &str| event[name].as_str().unwrap().to_owned();
    let why = event["why"].as_array().unwrap();
    Change {
        key: text("key"),
        action: text("action"),
        why: why.iter().map(|word| word.as_str().unwrap().to_owned()).collect(),
        drift: event["drift"].as_bool().unwrap(),
        before: event["before"].clone(),
        after: event["after"].clone(),
    }
}

/// Plans, and returns the changes.
#[track_caller]
pub(crate) fn plan(debian: &Debian) -> Vec<Change> {
    changes(&debian.mailprov(&["plan", "--json"]).success())
}

/// Returns the keys of a plan, in order.
#[track_caller]
pub(crate) fn planned_keys(debian: &Debian) -> Vec<String> {
    plan(debian).into_iter().map(|change| change.key).collect()
}

/// Returns the keys of the files that the first run on a box wrote, of the tables
/// that it made of some, and of the services, in the order of the playbook.
#[track_caller]
pub(crate) fn managed(debian: &Debian) -> Vec<String> {
    let events = events(&debian.mailprov(&["history", "1", "--json"]).success());
    let changes = events.iter().filter(|event| event["event"] == "change").map(change);
    let is_meant = |change: &Change| match change.key.split_once(':') {
        Some(("file", _)) => change.after["state"] == "file",
        Some((kind, _)) => ["table", "service"].contains(&kind),
        None => false,
    };
    changes.filter(is_meant).map(|change| change.key).collect()
}

/// Asserts that the keys of the plan are exactly these, applies it, and asserts
/// that nothing is left to do.
#[track_caller]
pub(crate) fn mends<K: Debug>(debian: &Debian, what: &str, keys: &[K])
where
    String: PartialEq<K>,
{
    assert_eq!(planned_keys(debian), keys, "{what}");
    let output = debian.mailprov(&["apply", "--yes"]);
    assert!(output.is_success(), "{what}: {output}");
    nothing_to_do(debian, what);
}

/// Asserts that the plan is empty.
#[track_caller]
pub(crate) fn nothing_to_do(debian: &Debian, what: &str) {
    let left = plan(debian);
    assert!(left.is_empty(), "{what}: {left:#?}");
}

/// Returns the keys of the lines of a kind, such as `finished`, in order.
pub(crate) fn keys_of(output: &Output, kind: &str) -> Vec<String> {
    let events = events(output).into_iter().filter(|event| event["event"] == kind);
    events.map(|event| event["key"].as_str().unwrap().to_owned()).collect()
}

/// Returns the number of the first process of each service that runs.
pub(crate) fn masters(debian: &Debian) -> BTreeMap<&'static str, String> {
    let files =
        [("dovecot", "/run/dovecot/master.pid"), ("postfix", "/var/spool/postfix/pid/master.pid")];
    let number = |path| debian.read_text(path).trim().to_owned();
    files.into_iter().map(|(name, path)| (name, number(path))).collect()
}

/// Returns the line that a server greets with on a port.
#[track_caller]
pub(crate) fn greeting(debian: &Debian, port: u16) -> String {
    use std::io::{BufRead, BufReader};
    let stream = debian.connect(port).unwrap_or_else(|error| panic!("port {port}: {error}"));
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line
}
