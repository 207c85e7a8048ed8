//! `extra:`: settings that `mail.yml` has no word for.

use super::at::{self, At};
use super::{Invalid, keys};
use crate::yaml::{Decoder, Entry, Fields, printable};

/// Settings that are written last, as they are. Whether Postfix and Dovecot
/// accept them is for their own checkers to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extra {
    /// Postfix parameters and their values, in the order written.
    pub postfix: Vec<(At<String>, String)>,
    /// Lines of Dovecot configuration.
    pub dovecot: Option<At<String>>,
}

/// Reads the section, if it is there.
pub(super) fn read(decoder: &mut Decoder, fields: &Fields<'_>) -> Extra {
    let fields = fields.get("extra").and_then(|entry| decoder.fields(&entry.value, &keys::EXTRA));
    let Some(fields) = fields else {
        return Extra::default();
    };
    let dovecot = fields.get("dovecot").and_then(|entry| {
        let text = decoder.text(&entry.value)?;
        if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            let help = "write lines of Dovecot configuration after `dovecot: |`";
            decoder.refuse(&entry.key.span, "a control character in the text", help);
        }
        Some(At::new(text.to_owned(), entry.value.span.clone()))
    });
    let postfix = fields.get("postfix").and_then(|entry| decoder.entries(&entry.value));
    let postfix = postfix.unwrap_or_default();
    let postfix = postfix.into_iter().filter_map(|entry| parameter(decoder, entry)).collect();
    Extra { postfix, dovecot }
}

fn parameter(decoder: &mut Decoder, entry: &Entry) -> Option<(At<String>, String)> {
    let name = at::key(decoder, &entry.key, parse_name);
    let value = match entry.value.as_scalar() {
        Some(scalar) if scalar.is_null() => {
            let help = "write the value after the `:`, or `\"\"` for an empty one";
            let message = format!("`{}` has no value", decoder.written(&entry.key.span));
            decoder.refuse(&entry.key.span, message, help);
            None
        }
        _ => decoder.line(&entry.value),
    };
    Some((name?, value?.to_owned()))
}

fn parse_name(text: &str) -> Result<String, Invalid> {
    let fits = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fits {
        return Ok(text.to_owned());
    }
    Err(Invalid::new(
        format!("`{}` is not the name of a Postfix parameter", printable(text)),
        "a name is made of letters, digits and `_`, such as `smtpd_client_connection_rate_limit`",
    ))
}
