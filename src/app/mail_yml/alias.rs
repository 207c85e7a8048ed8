//! Further addresses in mail.yml: aliases and forwards.

use super::names::{find, name, remove_alias, written, written_forward};
use super::{Draft, MailYml};
use crate::command_error::CommandError;
use crate::mail::{Account, Invalid, Name, Target};
use crate::yaml::{Document, Kind, Value};

/// Adds an address that leads to `names`.
pub(crate) fn add(file: &MailYml, address: &Name, names: &[String]) -> Result<Draft, CommandError> {
    if let Some(edited) = added(file, address, names)? {
        return file.draft(&edited);
    }
    let note = format!("{} says so already.", file.path.display());
    Ok(Draft { notes: vec![note], ..file.unchanged() })
}

/// Removes an alias or a forward.
pub(crate) fn remove(file: &MailYml, address: &Name) -> Result<Draft, CommandError> {
    file.draft(&removed(file, address)?)
}

/// Adds an address; returns `None` if it leads there already.
fn added(
    file: &MailYml,
    address: &Name,
    names: &[String],
) -> Result<Option<Document>, CommandError> {
    let targets = names.iter().map(|name| {
        Target::parse(name)
            .map_err(|Invalid { message, help }| CommandError::usage(format!("{message}: {help}")))
    });
    let targets: Vec<Target> = targets.collect::<Result<_, _>>()?;
    let forward = written_forward(&file.document, address);
    if let Some(holder) = alias_holder(file, address) {
        if names.len() == 1 && name(&names[0]).is_ok_and(|it| it == *holder.name.value) {
            return Ok(None);
        }
        let message = format!("`{address}` is an alias of `{}`", holder.name.value);
        let remove = file.command(&["alias", "remove", &address.to_string()]);
        let advice = format!("Remove it first, then add it with all its names: {remove}");
        return Err(CommandError::usage(message).hinted(advice));
    }
    if let Some(key) = forward {
        return extend(file, key, &targets);
    }
    let account = match names {
        [one] => name(one).ok().and_then(|it| find(&file.spec, &it)),
        _ => None,
    };
    let document = &file.document;
    let edited = match account {
        Some((_, account)) => {
            let key = written(document, account);
            match document.get(&["accounts", key, "aliases"]) {
                Some(_) => document.push(&["accounts", key, "aliases"], &address.to_string()),
                None => {
                    let list = Value::List(vec![Value::text(address.to_string())]);
                    document.insert(&["accounts", key], "aliases", &list)
                }
            }
        }
        None => {
            let mut list: Vec<_> =
                targets.iter().map(|target| Value::text(target.to_string())).collect();
            let target = if list.len() == 1 { list.remove(0) } else { Value::List(list) };
            match document.get(&["forwards"]) {
                Some(_) => document.insert(&["forwards"], &address.to_string(), &target),
                None => {
                    let forwards = Value::Map(vec![(address.to_string(), target)]);
                    document.insert(&[], "forwards", &forwards)
                }
            }
        }
    };
    file.edited(edited).map(Some)
}

/// Adds targets to a forward.
fn extend(file: &MailYml, key: &str, targets: &[Target]) -> Result<Option<Document>, CommandError> {
    let path = ["forwards", key];
    let known: Vec<String> = match file.document.get(&path).map(|node| &node.kind) {
        Some(Kind::List(items)) => {
            items.iter().filter_map(|it| Some(it.as_scalar()?.text.clone())).collect()
        }
        Some(Kind::Scalar(scalar)) => vec![scalar.text.clone()],
        _ => Vec::new(),
    };
    let is_known =
        |target: &Target| known.iter().any(|it| Target::parse(it).is_ok_and(|it| it == *target));
    let new: Vec<String> =
        targets.iter().filter(|it| !is_known(it)).map(ToString::to_string).collect();
    if new.is_empty() {
        return Ok(None);
    }
    let is_list = matches!(file.document.get(&path).map(|it| &it.kind), Some(Kind::List(_)));
    let edited = if is_list {
        new.iter().try_fold(file.document.clone(), |document, it| document.push(&path, it))
    } else {
        let all = known.iter().chain(&new).map(Value::text);
        file.document.replace(&path, &Value::List(all.collect()))
    };
    file.edited(edited).map(Some)
}

fn removed(file: &MailYml, address: &Name) -> Result<Document, CommandError> {
    let document = &file.document;
    let edited = if let Some(account) = alias_holder(file, address) {
        let key = written(document, account);
        remove_alias(document, &["accounts", key], address)
    } else if let Some(key) = written_forward(document, address) {
        match document.get(&["forwards"]).map(|node| &node.kind) {
            Some(Kind::Map(entries)) if entries.len() == 1 => document.remove(&[], "forwards"),
            _ => document.remove(&["forwards"], key),
        }
    } else {
        let list = file.command(&["account", "list"]);
        let message = format!("`{address}` is neither an alias nor a forward");
        let advice = format!("`{list}` lists the addresses.");
        return Err(CommandError::usage(message).hinted(advice));
    };
    file.edited(edited)
}

/// Returns the account that has an alias with exactly this name.
fn alias_holder<'f>(file: &'f MailYml, address: &Name) -> Option<&'f Account> {
    let has = |account: &&Account| account.aliases.iter().any(|alias| alias.value == *address);
    file.spec.directory.accounts.iter().find(has)
}
