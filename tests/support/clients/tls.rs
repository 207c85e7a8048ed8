//! Whom a client trusts.

use mailprov::probe;

/// A client's TLS settings and the name it expects of the server.
#[derive(Debug, Clone)]
pub struct Tls(pub(super) probe::Tls);

impl Tls {
    /// Trusts the certificates in `pem`, and nobody else, to vouch for `name`.
    pub fn trusting(pem: &str, name: &str) -> Self {
        Self(probe::Tls::trusting(pem.as_bytes(), name).unwrap())
    }

    /// Trusts whoever answers.
    pub fn unverified(name: &str) -> Self {
        Self(probe::Tls::unverified(name).unwrap())
    }
}
