//! A password for a moment: how `check` logs in without knowing anybody's.
//!
//! Dovecot's configuration always names files in [`FOLDER`], one a protocol,
//! which are not there. For the time of a check they hold one line: a random
//! login with a random password, which is let in as one of the accounts, and
//! from this host's own addresses only. The playbook's files are not touched,
//! so a plan is as empty as before.
//!
//! Whatever ends us, nothing is left that lets anybody in: the password was
//! nowhere but in our memory, what is left is a hash of it in `/run`, and the
//! next check or boot removes that.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

use super::check::Site;
use super::round_trip::Account;
use crate::host::{self, Content, Host, Ownership, wait_for_next_second};
use crate::mail::CheckAccount;
use crate::probe::{Result, random};
use crate::secret::Secret;

/// As in `dovecot.conf`.
const FOLDER: &str = "/run/mailprov-check";

/// What Dovecot calls the protocols: Postfix asks for the first.
const PROTOCOLS: [&str; 3] = ["smtp", "imap", "pop3"];

/// Who may read the files: Dovecot's process that checks passwords.
const READER: &str = "dovecot";

/// The password; it counts no longer when this is dropped.
#[derive(Debug)]
pub(crate) struct TemporaryLogin<'h> {
    host: &'h Host,
    /// Who can log in.
    pub(crate) account: Account,
}

impl<'h> TemporaryLogin<'h> {
    /// Makes a login to a mailbox of the server that is checked. Dovecot may need a
    /// moment to see it: see [`TemporaryLogin::wait`].
    pub(crate) fn at(site: &Site<'h>) -> std::result::Result<Self, String> {
        let why = "the mail of every account is passed on, so none can be read back here";
        let inbox = site.spec.directory.inbox().ok_or(why)?;
        Self::make(site.host, &inbox, &site.server.addresses)
    }

    fn make(
        host: &'h Host,
        inbox: &CheckAccount,
        ours: &[IpAddr],
    ) -> std::result::Result<Self, String> {
        let words = |error: &dyn std::fmt::Display| error.to_string();
        let account = account(inbox).map_err(|error| words(&error))?;
        let hash = hash(&account.password).map_err(|error| words(&error))?;
        let line = entry(&account.login, &hash, &inbox.login, ours);
        let probe = Self { host, account };
        let age = age().map_err(|error| words(&error))?;
        probe.write(&line, age).map_err(|error| words(&error))?;
        Ok(probe)
    }

    /// Waits until Dovecot surely sees it: it looks once a second.
    pub(crate) fn wait(&self) {
        wait_for_next_second();
    }

    fn write(&self, line: &str, age: i64) -> host::Result<()> {
        clear(self.host)?;
        let folder = Path::new(FOLDER);
        self.host.put_directory(folder, &Ownership::new("root", READER, 0o750))?;
        let ownership = Ownership::new("root", READER, 0o640);
        for protocol in PROTOCOLS {
            let content = Content::new(line.as_bytes());
            let path = folder.join(protocol);
            self.host.put_file(&path, &content, &ownership)?;
            self.host.set_mtime(&path, age)?;
        }
        Ok(())
    }
}

impl Drop for TemporaryLogin<'_> {
    fn drop(&mut self) {
        // What stays lets nobody in, and goes with the next check.
        let _ = clear(self.host);
    }
}

/// Returns a time in seconds after 1970 that no file of an earlier check has:
/// Dovecot takes a file for the same while its time in whole seconds and its size
/// are.
fn age() -> Result<i64> {
    let digits = random()?.expose()[..7].to_owned();
    Ok(1 + i64::from_str_radix(&digits, 16).unwrap_or_default())
}

/// Removes what a check left that was killed.
fn clear(host: &Host) -> host::Result<()> {
    host.remove_tree(Path::new(FOLDER))
}

fn account(inbox: &CheckAccount) -> Result<Account> {
    let login = format!("mailprov-{}", &random()?.expose()[..12]);
    Ok(Account { login, address: inbox.address.to_string(), password: random()? })
}

/// Hashes a password. What nobody chose needs no hash that is slow to make and
/// to try, which Dovecot would do on each port.
fn hash(password: &Secret<String>) -> Result<String> {
    let salt = random()?;
    let salted = format!("{}{}", password.expose(), salt.expose());
    let mut bytes = Sha256::digest(salted).to_vec();
    bytes.extend(salt.expose().bytes());
    Ok(format!("{{SSHA256}}{}", Base64::encode_string(&bytes)))
}

/// Returns the lines for Dovecot. Where logins are whole addresses, it looks
/// for the login with a domain.
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
