//! Passwords in the clear, and the hashes that are made of them.

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;

use super::{Invalid, PasswordHash};
use crate::secret::Secret;

/// A new password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password(Secret<String>);

/// The whole world may try passwords at a mail server; NIST SP 800-63B asks for
/// as many.
const FEWEST: usize = 8;
/// What Dovecot takes at a login, with room to spare.
const MOST: usize = 512;

impl Password {
    /// Takes a typed password. No error repeats it.
    ///
    /// # Errors
    ///
    /// Returns why it should not, or could not, open a mailbox.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let no = |message: &str, help: &str| Err(Invalid::new(message, help));
        if text.is_empty() {
            return no("the password is empty", "choose one of at least 8 characters");
        }
        if text.chars().count() < FEWEST {
            let help = "choose one of at least 8 characters: anybody may try to guess it";
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

    /// Returns the password itself, still wrapped.
    pub(crate) fn into_secret(self) -> Secret<String> {
        self.0
    }

    /// Makes the hash that Dovecot verifies: Argon2id with the costs that OWASP
    /// recommends, 19 MiB of memory in two passes, and a salt of its own. Dovecot
    /// 2.3 and 2.4 of Debian verify it within the 256 MiB that their login
    /// process may take.
    ///
    /// # Errors
    ///
    /// Fails where the system has no random numbers to give, or no memory.
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
