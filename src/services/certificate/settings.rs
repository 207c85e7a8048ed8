//! Reads `tls:`: where the certificate comes from.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::authority::{AUTHORITY, authority, default_order};
use crate::host::Host;
use crate::mail::{Invalid, Spanned, name_of, spanned};
use crate::resource::acme::{Order, Pair};
use crate::services::SpecReader;
use crate::yaml::{Decoder, Entry, Fields, KeySpec, Kind, Node, Section, ValueType, printable};

pub(super) const KEYS: &[KeySpec] = &[TLS, DANE];

const TLS: KeySpec = KeySpec::new(
    "tls",
    ValueType::Either(&[ValueType::OneOf(&[ACME, SELF_SIGNED]), ValueType::Section(&SECTION)]),
    "The certificate that is shown on every port. `acme`: Let's Encrypt issues it, and mailprov \
     renews it by itself. For this the host name must lead here, and port 80 must be free and \
     open; until then, and until the authority has answered, a self-signed one is shown. \
     `self_signed`: mailprov makes one, about which mail programs warn.",
)
.or("`acme`; but a certificate of certbot's for `hostname` is used where there is one");

const DANE: KeySpec = KeySpec::new(
    "dane",
    ValueType::Boolean,
    "`true`: the zone of `hostname` is signed (DNSSEC), so other servers can learn from it which \
     key this one has, and deliver to no other. `mailprov dns` prints the record (TLSA), `mailprov \
     check` compares it, and a renewed certificate has the same key.",
)
.or("`false`");

const ACME: &str = "acme";
const SELF_SIGNED: &str = "self_signed";

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
            SELF_SIGNED,
            ValueType::Boolean,
            "`true`: mailprov makes `/etc/ssl/certs/mailprov.pem` and \
             `/etc/ssl/private/mailprov.key` itself, and makes them anew a month before they \
             expire or when `hostname` changes. Mail programs warn about it.",
        )
        .or("`false`"),
        KeySpec::new(
            ACME,
            ValueType::Either(&[ValueType::Boolean, ValueType::Section(&AUTHORITY)]),
            "`true`: as `tls: acme`. Or how the certificate is ordered.",
        ),
    ],
    required: &[],
    one_of: &["certificate", SELF_SIGNED, ACME],
    together: &["certificate", "key"],
};

/// The paths of certificate and key, and where they come from. The spans are for errors
/// about the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The certificate with its chain.
    pub certificate: Spanned<PathBuf>,
    /// The private key of the certificate.
    pub key: Spanned<PathBuf>,
    /// Where they come from.
    pub source: CertificateSource,
    /// Whether other servers learn the key from DNS (DANE).
    pub dane: bool,
}

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// mail.yml names files, which another program may renew.
    Named,
    /// mailprov makes it.
    SelfSigned,
    /// An authority issues it.
    Acme {
        /// What is ordered.
        order: Box<Order>,
        /// Whether mail.yml asks for it. If not, certbot's certificate comes first.
        is_asked_for: bool,
    },
}

const SELF_SIGNED_CERTIFICATE: &str = "/etc/ssl/certs/mailprov.pem";
const SELF_SIGNED_KEY: &str = "/etc/ssl/private/mailprov.key";

/// The folder of issued pairs, which is watched.
pub(in crate::services) const ISSUED: &str = "/etc/ssl/mailprov";
const ISSUED_CERTIFICATE: &str = "/etc/ssl/mailprov/mail.pem";
const ISSUED_KEY: &str = "/etc/ssl/mailprov/mail.key";

/// The folder of certbot's certificates, each in a folder of its name.
const CERTBOT: &str = "/etc/letsencrypt/live";

/// The folder of certbot's settings, which users other than root can list.
const CERTBOT_RENEWAL: &str = "/etc/letsencrypt/renewal";

