//! Reads `web:`: whether there is a web side, and how strict its policy is.

use std::fmt;

use crate::mail::spanned;
use crate::services::{SpecReader, certificate};
use crate::yaml::{KeySpec, Kind, Scalar, Section, ValueType};

pub(super) const KEYS: &[KeySpec] = &[KeySpec::new(
    "web",
    ValueType::Either(&[ValueType::Boolean, ValueType::Section(&SECTION)]),
    "`true`: mail programs set themselves up, people find their settings at \
     `https://HOSTNAME/setup`, and other servers learn to deliver with TLS only (MTA-STS). \
     nginx serves that, or the Apache that is there already; sites of yours stay as they are. \
     `mailprov dns` prints the records.",
)
.or("`true` beside `webmail: true` or `self_service: true`, else `false`")];

const SECTION: Section = Section {
    keys: &[
        KeySpec::new(
            "mta_sts",
            ValueType::OneOf(&PolicyMode::WORDS),
            "`enforce`: other servers deliver to this one only with TLS and a certificate that \
             they trust. `testing`: they deliver, and report what would have failed. `none`: they \
             forget what they were told before; publish that for a week before `off`. `off`: \
             there is no policy.",
        )
        .or("`enforce`"),
        KeySpec::new(
            "pacc",
            ValueType::Boolean,
            "`true`: the settings of mail programs are there in the form of PACC as well, which is \
             a draft that no program asks for yet. It takes a name and a record more for each \
             domain.",
        )
        .or("`false`"),
    ],
    required: &[],
    one_of: &[],
    together: &[],
};

/// What mail.yml says of the web side, where there is one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// How strict the policy of MTA-STS is, if there is one.
    pub mta_sts: Option<PolicyMode>,
    /// Whether the settings of mail programs are there in the form of PACC, too.
    pub pacc: bool,
}

/// What a policy of MTA-STS asks of other servers (RFC 8461, 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyMode {
    /// Deliver with TLS and a trusted certificate, or not at all.
    Enforce,
    /// Deliver all the same, and report.
    Testing,
    /// Forget the former policy.
    None,
}

impl PolicyMode {
    const WORDS: [&'static str; 4] = ["enforce", "testing", "none", OFF];
}

const OFF: &str = "off";

/// As the policy itself writes it.
impl fmt::Display for PolicyMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        })
    }
}

/// Keys of services whose pages are part of the web side.
const SERVED: [&str; 2] = ["webmail", "self_service"];

pub(super) fn read(reader: &mut SpecReader<'_>) -> Option<Option<Settings>> {
    let served = SERVED
        .into_iter()
        .filter_map(|key| reader.fields.get(key))
        .find(|entry| entry.value.as_scalar().and_then(Scalar::boolean) == Some(true));
    let Some(entry) = reader.fields.get("web").or(served) else { return Some(None) };
    let decoder = &mut *reader.decoder;
    let standard = Settings { mta_sts: Some(PolicyMode::Enforce), pacc: false };
    let settings = match entry.value.kind {
        Kind::Map(_) => {
            let fields = decoder.fields(&entry.value, &SECTION)?;
            let help = "write `enforce`, `testing`, `none` or `off`";
            let mta_sts = match fields.get("mta_sts") {
                Some(entry) => spanned::one_of(decoder, entry, &PolicyMode::WORDS, help).map(mode),
                None => Some(standard.mta_sts),
            };
            let pacc = match fields.get("pacc") {
                Some(entry) => decoder.boolean(&entry.value),
                None => Some(standard.pacc),
            };
            Settings { mta_sts: mta_sts?, pacc: pacc? }
        }
        _ if decoder.boolean(&entry.value)? => standard,
        _ => {
            let Some(served) = served else { return Some(None) };
            let what = format!("`{}` without `web`", served.key.text);
            let help = "leave out `web: false`: nginx serves both";
            decoder.error(&served.key.span, what, help);
            return None;
        }
    };
    if certificate::is_self_signed(reader.fields) {
        let help = "write `tls: acme`: programs fetch nothing from a server whose certificate they \
                    cannot trust";
        let what = format!("`{}` beside a self-signed certificate", entry.key.text);
        reader.decoder.error(&entry.key.span, what, help);
        return None;
    }
    Some(Some(settings))
}

fn mode(word: &str) -> Option<PolicyMode> {
    [PolicyMode::Enforce, PolicyMode::Testing, PolicyMode::None]
        .into_iter()
        .find(|mode| mode.to_string() == word)
}
