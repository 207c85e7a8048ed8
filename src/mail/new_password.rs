//! New passwords and their hashes.

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;

use super::{Invalid, PasswordHash};
use crate::secret::Secret;

/// A new password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password(Secret<String>);

/// The minimum length. A mail server is open to guessing from anywhere; NIST SP
/// 800-63B requires as much.
const FEWEST: usize = 8;
/// The maximum length; Dovecot's login accepts more.
const MOST: usize = 512;

/// Those of the 10,000 most common passwords that are long enough, in lower case, a
/// line each. The list is Django's (.debian/copyright).
const COMMON: &str = include_str!("common_passwords.txt");

impl Password {
    /// Checks a typed password. No error contains any of it.
    ///
    /// # Errors
    ///
    /// Returns why the password is too weak or cannot be used.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let no = |message: &str, help: &str| Err(Invalid::new(message, help));
        if text.is_empty() {
            return no("the password is empty", "choose one of at least 8 characters");
        }
        if text.chars().count() < FEWEST {
            let help = "choose one of at least 8 characters: attackers guess shorter ones";
            return no("the password is too short", help);
        }
        if text.len() > MOST {
            return no("the password is too long", "choose one of at most 512 bytes");
        }
        if text.chars().any(char::is_control) {
            let help = "no mail program could send it; choose one that can be typed on one line";
            return no("the password has a line break or control character in it", help);
        }
        let lower = text.to_lowercase();
        if COMMON.lines().any(|common| common == lower) {
            let help = "choose another one: attackers try these first. Four words that have \
                        nothing to do with each other are easy to type and hard to guess";
            return no("the password is one of the 10,000 most common ones", help);
        }
        Ok(Self(Secret::new(text.to_owned())))
    }

    pub(crate) fn into_secret(self) -> Secret<String> {
        self.0
    }

    /// Hashes the password with Argon2id and a random salt, at the cost that
    /// OWASP recommends: 19 MiB of memory, two passes. Dovecot 2.3 and 2.4 on
    /// Debian verify such a hash within the 256 MiB that their auth process may
    /// use.
    ///
    /// # Errors
    ///
    /// Fails if the system has no random numbers or no memory.
    pub fn hash(&self) -> Result<PasswordHash, Invalid> {
        let failed = |error: argon2::password_hash::Error| {
            let help = "this needs 19 MiB of memory and random numbers of the system";
            Invalid::new(format!("the password could not be hashed: {error}"), help)
        };
        let hash = Argon2::default().hash_password(self.0.expose().as_bytes()).map_err(failed)?;
        PasswordHash::parse(&format!("{{ARGON2ID}}{hash}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hashes_of_one_password_have_salts_of_their_own() {
        let password = Password::parse("hunter22").unwrap();
        let (one, other) = (password.hash().unwrap(), password.hash().unwrap());
        assert_ne!(one, other);
        assert!(one.secret().expose().starts_with("{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$"));
    }

    #[test]
    fn a_common_password_is_refused_in_any_case() {
        for text in ["iloveyou", "Password1", "FOOTBALL", "1q2w3e4r5t"] {
            let Invalid { message, help } = Password::parse(text).unwrap_err();
            assert!(message.contains("most common") && help.contains("choose another"), "{text}");
            assert!(!format!("{message}{help}").contains(text));
        }
        assert!(Password::parse("iloveyou and mail").is_ok());
    }

    #[test]
    fn the_common_passwords_are_long_enough_and_in_lower_case() {
        assert!(COMMON.lines().count() > 3800 && COMMON.len() < 60_000);
        for common in COMMON.lines() {
            assert!(common.chars().count() >= FEWEST && common == common.to_lowercase());
        }
    }

    #[test]
    fn a_bad_password_is_refused_and_not_repeated() {
        let long = "hunter2".repeat(100);
        for text in ["", "hunter2", "hunter2\nhunter2", "hunter2\u{7}\u{7}", &long] {
            let error = Password::parse(text).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        assert!(Password::parse("grüße: \"a\" \\ #b").is_ok());
    }
}
