//! From here into the box, over SSH, as into any other host.

use std::path::Path;

use super::super::{Exit, Stop, bootstrap};
use super::server::Server;
use crate::cli::{Bootstrap, Global, Mail, Ssh};
use crate::remote::Destination;
use crate::report::Report;

/// Makes the box a mail server.
pub(super) fn bring(
    global: &Global,
    server: &Server,
    mail: &Path,
    report: &mut Report,
) -> Result<(), Stop> {
    let host: Destination = format!("root@{}", server.address())
        .parse()
        .map_err(|error: String| Stop::new(Exit::Failed, error, super::NOTHING_LEFT))?;
    let access = server.access();
    let ssh = Ssh {
        on: Vec::new(),
        sudo: false,
        identity: Some(access.identity.clone()),
        options: access.options(),
    };
    let global = Global {
        playbook: global.playbook.clone(),
        root: global.root.clone(),
        json: global.json,
        color: global.color,
        verbose: global.verbose,
        quiet: global.quiet,
        ssh,
    };
    let mail = Mail { mail: Some(mail.to_owned()) };
    let order = Bootstrap { host, mail, yes: true, binary: None };
    // What Ctrl-C does here was said by who hears it first.
    match bootstrap::bring(&global, &order, || {}, report)? {
        Exit::Done => Ok(()),
        // It has said why.
        exit => Err(Stop::silent(exit)),
    }
}
