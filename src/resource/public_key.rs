//! Public keys, as the kind `key_pair` and templates need them.
//!
//! Templates get the public key by the function `public_key(PATH)`. For a key
//! that is not made yet they get a [hole](fill), which is filled once it is;
//! the plan shows such a file with a part that is known after apply.

use std::fmt;
use std::path::Path;

use base64ct::{Base64, Encoding};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use x509_cert::der::asn1::UintRef;
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::planned::AFTER_APPLY;
use crate::host::{Content, Error, Host, Result};

/// Encloses the path of a key in place of its public key, by characters that no
/// text contains (Unicode, private use).
pub(crate) const HOLE: [char; 2] = ['\u{f8e0}', '\u{f8e1}'];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// RSA, with the number of bits.
    Rsa(u32),
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// The same as rspamd reads it: the base64 of its 32 bytes.
    Ed25519Seed,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA, {bits} bits"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Ed25519Seed => f.write_str("Ed25519, base64"),
        }
    }
}

pub(super) fn unusable(path: &Path, why: &str) -> Error {
    Error::Other(format!(
        "{} {why}, and what is there is never replaced; move it away, then apply again",
        path.display()
    ))
}

/// Parses a private key: returns its algorithm and its public key.
pub(super) fn read(private: &Content) -> std::result::Result<(Algorithm, Vec<u8>), &'static str> {
    const NO_KEY: &str = "holds no private key (PEM, RSA of 2048 to 4096 bits or Ed25519)";
    if let Some(seed) = seed(private) {
        let der = PrivatePkcs8KeyDer::from([ED25519_PKCS8, &seed].concat());
        let key = any_supported_type(&der.into()).map_err(|_| NO_KEY)?;
        return Ok((Algorithm::Ed25519Seed, key.public_key().ok_or(NO_KEY)?.to_vec()));
    }
    let key = PrivateKeyDer::from_pem_slice(private.bytes()).map_err(|_| NO_KEY)?;
    let key = any_supported_type(&key).map_err(|_| NO_KEY)?;
    let public = key.public_key().ok_or(NO_KEY)?.to_vec();
    let algorithm = algorithm(&public).ok_or(NO_KEY)?;
    Ok((algorithm, public))
}

/// What stands before the 32 bytes of an Ed25519 key in PKCS#8 (RFC 8410, 7).
const ED25519_PKCS8: &[u8] = &[48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];

/// Returns the bytes of an Ed25519 key that is written as base64.
fn seed(private: &Content) -> Option<[u8; 32]> {
    let text = std::str::from_utf8(private.bytes()).ok()?;
    Base64::decode_vec(text.trim_end()).ok()?.try_into().ok()
}

/// Writes an Ed25519 key in PEM as base64, on a line.
pub(super) fn as_seed(private: &Content) -> Option<Content> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(private.bytes()).ok()?;
    let seed = key.secret_pkcs8_der().strip_prefix(ED25519_PKCS8)?;
    (seed.len() == 32).then(|| Content::new(Base64::encode_string(seed) + "\n"))
}

/// Parses the algorithm of a public key (RFC 3279, 2.3.1, and RFC 8410).
fn algorithm(public: &[u8]) -> Option<Algorithm> {
    let info = SubjectPublicKeyInfoRef::from_der(public).ok()?;
    match &*info.algorithm.oid.to_string() {
        "1.2.840.113549.1.1.1" => {
            let mut reader = SliceReader::new(info.subject_public_key.raw_bytes()).ok()?;
            let modulus = reader.sequence(|fields| {
                let modulus: UintRef<'_> = fields.decode()?;
                let _: UintRef<'_> = fields.decode()?;
                Ok(modulus)
            });
            Some(Algorithm::Rsa(8 * u32::try_from(modulus.ok()?.as_bytes().len()).ok()?))
        }
        "1.3.101.112" => Some(Algorithm::Ed25519),
        _ => None,
    }
}

/// Encodes a public key in PEM, as `openssl pkey -pubout` does.
pub(super) fn pem(public: &[u8]) -> Vec<u8> {
    let mut text = String::from("-----BEGIN PUBLIC KEY-----\n");
    let encoded = Base64::encode_string(public);
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str("-----END PUBLIC KEY-----\n");
    text.into_bytes()
}

