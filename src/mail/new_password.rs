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
    fn what_is_no_password_is_refused_and_not_repeated() {
        let long = "hunter2".repeat(100);
        for text in ["", "hunter2", "hunter2\nhunter2", "hunter2\u{7}\u{7}", &long] {
            let error = Password::parse(text).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        assert!(Password::parse("grüße: \"a\" \\ #b").is_ok());
    }
}
