//! Password hashes, made by another program than the one under test.

use super::host;

/// Returns a hash as `mail.yml` wants it, `{SHA512-CRYPT}$6$…`.
pub fn sha512_crypt(password: &str) -> String {
    let hash = host::run(&["openssl", "passwd", "-6", "--", password]);
    format!("{{SHA512-CRYPT}}{}", hash.trim_end())
}
