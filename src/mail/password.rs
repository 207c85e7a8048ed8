//! Password hashes that every supported release of Dovecot verifies.

use super::hash_format;
use super::spanned::Invalid;
use crate::secret::Secret;
use crate::yaml::printable;

/// A hash with its `{SCHEME}`, strong, and supported by Dovecot 2.3 and 2.4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordHash(Secret<String>);

/// The schemes that an error message suggests, the most common first.
const ACCEPTED: &str = "use SHA512-CRYPT, SHA256-CRYPT, BLF-CRYPT, ARGON2ID, ARGON2I, CRYPT, \
                        SSHA512, SSHA256 or PBKDF2";
const MAKE_ONE: &str = "make a hash with `mailprov passwd-hash` and write it in double quotes";

impl PasswordHash {
    /// Parses a hash. Errors contain nothing of it but the name of the scheme.
    ///
    /// # Errors
    ///
    /// Returns why Dovecot cannot verify the hash, or why it is too weak.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new("the password is empty", MAKE_ONE));
        }
        let scheme = text.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let Some((scheme, body)) = scheme else {
            return Err(without_scheme(text));
        };
        let scheme = scheme.to_ascii_uppercase();
        let named = !scheme.is_empty()
            && scheme.len() <= 32
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if !named {
            return Err(Invalid::new("this is a cleartext password", MAKE_ONE));
        }
        match hash_format::fits(&scheme, body) {
            Some(true) => {}
            Some(false) => return Err(misshapen(&scheme, body)),
            None => return Err(refused_scheme(&scheme)),
        }
        if let Some(mebibytes) =
            hash_format::argon2_memory(body).filter(|m| *m > MAX_ARGON2_MEBIBYTES)
        {
            let message = format!("verifying this hash takes {mebibytes} MiB of memory");
            let help = format!(
                "Dovecot's login process has 256 MiB in all: make a hash that takes at most \
                 {MAX_ARGON2_MEBIBYTES} MiB"
            );
            return Err(Invalid::new(message, help));
        }
        Ok(Self(Secret::new(format!("{{{scheme}}}{body}"))))
    }

    /// Returns the hash with its scheme.
    pub fn secret(&self) -> &Secret<String> {
        &self.0
    }
}

/// Half of the memory that Dovecot 2.3 gives its auth process.
const MAX_ARGON2_MEBIBYTES: u64 = 128;

/// Explains that a hash does not fit its scheme.
fn misshapen(scheme: &str, body: &str) -> Invalid {
    match scheme_of(body) {
        Some(looks_like) if looks_like != scheme && scheme != "CRYPT" => Invalid::new(
            format!("`{{{scheme}}}` stands before a hash of another scheme"),
            format!("it looks like `{{{looks_like}}}`"),
        ),
        None if scheme == "CRYPT" => {
            Invalid::new("what follows `{CRYPT}` is a weak hash, or none", MAKE_ONE)
        }
        _ => Invalid::new(
            format!("what follows `{{{scheme}}}` is not a hash of that scheme"),
            "paste the whole hash on one line, in quotes, with nothing before or after",
        ),
    }
}

/// Guesses the scheme of a hash that has none.
fn scheme_of(hash: &str) -> Option<&'static str> {
    [
        ("$6$", "SHA512-CRYPT"),
        ("$5$", "SHA256-CRYPT"),
        ("$2y$", "BLF-CRYPT"),
        ("$2a$", "BLF-CRYPT"),
        ("$2b$", "BLF-CRYPT"),
        ("$argon2id$", "ARGON2ID"),
        ("$argon2i$", "ARGON2I"),
        ("$y$", "CRYPT"),
    ]
    .into_iter()
    .find_map(|(prefix, scheme)| hash.starts_with(prefix).then_some(scheme))
}

/// Explains what a text without a scheme seems to be.
fn without_scheme(text: &str) -> Invalid {
    match scheme_of(text) {
        Some(scheme) => Invalid::new(
            "the hash does not say its scheme",
            format!("write `{{{scheme}}}` in front of it"),
        ),
        None => Invalid::new("this is a cleartext password", MAKE_ONE),
    }
}

/// Explains why a scheme is not accepted.
fn refused_scheme(scheme: &str) -> Invalid {
    let why = match scheme {
        "PLAIN" | "CLEAR" | "CLEARTEXT" | "PLAIN-TRUNC" => "is no hash but the password itself",
        "MD5" | "PLAIN-MD5" | "LDAP-MD5" | "SMD5" | "MD5-CRYPT" | "PLAIN-MD4" | "DES-CRYPT"
        | "HMAC-MD5" | "CRAM-MD5" | "DIGEST-MD5" | "LANMAN" | "NTLM" | "RPA" | "OTP" | "SKEY" => {
            "is broken: a stolen hash is a known password"
        }
        "SHA" | "SHA1" | "SHA256" | "SHA512" => {
            "has no salt: equal passwords have equal hashes, found in ready-made tables"
        }
        "SSHA" => "rests on SHA-1, which is broken",
        _ if scheme.ends_with(".B64") || scheme.ends_with(".HEX") => {
            let (plain, _) = scheme.rsplit_once('.').unwrap_or((scheme, ""));
            return Invalid::new(
                format!("`{{{}}}` names an encoding", printable(scheme)),
                format!("write `{{{}}}` and the hash as `doveadm pw` prints it", printable(plain)),
            );
        }
        _ => {
            return Invalid::new(
                format!("`{}` is not a scheme that every Dovecot verifies", printable(scheme)),
                ACCEPTED,
            );
        }
    };
    Invalid::new(format!("`{{{scheme}}}` {why}"), MAKE_ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA512: &str = "$6$k7JvVbWQ0d6Hn2Zs$CRrMXa2OyXUCK2Tfw9lfSjcQhrMVBoKFDXsn7rrR1cRBk4\
                          CCl4JWZ6mLDCZcnLGzvFEZKPKOLpqMEUXkSsYo2.";

    #[test]
    fn a_hash_never_shows_itself() {
        let hash = PasswordHash::parse(&format!("{{sha512-crypt}}{SHA512}")).unwrap();
        assert!(!format!("{hash:?}").contains("$6$"));
        assert_eq!(*hash.secret().expose(), format!("{{SHA512-CRYPT}}{SHA512}"));
    }

    #[test]
    fn no_error_repeats_the_value() {
        for text in [
            "hunter2",
            "{hunter2",
            "{hunter 2}x",
            "{PLAIN}hunter2",
            "{SHA512-CRYPT}hunter2",
            "{}hunter2",
        ] {
            let Invalid { message, help } = PasswordHash::parse(text).unwrap_err();
            assert!(!message.contains("hunter") && !help.contains("hunter"), "{message} {help}");
        }
    }

    #[test]
    fn a_bare_hash_is_told_its_scheme() {
        let Invalid { help, .. } = PasswordHash::parse(SHA512).unwrap_err();
        assert!(help.contains("{SHA512-CRYPT}"), "{help}");
    }
}
