//! Reads `acme:` of `tls:`: which authority issues the certificate, and how this host
//! proves its name.

use std::net::{IpAddr, SocketAddr};

use base64ct::{Base64, Encoding};
use minijinja::{Value, context};

use crate::mail::{Address, Domain, Files, Invalid, secret_file, spanned};
use crate::resource::acme::{ALGORITHMS, DnsUpdate, LETS_ENCRYPT, Order};
use crate::yaml::{Decoder, Entry, Fields, KeySpec, Section, ValueType, printable};

pub(super) const AUTHORITY: Section = Section {
    keys: &[
        KeySpec::new(
            "directory",
            ValueType::Pattern("^https://"),
            "The URL at which another authority's directory is (RFC 8555).",
        )
        .or("that of Let's Encrypt"),
        KeySpec::new(
            "email",
            ValueType::Text,
            "The address at which the authority can reach you. Let's Encrypt makes no use of it.",
        )
        .or("none"),
        KeySpec::new(
            "profile",
            ValueType::Text,
            "The sort of certificate, such as `shortlived`, if the authority offers several.",
        )
        .or("the authority's default"),
        KeySpec::new(
            "addresses",
            ValueType::NonEmptyList(&ValueType::Text),
            "The public addresses of a router that passes port 80 on to this host (NAT).",
        )
        .or("those of this host"),
        KeySpec::new(
            "dns",
            ValueType::Section(&DNS),
            "The name server that takes updates of your zone (RFC 2136), for a host whose port 80 \
             cannot be reached.",
        )
        .or("the name is proven at port 80"),
    ],
    required: &[],
    one_of: &[],
    together: &[],
};

const DNS: Section = Section {
    keys: &[
        KeySpec::new(
            "server",
            ValueType::Text,
            "Its name or address: `ns.example.org`, or with a port.",
        ),
        KeySpec::new("key", ValueType::Text, "The name of the key (TSIG) that signs the updates."),
        KeySpec::new(
            "password_file",
            ValueType::Text,
            "The file with the secret of the key in base64, as the only line.",
        ),
        KeySpec::new("algorithm", ValueType::OneOf(&ALGORITHMS), "The algorithm of the key.")
            .or("`hmac-sha256`"),
    ],
    required: &["server", "key", "password_file"],
    one_of: &[],
    together: &[],
};

/// The folder whose files the web side shows to an authority. It is there only where there
/// is a web side.
const WEBROOT: &str = "/var/lib/mailprov-web/acme";

/// Returns the default order of a certificate, which holds one name alone, so that no other
/// keeps it from being renewed.
pub(super) fn default_order(name: &str) -> Order {
    Order {
        directory: LETS_ENCRYPT.into(),
        names: vec![name.to_owned()],
        email: None,
        profile: None,
        addresses: Vec::new(),
        dns: None,
        webroot: Some(WEBROOT.into()),
    }
}

/// Returns an order as the steps see it that place it.
pub(in crate::services) fn variables(order: &Order) -> Value {
    let addresses: Vec<_> = order.addresses.iter().map(ToString::to_string).collect();
    let dns = order.dns.clone().unwrap_or_default();
    context! {
        directory => order.directory.as_str(),
        email => order.email.as_deref().unwrap_or_default(),
        profile => order.profile.as_deref().unwrap_or_default(),
        addresses => addresses,
        // Without a server it does not count.
        dns => context! {
            server => dns.server,
            key => dns.key,
            algorithm => dns.algorithm,
            secret_file => dns.secret.display().to_string(),
        },
        webroot => order.webroot.as_ref().map(|it| it.display().to_string()),
    }
}

/// Reads what differs from the default order.
pub(super) fn authority(
    decoder: &mut Decoder,
    fields: &Fields<'_>,
    order: Order,
    files: &Files<'_>,
) -> Option<Order> {
    let directory = match fields.get("directory") {
        Some(entry) => spanned::value(decoder, &entry.value, url).map(|it| it.value),
        None => Some(order.directory),
    };
    let email = match fields.get("email") {
        Some(entry) => spanned::value(decoder, &entry.value, Address::parse).map(Some),
        None => Some(None),
    };
    let profile = match fields.get("profile") {
        Some(entry) => spanned::value(decoder, &entry.value, profile).map(Some),
        None => Some(None),
    };
    let addresses = match fields.get("addresses") {
        Some(entry) => addresses(decoder, entry),
        None => Some(Vec::new()),
    };
    let dns = match fields.get("dns") {
        Some(entry) => dns_update(decoder, entry, files).map(Some),
        None => Some(None),
    };
    Some(Order {
        directory: directory?,
        names: order.names,
        email: email?.map(|email| email.value.to_string()),
        profile: profile?.map(|profile| profile.value),
        addresses: addresses?,
        dns: dns?,
        webroot: order.webroot,
    })
}

