//! The records that the world is to find, and where its addresses come from.

use std::net::IpAddr;

use crate::check::ExpectedRecords;
use crate::command_error::CommandError;
use crate::engine;
use crate::host::{Host, is_public};
use crate::probe::Resolver;
use crate::services::{MissingAddress, Spec};

/// Returns the public addresses of the server: those on the command line; on
/// the server its own; else those in DNS. If there are none, explains what is
/// missing.
pub(crate) fn published(
    spec: &Spec,
    named: &[IpAddr],
    host: &Host,
) -> Result<(ExpectedRecords, Option<MissingAddress>), CommandError> {
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
    let public =
        |all: Vec<IpAddr>| -> Vec<IpAddr> { all.into_iter().filter(|it| is_public(*it)).collect() };
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
    Ok((wanted(Vec::new()), Some(MissingAddress { name, why })))
}
