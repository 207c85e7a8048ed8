//! Changes the password of an account: proves the old one, then writes the new one into
//! the file of the person and into Dovecot's accounts. Only the account that the old
//! password opened is changed.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::own::{self, OwnPassword, OwnPasswords};
use super::proof;
use super::tries::{self, Limit};
use super::users::{ACCOUNTS, Accounts, Known, USERS, hash_of, with_hashes};
use crate::digest::Digest;
use crate::engine::{Lock, LockError, note_change};
use crate::host::{self, Content, Entry, Error, Host};
use crate::mail::{Password, PasswordHash};
use crate::resource::{Blob, Key, State};
use crate::secret::Secret;

/// Why a password was not changed.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It was not the right one, or there is no such account.
    Wrong,
    /// Too many tries.
    TooOften(Duration),
    /// The fault of the new one, in a sentence.
    Weak(String),
    /// A run holds the host.
    Busy,
    /// The accounts are in the midst of a change, or it is not for this program to change
    /// this one.
    Unsettled,
    /// It could not be found out, or not be written.
    Broken(String),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// An account whose password was proved.
#[derive(Debug)]
pub(super) struct Proved {
    pub(super) login: String,
    password: Secret<Vec<u8>>,
}

/// The file with the tries. It is empty after a reboot.
const TRIES: &str = "/run/mailprov-password/tries";

/// The name for all accounts together. No login is that.
const ALL: &str = "*";

const OF_ONE: Limit = Limit { at_once: 5, period: Duration::from_secs(120) };
const OF_ALL: Limit = Limit { at_once: 60, period: Duration::from_secs(2) };

/// How long a person waits for a run to end.
const PATIENCE: Duration = Duration::from_secs(15);

/// Has Dovecot check the password of an account, unless it was tried too often.
pub(super) fn prove(host: &Host, name: &str, password: Secret<Vec<u8>>) -> Result<Proved, Refusal> {
    let accounts = Accounts::read(host)?;
    let name_of = |login: &str| login.split('@').next().unwrap_or_default().to_ascii_lowercase();
    // All spellings of an account count as one, and only accounts have a line of their own.
    let account =
        Some(name_of(name)).filter(|it| accounts.logins().any(|login| name_of(login) == *it));
    let names: Vec<_> =
        account.iter().map(|it| (it.as_str(), &OF_ONE)).chain([(ALL, &OF_ALL)]).collect();
    host.make_private_directories(Path::new(TRIES).parent().unwrap_or(Path::new("/")))?;
    if let Some(wait) = tries::begin(host, Path::new(TRIES), &names)? {
        return Err(Refusal::TooOften(wait));
    }
    let Some(login) = login(name, &password)? else { return Err(Refusal::Wrong) };
    tries::forget(host, Path::new(TRIES), &names, |name| name != ALL)?;
    Ok(Proved { login, password })
}

/// Returns the login of the account that the password opens, as Dovecot knows it.
fn login(name: &str, password: &Secret<Vec<u8>>) -> Result<Option<String>, Refusal> {
    proof::login(name, password).map_err(|error| Refusal::Broken(format!("Dovecot: {error}")))
}

/// Checks a new password.
pub(super) fn accepted(proved: &Proved, text: &str) -> Result<PasswordHash, Refusal> {
    if proved.password.expose() == text.as_bytes() {
        return Err(Refusal::Weak("The new password is the current one.".into()));
    }
    let password = Password::parse(text).and_then(|password| password.hash());
    password.map_err(|invalid| {
        let message = &invalid.message;
        let sentence: String = message
            .chars()
            .take(1)
            .flat_map(char::to_uppercase)
            .chain(message.chars().skip(1))
            .collect();
        Refusal::Weak(format!("{sentence}: {}.", invalid.help))
    })
}

/// Writes a new password, which counts when this returns.
pub(super) fn change(host: &Host, proved: &Proved, new: PasswordHash) -> Result<(), Refusal> {
    let _lock = lock(host)?;
    // Another may have changed it since the proof, for which Dovecot may have had a hash that
    // is gone: it looks once a second. It has looked when the lock is free.
    if login(&proved.login, &proved.password)?.as_ref() != Some(&proved.login) {
        return Err(Refusal::Unsettled);
    }
    let (content, ownership) = users(host)?;
    let old = content.text();
    let accounts = Accounts::read(host)?;
    let Some(known) = accounts.of(&proved.login) else {
        return Err(Refusal::Broken(format!("{ACCOUNTS} has no line for {}", proved.login)));
    };
    let now = hash_of(&old, &proved.login).unwrap_or_default();
    let owns = OwnPasswords::read(host)?;
    let Some(replaces) = replaced(known, &owns, now) else { return Err(Refusal::Unsettled) };
    // An account may have several logins: `mailboxes: per-domain`.
    let text = with_hashes(&old, |login, hash| {
        let is_it = accounts.of(login).is_some_and(|it| it.account == known.account);
        (is_it && hash == now).then_some(&new)
    });
    // First the file of the person: cut off between the two, the next run writes the other.
    OwnPassword { replaces, hash: new }.write(host, &known.account)?;
    let state = |content| State::File {
        blob: Blob { content, secret: true },
        ownership: ownership.clone(),
    };
    let new = Content::new(text);
    if let Err(error) = host.put_file(Path::new(USERS), &new, &ownership) {
        // A change that fails leaves nothing behind.
        match owns.named(&known.account) {
            Some(former) => former.write(host, &known.account)?,
            None => host.remove(&own::file_of(&known.account))?,
        }
        return Err(error.into());
    }
    let key = Key::File(USERS.into());
    // Without the note, the next change would be told as one by another hand.
    let _ = note_change(host, &key, &state(content.clone()), &state(new));
    // Dovecot looks once a second whether the file changed.
    host::wait_for_next_second();
    // Unless told to remember passwords, it has nothing to forget.
    let _ = proof::forget(&proved.login);
    Ok(())
}

/// Returns the digest of the hash in mail.yml that the present one stands for; none if the
/// files do not fit together, as while a run that was cut off is not made up for.
fn replaced(known: &Known, owns: &OwnPasswords, now: &str) -> Option<Digest> {
    let digest = Digest::of(now.as_bytes());
    if known.has(&digest) {
        return Some(digest);
    }
    // One that was renamed has its own password under the old name.
    let mut owns = owns
        .named(&known.account)
        .into_iter()
        .chain(owns.all().filter(|own| own.hash.secret().expose() == now));
    owns.find(|own| known.has(&own.replaces)).map(|own| own.replaces.clone())
}

/// Returns Dovecot's accounts, and who may read them.
fn users(host: &Host) -> host::Result<(Content, host::Ownership)> {
    match host.entry(Path::new(USERS))? {
        Some(Entry::File { content, ownership }) => Ok((content, ownership)),
        _ => Err(Error::Other(format!("{USERS} is no file"))),
    }
}

fn lock(host: &Host) -> Result<Lock, Refusal> {
    const PAUSE: Duration = Duration::from_millis(200);

    let begun = Instant::now();
    loop {
        match Lock::take(host, "password change") {
            Ok(lock) => return Ok(lock),
            Err(LockError::Held(_)) if begun.elapsed() < PATIENCE => thread::sleep(PAUSE),
            Err(LockError::Held(_)) => return Err(Refusal::Busy),
            Err(LockError::Host(error)) => return Err(error.into()),
        }
    }
}
