//! The app passwords in mail.yml.

use super::account::{existing, open_sessions};
use super::names::written;
use super::{Draft, MailYml};
use crate::command_error::CommandError;
use crate::mail::{DeviceName, Invalid, Name, NewAppPassword};
use crate::services::app_passwords::ShownOnce;
use crate::yaml::{Kind, Value};

/// The key of an account.
const KEY: &str = "app_passwords";

/// Makes a password for a device of an account.
pub(crate) fn add(file: &MailYml, name: &Name, device: &DeviceName) -> Result<Draft, CommandError> {
    let (index, account) = existing(file, name)?;
    if has(file, index, device) {
        let (account, device) = (name.to_string(), device.as_str());
        let remove = file.command(&["account", "app-password", "remove", &account, device]);
        let message = format!("`{account}` has an app password for `{device}`");
        let advice = format!("For a new one, remove it first: {remove}");
        return Err(CommandError::usage(message).hinted(advice));
    }
    let failed = |Invalid { message, help }| CommandError::failed(format!("{message}: {help}"));
    let password = NewAppPassword::random().map_err(failed)?;
    let hash = Value::Quoted(password.hash().map_err(failed)?.secret().expose().clone());
    let key = written(&file.document, account);
    let path = ["accounts", key, KEY];
    let edited = match file.document.get(&path).map(|node| &node.kind) {
        Some(Kind::Map(_)) => file.document.insert(&path, device.as_str(), &hash),
        _ => {
            let devices = Value::Map(vec![(device.to_string(), hash)]);
            file.document.insert(&path[..2], KEY, &devices)
        }
    };
    let edited = file.edited(edited)?;
    let mut draft = file.draft(&edited)?;
    let address = file.spec.directory.addresses(index).next();
    draft.app_password = Some(ShownOnce {
        account: name.to_string(),
        device: device.to_string(),
        login: address.map(|it| it.to_string()).unwrap_or_default(),
        password,
    });
    Ok(draft)
}

/// Removes the password of a device.
pub(crate) fn remove(
    file: &MailYml,
    name: &Name,
    device: &DeviceName,
) -> Result<Draft, CommandError> {
    let (index, account) = existing(file, name)?;
    if !has(file, index, device) {
        let list = file.command(&["account", "app-password", "list", &name.to_string()]);
        let message = format!("`{name}` has no app password for `{device}`");
        return Err(CommandError::usage(message).hinted(format!("`{list}` lists them.")));
    }
    let key = written(&file.document, account);
    let path = ["accounts", key, KEY];
    let edited = match file.spec.credentials[index].app_passwords.len() {
        1 => file.document.remove(&path[..2], KEY),
        _ => file.document.remove(&path, device.as_str()),
    };
    let edited = file.edited(edited)?;
    let mut draft = file.draft(&edited)?;
    draft.notes.push(open_sessions(file, index, name));
    Ok(draft)
}

/// Returns the index of an account.
pub(crate) fn index(file: &MailYml, name: &Name) -> Result<usize, CommandError> {
    existing(file, name).map(|(index, _)| index)
}

fn has(file: &MailYml, account: usize, device: &DeviceName) -> bool {
    file.spec.credentials[account].app_passwords.iter().any(|it| it.device == *device)
}
