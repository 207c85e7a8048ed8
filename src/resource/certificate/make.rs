//! Makes self-signed pairs.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// The lifetime of a self-signed certificate in days: the longest that clients accept.
const DAYS: i64 = 825;

/// Makes a server's certificate that covers only its own name, with this key or else a new
/// one. Returns key and certificate, PEM.
pub(crate) fn self_signed(
    hostname: &str,
    key: Option<KeyPair>,
) -> Result<(String, String), rcgen::Error> {
    let key = key.map_or_else(KeyPair::generate, Ok)?;
    let mut wanted = CertificateParams::new([hostname.to_owned()])?;
    wanted.distinguished_name = DistinguishedName::new();
    // A common name has at most 64 characters (RFC 5280, ub-common-name). Clients read the
    // alternative name.
    let common = if hostname.len() <= 64 { hostname } else { "mail" };
    wanted.distinguished_name.push(DnType::CommonName, common);
    wanted.is_ca = IsCa::ExplicitNoCa;
    wanted.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    wanted.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let day = |date: jiff::civil::Date| {
        // A month and a day are never negative.
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    wanted.not_before = day(today);
    wanted.not_after = day(today.saturating_add(DAYS.days()));
    let certificate = wanted.self_signed(&key)?;
    Ok((key.serialize_pem(), certificate.pem()))
}
