//! Reads `tls:`: the paths of certificate and key.

use std::path::{Path, PathBuf};

use crate::mail::{Invalid, Spanned, name_of, spanned};
use crate::services::SpecReader;
use crate::yaml::{Decoder, Entry, Fields, KeySpec, Section, ValueType, printable};

pub(super) const KEYS: &[KeySpec] = &[KeySpec::new(
    "tls",
    ValueType::Section(&SECTION),
    "The certificate that is shown on every port.",
)
.or("certbot's for `hostname`")];

const SECTION: Section = Section {
    keys: &[
        KeySpec::new(
            "certificate",
            ValueType::Pattern("^/"),
            "The absolute path of the certificate with its whole chain, in PEM.",
        ),
        KeySpec::new(
            "key",
            ValueType::Pattern("^/"),
            "The absolute path of the key, in PEM and without a passphrase.",
        ),
        KeySpec::new(
            "self_signed",
            ValueType::Boolean,
            "`true`: mailprov makes `/etc/ssl/certs/mailprov.pem` and \
             `/etc/ssl/private/mailprov.key` itself, and makes them anew a month before they \
             expire or when `hostname` changes. Mail programs warn about it.",
        )
        .or("`false`"),
    ],
    required: &[],
    one_of: &["certificate", "self_signed"],
    together: &["certificate", "key"],
};

/// The paths of certificate and key. Whether they exist, belong together and
/// fit the host name can only be checked on the host; the spans are for those
/// errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The certificate with its chain.
    pub certificate: Spanned<PathBuf>,
    /// The private key of the certificate.
    pub key: Spanned<PathBuf>,
    /// Whether mailprov makes the pair itself.
    pub self_signed: bool,
}

const SELF_SIGNED_CERTIFICATE: &str = "/etc/ssl/certs/mailprov.pem";
const SELF_SIGNED_KEY: &str = "/etc/ssl/private/mailprov.key";

/// Reads the section. The default depends on the host name.
pub(super) fn read(reader: &mut SpecReader<'_>) -> Option<Settings> {
    let decoder = &mut *reader.decoder;
    let Some(entry) = reader.fields.get("tls") else {
        let Spanned { value: hostname, span } = reader.hostname?;
        let path = |file: &str| {
            Spanned::new(format!("/etc/letsencrypt/live/{hostname}/{file}").into(), span.clone())
        };
        return Some(Settings {
            certificate: path("fullchain.pem"),
            key: path("privkey.pem"),
            self_signed: false,
        });
    };
    let fields = decoder.fields(&entry.value, &SECTION)?;
    if let Some(flag) = fields.get("self_signed") {
        return self_signed(decoder, flag, &fields);
    }
    let certificate = path(decoder, &fields, "certificate", entry);
    let key = path(decoder, &fields, "key", entry);
    Some(Settings { certificate: certificate?, key: key?, self_signed: false })
}

fn self_signed(decoder: &mut Decoder, flag: &Entry, fields: &Fields<'_>) -> Option<Settings> {
    let others = [fields.get("certificate"), fields.get("key")];
    if !decoder.boolean(&flag.value)? {
        if others.iter().all(Option::is_none) {
            let help =
                "name `certificate` and `key`, or leave `tls` out for those of Let's Encrypt";
            decoder.error(&flag.key.span, "there is no certificate", help);
            return None;
        }
        let help = "remove `self_signed: false`: a certificate that you name is never replaced";
        decoder.error(&flag.key.span, "`self_signed` beside a certificate", help);
        return None;
    }
    if let Some(other) = others.into_iter().flatten().next() {
        let message = format!("`{}` beside `self_signed: true`", other.key.text);
        let help = "keep one of them: a self-signed pair has a place of its own";
        decoder.error(&other.key.span, message, help);
        return None;
    }
    let at = |path: &str| Spanned::new(PathBuf::from(path), flag.key.span.clone());
    Some(Settings {
        certificate: at(SELF_SIGNED_CERTIFICATE),
        key: at(SELF_SIGNED_KEY),
        self_signed: true,
    })
}

fn path(
    decoder: &mut Decoder,
    fields: &Fields<'_>,
    key: &str,
    section: &Entry,
) -> Option<Spanned<PathBuf>> {
    let entry = fields.require(key, &section.key.span, decoder)?;
    spanned::value(decoder, &entry.value, |text| {
        let shown = printable(text);
        if !Path::new(text).is_absolute() {
            let help = format!("write the whole path, such as `/etc/ssl/{shown}`");
            return Err(Invalid::new(format!("`{shown}` is not an absolute path"), help));
        }
        // These characters have a meaning in the configuration files of both servers.
        let special = |c: char| c.is_whitespace() || "\"'#$,<>{}\\".contains(c);
        if let Some(sign) = text.chars().find(|c| special(*c)) {
            let message = format!("`{shown}` contains {}", name_of(sign));
            return Err(Invalid::new(message, "Postfix and Dovecot cannot read such a path"));
        }
        Ok(PathBuf::from(text))
    })
}
