//! What the inner parts take, apart from programs, sockets and services: a
//! mail.yml parsed, the playbook rendered, its files compared with those of a
//! tree, and two texts with each other. `cargo bench`; `tests/bench/run` measures
//! the whole.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark fails by a panic")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use divan::{Bencher, black_box};
use mailprov::diagnostic::Source;
use mailprov::host::{Facts, Host};
use mailprov::mail::Files;
use mailprov::playbook::{Context, Declared, Playbook};
use mailprov::resource::{self, Resource};
use mailprov::services::self_service::OwnPasswords;
use mailprov::services::{self, Spec};
use mailprov::{diff, engine};
use tempfile::TempDir;

/// How many accounts, each with two aliases.
const ACCOUNTS: [usize; 3] = [3, 1_000, 10_000];

fn main() {
    divan::main();
}

/// Reads a mail.yml.
#[divan::bench(args = ACCOUNTS)]
fn parse(bencher: Bencher, accounts: usize) {
    let source = source(accounts);
    bencher.bench_local(|| load(black_box(&source)));
}

/// Renders all steps and templates.
#[divan::bench(args = ACCOUNTS)]
fn render(bencher: Bencher, accounts: usize) {
    let playbook = Playbook::embedded("postmaster").unwrap();
    let spec = Arc::new(load(&source(accounts)));
    let tree = tree();
    let facts = services::facts(&Host::open(tree.path()).unwrap()).unwrap();
    bencher.bench_local(|| resolve(black_box(&playbook), &spec, &facts));
}

/// Compares the files of a tree with what they should be, and are.
#[divan::bench(args = ACCOUNTS)]
fn compare(bencher: Bencher, accounts: usize) {
    let playbook = Playbook::embedded("postmaster").unwrap();
    let tree = tree();
    let host = Host::open(tree.path()).unwrap();
    let facts = services::facts(&host).unwrap();
    let mut declared = resolve(&playbook, &Arc::new(load(&source(accounts))), &facts);
    declared.retain(|declared| matches!(declared.resource, Resource::File(_)));
    for change in &engine::plan(&host, &declared).unwrap().changes {
        resource::write(&host, &[(&change.key, &change.before, &change.after)], &mut |_| {})
            .unwrap();
    }
    assert!(engine::plan(&host, &declared).unwrap().changes.is_empty());
    bencher.bench_local(|| engine::plan(&host, black_box(&declared)).unwrap());
}

/// Finds the one account that came.
#[divan::bench(args = ACCOUNTS)]
fn diff_of_one_more(bencher: Bencher, accounts: usize) {
    let (old, new) = (table(accounts), table(accounts + 1));
    let lines = diff::lines(&old, &new);
    assert!(lines.iter().any(|line| matches!(line, diff::Line::Added(_))));
    bencher.bench_local(|| diff::lines(black_box(&old), black_box(&new)));
}

/// A mail.yml of so many accounts. The hash is of no password.
fn source(accounts: usize) -> Arc<Source> {
    let mut text = "hostname: mail.example.org\n\
                    domains: [example.org, example.net]\n\
                    tls: {self_signed: true}\n\
                    catch_all: user000000\n\
                    accounts:\n"
        .to_owned();
    for number in 0..accounts {
        write!(
            text,
            "  user{number:06}:\n    \
             password: \"{{ARGON2ID}}$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
             JxwYgDeVcMkmWqlhRYhk0/NfpqLiWkUfFHPt5MkM{number:06}\"\n    \
             aliases: [alias{number:06}, other{number:06}@example.net]\n"
        )
        .unwrap();
    }
    Arc::new(Source { name: "mail.yml".into(), text })
}

/// A lookup table of so many accounts.
fn table(accounts: usize) -> String {
    (0..accounts).fold(String::new(), |mut text, number| {
        writeln!(text, "user{number:06}@example.org user{number:06}@example.org").unwrap();
        text
    })
}

fn load(source: &Arc<Source>) -> Spec {
    services::load(source, &Files::beside(Path::new("/"))).unwrap()
}

fn resolve(playbook: &Playbook, spec: &Arc<Spec>, facts: &Facts) -> Vec<Declared> {
    playbook
        .resolve(&Context { mail: Some(spec.context(facts, &OwnPasswords::default())), facts })
        .unwrap()
}

/// The folders that packages bring.
const FOLDERS: &[&str] = &[
    "etc/dovecot",
    "etc/fail2ban/action.d",
    "etc/fail2ban/filter.d",
    "etc/fail2ban/jail.d",
    "etc/postfix",
    "etc/rspamd/local.d",
    "etc/rspamd/override.d",
    "etc/systemd/system",
    "var/lib",
    "var/spool/postfix",
];

/// The users and groups that own what is written, but root.
const NAMES: [&str; 5] = ["vmail", "postfix", "dovecot", "_rspamd", "mailprov-limit"];

/// The tree of a Debian 13, with the folders that packages bring, and with those who own what
/// is written there.
fn tree() -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    for folder in FOLDERS {
        fs::create_dir_all(tree.path().join(folder)).unwrap();
    }
    let release = "ID=debian\nVERSION_ID=\"13\"\nVERSION_CODENAME=trixie\n";
    fs::write(tree.path().join("etc/os-release"), release).unwrap();
    let (mut passwd, mut group) = ("root:x:0:0::/:/bin/sh\n".to_owned(), "root:x:0:\n".to_owned());
    for (number, name) in (100..).zip(NAMES) {
        writeln!(passwd, "{name}:x:{number}:{number}::/:/bin/sh").unwrap();
        writeln!(group, "{name}:x:{number}:").unwrap();
    }
    fs::write(tree.path().join("etc/passwd"), passwd).unwrap();
    fs::write(tree.path().join("etc/group"), group).unwrap();
    tree
}
