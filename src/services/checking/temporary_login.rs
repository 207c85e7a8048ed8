//! A temporary password, with which `check` logs in without knowing an account's password.
//!
//! Dovecot's configuration always names files in [`FOLDER`], one for each
//! protocol, that normally do not exist. During a check they contain one line:
//! a random login with a random password for one of the accounts, valid only
//! from this host's own addresses. The playbook's files are not touched, so a
//! plan is as empty as before.
//!
//! However the check ends, no usable login remains: the password exists only in
//! memory, the file in `/run` contains its hash, and the next check or boot
//! removes it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

use super::check::Site;
use super::round_trip::Account;
use super::temporary_folder;
use crate::host::{self, Content, Host, Ownership, wait_for_next_second};
use crate::mail::CheckAccount;
use crate::probe::{Result, random};
use crate::secret::Secret;

/// As in `dovecot.conf`.
const FOLDER: &str = "/run/mailprov-check";

/// Dovecot's names of the protocols. Postfix asks for the first.
const PROTOCOLS: [&str; 4] = ["smtp", "imap", "pop3", "sieve"];

/// The user that may read the files: Dovecot's auth process.
const READER: &str = "dovecot";

/// The temporary login, which is removed on drop.
#[derive(Debug)]
pub(crate) struct TemporaryLogin<'h> {
    host: &'h Host,
    pub(crate) account: Account,
}

impl<'h> TemporaryLogin<'h> {
    /// Creates a login to a mailbox of the server. Dovecot may need a moment to
    /// see it: see [`TemporaryLogin::wait`].
    pub(crate) fn at(site: &Site<'h>) -> std::result::Result<Self, String> {
        let why = "the mail of every account is passed on, so none can be read back here";
        let inbox = site.spec.directory.inbox().ok_or(why)?;
        let (account, hash, age) = secrets(&inbox).map_err(|error| error.to_string())?;
        let line = entry(&account.login, &hash, &inbox.login, &site.server.addresses);
        let login = Self { host: site.host, account };
        login.write(&line, age).map_err(|error| error.to_string())?;
        Ok(login)
    }

    /// Waits until Dovecot has certainly seen the file, which it checks once a second.
    pub(crate) fn wait(&self) {
        wait_for_next_second();
    }

    fn write(&self, line: &str, age: i64) -> host::Result<()> {
        temporary_folder::put(self.host, Path::new(FOLDER), |folder| {
            self.host.put_directory(folder, &Ownership::new("root", READER, 0o750))?;
            let ownership = Ownership::new("root", READER, 0o640);
            for protocol in PROTOCOLS {
                let content = Content::new(line.as_bytes());
                let path = folder.join(protocol);
                self.host.put_file(&path, &content, &ownership)?;
                self.host.set_mtime(&path, age)?;
            }
            Ok(())
        })
    }
}

impl Drop for TemporaryLogin<'_> {
    fn drop(&mut self) {
        // The hash that remains is of no use, and the next check removes it.
        let _ = temporary_folder::remove(self.host, Path::new(FOLDER));
    }
}

/// Returns a random login, the hash of its password, and a file time, in seconds
/// since 1970, that no earlier check has used. Dovecot considers a file unchanged
/// while its size and its time in whole seconds are the same.
fn secrets(inbox: &CheckAccount) -> Result<(Account, String, i64)> {
    let login = format!("mailprov-{}", &random()?.expose()[..12]);
    let account = Account { login, address: inbox.address.to_string(), password: random()? };
    let hash = hash(&account.password)?;
    let age = i64::from_str_radix(&random()?.expose()[..7], 16).unwrap_or_default();
    Ok((account, hash, 1 + age))
}

/// Hashes the password. A random password does not need a slow hash, which
/// Dovecot would compute on each port.
fn hash(password: &Secret<String>) -> Result<String> {
    let salt = random()?;
    let salted = format!("{}{}", password.expose(), salt.expose());
    let mut bytes = Sha256::digest(salted).to_vec();
    bytes.extend(salt.expose().bytes());
    Ok(format!("{{SSHA256}}{}", Base64::encode_string(&bytes)))
}

/// Returns the lines for Dovecot. If logins are whole addresses, Dovecot looks
/// up the login with a domain.
fn entry(login: &str, hash: &str, account: &str, ours: &[IpAddr]) -> String {
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let nets: Vec<_> = loopback.iter().chain(ours).map(ToString::to_string).collect();
    let rest = format!("{hash}::::::user={account} allow_nets={}\n", nets.join(","));
    match account.split_once('@') {
        Some((_, domain)) => format!("{login}:{rest}{login}@{domain}:{rest}"),
        None => format!("{login}:{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_hash_is_one_of_dovecots() {
        let hash = hash(&Secret::new("0123".into())).unwrap();
        let of_a_person = crate::mail::PasswordHash::parse(&hash).unwrap();
        assert_eq!(*of_a_person.secret().expose(), hash);
    }

    #[test]
    fn it_is_let_in_as_the_account_and_from_here_only() {
        let ours = ["10.0.0.2".parse().unwrap()];
        let line = "x:{H}h::::::user=anna allow_nets=127.0.0.1,::1,10.0.0.2\n";
        assert_eq!(entry("x", "{H}h", "anna", &ours), line);
        let both = entry("x", "{H}h", "anna@a.example", &[]);
        assert!(both.contains("\nx@a.example:{H}h::::::user=anna@a.example "), "{both}");
    }
}
