//! From here into the box, over SSH.

use std::path::Path;
use std::process::Command;

use super::super::{Exit, Stop};
use super::server::Server;
use crate::cli::Global;
use crate::report::Report;

/// Makes the box a mail server, as one makes any other host one.
pub(super) fn bootstrap(
    _global: &Global,
    server: &Server,
    mail: &Path,
    _report: &mut Report,
) -> Result<(), Stop> {
    let address = format!("root@{}", server.address());
    let program = std::env::current_exe().map_err(|e| super::failed("find", mail, &e))?;
    let mut options = vec!["-i".to_owned(), server.access().identity.display().to_string()];
    for option in server.access().options() {
        options.extend(["-o".to_owned(), option]);
    }
    let run = |program: &str, more: &[&str]| {
        let status = Command::new(program).args(&options).args(more).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Stop::new(Exit::Failed, format!("{program}: {status}"), "")),
            Err(error) => Err(super::failed("start", Path::new(program), &error)),
        }
    };
    run(
        "scp",
        &["-q", &program.display().to_string(), &format!("{address}:/usr/local/bin/mailprov")],
    )?;
    run("ssh", &[&address, "mkdir -p /etc/mailprov"])?;
    run(
        "scp",
        &["-q", "-p", &mail.display().to_string(), &format!("{address}:/etc/mailprov/mail.yml")],
    )?;
    run("ssh", &[&address, "mailprov apply --yes"])
}
