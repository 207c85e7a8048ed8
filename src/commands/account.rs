//! `mailprov account`: edits the accounts in mail.yml.

use super::edit::{Draft, MailYml, offer};
use super::password::{Asked, can_choose, choose, refused};
use super::{CommandError, Exit};
use crate::app::Renamed;
use crate::app::accounts::{account_name, find, mentions, parse, remove_alias, scalars, written};
use crate::cli::{AccountCommand, Global, PasswordFrom};
use crate::diagnostic::Diagnostic;
use crate::mail::{Account, Name, PasswordHash, Target};
use crate::report::{self, Report};
use crate::services::Spec;
use crate::yaml::Value;

/// A hash without a password, to validate a name before asking for a password.
const NO_PASSWORD: &str = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                           AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub(super) fn run(
    global: &Global,
    command: &AccountCommand,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let (name, edit) = match command {
        AccountCommand::List { file } => {
            let spec = MailYml::open(file, report)?.spec;
            report.accounts(&list(&spec));
            return Ok(Exit::Done);
        }
        AccountCommand::Add { name, edit, .. }
        | AccountCommand::Passwd { name, edit, .. }
        | AccountCommand::Rename { name, edit, .. }
        | AccountCommand::Remove { name, edit } => (account_name(name)?, edit),
    };
    let file = MailYml::open(&edit.file, report)?;
    let mut renamed = None;
    let draft = match command {
        AccountCommand::List { .. } => file.unchanged(),
        AccountCommand::Add { password, aliases, quota, .. } => {
            add(&file, &name, &more(aliases, quota.as_deref())?, password, report)?
        }
        AccountCommand::Passwd { password, .. } => passwd(&file, &name, password, report)?,
        AccountCommand::Remove { .. } => remove(&file, &name, report)?,
        AccountCommand::Rename { new, no_alias, .. } => {
            let (old, new) = (Name::clone(&name), Name::clone(&*account_name(new)?));
            let (draft, both) = rename(&file, old, new, !no_alias, report)?;
            renamed = Some(both);
            draft
        }
    };
    let word = match command {
        AccountCommand::List { .. } => "list",
        AccountCommand::Add { .. } => "add",
        AccountCommand::Passwd { .. } => "passwd",
        AccountCommand::Remove { .. } => "remove",
        AccountCommand::Rename { .. } => "rename",
    };
    let deed = format!("account {word} {name}");
    offer(global, edit, &file, &draft, renamed, deed, report)
}

fn list(spec: &Spec) -> Vec<report::Account> {
    let directory = &spec.directory;
    let accounts = directory.accounts.iter().zip(&spec.credentials).enumerate();
    let listed = accounts.map(|(index, (account, credentials))| {
        let caught = directory.catch_all.iter().filter(|it| it.account == index);
        report::Account {
            name: account.name.value.to_string(),
            addresses: directory.all_addresses(index).iter().map(ToString::to_string).collect(),
            quota: credentials.quota.map(|quota| quota.bytes()),
            catch_all: caught.map(|it| it.domain.to_string()).collect(),
        }
    });
    listed.collect()
}

/// Returns the keys of a new account besides its password.
fn more(aliases: &[String], quota: Option<&str>) -> Result<Vec<(String, Value)>, CommandError> {
    let mut more = Vec::new();
    let aliases: Vec<Name> = aliases.iter().map(|it| parse(it)).collect::<Result<_, _>>()?;
    if !aliases.is_empty() {
        let list = aliases.iter().map(|alias| Value::text(alias.to_string()));
        more.push(("aliases".to_owned(), Value::List(list.collect())));
    }
    more.extend(quota.map(|quota| ("quota".to_owned(), Value::text(quota))));
    Ok(more)
}

fn add(
    file: &MailYml,
    name: &Name,
    more: &[(String, Value)],
    from: &PasswordFrom,
    report: &mut Report,
) -> Result<Draft, CommandError> {
    if find(&file.spec, name).is_some() {
        let passwd = file.command(&["account", "passwd", &name.to_string()], report);
        let advice = format!("To change its password: {passwd}");
        return Err(CommandError::usage(format!("there is an account `{name}`")).hinted(advice));
    }
    let with = |hash: &str| {
        let mut body = vec![("password".to_owned(), Value::Quoted(hash.to_owned()))];
        body.extend_from_slice(more);
        file.document.insert(&["accounts"], &name.to_string(), &Value::Map(body))
    };
    let draft = file.edited(with(NO_PASSWORD))?;
    file.judge(&draft)?;
    let hash = new_hash(from, name, report)?;
    let edited = file.edited(with(hash.secret().expose()))?;
    file.draft(&edited, report)
}

fn passwd(
    file: &MailYml,
    name: &Name,
    from: &PasswordFrom,
    report: &mut Report,
) -> Result<Draft, CommandError> {
    let (index, account) = existing(file, name, report)?;
    let key = written(&file.document, account);
    let path = ["accounts", key, "password"];
    let draft = if let Some(hash_file) = file.document.get(&["accounts", key, "password_file"]) {
        let Some(scalar) = hash_file.as_scalar() else {
            return Err(missing(file, name, report));
        };
        let hash = new_hash(from, name, report)?;
        file.draft_secret(&scalar.text, hash.secret().expose(), report)?
    } else {
        let with = |hash: &str| file.document.replace(&path, &Value::Quoted(hash.to_owned()));
        file.edited(with(NO_PASSWORD))?;
        let hash = new_hash(from, name, report)?;
        let edited = file.edited(with(hash.secret().expose()))?;
        file.draft(&edited, report)?
    };
    tell_of_sessions(file, index, name, report);
    Ok(draft)
}