/// Returns the names of the certificates that certbot keeps on a host.
pub(super) fn names_at_certbot(host: &Host) -> Vec<String> {
    // Without the right to read one, the other tells.
    let live = host.list(Path::new(CERTBOT)).unwrap_or_default();
    let renewal = host.list(Path::new(CERTBOT_RENEWAL)).unwrap_or_default();
    let renewed = renewal.iter().filter_map(|file| file.strip_suffix(".conf").map(str::to_owned));
    let mut names: Vec<_> = live.into_iter().filter(|it| it != "README").chain(renewed).collect();
    names.sort();
    names.dedup();
    names
}

impl Settings {
    /// Returns the settings as they are on a host: where mail.yml does not say, those of a
    /// certificate that certbot keeps there for this name.
    pub fn on(&self, host: &Host) -> Cow<'_, Self> {
        match self.source {
            CertificateSource::Acme { is_asked_for: false, .. } => {
                self.beside(&names_at_certbot(host))
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// Returns the settings on a host where certbot keeps certificates of these names.
    pub(super) fn beside(&self, certbot: &[String]) -> Cow<'_, Self> {
        let CertificateSource::Acme { order, is_asked_for: false } = &self.source else {
            return Cow::Borrowed(self);
        };
        let Some(name) = order.names.first().filter(|name| certbot.contains(name)) else {
            return Cow::Borrowed(self);
        };
        let place = &self.certificate.span;
        let at = |file: &str| Spanned::new(Path::new(CERTBOT).join(name).join(file), place.clone());
        Cow::Owned(Self {
            certificate: at("fullchain.pem"),
            key: at("privkey.pem"),
            source: CertificateSource::Named,
            dane: self.dane,
        })
    }

    /// Returns the pair and the order, if an authority issues it.
    pub fn order(&self) -> Option<(Pair, &Order)> {
        match &self.source {
            CertificateSource::Acme { order, .. } => Some((self.pair(), order)),
            CertificateSource::Named | CertificateSource::SelfSigned => None,
        }
    }

    /// Returns the pair and the order of a further name's certificate, which is one of its
    /// own, so that this name keeps no other from being renewed. Where another program gets
    /// the certificate of mail, Let's Encrypt issues this one.
    pub(in crate::services) fn order_of(&self, name: &str) -> Option<(Pair, Order)> {
        let order = match &self.source {
            CertificateSource::Acme { order, .. } => {
                Order { names: vec![name.into()], ..*order.clone() }
            }
            CertificateSource::Named => default_order(name),
            CertificateSource::SelfSigned => return None,
        };
        let at = |kind: &str| PathBuf::from(format!("{ISSUED}/{name}.{kind}"));
        Some((Pair { certificate: at("pem"), key: at("key") }, order))
    }

    /// Returns whether mailprov makes or gets the pair itself.
    pub fn is_managed(&self) -> bool {
        self.source != CertificateSource::Named
    }

    /// Returns whether mail.yml asks for a self-signed certificate.
    pub fn is_self_signed(&self) -> bool {
        self.source == CertificateSource::SelfSigned
    }

    /// Returns how the certificate is renewed.
    pub(in crate::services) fn renewal(&self) -> &'static str {
        match self.source {
            CertificateSource::SelfSigned => "Make a new one: mailprov apply",
            CertificateSource::Named => {
                "Renew it (of certbot's: certbot renew), then run mailprov apply."
            }
            CertificateSource::Acme { .. } => "Order a new one: mailprov certificate renew",
        }
    }

    fn pair(&self) -> Pair {
        Pair { certificate: self.certificate.value.clone(), key: self.key.value.clone() }
    }
}

/// Returns whether `tls:` asks for a self-signed certificate.
pub(in crate::services) fn is_self_signed(fields: &Fields<'_>) -> bool {
    let Some(tls) = fields.get("tls") else { return false };
    let is = |node: &Node, word: &str| node.as_scalar().is_some_and(|it| it.text == word);
    let flag = match &tls.value.kind {
        Kind::Map(entries) => entries.iter().find(|entry| entry.key.text == SELF_SIGNED),
        _ => None,
    };
    is(&tls.value, SELF_SIGNED) || flag.is_some_and(|flag| is(&flag.value, "true"))
}

