//! `check --from-here`: checks the server from this machine, as other hosts
//! reach it, without root and without a login there.

use super::super::{CommandError, Exit, load, password};
use super::{exit, is_running};
use crate::app::{MailSource, no_mail_yml};
use crate::check::{self, Causes};
use crate::cli::{self, Global};
use crate::mail::CheckAccount;
use crate::report::Report;
use crate::services::Spec;
use crate::services::checking::{Account, Outside, Person, Server};

const ONLY_THERE: &str = "only the host knows: mailprov check, there or with --on";

/// Runs the checks that work from here, and exits with 1 if one fails.
pub(super) fn run(
    global: &Global,
    options: &cli::Check,
    wanted: MailSource<'_>,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let loaded = load(global, wanted, report)?;
    is_running(&loaded)?;
    let spec = loaded.spec().ok_or_else(no_mail_yml)?;
    if options.login.is_none() && options.password.is_given() {
        let message = "a password was given without --login";
        return Err(CommandError::usage(message).hinted("Add --login NAME."));
    }
    let person = match &options.login {
        Some(login) => Some(person(spec, login, &options.password, report)?),
        None => None,
    };
    let server = Server::from_outside(spec);
    let checks = check::chosen(&options.only);
    if checks.iter().any(|check| check.uses_ports) {
        server.detect_blocked_port_25();
    }
    let outside = Outside { host: &loaded.host, spec, server, person };
    let (mut all, mut unseen) = (Vec::new(), Vec::new());
    let mut causes = Causes::default();
    for check in checks {
        let made = check.outside.ok_or(ONLY_THERE).and_then(|look| look(&outside));
        match made {
            Ok(mut findings) => {
                causes.trace(check.explains, &mut findings);
                report.findings(check.name(), &findings);
                all.extend(findings);
            }
            Err(why) => unseen.push((check.name(), check.not_made(why, "Check it there."))),
        }
    }
    report.unseen(&unseen);
    all.extend(unseen.into_iter().map(|(_, finding)| finding));
    report.checked(&all, &loaded.subject());
    Ok(exit(&all))
}

/// Finds the account of a login, and asks for its password.
fn person(
    spec: &Spec,
    login: &str,
    from: &cli::PasswordFrom,
    report: &mut Report,
) -> Result<Person, CommandError> {
    let found = spec.directory.inbox_of(login);
    let CheckAccount { address, of_another, .. } = found.ok_or_else(|| {
        let message = format!("no account with the login `{login}` keeps its mail here");
        CommandError::usage(message).hinted("`mailprov account list` lists the accounts.")
    })?;
    let password = password::existing(from, &format!("Password of {login}:"), report)?;
    let (login, address) = (login.to_owned(), address.to_string());
    Ok(Person { account: Account { login, address, password }, of_another })
}
