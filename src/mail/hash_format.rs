//! The format of each hash scheme.
//!
//! Dovecot rejects a truncated hash only when its owner tries to log in. These
//! checks find it while mail.yml is read.

/// `$6$salt$hash`, as `openssl passwd -6` makes it.
pub(super) fn sha512_crypt(body: &str) -> bool {
    body.strip_prefix("$6$").is_some_and(|rest| sha_crypt(rest, 86))
}

/// `$5$salt$hash`.
pub(super) fn sha256_crypt(body: &str) -> bool {
    body.strip_prefix("$5$").is_some_and(|rest| sha_crypt(rest, 43))
}

fn sha_crypt(rest: &str, length: usize) -> bool {
    let parts: Vec<&str> = rest.split('$').collect();
    let (rounds, salt, hash) = match parts.as_slice() {
        [salt, hash] => (None, salt, hash),
        [rounds, salt, hash] => (Some(rounds), salt, hash),
        _ => return false,
    };
    let rounds_fit = rounds.is_none_or(|rounds| {
        let number = rounds.strip_prefix("rounds=").and_then(decimal);
        number.is_some_and(|n| (1000..=999_999_999).contains(&n))
    });
    rounds_fit && (1..=16).contains(&salt.len()) && crypt64(salt) && exactly(hash, length)
}

/// `$2y$`, two digits of cost, and 53 letters of salt and hash.
pub(super) fn bcrypt(body: &str) -> bool {
    let rest = ["$2y$", "$2b$", "$2a$"].iter().find_map(|prefix| body.strip_prefix(prefix));
    let Some((cost, hash)) = rest.and_then(|rest| rest.split_once('$')) else {
        return false;
    };
    cost.len() == 2 && decimal(cost).is_some_and(|n| (4..=31).contains(&n)) && exactly(hash, 53)
}

/// Accepts the hashes that `crypt(3)` verifies and that are not weak: those above, and yescrypt.
pub(super) fn crypt(body: &str) -> bool {
    sha512_crypt(body) || sha256_crypt(body) || bcrypt(body) || yescrypt(body)
}

/// `$y$parameters$salt$hash`.
fn yescrypt(body: &str) -> bool {
    let Some(rest) = body.strip_prefix("$y$") else {
        return false;
    };
    match rest.split('$').collect::<Vec<_>>().as_slice() {
        [parameters, salt, hash] => {
            !parameters.is_empty()
                && crypt64(parameters)
                && (1..=86).contains(&salt.len())
                && crypt64(salt)
                && exactly(hash, 43)
        }
        _ => false,
    }
}

/// `$argon2id$v=19$m=65536,t=3,p=1$salt$hash`.
pub(super) fn argon2(body: &str, variant: &str) -> bool {
    let parts: Vec<&str> = body.split('$').collect();
    let ["", name, "v=19", costs, salt, hash] = parts.as_slice() else {
        return false;
    };
    let costs: Vec<&str> = costs.split(',').collect();
    let [memory, time, lanes] = costs.as_slice() else {
        return false;
    };
    let cost = |text: &str, name: &str| {
        text.strip_prefix(name).and_then(decimal).is_some_and(|n| n > 0 && n <= u32::MAX.into())
    };
    *name == variant
        && cost(memory, "m=")
        && cost(time, "t=")
        && cost(lanes, "p=")
        && salt.len() >= 11
        && hash.len() >= 22
        && [salt, hash].iter().all(|text| text.bytes().all(is_base64) && text.len() % 4 != 1)
}

/// Returns the memory in mebibytes that verifying an Argon2 hash takes.
pub(super) fn argon2_memory(body: &str) -> Option<u64> {
    let (_, costs) = body.strip_prefix("$argon2")?.split_once("$m=")?;
    Some(decimal(costs.split_once(',')?.0)?.div_ceil(1024))
}

/// Base64 of a digest of `length` bytes and a salt of at least four.
pub(super) fn salted(body: &str, length: usize) -> bool {
    let text = body.trim_end_matches('=');
    let padding = body.len() - text.len();
    let bytes = text.len() * 3 / 4;
    body.len().is_multiple_of(4)
        && padding <= 2
        && text.bytes().all(is_base64)
        && bytes >= length + 4
}

/// `$1$salt$rounds$hash` with 20 bytes in hexadecimal.
pub(super) fn pbkdf2(body: &str) -> bool {
    let parts: Vec<&str> = body.split('$').collect();
    let ["", "1", salt, rounds, hash] = parts.as_slice() else {
        return false;
    };
    !salt.is_empty()
        && salt.bytes().all(|b| b.is_ascii_graphic() && b != b':')
        && decimal(rounds).is_some_and(|n| (1..=u32::MAX.into()).contains(&n))
        && hash.len() == 40
        && hash.bytes().all(|b| b.is_ascii_hexdigit())
}

fn exactly(text: &str, length: usize) -> bool {
    text.len() == length && crypt64(text)
}

/// Returns whether a text has only the characters of `crypt(3)`.
fn crypt64(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'/')
}

fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'+' || b == b'/'
}

fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_hashes_fit() {
        let hash = |length| "a/.Z".repeat(22)[..length].to_owned();
        assert!(sha512_crypt(&format!("$6$salt$  {}", hash(86)).replace(' ', "")));
        assert!(sha512_crypt(&format!("$6$rounds=5000$salt${}", hash(86))));
        assert!(sha256_crypt(&format!("$5$salt${}", hash(43))));
        assert!(bcrypt(&format!("$2y$05${}", hash(53))));
        assert!(crypt(&format!("$y$j9T$salt${}", hash(43))));
        let argon = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzYWx0$\
                     RdescudvJCsgt3ub+b4dWRWJTmaaJObG8dGvZWPBXbE";
        assert!(argon2(argon, "argon2id") && !argon2(argon, "argon2i"));
        assert_eq!(argon2_memory(argon), Some(19));
        assert!(salted(&format!("{}==", "a".repeat(94)), 64));
        assert!(pbkdf2(&format!("$1$salt$5000${}", "0f".repeat(20))));
    }

    #[test]
    fn a_letter_too_few_or_too_many_does_not() {
        for length in [0, 85, 87] {
            assert!(!sha512_crypt(&format!("$6$salt${}", "a".repeat(length))));
        }
        let hash = "a".repeat(86);
        for body in ["$6$$", "$6$rounds=10$s$", "$6$a:b$", "$6$a b$", "$6$seventeen_letters$"] {
            assert!(!sha512_crypt(&format!("{body}{hash}")), "{body}");
        }
        assert!(!sha512_crypt(&format!("$6$salt${hash}\n")));
        assert!(!bcrypt(&format!("$2x$05${}", "a".repeat(53))));
        assert!(!bcrypt(&format!("$2y$99${}", "a".repeat(53))));
        assert!(!crypt(&format!("$1$salt${}", "a".repeat(22))));
        assert!(!salted("YWJj", 64) && !salted("", 64));
    }
}
