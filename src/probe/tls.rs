//! The trust in a server's certificate.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use super::{Error, Result};
use crate::host::PinnedVerifier;

/// Returns the authorities that this machine trusts, wherever its system keeps
/// them. `SSL_CERT_FILE` and `SSL_CERT_DIR` override them, as in OpenSSL.
pub(crate) fn authorities() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// The name that a certificate must have, and the trusted authorities.
#[derive(Debug, Clone)]
pub struct Tls {
    pub(super) name: ServerName<'static>,
    pub(super) config: Arc<ClientConfig>,
}

impl Tls {
    /// Trusts only the authorities in `pem`.
    ///
    /// # Errors
    ///
    /// Fails if `name` is not a host name, and if `pem` contains no certificate.
    pub fn trusting(pem: &[u8], name: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        let wrong = |what: &dyn std::fmt::Display| Error::Trust(format!("not a root: {what}"));
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| wrong(&error))?;
            roots.add(certificate).map_err(|error| wrong(&error))?;
        }
        if roots.is_empty() {
            return Err(Error::Trust("there is no certificate to trust".into()));
        }
        Self::new(name, |builder| builder.with_root_certificates(roots).with_no_client_auth())
    }

    /// Trusts these authorities and ignores those that cannot be parsed, since
    /// a host's list can contain odd old ones.
    pub(crate) fn trusting_what_can_be_read(
        authorities: impl IntoIterator<Item = CertificateDer<'static>>,
        name: &str,
    ) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(authorities);
        if added == 0 {
            return Err(Error::Trust("there is no certificate to trust".into()));
        }
        Self::new(name, |builder| builder.with_root_certificates(roots).with_no_client_auth())
    }

    /// Trusts only the first certificate in `pem`, for a self-signed one.
    ///
    /// # Errors
    ///
    /// Fails if `name` is not a host name, and if `pem` contains no certificate.
    pub(crate) fn pinned(pem: &[u8], name: &str) -> Result<Self> {
        let certificate = CertificateDer::from_pem_slice(pem)
            .map_err(|error| Error::Trust(format!("not a certificate: {error}")))?;
        Self::verified_by(name, Some(certificate))
    }

    /// Accepts any certificate, to see which one a server shows
    /// (`LineStream::chain`). Never send a person's
    /// password over such a connection.
    ///
    /// # Errors
    ///
    /// Fails if `name` is not a host name.
    pub fn unverified(name: &str) -> Result<Self> {
        Self::verified_by(name, None)
    }

    fn verified_by(name: &str, only: Option<CertificateDer<'static>>) -> Result<Self> {
        let verifier = Arc::new(PinnedVerifier::new(only));
        Self::new(name, |builder| {
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        })
    }

    fn new(
        name: &str,
        finish: impl FnOnce(rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>) -> ClientConfig,
    ) -> Result<Self> {
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| Error::Trust(format!("`{name}` is not a host name")))?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(Error::Tls)?;
        Ok(Self { name, config: Arc::new(finish(builder)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_or_root_is_refused() {
        assert!(Tls::unverified("mail.example.org").is_ok());
        assert!(matches!(Tls::unverified("a b"), Err(Error::Trust(_))));
        assert!(matches!(Tls::unverified(""), Err(Error::Trust(_))));
        assert!(matches!(Tls::trusting(b"", "a.example"), Err(Error::Trust(_))));
        let broken = b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n";
        assert!(matches!(Tls::trusting(broken, "a.example"), Err(Error::Trust(_))));
        let empty = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(Tls::trusting(empty, "a.example"), Err(Error::Trust(_))));
        assert!(matches!(Tls::pinned(b"", "a.example"), Err(Error::Trust(_))));
    }
}
