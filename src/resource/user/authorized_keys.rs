//! The SSH keys that a user may log in with: a part of a `user` step. The home
//! folder, `.ssh` and `authorized_keys` (sshd(8)) belong to the user, who may
//! have put anything there, so nothing is taken from a file of another user's.

use std::collections::BTreeSet;
use std::path::Path;

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};

use super::NO_HOME;
use crate::host::{Content, Error, Ownership, Result};
use crate::resource::attributes::is_true;
use crate::resource::file::refuse_missing_folder;
use crate::resource::{Blob, Key, Overlay, State, Target};
use crate::yaml::{Decoder, Fields};

/// The types that sshd(8) accepts by default. `ssh-dss` is too weak.
const TYPES: [&str; 7] = [
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
];

/// The declared lines, and whether other keys go.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AuthorizedKeys {
    lines: Vec<String>,
    exclusive: bool,
}

impl AuthorizedKeys {
    /// Reads the fields of the step; `None` if they are wrong, `Some(None)` if
    /// there are none.
    pub(super) fn decode(fields: &Fields<'_>, decoder: &mut Decoder) -> Option<Option<Self>> {
        let exclusive = is_true(fields, "exclusive", decoder);
        let Some(entry) = fields.get("authorized_keys") else {
            if let Some(entry) = fields.get("exclusive").filter(|_| exclusive) {
                let help = "list the keys that stay in `authorized_keys`; `[]` for none";
                decoder.error(&entry.value.span, "`exclusive` needs `authorized_keys`", help);
                return None;
            }
            return Some(None);
        };
        let mut lines = Vec::new();
        for item in decoder.list(&entry.value)? {
            let line = decoder.line(item)?.trim();
            if let Err(message) = parse(line) {
                let help = "take the line of a file such as ~/.ssh/id_ed25519.pub";
                decoder.error(&item.span, message, help);
                return None;
            }
            lines.push(line.to_owned());
        }
        Some(Some(Self { lines, exclusive }))
    }

    /// Returns the home folder if it is missing, `.ssh` and the file.
    pub(super) fn targets(
        &self,
        overlay: &Overlay<'_>,
        user: &str,
        group: &str,
        home: &Path,
    ) -> Result<Vec<Target>> {
        if home == Path::new(NO_HOME) {
            return Err(Error::Other(format!(
                "`{user}` has no home folder for its `authorized_keys`; declare one with `home`"
            )));
        }
        let owned = |actual: Option<Ownership>, mode| {
            let attributes = actual.map(|it| it.attributes).unwrap_or_default();
            Ownership { attributes, ..Ownership::new(user, group, mode) }
        };
        let mut targets = Vec::new();
        let mut put =
            |path: &Path, after| targets.push(Target { key: Key::at(path.into()), after });
        if overlay.state(&Key::at(home.into()))? == State::Absent {
            refuse_missing_folder(overlay, home)?;
            put(home, State::Directory(owned(None, 0o700)));
        }
        let folder = home.join(".ssh");
        let actual = match overlay.state(&Key::at(folder.clone()))? {
            State::Absent => None,
            State::Directory(actual) => Some(actual),
            _ => {
                return Err(Error::Other(format!(
                    "{} is not a directory; move it away",
                    folder.display()
                )));
            }
        };
        put(&folder, State::Directory(owned(actual, 0o700)));
        let path = folder.join("authorized_keys");
        let (content, actual) = match overlay.state(&Key::at(path.clone()))? {
            State::Absent => (Content::new([]), None),
            State::File { blob, ownership } if ownership.owner == user => {
                (blob.content, Some(ownership))
            }
            _ => {
                return Err(Error::Other(format!(
                    "{} is not a file of the user `{user}`, so mailprov does not write to it; \
                     move it away",
                    path.display()
                )));
            }
        };
        let blob = Blob { content: Content::new(self.merged(content.bytes())), secret: true };
        put(&path, State::File { blob, ownership: owned(actual, 0o600) });
        Ok(targets)
    }

