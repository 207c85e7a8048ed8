//! `mailprov dns`: prints the DNS records of the server.

use std::net::IpAddr;

use super::{CommandError, Exit, load};
use crate::app::{self, MailSource};
use crate::check::ExpectedRecords;
use crate::cli::{self, Global};
use crate::engine;
use crate::host::Host;
use crate::probe::Resolver;
use crate::report::{Missing, Record, Report};
use crate::services::{self, Spec, checking};

pub(super) fn run(
    global: &Global,
    options: &cli::Dns,
    mail: MailSource<'_>,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let loaded = load(global, mail, report)?;
    let Some(spec) = loaded.spec() else { return Err(app::no_mail_yml()) };
    let (wanted, missing) = published(spec, &options.addresses, &loaded.host)?;
    let shown =
        |records: Vec<services::Record>| -> Vec<Record> { records.iter().map(record).collect() };
    report.records(
        &shown(wanted.all()),
        &shown(wanted.ptr_records()),
        missing.as_ref(),
        options.zone,
    );
    note_forwards(spec, report);
    Ok(Exit::Done)
}

/// Lists addresses that forward mail to other hosts, where SPF fails for it.
pub(super) fn note_forwards(spec: &Spec, report: &mut Report) {
    /// Further ones are only counted.
    const NAMED: usize = 3;
    let forwarded = spec.directory.forwarded();
    let mut names = forwarded[..forwarded.len().min(NAMED)].join(", ");
    match forwarded.len().saturating_sub(NAMED) {
        0 if names.is_empty() => return,
        0 => {}
        more => names += &format!(" and {more} more"),
    }
    report.note(&format!(
        "Mail forwarded to other hosts ({names}) keeps its sender, so SPF fails there: large \
         providers may refuse what its sender did not sign with DKIM. It helps if the other \
         account fetches the mail here by IMAP or POP3. See Forwards in mail.yml(5).\n"
    ));
}

/// Returns the public addresses of the server: those on the command line; on
/// the server its own; else those in DNS. If there are none, explains what is
/// missing.
fn published(
    spec: &Spec,
    named: &[IpAddr],
    host: &Host,
) -> Result<(ExpectedRecords, Option<Missing>), CommandError> {
    let hostname = spec.hostname.value.to_string();
    let given = !named.is_empty();
    let is_server = Host::own_name().as_deref() == Some(&hostname)
        || engine::last_run(host).is_ok_and(|run| run.is_some());
    let server = is_server.then_some(host);
    let wanted =
        |addresses| ExpectedRecords { given, ..ExpectedRecords::of(spec, addresses, server) };
    if given {
        return Ok((wanted(named.to_vec()), None));
    }
    let public = |all: Vec<IpAddr>| -> Vec<IpAddr> {
        all.into_iter().filter(|it| checking::is_public(*it)).collect()
    };
    let own = public(Host::addresses()?);
    if is_server && !own.is_empty() {
        return Ok((wanted(own), None));
    }
    let known = public(Resolver::of(host).addresses(&hostname).unwrap_or_default());
    if !known.is_empty() {
        return Ok((wanted(known), None));
    }
    let why = match is_server {
        true => "this host has none that the world can reach: it is behind a router",
        false => "DNS has none yet, and this machine is not the server",
    };
    let name = format!("{hostname}.");
    Ok((wanted(Vec::new()), Some(Missing { name, why })))
}

fn record(record: &services::Record) -> Record {
    Record {
        name: format!("{}.", record.name),
        kind: record.kind,
        value: record.value.clone(),
        why: record.why,
        line: record.zone_line(),
    }
}
