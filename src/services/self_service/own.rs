//! The passwords that people chose themselves, kept on the host: a file for each account,
//! with the hash and the digest of the hash in mail.yml that it replaces. It counts as long
//! as mail.yml has that one, so an old mail.yml does not bring an old password back, and
//! another hash of the administrator's wins.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::host::{self, Content, Error, Host, Ownership};
use crate::mail::PasswordHash;
use crate::services::Spec;

/// The folder of all of them. Only root may read it.
pub(crate) const FOLDER: &str = "/var/lib/mailprov/passwords";

/// The password that a person chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnPassword {
    /// The digest of the hash in mail.yml that it replaces.
    pub(crate) replaces: Digest,
    pub(crate) hash: PasswordHash,
}

/// The passwords that people chose, by the names of their accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnPasswords(BTreeMap<String, OwnPassword>);

/// The text of a file.
#[derive(Serialize, Deserialize)]
struct Noted {
    replaces: Digest,
    password: String,
}

/// Returns the digest by which a hash of mail.yml is known again.
pub(super) fn digest_of(hash: &PasswordHash) -> Digest {
    Digest::of(hash.secret().expose().as_bytes())
}

/// Returns the file of an account.
pub(super) fn file_of(account: &str) -> PathBuf {
    Path::new(FOLDER).join(account)
}

impl OwnPassword {
    fn parse(content: &Content) -> Option<Self> {
        let Noted { replaces, password } = serde_json::from_slice(content.bytes()).ok()?;
        Some(Self { replaces, hash: PasswordHash::parse(&password).ok()? })
    }

    /// Writes the file of an account. When this returns, it is on disk.
    pub(super) fn write(&self, host: &Host, account: &str) -> host::Result<()> {
        let password = self.hash.secret().expose().clone();
        let noted = Noted { replaces: self.replaces.clone(), password };
        let mut text = serde_json::to_string(&noted).map_err(Error::encoding)?;
        text.push('\n');
        host.make_private_directories(Path::new(FOLDER))?;
        host.put_file(&file_of(account), &Content::new(text), &Ownership::of_root(0o600))
    }
}

impl OwnPasswords {
    /// Reads all. A user without the right to read them has none to read Dovecot's accounts
    /// either: these are not compared then, and there are no own passwords.
    pub(crate) fn read(host: &Host) -> host::Result<Self> {
        match Self::read_all(host) {
            Err(error) if error.is_permission_denied() && !Host::is_root() => Ok(Self::default()),
            read => read,
        }
    }

    /// Reads all on the host that a mail.yml was applied to, as root; `None` elsewhere.
    pub(crate) fn known(host: &Host) -> Option<Self> {
        let is_there = host.exists(Path::new(FOLDER).parent()?).unwrap_or_default();
        is_there.then(|| Self::read_all(host).ok()).flatten()
    }

    fn read_all(host: &Host) -> host::Result<Self> {
        let mut all = BTreeMap::new();
        // A killed run leaves a file that begins with a dot; no account does.
        for name in host.list(Path::new(FOLDER))?.into_iter().filter(|it| !it.starts_with('.')) {
            let path = file_of(&name);
            let Some(content) = host.read(&path)? else { continue };
            let own = OwnPassword::parse(&content).ok_or_else(|| {
                let path = path.display();
                Error::Other(format!(
                    "{path} is damaged: it should hold the password that {name} chose. Remove it, \
                     and the one in mail.yml counts"
                ))
            })?;
            all.insert(name, own);
        }
        Ok(Self(all))
    }

    /// Returns a digest that differs whenever one of them does; none where there are none.
    pub(super) fn digest(&self) -> Option<Digest> {
        let line = |(name, own): (&String, &OwnPassword)| {
            format!("{name} {} {}\n", own.replaces, digest_of(&own.hash))
        };
        let text: String = self.0.iter().map(line).collect();
        (!text.is_empty()).then(|| Digest::of(text.as_bytes()))
    }

    /// Returns the one under this name, whether it counts or not.
    pub(super) fn named(&self, account: &str) -> Option<&OwnPassword> {
        self.0.get(account)
    }

    /// Returns all, whether they count or not.
    pub(super) fn all(&self) -> impl Iterator<Item = &OwnPassword> {
        self.0.values()
    }

    /// Decides which of them count for the accounts of a mail.yml.
    pub(crate) fn judged(&self, spec: &Spec) -> CountingPasswords {
        if self.0.is_empty() {
            return CountingPasswords::default();
        }
        let accounts = &spec.directory.accounts;
        let names: Vec<String> = accounts.iter().map(|it| it.name.value.to_string()).collect();
        let is_account: HashSet<&str> = names.iter().map(String::as_str).collect();
        let mut over: BTreeSet<&str> = BTreeSet::new();
        let mut counting = HashSet::new();
        let mut of_accounts = Vec::with_capacity(accounts.len());
        for ((account, credentials), name) in accounts.iter().zip(&spec.credentials).zip(&names) {
            // An account that was renamed has its old name as an alias.
            let aliases = account.aliases.iter().map(|alias| alias.value.to_string());
            let aliases = aliases.filter(|alias| !is_account.contains(alias.as_str()));
            let mut found = None;
            for name in std::iter::once(name.clone()).chain(aliases) {
                let Some((name, own)) = self.0.get_key_value(&name) else { continue };
                if found.is_none() && own.replaces == digest_of(&credentials.password) {
                    found = Some(own.hash.clone());
                    counting.insert(name.as_str());
                } else {
                    over.insert(name);
                }
            }
            of_accounts.push(found.map(|hash| (name.clone(), hash)));
        }
        let over = over.into_iter().filter(|name| !counting.contains(name));
        CountingPasswords { superseded: over.map(str::to_owned).collect(), of_accounts }
    }
}

