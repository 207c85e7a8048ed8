//! The check after `bootstrap`: whether other hosts can reach the server, which
//! the server itself cannot know.

use std::path::Path;
use std::sync::Arc;

use super::super::on;
use crate::app;
use crate::check;
use crate::cli::Global;
use crate::diagnostic::Source;
use crate::local;
use crate::mail::Files;
use crate::reach::as_path;
use crate::remote::{self, Destination};
use crate::report::Report;
use crate::services;
use crate::services::checking::Server;

/// Checks the ports of a host at the address of the login, since DNS may not
/// know its name yet.
pub(in crate::commands) fn reachable_from_here(
    global: &Global,
    host: &Destination,
    mail: &Path,
    report: &mut Report,
) {
    let source = local::read_text(mail)
        .map(|text| Arc::new(Source { name: mail.display().to_string(), text }));
    let spec = source.map(|source| services::load(&source, &Files::beside(app::folder(mail))));
    // If a file that it names is on the host only, its ports are unknown.
    let Ok(Ok(spec)) = spec else { return };
    let hostname = spec.hostname.value.to_string();
    let path = as_path(&mail.display().to_string());
    let again = report.reach().from_here().command(&["check", &path, "--from-here"]);
    let addresses = match remote::addresses(host, &on::login(global, true)) {
        Ok(addresses) => addresses,
        Err(why) => {
            report.note(&format!(
                "It was not checked whether others can reach {hostname}: {why}. Check from another \
                 machine: {again}\n"
            ));
            return;
        }
    };
    let server = Server { addresses, ..Server::from_outside(&spec) };
    server.detect_blocked_port_25();
    report.checked_from_here("ports", &check::ports(&server), &hostname, &again);
}
