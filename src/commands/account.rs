//! `mailprov account`: edits the accounts in mail.yml.

use super::mail_yml::{offer, open};
use super::password::{Asked, can_choose, choose, refused};
use super::{CommandError, Exit, app_password};
use crate::app::mail_yml::{account, account_name};
use crate::cli::{AccountCommand, Global};
use crate::host::Host;
use crate::mail::Name;
use crate::report::Report;
use crate::services::self_service::OwnPasswords;

pub(super) fn run(
    global: &Global,
    command: &AccountCommand,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    if let AccountCommand::AppPassword(command) = command {
        return app_password::run(global, command, report);
    }
    if let AccountCommand::List { file } = command {
        let file = open(file, report)?;
        let own = Host::open(&global.root).ok().and_then(|host| OwnPasswords::known(&host));
        let own = own.map(|own| own.judged(&file.spec).names());
        report.accounts(&file.spec.listed_accounts(own.as_deref()));
        return Ok(Exit::Done);
    }
    let (AccountCommand::Add { name, edit, .. }
    | AccountCommand::Passwd { name, edit, .. }
    | AccountCommand::Rename { name, edit, .. }
    | AccountCommand::Remove { name, edit }) = command
    else {
        return Ok(Exit::Usage);
    };
    let name = account_name(name)?;
    let file = open(&edit.file, report)?;
    let mut hash = |from| {
        can_choose(from, report)?;
        choose(from, &Asked::Of(&name), report)?.hash().map_err(refused)
    };
    let (word, draft) = match command {
        AccountCommand::List { .. } | AccountCommand::AppPassword(_) => return Ok(Exit::Done),
        AccountCommand::Add { password, aliases, quota, .. } => {
            let quota = quota.as_deref();
            ("add", account::add(&file, &name, aliases, quota, &mut || hash(password))?)
        }
        AccountCommand::Passwd { password, .. } => {
            ("passwd", account::passwd(&file, &name, &mut || hash(password))?)
        }
        AccountCommand::Remove { .. } => ("remove", account::remove(&file, &name)?),
        AccountCommand::Rename { new, no_alias, .. } => {
            let (old, new) = (Name::clone(&name), Name::clone(&*account_name(new)?));
            ("rename", account::rename(&file, old, new, !no_alias)?)
        }
    };
    offer(global, edit, &file, draft, format!("account {word} {name}"), report)
}
