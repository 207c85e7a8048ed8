//! Judges a certificate and its key.

use std::path::Path;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_cert::Certificate as X509;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};

use crate::host::{Content, Host, Result, now};
use crate::resource::Overlay;
use crate::visible::visible;

/// A fault of a certificate pair that mailprov did not make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Whether the fault is in the key, not in the certificate.
    pub of_key: bool,
    pub message: String,
    pub help: String,
    pub harm: Harm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// No daemon can serve it.
    Unusable,
    /// Daemons can serve it, but clients reject it.
    Untrusted,
    /// As `Untrusted`, since it is for another name.
    Misnamed,
}

/// Describes how far others than root can read a key, if they can. A key in a
/// folder that others cannot enter is safe.
pub(crate) fn exposed_key(host: &Host, key: &Path) -> Result<Option<String>> {
    let Some(way) = host.way_to(key)? else { return Ok(None) };
    let is_closed = way.iter().skip(1).any(|(_, owner, mode)| owner == "root" && mode & 0o011 == 0);
    let Some((path, owner, mode)) = way.first() else { return Ok(None) };
    let path = path.display();
    Ok(if owner != "root" {
        Some(format!("{path} belongs to {owner}"))
    } else if is_closed {
        None
    } else if mode & 0o022 != 0 {
        Some(format!("{path} may be written by others (mode {mode:04o})"))
    } else if mode & 0o004 != 0 {
        Some(format!("{path} may be read by everybody on this host (mode {mode:04o})"))
    } else {
        None
    })
}

/// Returns all faults of the pair that mail.yml names for `hostname`.
///
/// # Errors
///
/// Fails where the files cannot be read, mostly for lack of permission.
pub(crate) fn examine(
    overlay: &Overlay<'_>,
    certificate: &Path,
    key: &Path,
    hostname: &str,
) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let mut problem = |of_key, message: String, help: &str, harm| {
        problems.push(Problem { of_key, message, help: help.into(), harm });
    };
    let get = "put it there, or write `tls: acme`, by which mailprov gets one itself";
    let mut read = |of_key, what, path: &Path| -> Result<Option<Content>> {
        match overlay.content(path) {
            Ok(None) => problem(
                of_key,
                format!("there is no {what} at {}", path.display()),
                get,
                Harm::Unusable,
            ),
            Ok(content) => return Ok(content),
            Err(error) if error.is_permission_denied() => return Err(error),
            Err(error) => problem(
                of_key,
                error.to_string(),
                "name the file itself, readable to root",
                Harm::Unusable,
            ),
        }
        Ok(None)
    };
    let (chain, private) = (read(false, "certificate", certificate)?, read(true, "key", key)?);
    if let (Some(chain), Some(private)) = (&chain, &private)
        && let Some(place) = place_of_own(chain.bytes(), private.bytes())
        && place > 0
    {
        let message = format!(
            "the certificate of the key is number {} in {}, and must come first",
            place + 1,
            certificate.display()
        );
        let help = "put it first, and after it the one that vouches for it, and so on";
        problem(false, message, help, Harm::Unusable);
        return Ok(problems);
    }
    if let Some(chain) = &chain {
        match parse(chain.bytes()) {
            None => problem(
                false,
                format!("{} holds no certificate", certificate.display()),
                "it is to be a PEM file that begins with -----BEGIN CERTIFICATE-----",
                Harm::Unusable,
            ),
            Some((names, (from, to))) => {
                if !covers(&names, hostname) {
                    let message =
                        format!("the certificate is for {}, not for {hostname}", names.join(", "));
                    problem(
                        false,
                        message,
                        "get one for this host name, or change `hostname`",
                        Harm::Misnamed,
                    );
                }
                if to < seconds() {
                    let message =
                        format!("the certificate expired {} days ago", (seconds() - to) / 86_400);
                    problem(
                        false,
                        message,
                        "renew it (of certbot's: certbot renew)",
                        Harm::Untrusted,
                    );
                }
                if from > seconds() + 86_400 {
                    let message = "the certificate is not valid yet".into();
                    problem(
                        false,
                        message,
                        "look at the clock of this host (timedatectl)",
                        Harm::Untrusted,
                    );
                }
            }
        }
    }
    if let (Some(chain), Some(private)) = (chain, private) {
        match belongs(chain.bytes(), private.bytes()) {
            Some(true) => {}
            Some(false) => problem(
                true,
                format!("{} is not the key of {}", key.display(), certificate.display()),
                "name the key that the certificate was made for",
                Harm::Unusable,
            ),
            None if parse(chain.bytes()).is_none() => {}
            None => problem(
                true,
                format!("{} holds no private key that can be used", key.display()),
                "it is to be a PEM file with an RSA, ECDSA or Ed25519 key without a passphrase",
                Harm::Unusable,
            ),
        }
    }
    Ok(problems)
}

