//! `mailprov account app-password`: passwords of devices.

use super::mail_yml::{offer, open};
use super::{CommandError, Exit, elsewhere};
use crate::app::mail_yml::{MailYml, account_name, app_password, device_name};
use crate::cli::{AppPasswordCommand, Global};
use crate::host::Host;
use crate::report::Report;
use crate::services::app_passwords::devices;

pub(super) fn run(
    global: &Global,
    command: &AppPasswordCommand,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    match command {
        AppPasswordCommand::List { account, file } => {
            list(global, account.as_deref(), &open(file, report)?, report)
        }
        AppPasswordCommand::Add { account, device, edit } => {
            let (name, device) = (account_name(account)?, device_name(device)?);
            let file = open(&edit.file, report)?;
            let draft = app_password::add(&file, &name, &device)?;
            let deed = format!("account app-password add {name} {device}");
            offer(global, edit, &file, draft, deed, report)
        }
        AppPasswordCommand::Remove { account, device, edit } => {
            let (name, device) = (account_name(account)?, device_name(device)?);
            let file = open(&edit.file, report)?;
            let draft = app_password::remove(&file, &name, &device)?;
            let deed = format!("account app-password remove {name} {device}");
            offer(global, edit, &file, draft, deed, report)
        }
    }
}

/// Lists devices, on the server with the last use of each.
fn list(
    global: &Global,
    account: Option<&str>,
    file: &MailYml,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let accounts = match account {
        Some(name) => {
            let name = account_name(name)?;
            let index = app_password::index(file, &name)?;
            index..index + 1
        }
        None => 0..file.spec.credentials.len(),
    };
    let elsewhere = elsewhere(global, &file.spec, report.can_ask(), report);
    let host = match elsewhere {
        Some(_) => None,
        None => Some(Host::open(&global.root)?),
    };
    let found = devices(&file.spec, accounts, host.as_ref())?;
    report.devices(&found, host.is_some());
    if let Some(elsewhere) = elsewhere.filter(|_| !found.is_empty()) {
        let words = ["account", "app-password", "list"];
        let there = elsewhere.command(&words, report.reach());
        report.note(&format!("The server knows when each was used last: {there}\n"));
    }
    Ok(Exit::Done)
}
