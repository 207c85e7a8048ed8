//! App passwords: a further password of an account, for one of its devices.

use std::fmt;

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha512};

use super::spanned::{self, Spanned};
use super::{Invalid, PasswordHash};
use crate::secret::{Secret, random_bytes};
use crate::yaml::{Decoder, Fields, Kind, printable};

/// The name of a device: `phone`. It is also the name of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceName(String);

/// An app password in `mail.yml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppPassword {
    /// The device.
    pub device: DeviceName,
    /// The hash of the password.
    pub hash: PasswordHash,
}

/// A new app password, still unknown to all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAppPassword(Secret<String>);

/// The maximum length of the name of a device.
const LONGEST: usize = 32;

/// The characters of a new app password: those that a phone shows without a shift key,
/// and that no other one looks like (0 and o, 1 and l and i).
const CHARACTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// A new app password has so many groups of characters, together 118 bits.
const GROUPS: usize = 6;
const GROUP: usize = 4;

/// The length of the salt of its hash, in bytes.
const SALT: usize = 16;

impl DeviceName {
    /// Parses a name.
    ///
    /// # Errors
    ///
    /// Returns why it cannot name a device.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !begins || !text.chars().all(fits) || text.len() > LONGEST {
            let help = "use letters, digits, `-`, `_` and `.`, at most 32, beginning with a letter \
                        or digit: `phone`";
            let message = format!("`{}` cannot be the name of a device", printable(text));
            return Err(Invalid::new(message, help));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl NewAppPassword {
    /// Makes one of random characters.
    ///
    /// # Errors
    ///
    /// Fails if the system has no random numbers.
    pub fn random() -> Result<Self, Invalid> {
        let mut text = String::new();
        for group in 0..GROUPS {
            if group > 0 {
                text.push('-');
            }
            for _ in 0..GROUP {
                text.push(random_character()?);
            }
        }
        Ok(Self(Secret::new(text)))
    }

    /// Hashes it with SHA-512 and a random salt. A slow hash protects a password that can be
    /// guessed, which this one cannot; and Dovecot tries the app passwords of an account one
    /// after the other, each time a mail program looks for mail.
    ///
    /// # Errors
    ///
    /// Fails if the system has no random numbers.
    pub fn hash(&self) -> Result<PasswordHash, Invalid> {
        let salt = random_bytes::<SALT>().ok_or_else(no_numbers)?;
        let mut digest = Sha512::new();
        digest.update(self.0.expose());
        digest.update(salt);
        let bytes = [&digest.finalize()[..], &salt].concat();
        PasswordHash::parse(&format!("{{SSHA512}}{}", Base64::encode_string(&bytes)))
    }

    /// Returns the password, to be shown once.
    pub(crate) fn secret(&self) -> &Secret<String> {
        &self.0
    }
}

/// Returns one of the characters, each as likely as any other.
fn random_character() -> Result<char, Invalid> {
    loop {
        let [byte] = random_bytes().ok_or_else(no_numbers)?;
        let index = usize::from(byte);
        // 255 is no multiple of their number: the last bytes would make the first ones likelier.
        if index < 256 / CHARACTERS.len() * CHARACTERS.len() {
            return Ok(char::from(CHARACTERS[index % CHARACTERS.len()]));
        }
    }
}

fn no_numbers() -> Invalid {
    Invalid::new("an app password could not be made", "this needs random numbers of the system")
}

/// Reads `app_passwords` of an account. Mistakes are reported at the name of the device,
/// because the value is secret. Returns `None` if one is invalid.
pub(super) fn read(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<Vec<AppPassword>> {
    let Some(entry) = fields.get("app_passwords") else { return Some(Vec::new()) };
    if !matches!(entry.value.kind, Kind::Map(_)) {
        let help = "write each device as a key, `phone:`, and the hash of its password behind it; \
                    `mailprov account app-password add NAME DEVICE` does";
        decoder.error(&entry.key.span, "`app_passwords` is not a map", help);
        return None;
    }
    let mut passwords = Some(Vec::new());
    for entry in decoder.entries(&entry.value)? {
        let device = spanned::key(decoder, &entry.key, DeviceName::parse);
        let text = match entry.value.as_scalar() {
            Some(scalar) if !scalar.is_null() => scalar.text.as_str(),
            _ => "",
        };
        let parsed = PasswordHash::parse(text).map_err(|invalid| match text.starts_with('{') {
            true => invalid,
            false => {
                let help = "`mailprov account app-password add NAME DEVICE` makes a password and \
                            writes its hash here";
                Invalid::new("there is no hash behind this device", help)
            }
        });
        let hash = match parsed {
            Ok(hash) => Some(hash),
            Err(Invalid { message, help }) => {
                decoder.error(&entry.key.span, message, &help);
                None
            }
        };
        match (device, hash, &mut passwords) {
            (Some(Spanned { value: device, .. }), Some(hash), Some(passwords)) => {
                passwords.push(AppPassword { device, hash });
            }
            _ => passwords = None,
        }
    }
    passwords
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_a_name_that_a_file_can_have() {
        for name in ["phone", "Thomas-PC", "a_b.c", "2", &"x".repeat(32)] {
            assert_eq!(DeviceName::parse(name).unwrap().as_str(), name);
        }
        for name in ["", ".", "..", ".x", "-x", "a/b", "a b", "a:b", "ü", "a\n", &"x".repeat(33)] {
            assert!(DeviceName::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_new_password_is_random_and_easy_to_type() {
        let all: Vec<_> = (0..200).map(|_| NewAppPassword::random().unwrap()).collect();
        for password in &all {
            let text = password.secret().expose();
            assert_eq!(text.len(), GROUPS * (GROUP + 1) - 1);
            let groups = text.split('-');
            assert!(groups.clone().all(|it| it.len() == GROUP), "{text}");
            assert!(groups.flat_map(str::bytes).all(|it| CHARACTERS.contains(&it)), "{text}");
            assert!(!format!("{password:?}").contains(text.as_str()));
        }
        let seen = |c: u8| all.iter().any(|it| it.secret().expose().as_bytes().contains(&c));
        assert!(CHARACTERS.iter().all(|c| seen(*c)));
        let bits = (CHARACTERS.len() as f64).log2() * (GROUPS * GROUP) as f64;
        assert!(bits > 118.0, "{bits}");
        assert_ne!(all[0].hash().unwrap(), all[0].hash().unwrap());
    }
}