/// Parses the first certificate: its names, made `visible`, and its start and
/// end in seconds since 1970.
pub(crate) fn parse(pem: &[u8]) -> Option<(Vec<String>, (i64, i64))> {
    parse_der(&CertificateDer::from_pem_slice(pem).ok()?)
}

/// Returns the common name of the authority that issued a certificate in DER.
pub(crate) fn issuer(der: &[u8]) -> Option<String> {
    let issuer = X509::from_der(der).ok()?.tbs_certificate.issuer.to_string();
    issuer.split(',').find_map(|part| part.strip_prefix("CN=")).map(visible)
}

/// Parses a certificate in DER, as [`parse`].
pub(crate) fn parse_der(der: &[u8]) -> Option<(Vec<String>, (i64, i64))> {
    let certificate = X509::from_der(der).ok()?.tbs_certificate;
    let (_, SubjectAltName(names)) = certificate.get::<SubjectAltName>().ok()??;
    let names = names.into_iter().filter_map(|name| match name {
        GeneralName::DnsName(name) => Some(visible(name.to_string().to_lowercase())),
        _ => None,
    });
    let seconds = |time: &x509_cert::time::Time| {
        i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
    };
    let validity = &certificate.validity;
    Some((names.collect(), (seconds(&validity.not_before), seconds(&validity.not_after))))
}

/// Returns the public key of the first certificate, a SubjectPublicKeyInfo in DER.
pub(crate) fn certified_key(pem: &[u8]) -> Option<Vec<u8>> {
    let der = CertificateDer::from_pem_slice(pem).ok()?;
    X509::from_der(&der).ok()?.tbs_certificate.subject_public_key_info.to_der().ok()
}

/// Returns the position of the key's certificate in a chain, from 0.
fn place_of_own(chain: &[u8], key: &[u8]) -> Option<usize> {
    let all = CertificateDer::pem_slice_iter(chain).collect::<std::result::Result<Vec<_>, _>>();
    let key = any_supported_type(&PrivateKeyDer::from_pem_slice(key).ok()?).ok()?;
    let is_own = |one: CertificateDer<'static>| {
        CertifiedKey::new(vec![one], key.clone()).keys_match().is_ok()
    };
    all.ok()?.into_iter().position(is_own)
}

/// Returns whether the first certificate is an authority's.
pub(super) fn is_authority(pem: &[u8]) -> bool {
    let der = CertificateDer::from_pem_slice(pem).ok();
    let certificate = der.and_then(|der| X509::from_der(&der).ok());
    let constraints = certificate.and_then(|it| it.tbs_certificate.get().ok().flatten());
    constraints.is_some_and(|(_, constraints): (bool, BasicConstraints)| constraints.ca)
}

/// Returns whether the key is that of the first certificate; `None` where
/// either cannot be parsed.
pub(crate) fn belongs(chain: &[u8], key: &[u8]) -> Option<bool> {
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(chain).collect::<std::result::Result<_, _>>().ok()?;
    let key = any_supported_type(&PrivateKeyDer::from_pem_slice(key).ok()?).ok()?;
    Some(CertifiedKey::new(chain, key).keys_match().is_ok())
}

/// Returns whether one of a certificate's names matches `hostname`. A star
/// stands for the whole first label (RFC 9525, 6.3).
pub(crate) fn covers(names: &[String], hostname: &str) -> bool {
    names.iter().any(|name| match name.strip_prefix("*.") {
        Some(rest) => hostname.split_once('.').is_some_and(|(_, domain)| domain == rest),
        None => name == hostname,
    })
}

pub(super) fn seconds() -> i64 {
    now() / 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_star_stands_for_one_label() {
        let names = ["*.example.org".to_owned()];
        assert!(covers(&names, "mail.example.org"));
        assert!(!covers(&names, "example.org"));
        assert!(!covers(&names, "a.mail.example.org"));
    }
}
