//! Reads `relay:`: the host that receives outgoing mail.

use std::net::Ipv6Addr;
use std::ops::Range;

use crate::mail::{Domain, Invalid, Spanned, name_of, secret_file, spanned};
use crate::secret::Secret;
use crate::services::SpecReader;
use crate::yaml::{KeySpec, Section, ValueType, printable};

pub(super) const KEYS: &[KeySpec] = &[KeySpec::new(
    "relay",
    ValueType::Section(&SECTION),
    "A server that takes all outgoing mail.",
)
.or("none")];

const SECTION: Section = Section {
    keys: &[
        KeySpec::new(
            "host",
            ValueType::Text,
            "`\"[smtp.provider.example]:587\"`. In brackets it is that host; without, its MX \
             records are looked up. The port is 587 unless given; on 465 TLS begins at once. TLS \
             is required in any case.",
        ),
        KeySpec::new(
            "tls",
            ValueType::OneOf(&LEVELS),
            "`secure`: it gets mail and password only with a certificate that verifies and is for \
             the name in `host` (without brackets: for that domain or a host in it). `encrypt`: \
             any certificate will do, so anyone on the way may pose as it. An address fits no \
             certificate.",
        )
        .or("`secure` with `username`, else `encrypt`"),
        KeySpec::new(
            "username",
            ValueType::Text,
            "The name to log in with; together with `password_file`.",
        )
        .or("none"),
        KeySpec::new(
            "password_file",
            ValueType::Text,
            "A file with the password in the clear on its only line. A relative path begins at \
             the folder of `mail.yml`.",
        )
        .or("none"),
    ],
    required: &["host"],
    one_of: &[],
    together: &["username", "password_file"],
};

/// A smarthost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Name or address in Postfix's syntax, with brackets and port.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The verification that Postfix requires, one of `LEVELS`.
    pub tls: &'static str,
    /// The login, if the server requires one.
    pub login: Option<Login>,
}

/// The verification of a smarthost, named like the levels of
/// `smtp_tls_security_level` (postconf(5)): its certificate must be valid for
/// the name in `host`, or any certificate will do.
const LEVELS: [&str; 2] = ["secure", "encrypt"];

/// The login at a smarthost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub username: String,
    /// The password, from a file of its own.
    pub password: Secret<String>,
    /// The place in `mail.yml` that names that file, for diagnostics.
    pub place: Range<usize>,
}

/// The submission port, which smarthosts offer to their customers.
const DEFAULT_PORT: u16 = 587;

pub(super) fn read(reader: &mut SpecReader<'_>) -> Option<Settings> {
    let entry = reader.fields.get("relay")?;
    let (decoder, files) = (&mut *reader.decoder, reader.files);
    let fields = decoder.fields(&entry.value, &SECTION)?;
    let host = fields
        .require("host", &entry.key.span, decoder)
        .and_then(|entry| spanned::value(decoder, &entry.value, parse_host));
    let username = fields
        .get("username")
        .and_then(|entry| spanned::value(decoder, &entry.value, parse_username));
    let password = fields.get("password_file").and_then(|entry| {
        spanned::value(decoder, &entry.value, |path| secret_file::read(files, path))
    });
    for (one, other) in [("username", "password_file"), ("password_file", "username")] {
        if let (Some(entry), false) = (fields.get(one), fields.has(other)) {
            let message = format!("`{one}` without `{other}`");
            decoder.error(&entry.key.span, message, &format!("add `{other}`, or remove `{one}`"));
        }
    }
    let login = username.zip(password).map(|(username, password)| Login {
        username: username.value,
        password: Secret::new(password.value),
        place: password.span,
    });
    let help = "write `secure`, or `encrypt` to take any certificate";
    let tls = fields.get("tls").and_then(|entry| spanned::one_of(decoder, entry, &LEVELS, help));
    // A password is sent only to a verified server.
    let tls = tls.unwrap_or(if login.is_some() { "secure" } else { "encrypt" });
    let Spanned { value: (host, port), .. } = host?;
    Some(Settings { host, port, tls, login })
}

/// Parses `name`, `name:port`, or either with `[name]`, which prevents an MX lookup.
fn parse_host(text: &str) -> Result<(String, u16), Invalid> {
    let wrong = |why: &str| {
        let message = format!("`{}` {why}", printable(text));
        Invalid::new(message, "write it as `[smtp.provider.example]:587`")
    };
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(|| wrong("has no closing `]`"))?;
            let port = match rest.strip_prefix(':') {
                None if rest.is_empty() => None,
                None => return Err(wrong("has something between `]` and the port")),
                port => port,
            };
            (host, port)
        }
        None => match text.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(Invalid::new(
                    format!("`{}` is an IPv6 address without brackets", printable(text)),
                    "write it as `[2001:db8::1]:587`",
                ));
            }
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => port
            .parse()
            .ok()
            .filter(|n| *n != 0 && port.bytes().all(|b| b.is_ascii_digit()))
            .ok_or_else(|| wrong("has a port that is no number from 1 to 65535"))?,
    };
    let shown = match (host.parse::<Ipv6Addr>(), host.parse::<std::net::Ipv4Addr>()) {
        (Ok(address), _) => format!("[{address}]"),
        (_, Ok(address)) => format!("[{address}]"),
        _ if text.starts_with('[') => format!("[{}]", Domain::parse(host)?),
        _ => Domain::parse(host)?.to_string(),
    };
    Ok((format!("{shown}:{port}"), port))
}

/// Parses a name that Postfix's password table can contain.
fn parse_username(text: &str) -> Result<String, Invalid> {
    if text.is_empty() {
        return Err(Invalid::new("the name is empty", "write the name the provider gave you"));
    }
    match text.chars().find(|c| *c == ':' || c.is_whitespace()) {
        Some(sign) => Err(Invalid::new(
            format!("the name contains {}", name_of(sign)),
            "Postfix's password table cannot hold such a name",
        )),
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_written_as_postfix_wants_it() {
        for (text, host) in [
            ("[smtp.Provider.example]:465", "[smtp.provider.example]:465"),
            ("smtp.provider.example", "smtp.provider.example:587"),
            ("provider.example:25", "provider.example:25"),
            ("[2001:db8::1]", "[2001:db8::1]:587"),
            ("192.0.2.1:25", "[192.0.2.1]:25"),
        ] {
            assert_eq!(parse_host(text).unwrap().0, host);
        }
        for text in [
            "",
            "[a.org",
            "[a.org]587",
            "a.org:",
            "a.org:0",
            "a.org:+5",
            "a.org:70000",
            "::1",
            "a b.org",
        ] {
            assert!(parse_host(text).is_err(), "{text}");
        }
    }
}