/// Reads both keys. The default of the certificate depends on the host name.
pub(super) fn read(reader: &mut SpecReader<'_>) -> Option<Settings> {
    let tls = read_tls(reader);
    let dane = match reader.fields.get("dane") {
        Some(entry) => reader.decoder.boolean(&entry.value),
        None => Some(false),
    };
    let (certificate, key, source) = tls?;
    Some(Settings { certificate, key, source, dane: dane? })
}

/// The certificate, the key, and where they come from.
type Tls = (Spanned<PathBuf>, Spanned<PathBuf>, CertificateSource);

fn read_tls(reader: &mut SpecReader<'_>) -> Option<Tls> {
    let decoder = &mut *reader.decoder;
    let (hostname, files) = (reader.hostname, reader.files);
    let Some(entry) = reader.fields.get("tls") else {
        let Spanned { value, span } = hostname?;
        return Some(issued(default_order(value.as_str()), false, span.clone()));
    };
    if !matches!(entry.value.kind, Kind::Map(_)) {
        let help = "write `acme`, `self_signed` or `{certificate: PATH, key: PATH}`";
        let span = entry.value.span.clone();
        return match spanned::one_of(decoder, entry, &[ACME, SELF_SIGNED], help)? {
            ACME => Some(issued(default_order(hostname?.value.as_str()), true, span)),
            _ => Some(self_signed(span)),
        };
    }
    let fields = decoder.fields(&entry.value, &SECTION)?;
    let managed = [fields.get(ACME), fields.get(SELF_SIGNED)];
    let Some(managed) = managed.into_iter().flatten().next() else {
        let certificate = path(decoder, &fields, "certificate", entry);
        let key = path(decoder, &fields, "key", entry);
        return Some((certificate?, key?, CertificateSource::Named));
    };
    let others = ["certificate", "key", SELF_SIGNED].map(|key| fields.get(key));
    let other = others.into_iter().flatten().find(|it| it.key.text != managed.key.text);
    let name = &managed.key.text;
    let asked = match (&managed.value.kind, name.as_str()) {
        (Kind::Map(_), ACME) => Some(decoder.fields(&managed.value, &AUTHORITY)?),
        _ if decoder.boolean(&managed.value)? => None,
        _ => {
            let help = match other {
                Some(_) => format!("remove `{name}: false`"),
                None => format!("write `{name}: true`, or name `certificate` and `key`"),
            };
            decoder.error(&managed.key.span, format!("`{name}` beside nothing else"), &help);
            return None;
        }
    };
    if let Some(other) = other {
        let message = format!("`{}` beside `{name}`", other.key.text);
        decoder.error(&other.key.span, message, "keep one of them: each is a certificate");
        return None;
    }
    let span = managed.key.span.clone();
    if name == SELF_SIGNED {
        return Some(self_signed(span));
    }
    let standard = default_order(hostname?.value.as_str());
    let order = match asked {
        Some(fields) => authority(decoder, &fields, standard, files)?,
        None => standard,
    };
    Some(issued(order, true, span))
}

fn self_signed(span: Range<usize>) -> Tls {
    let at = |path: &str| Spanned::new(PathBuf::from(path), span.clone());
    (at(SELF_SIGNED_CERTIFICATE), at(SELF_SIGNED_KEY), CertificateSource::SelfSigned)
}

fn issued(order: Order, is_asked_for: bool, span: Range<usize>) -> Tls {
    let at = |path: &str| Spanned::new(PathBuf::from(path), span.clone());
    let source = CertificateSource::Acme { order: Box::new(order), is_asked_for };
    (at(ISSUED_CERTIFICATE), at(ISSUED_KEY), source)
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