/// The passwords that people chose, as they count beside a mail.yml.
#[derive(Debug, Default)]
pub(crate) struct CountingPasswords {
    /// The account and its own password, in the order of mail.yml; empty where no person has
    /// one.
    of_accounts: Vec<Option<(String, PasswordHash)>>,
    /// The names under which passwords are that count no more, since mail.yml has another
    /// hash. That of an account that mail.yml has not is kept, for it may come back.
    pub(crate) superseded: Vec<String>,
}

impl CountingPasswords {
    /// Returns the own password of an account.
    pub(crate) fn of(&self, account: usize) -> Option<&PasswordHash> {
        Some(&self.of_accounts.get(account)?.as_ref()?.1)
    }

    /// Returns the names of the accounts whose own password counts, in the order of mail.yml.
    pub(crate) fn names(&self) -> Vec<String> {
        self.of_accounts.iter().flatten().map(|(name, _)| name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::load_text;

    fn hash(letter: &str) -> PasswordHash {
        PasswordHash::parse(&format!("{{SHA512-CRYPT}}$6$saltsalt${}", letter.repeat(86))).unwrap()
    }

    fn spec(accounts: &str) -> Spec {
        load_text(&format!("hostname: mail.example.org\ndomains: [example.org]\n{accounts}"))
    }

    fn own(name: &str, replaces: &str, chosen: &str) -> OwnPasswords {
        let own = OwnPassword { replaces: digest_of(&hash(replaces)), hash: hash(chosen) };
        OwnPasswords(BTreeMap::from([(name.to_owned(), own)]))
    }

    /// `HASH` in these is the letter `a`.
    const TWO: &str = "accounts: {thomas: HASH, anna: HASH}\n";

    #[test]
    fn a_password_counts_until_mail_yml_has_another() {
        let spec = spec(TWO);
        let judged = own("thomas", "a", "b").judged(&spec);
        assert_eq!((judged.of(0), judged.of(1)), (Some(&hash("b")), None));
        assert_eq!((judged.names(), judged.superseded), (vec!["thomas".into()], vec![]));
        let old = own("thomas", "c", "b").judged(&spec);
        assert_eq!(old.of(0), None);
        assert_eq!((old.names(), old.superseded), (vec![], vec!["thomas".into()]));
    }

    #[test]
    fn a_renamed_account_keeps_it_and_it_goes_with_a_removed_one() {
        let passwords = own("thomas", "a", "b");
        let password = format!("password: \"{{SHA512-CRYPT}}$6$saltsalt${}\"", "a".repeat(86));
        let renamed = format!("accounts: {{tom: {{{password}, aliases: [thomas]}}, anna: HASH}}\n");
        let judged = passwords.judged(&spec(&renamed));
        assert_eq!((judged.of(0), judged.of(1)), (Some(&hash("b")), None));
        assert_eq!((judged.names(), judged.superseded), (vec!["tom".into()], vec![]));
        let removed = passwords.judged(&spec("accounts: {anna: HASH}\n"));
        assert!(removed.of(0).is_none() && removed.superseded.is_empty());
    }

    #[test]
    fn a_written_password_is_read_and_shows_no_hash() {
        let tree = tempfile::tempdir().unwrap();
        let host = Host::open(tree.path()).unwrap();
        assert_eq!(OwnPasswords::read(&host).unwrap(), OwnPasswords::default());
        assert_eq!(OwnPasswords::default().digest(), None);
        let folder = tree.path().join(FOLDER.trim_start_matches('/'));
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!(
            "{{\"replaces\":\"{}\",\"password\":\"{}\"}}\n",
            digest_of(&hash("a")),
            hash("b").secret().expose()
        );
        std::fs::write(folder.join("thomas"), text).unwrap();
        std::fs::write(folder.join(".anna.mailprov-new"), "{").unwrap();
        let read = OwnPasswords::read(&host).unwrap();
        assert_eq!(read, own("thomas", "a", "b"));
        assert!(!format!("{read:?}").contains("$6$"));
        assert_ne!(read.digest(), own("thomas", "a", "c").digest());
        std::fs::write(folder.join("anna"), "{").unwrap();
        let error = OwnPasswords::read(&host).unwrap_err().to_string();
        assert!(error.contains("passwords/anna is damaged"), "{error}");
    }
}
