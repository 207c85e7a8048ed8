//! The accounts in mail.yml.

use super::names::{find, mentions, remove_alias, scalars, written};
use super::{Draft, MailYml};
use crate::app::Renamed;
use crate::command_error::CommandError;
use crate::diagnostic::Diagnostic;
use crate::mail::{Account, Name, PasswordHash, Target};
use crate::yaml::Value;

/// A hash without a password, to validate a name before asking for a password.
const NO_PASSWORD: &str = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                           AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Chooses the password of an account.
type Choose<'c> = &'c mut dyn FnMut() -> Result<PasswordHash, CommandError>;

/// Adds an account.
pub(crate) fn add(
    file: &MailYml,
    name: &Name,
    aliases: &[String],
    quota: Option<&str>,
    choose: Choose<'_>,
) -> Result<Draft, CommandError> {
    if find(&file.spec, name).is_some() {
        let passwd = file.command(&["account", "passwd", &name.to_string()]);
        let advice = format!("To change its password: {passwd}");
        return Err(CommandError::usage(format!("there is an account `{name}`")).hinted(advice));
    }
    let aliases: Vec<Name> = aliases.iter().map(|it| super::name(it)).collect::<Result<_, _>>()?;
    let mut more = Vec::new();
    if !aliases.is_empty() {
        let list = aliases.iter().map(|alias| Value::text(alias.to_string()));
        more.push(("aliases".to_owned(), Value::List(list.collect())));
    }
    more.extend(quota.map(|quota| ("quota".to_owned(), Value::text(quota))));
    let with = |hash: &str| {
        let mut body = vec![("password".to_owned(), Value::Quoted(hash.to_owned()))];
        body.extend_from_slice(&more);
        file.document.insert(&["accounts"], &name.to_string(), &Value::Map(body))
    };
    let draft = file.edited(with(NO_PASSWORD))?;
    file.judge(&draft)?;
    let hash = choose()?;
    let edited = file.edited(with(hash.secret().expose()))?;
    file.draft(&edited)
}

/// Gives an account another password.
pub(crate) fn passwd(
    file: &MailYml,
    name: &Name,
    choose: Choose<'_>,
) -> Result<Draft, CommandError> {
    let (index, account) = existing(file, name)?;
    let key = written(&file.document, account);
    let path = ["accounts", key, "password"];
    let mut draft = if let Some(hash_file) = file.document.get(&["accounts", key, "password_file"])
    {
        let Some(scalar) = hash_file.as_scalar() else {
            return Err(missing(file, name));
        };
        let hash = choose()?;
        file.draft_secret(&scalar.text, hash.secret().expose())?
    } else {
        let with = |hash: &str| file.document.replace(&path, &Value::Quoted(hash.to_owned()));
        file.edited(with(NO_PASSWORD))?;
        let hash = choose()?;
        let edited = file.edited(with(hash.secret().expose()))?;
        file.draft(&edited)?
    };
    draft.notes.push(open_sessions(file, index, name));
    let devices = file.spec.credentials[index].app_passwords.iter();
    let devices: Vec<_> = devices.map(|it| it.device.as_str()).collect();
    if !devices.is_empty() {
        draft.notes.push(format!("Its app passwords stay: {}.", devices.join(", ")));
    }
    Ok(draft)
}

/// Explains that open sessions stay open after a password change or removal,
/// and how to end them.
pub(super) fn open_sessions(file: &MailYml, account: usize, name: &Name) -> String {
    let logins = file.spec.directory.logins(account);
    let kicks: Vec<_> = logins.iter().map(|login| format!("doveadm kick {login}")).collect();
    format!(
        "Mail programs that are logged in as `{name}` stay so. To have them hang up, once this is \
         applied, on the server: {}",
        kicks.join("; ")
    )
}

/// Removes an account.
pub(crate) fn remove(file: &MailYml, name: &Name) -> Result<Draft, CommandError> {
    let (index, account) = existing(file, name)?;
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
    let mut draft = file.draft(&edited)?;
    let homes = file.spec.homes(index);
    let add = file.command(&["account", "add", &name.to_string()]);
    draft.notes.push(format!(
        "The mail of `{name}` stays in {}; `{add}` finds it again.",
        homes.join(" and ")
    ));
    draft.notes.push(open_sessions(file, index, name));
    // Without `system_mail` and a catch-all the first account gets system mail, and another one
    // may be the first now.
    if let Some(address) = left.filter(|it| file.spec.directory.system_mail.as_ref() != Some(it)) {
        draft
            .notes
            .push(format!("The mail of root, postmaster and the like now goes to {address}."));
    }
    Ok(draft)
}

/// Renames an account wherever mail.yml names it. `keeps`: the old name stays
/// as an alias.
pub(crate) fn rename(
    file: &MailYml,
    old: Name,
    new: Name,
    keeps: bool,
) -> Result<Draft, CommandError> {
    let (index, account) = existing(file, &old)?;
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
    let mut draft = file.draft(&edited)?;
    draft
        .notes
        .push(format!("Mail programs log in as `{new}` from now on, with the same password."));
    draft.notes.push(open_sessions(file, index, &old));
    draft.renamed = Some(Renamed { old, new });
    Ok(draft)
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

pub(super) fn existing<'f>(
    file: &'f MailYml,
    name: &Name,
) -> Result<(usize, &'f Account), CommandError> {
    find(&file.spec, name).ok_or_else(|| missing(file, name))
}

fn missing(file: &MailYml, name: &Name) -> CommandError {
    let list = file.command(&["account", "list"]);
    CommandError::usage(format!("there is no account `{name}`"))
        .hinted(format!("`{list}` lists them."))
}