fn addresses(decoder: &mut Decoder, entry: &Entry) -> Option<Vec<IpAddr>> {
    let mut all = Some(Vec::new());
    for item in decoder.list(&entry.value)? {
        let address = spanned::value(decoder, item, address);
        all = all.zip(address).map(|(mut all, address)| {
            all.push(address.value);
            all
        });
    }
    all
}

/// Reads the name server and the key. The secret is read once a certificate is ordered;
/// here only whether it can be.
fn dns_update(decoder: &mut Decoder, entry: &Entry, files: &Files<'_>) -> Option<DnsUpdate> {
    let fields = decoder.fields(&entry.value, &DNS)?;
    let mut require = |key| fields.require(key, &entry.key.span, decoder);
    let (server, key, secret) = (require("server"), require("key"), require("password_file"));
    let server = server.and_then(|it| spanned::value(decoder, &it.value, server_and_port));
    let key = key.and_then(|it| spanned::value(decoder, &it.value, key_name));
    let secret = secret.and_then(|it| {
        spanned::value(decoder, &it.value, |path| {
            let secret = secret_file::read(files, path)?;
            let place = files.place(path);
            match Base64::decode_vec(&secret) {
                Ok(_) => Ok(std::path::absolute(&place).unwrap_or(place)),
                Err(_) => Err(Invalid::new(
                    format!("`{}` holds no base64", printable(path)),
                    "write the secret of the key into it, as the name server has it",
                )),
            }
        })
    });
    let help = "write `hmac-sha256`, `hmac-sha384` or `hmac-sha512`";
    let algorithm = match fields.get("algorithm") {
        Some(entry) => spanned::one_of(decoder, entry, &ALGORITHMS, help),
        None => Some(ALGORITHMS[0]),
    };
    Some(DnsUpdate {
        server: server?.value,
        key: key?.value,
        algorithm: algorithm?.into(),
        secret: secret?.value,
    })
}

/// Parses the name of a key, a domain name that may have one label.
fn key_name(text: &str) -> Result<String, Invalid> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        (1..=63).contains(&label.len()) && label.chars().all(is_plain)
    };
    match name.len() < 254 && name.split('.').all(is_label) {
        true => Ok(name.to_lowercase()),
        false => Err(Invalid::new(
            format!("`{}` is no name of a key", printable(text)),
            "write it as the name server has it, such as `mail-acme`",
        )),
    }
}

fn server_and_port(text: &str) -> Result<String, Invalid> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, 53).to_string());
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address.to_string());
    }
    let (name, port) = text.split_once(':').unwrap_or((text, "53"));
    match port.parse::<u16>() {
        Ok(port) if port != 0 => Ok(format!("{}:{port}", Domain::parse(name)?)),
        _ => Err(Invalid::new(
            format!("`{}` has a port that is no number from 1 to 65535", printable(text)),
            "write it as `ns.example.org` or `ns.example.org:53`",
        )),
    }
}

fn url(text: &str) -> Result<String, Invalid> {
    let help =
        "write the URL of the authority's directory, such as https://ca.example.org/directory";
    let rest = text.strip_prefix("https://");
    let host = rest.and_then(|rest| rest.split(['/', ':', '?', '#']).next()).unwrap_or_default();
    let is_plain = text.chars().all(|c| c.is_ascii_graphic() && !"\"'<>\\^`{|}@".contains(c));
    match !host.is_empty() && is_plain {
        true => Ok(text.to_owned()),
        false => Err(Invalid::new(format!("`{}` is not a URL with https", printable(text)), help)),
    }
}

fn profile(text: &str) -> Result<String, Invalid> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err(Invalid::new(
            format!("`{}` is no name of a profile", printable(text)),
            "see the names that the authority offers, such as `classic` or `shortlived`",
        )),
    }
}

fn address(text: &str) -> Result<IpAddr, Invalid> {
    text.parse().map_err(|_| {
        let message = format!("`{}` is not an IP address", printable(text));
        Invalid::new(message, "write one such as 203.0.113.25 or 2001:db8::25")
    })
}