/// Encodes a public key for DNS (RFC 6376, 3.6.1; for Ed25519 the bare key, RFC
/// 8463, 4.2).
pub(super) fn in_dns(public: &[u8]) -> Option<String> {
    let info = SubjectPublicKeyInfoRef::from_der(public).ok()?;
    Some(match algorithm(public)? {
        Algorithm::Rsa(_) => Base64::encode_string(public),
        Algorithm::Ed25519 | Algorithm::Ed25519Seed => {
            Base64::encode_string(info.subject_public_key.raw_bytes())
        }
    })
}

/// Returns the public key of the private key at `path` as DNS has it: base64,
/// on one line. Returns `None` where there is no key yet.
///
/// # Errors
///
/// Fails where the file is not a private key.
pub(crate) fn public_key(host: &Host, path: &Path) -> Result<Option<String>> {
    let Some(content) = host.read(path)? else { return Ok(None) };
    let (_, public) = read(&content).map_err(|why| unusable(path, why))?;
    Ok(in_dns(&public))
}

/// Returns the placeholder for the public key of `path`.
pub(crate) fn hole(path: &str) -> String {
    format!("{}{path}{}", HOLE[0], HOLE[1])
}

/// Fills the holes of a content with public keys. Holes for keys that are not
/// made yet stay.
pub(super) fn fill(host: &Host, content: &Content) -> Result<Content> {
    let Some(text) = with_holes(content) else { return Ok(content.clone()) };
    let mut filled = String::new();
    for (between, path) in holes(text) {
        filled.push_str(between);
        if let Some(path) = path {
            let key = public_key(host, Path::new(path))?;
            filled.push_str(&key.unwrap_or_else(|| hole(path)));
        }
    }
    Ok(Content::new(filled))
}

/// Returns a content for display: fills its holes with public keys, or with
/// words where a key is not made yet.
///
/// # Errors
///
/// Fails where a file that it names is not a private key.
pub(crate) fn filled(host: &Host, content: &Content) -> Result<Content> {
    fill(host, content).map(|content| shown(&content))
}

/// Returns a content as text if it has holes.
pub(super) fn with_holes(content: &Content) -> Option<&str> {
    let text = std::str::from_utf8(content.bytes()).ok()?;
    text.contains(HOLE[0]).then_some(text)
}

/// Splits a text at its holes: the text before each, and its path.
fn holes(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split(HOLE[1]).map(|part| match part.split_once(HOLE[0]) {
        Some((between, path)) => (between, Some(path)),
        None => (part, None),
    })
}

/// Returns a content as a plan shows it.
pub(super) fn shown(content: &Content) -> Content {
    let Some(text) = with_holes(content) else { return content.clone() };
    let show = |(between, path): (&str, Option<&str>)| {
        format!("{between}{}", path.map_or("", |_| AFTER_APPLY))
    };
    Content::new(holes(text).map(show).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn the_example_of_rfc_8410_is_read() {
        let (algorithm, public) = read(&Content::new(ED25519)).unwrap();
        assert_eq!(algorithm, Algorithm::Ed25519);
        let wanted = "-----BEGIN PUBLIC KEY-----\n\
            MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
            -----END PUBLIC KEY-----\n";
        assert_eq!(String::from_utf8(pem(&public)).unwrap(), wanted);
        assert_eq!(in_dns(&public).unwrap(), "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=");
        let seed = as_seed(&Content::new(ED25519)).unwrap();
        assert_eq!(seed.bytes(), b"1O5y2/kTWErVttjx92n4rTr+fCjL8dT74Jeoj0R1WEI=\n");
        assert_eq!(read(&seed).unwrap(), (Algorithm::Ed25519Seed, public));
        for wrong in ["", "text", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
        {
            assert!(read(&Content::new(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn holes_are_filled_once_the_key_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::open(folder.path()).unwrap();
        let text = format!("a {} b {}\n", hole("/key"), hole("/key"));
        let content = Content::new(text.clone());
        assert_eq!(fill(&host, &content).unwrap().bytes(), text.as_bytes());
        assert_eq!(shown(&content).bytes(), b"a (known after apply) b (known after apply)\n");
        std::fs::write(folder.path().join("key"), ED25519).unwrap();
        let filled = fill(&host, &content).unwrap();
        let key = "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
        assert_eq!(filled.bytes(), format!("a {key} b {key}\n").as_bytes());
        assert!(with_holes(&filled).is_none());
    }
}