    /// Puts the declared lines in place of lines with the same keys, else at
    /// the end.
    fn merged(&self, old: &[u8]) -> Vec<u8> {
        let key_of = |line: &str| parse(line).ok().map(str::to_owned);
        let mut missing: Vec<&String> = self.lines.iter().collect();
        let mut written = BTreeSet::new();
        let mut merged = Vec::new();
        for line in old.split_inclusive(|byte| *byte == b'\n') {
            let key = std::str::from_utf8(line).ok().and_then(|line| key_of(line.trim()));
            let declared = self.lines.iter().find(|line| key.is_some() && key_of(line) == key);
            match (key, declared) {
                (Some(key), Some(declared)) => {
                    if written.insert(key) {
                        merged.extend([declared.as_bytes(), b"\n"].concat());
                    }
                    missing.retain(|line| key_of(line) != key_of(declared));
                }
                (Some(_), None) if self.exclusive => {}
                _ => merged.extend(line),
            }
        }
        if merged.last().is_some_and(|byte| *byte != b'\n') {
            merged.push(b'\n');
        }
        for line in missing {
            if key_of(line).is_some_and(|key| written.insert(key)) {
                merged.extend([line.as_bytes(), b"\n"].concat());
            }
        }
        merged
    }
}

/// Returns the key in a line of `authorized_keys` (sshd(8)): options, if any,
/// the type, the key in base64, a comment.
fn parse(line: &str) -> std::result::Result<&str, &'static str> {
    if line.contains("PRIVATE KEY") {
        return Err("this is a private key; it must not leave the machine it was made on");
    }
    let mut words = words(line).skip_while(|word| !TYPES.contains(word));
    let Some(name) = words.next() else {
        return Err("this is not a public SSH key of a type that sshd accepts");
    };
    let key = words.next().unwrap_or_default();
    let bytes = Base64::decode_vec(key).unwrap_or_default();
    match fields(&bytes) {
        Some(fields) if fields.len() > 1 && fields[0] == name.as_bytes() => Ok(key),
        _ => Err("this SSH key is cut off or damaged"),
    }
}

/// Returns the fields of a key, each behind its length; the first is the type
/// (RFC 4253, section 6.6).
fn fields(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk()?;
        let (field, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        fields.push(field);
        bytes = rest;
    }
    Some(fields)
}

/// Splits a line at spaces outside of quotes, as options may have them.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let at_space = move |c: char| {
        let is_quote = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        quoted ^= is_quote;
        !quoted && c.is_ascii_whitespace()
    };
    line.split(at_space).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{AuthorizedKeys, parse};

    const ONE: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIFGTgFdnPCWlqzyh1PpN8VQUi1ntzyu0BoQvUiQx4Tsf";
    const TWO: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAdE9cMwz2m0JbGxJjAd2AnwbEFMSrPNCnPrZ0nEzN7L";

    #[test]
    fn a_key_is_found_behind_its_options() {
        let quoted = format!(r#"from="a b\" ssh-rsa",no-pty ssh-ed25519 {ONE} a comment"#);
        assert_eq!(parse(&quoted), Ok(ONE));
        let others = [
            format!("ssh-dss {ONE}"),
            format!("ssh-rsa {ONE}"),
            format!("ssh-ed25519 {}", &ONE[..40]),
            "ssh-ed25519".to_owned(),
            "-----BEGIN OPENSSH PRIVATE KEY-----".to_owned(),
            "# a comment".to_owned(),
        ];
        for other in others {
            assert!(parse(&other).is_err(), "{other}");
        }
    }

    #[test]
    fn other_lines_stay_unless_the_list_is_exclusive() {
        let (one, two) = (format!("ssh-ed25519 {ONE} one"), format!("ssh-ed25519 {TWO} two"));
        let old = format!("# of hers\nno-pty ssh-ed25519 {ONE}\r\n{two}\nssh-ed25519 {ONE}");
        let merged = |exclusive, lines: &[&str], old: &str| {
            let lines = lines.iter().map(|line| (*line).to_owned()).collect();
            String::from_utf8(AuthorizedKeys { lines, exclusive }.merged(old.as_bytes())).unwrap()
        };
        assert_eq!(merged(false, &[&one], &old), format!("# of hers\n{one}\n{two}\n"));
        assert_eq!(merged(true, &[&one], &old), format!("# of hers\n{one}\n"));
        assert_eq!(merged(true, &[], &old), "# of hers\n");
        assert_eq!(merged(false, &[&one, &one], "# x"), format!("# x\n{one}\n"));
        let both = merged(false, &[&two, &one], "");
        assert_eq!(merged(true, &[&one, &two], &both), both);
    }
}
