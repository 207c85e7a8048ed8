//! The format of each hash scheme.
//!
//! Dovecot rejects a truncated hash only when its owner tries to log in. These
//! checks find it while mail.yml is read.

use std::ops::RangeInclusive;

/// Returns whether `body` is a hash of this scheme, or `None` if the scheme is not accepted.
///
/// `CRYPT` is every hash that `crypt(3)` verifies and that is not weak.
pub(super) fn fits(scheme: &str, body: &str) -> Option<bool> {
    let parts: Vec<&str> = body.split('$').collect();
    let sha_crypt = |rest: &[&str], length| match rest {
        [rounds @ .., salt, hash] if rounds.len() <= 1 => {
            rounds.iter().all(|it| cost(it, "rounds=", 1000..=999_999_999))
                && crypt64(salt, 1..=16)
                && crypt64(hash, length..=length)
        }
        _ => false,
    };
    Some(match (scheme, parts.as_slice()) {
        ("SHA512-CRYPT" | "CRYPT", ["", "6", rest @ ..]) => sha_crypt(rest, 86),
        ("SHA256-CRYPT" | "CRYPT", ["", "5", rest @ ..]) => sha_crypt(rest, 43),
        ("BLF-CRYPT" | "CRYPT", ["", "2y" | "2b" | "2a", rounds, hash]) => {
            rounds.len() == 2 && cost(rounds, "", 4..=31) && crypt64(hash, 53..=53)
        }
        // yescrypt
        ("CRYPT", ["", "y", parameters, salt, hash]) => {
            crypt64(parameters, 1..=usize::MAX) && crypt64(salt, 1..=86) && crypt64(hash, 43..=43)
        }
        ("ARGON2I", ["", "argon2i", rest @ ..]) | ("ARGON2ID", ["", "argon2id", rest @ ..]) => {
            argon2(rest)
        }
        ("SSHA512", _) => salted(body, 64),
        ("SSHA256", _) => salted(body, 32),
        // The hash is 20 bytes in hexadecimal.
        ("PBKDF2", ["", "1", salt, rounds, hash]) => {
            !salt.is_empty()
                && salt.bytes().all(|b| b.is_ascii_graphic() && b != b':')
                && cost(rounds, "", 1..=u32::MAX.into())
                && hash.len() == 40
                && hash.bytes().all(|b| b.is_ascii_hexdigit())
        }
        _ if ACCEPTED.contains(&scheme) => false,
        _ => return None,
    })
}

const ACCEPTED: [&str; 9] = [
    "SHA512-CRYPT",
    "SHA256-CRYPT",
    "BLF-CRYPT",
    "CRYPT",
    "ARGON2I",
    "ARGON2ID",
    "SSHA512",
    "SSHA256",
    "PBKDF2",
];

/// `v=19$m=65536,t=3,p=1$salt$hash`.
fn argon2(rest: &[&str]) -> bool {
    let ["v=19", costs, salt, hash] = rest else { return false };
    let [memory, time, lanes] = costs.split(',').collect::<Vec<_>>()[..] else { return false };
    let is_base64 = |text: &&&str| text.bytes().all(is_base64) && text.len() % 4 != 1;
    [(memory, "m="), (time, "t="), (lanes, "p=")]
        .iter()
        .all(|(text, name)| cost(text, name, 1..=u32::MAX.into()))
        && salt.len() >= 11
        && hash.len() >= 22
        && [salt, hash].iter().all(is_base64)
}

/// Returns the memory in mebibytes that verifying an Argon2 hash takes.
pub(super) fn argon2_memory(body: &str) -> Option<u64> {
    let (_, costs) = body.strip_prefix("$argon2")?.split_once("$m=")?;
    Some(decimal(costs.split_once(',')?.0)?.div_ceil(1024))
}

/// Base64 of a digest of `length` bytes and a salt of at least four.
fn salted(body: &str, length: usize) -> bool {
    let text = body.trim_end_matches('=');
    body.len().is_multiple_of(4)
        && body.len() - text.len() <= 2
        && text.bytes().all(is_base64)
        && text.len() * 3 / 4 >= length + 4
}

/// Returns whether a text has only the characters of `crypt(3)`, and as many as allowed.
fn crypt64(text: &str, length: RangeInclusive<usize>) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'/';
    length.contains(&text.len()) && text.bytes().all(fits)
}

fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'+' || b == b'/'
}

/// Returns whether a text is `name` and a number within limits.
fn cost(text: &str, name: &str, limits: RangeInclusive<u64>) -> bool {
    text.strip_prefix(name).and_then(decimal).is_some_and(|number| limits.contains(&number))
}

fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_hashes_fit() {
        let hash = |length| "a/.Z".repeat(22)[..length].to_owned();
        let argon = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzYWx0$\
                     RdescudvJCsgt3ub+b4dWRWJTmaaJObG8dGvZWPBXbE";
        for (scheme, body) in [
            ("SHA512-CRYPT", format!("$6$salt${}", hash(86))),
            ("SHA512-CRYPT", format!("$6$rounds=5000$salt${}", hash(86))),
            ("SHA256-CRYPT", format!("$5$salt${}", hash(43))),
            ("BLF-CRYPT", format!("$2y$05${}", hash(53))),
            ("CRYPT", format!("$y$j9T$salt${}", hash(43))),
            ("ARGON2ID", argon.to_owned()),
            ("SSHA512", format!("{}==", "a".repeat(94))),
            ("PBKDF2", format!("$1$salt$5000${}", "0f".repeat(20))),
        ] {
            assert_eq!(fits(scheme, &body), Some(true), "{scheme} {body}");
        }
        assert_eq!(fits("ARGON2I", argon), Some(false));
        assert_eq!(argon2_memory(argon), Some(19));
    }

    #[test]
    fn a_letter_too_few_or_too_many_does_not() {
        let a = |length| "a".repeat(length);
        let sha = ["$6$$", "$6$rounds=10$s$", "$6$a:b$", "$6$a b$", "$6$seventeen_letters$"];
        let sha = sha.map(|start| ("SHA512-CRYPT", format!("{start}{}", a(86))));
        let short = [0, 85, 87].map(|length| ("SHA512-CRYPT", format!("$6$salt${}", a(length))));
        for (scheme, body) in sha.into_iter().chain(short).chain([
            ("SHA512-CRYPT", format!("$6$salt${}\n", a(86))),
            ("BLF-CRYPT", format!("$2x$05${}", a(53))),
            ("BLF-CRYPT", format!("$2y$99${}", a(53))),
            ("CRYPT", format!("$1$salt${}", a(22))),
            ("SSHA512", "YWJj".to_owned()),
            ("SSHA512", String::new()),
        ]) {
            assert_eq!(fits(scheme, &body), Some(false), "{scheme} {body:?}");
        }
    }
}