/// Explains that open sessions stay open after a password change or removal,
/// and how to end them.
fn tell_of_sessions(file: &MailYml, account: usize, name: &Name, report: &mut Report) {
    let logins = file.spec.directory.logins(account);
    let kicks: Vec<_> = logins.iter().map(|login| format!("doveadm kick {login}")).collect();
    report.note(&format!(
        "Mail programs that are logged in as `{name}` stay so. To have them hang up, once this is \
         applied, on the server: {}\n",
        kicks.join("; ")
    ));
}

fn remove(file: &MailYml, name: &Name, report: &mut Report) -> Result<Draft, CommandError> {
    let (index, account) = existing(file, name, report)?;
    if file.spec.directory.accounts.len() == 1 {
        let message = format!("`{name}` is the only account");
        return Err(CommandError::usage(message).hinted("Add another first."));
    }
    let uses = uses(file, index);
    if !uses.is_empty() {
        return Err(file.refuse(uses));
    }
    let key = written(&file.document, account);
    let edited = file.edited(file.document.remove(&["accounts"], key))?;
    let left = file.judge(&edited)?.directory.system_mail;
    let draft = file.draft(&edited, report)?;
    let homes = file.spec.homes(index);
    let add = file.command(&["account", "add", &name.to_string()], report);
    report.note(&format!(
        "The mail of `{name}` stays in {}; `{add}` finds it again.\n",
        homes.join(" and ")
    ));
    tell_of_sessions(file, index, name, report);
    // Without `system_mail` and a catch-all the first account gets system mail, and another one
    // may be the first now.
    if let Some(address) = left.filter(|it| file.spec.directory.system_mail.as_ref() != Some(it)) {
        report.note(&format!("The mail of root, postmaster and the like now goes to {address}.\n"));
    }
    Ok(draft)
}

/// Renames an account wherever mail.yml names it. `keeps`: the old name stays
/// as an alias.
fn rename(
    file: &MailYml,
    old: Name,
    new: Name,
    keeps: bool,
    report: &mut Report,
) -> Result<(Draft, Renamed), CommandError> {
    let (index, account) = existing(file, &old, report)?;
    if find(&file.spec, &new).is_some() {
        return Err(CommandError::usage(format!("there is an account `{new}`")));
    }
    if old.domain().is_some() != new.domain().is_some() {
        let message = format!("one of `{old}` and `{new}` has a domain, the other has none");
        return Err(CommandError::usage(message).hinted("Write both in the same way."));
    }
    let key = written(&file.document, account);
    let mut edited = file.document.clone();
    if account.aliases.iter().any(|alias| alias.value == new) {
        let without = remove_alias(&edited, &["accounts", key], &new);
        edited = file.edited(without)?;
    }
    let renamed = edited.rename(&mentions(&edited, &file.spec, key, &old, &new));
    edited = file.edited(renamed)?;
    if keeps {
        let (key, alias) = (new.to_string(), old.to_string());
        let path = ["accounts", key.as_str(), "aliases"];
        let with = match edited.get(&path) {
            Some(_) => edited.push(&path, &alias),
            None => edited.insert(&path[..2], path[2], &Value::List(vec![Value::text(alias)])),
        };
        edited = file.edited(with)?;
    }
    let draft = file.draft(&edited, report)?;
    report.note(&format!("Mail programs log in as `{new}` from now on, with the same password.\n"));
    tell_of_sessions(file, index, &old, report);
    Ok((draft, Renamed { old, new }))
}

/// Finds the places that still name an account or one of its aliases.
fn uses(file: &MailYml, account: usize) -> Vec<Diagnostic> {
    let directory = &file.spec.directory;
    let (name, gone) = (&directory.accounts[account].name.value, directory.all_addresses(account));
    let is_gone = |text: &str| match Target::parse(text) {
        Ok(Target::Full(address)) => {
            gone.iter().any(|it| it.to_string() == address.to_string().to_lowercase())
        }
        Ok(Target::Bare(local)) => {
            Name::Bare(local).addresses(&directory.domains).all(|it| gone.contains(&it))
        }
        Err(_) => false,
    };
    let mut places = Vec::new();
    for key in ["catch_all", "system_mail", "forwards"] {
        if let Some(node) = file.document.get(&[key]) {
            scalars(node, &mut |node, text| {
                if is_gone(text) {
                    let message = format!("`{name}` is still named by `{key}`");
                    let help = "name another account here, or remove this, first";
                    let source = &file.spec.source;
                    places.push(Diagnostic::new(source, node.span.clone(), message).help(help));
                }
            });
        }
    }
    places
}

fn new_hash(
    from: &PasswordFrom,
    name: &Name,
    report: &mut Report,
) -> Result<PasswordHash, CommandError> {
    can_choose(from, report)?;
    choose(from, &Asked::Of(name), report)?.hash().map_err(refused)
}

fn existing<'f>(
    file: &'f MailYml,
    name: &Name,
    report: &Report,
) -> Result<(usize, &'f Account), CommandError> {
    find(&file.spec, name).ok_or_else(|| missing(file, name, report))
}

fn missing(file: &MailYml, name: &Name, report: &Report) -> CommandError {
    let list = file.command(&["account", "list"], report);
    CommandError::usage(format!("there is no account `{name}`"))
        .hinted(format!("`{list}` lists them."))
}
