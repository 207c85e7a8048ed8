//! Verifies the signature of the test mail (RFC 6376, 6.1), by the record that
//! its key should have. So a server is found to sign before the record is there.

use base64ct::{Base64, Encoding};
use rustls::crypto::ring;
use rustls::pki_types::alg_id::{ED25519, RSA_ENCRYPTION, RSA_PKCS1_SHA256};
use sha2::{Digest, Sha256};
use x509_cert::der::Decode;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use crate::finding::{Finding, rules};
use crate::services::{Record, RecordInputs};

rules! {
    SIGNED = "mail.signed", "The signature of the test mail",
        "Large providers reject mail without a valid signature, or treat it as spam.";
}

const LOOK: &str = "Run mailprov apply, then see why: journalctl -u opendkim -u rspamd";

/// Judges the signature of a mail that an account sent from this server.
pub(crate) fn judge_signature(inputs: RecordInputs<'_>, mail: &str) -> Finding {
    let finding = Finding::of(&SIGNED).on([465]);
    let records = super::records::records(inputs);
    if records.is_empty() {
        return finding.not_checked("there is no key to verify it by", "Run mailprov apply.");
    }
    let wanted = inputs.spec.services.dkim.map_or(1, |settings| settings.families().len());
    match verify_all(mail, &records) {
        Ok(names) if names.len() < wanted => {
            let by = names.join(" and ");
            finding.wrong(format!("valid by the key {by}, but there should be {wanted}"), LOOK)
        }
        Ok(names) => finding.seen(format!("valid, by the key {}", names.join(" and "))),
        Err(why) => finding.wrong(why, LOOK),
    }
}

/// Verifies the signatures of a mail, and returns the names of the records by which
/// they are valid.
fn verify_all<'r>(mail: &str, records: &'r [Record]) -> Result<Vec<&'r str>, String> {
    let (header, body) = mail.split_once("\n\n").unwrap_or((mail, ""));
    let fields = fields(header);
    let signatures: Vec<_> = fields.iter().filter(|field| field.is("dkim-signature")).collect();
    if signatures.is_empty() {
        return Err("there is none".into());
    }
    signatures.into_iter().map(|signature| verify(signature, &fields, body, records)).collect()
}

fn verify<'r>(
    signature: &Field,
    fields: &[Field],
    body: &str,
    records: &'r [Record],
) -> Result<&'r str, String> {
    let tag = |name| tag(&signature.value, name).ok_or_else(|| format!("it has no {name}="));
    let name = format!("{}._domainkey.{}", tag("s")?, tag("d")?);
    let record = records.iter().find(|record| record.name == name);
    let record =
        record.ok_or_else(|| format!("it is by {name}, which is no key of this server"))?;
    let (of_header, of_body) = canonicalization(&tag("c")?)?;
    let digest = Base64::encode_string(&Sha256::digest(of_body(body)));
    if digest != tag("bh")? {
        return Err("the text of the mail was changed after it was signed".into());
    }
    let signed = signed(fields, &tag("h")?, signature, of_header);
    let bytes = Base64::decode_vec(&tag("b")?).map_err(|_| "it is no base64")?;
    match is_by(&record.value, &signed, &bytes) {
        Some(true) => Ok(&record.name),
        Some(false) => Err(format!("it is not valid by the key {name}")),
        None => Err(format!("the key {name} cannot be read")),
    }
}

/// A field of a header.
struct Field {
    name: String,
    /// With its line breaks.
    value: String,
}

impl Field {
    fn is(&self, name: &str) -> bool {
        self.name.trim().eq_ignore_ascii_case(name.trim())
    }
}

fn fields(header: &str) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for line in header.lines() {
        match (line.starts_with([' ', '\t']), fields.last_mut()) {
            (true, Some(field)) => field.value += &format!("\n{line}"),
            _ => {
                let (name, value) = line.split_once(':').unwrap_or((line, ""));
                fields.push(Field { name: name.into(), value: value.into() });
            }
        }
    }
    fields
}

/// Returns the value of a tag, without white space.
fn tag(list: &str, name: &str) -> Option<String> {
    let mut tags = list.split(';').filter_map(|it| it.split_once('='));
    let (_, value) = tags.find(|(known, _)| known.trim() == name)?;
    Some(value.split_whitespace().collect())
}

type Canonicalize = fn(&str) -> String;
type CanonicalizeField = fn(&Field) -> String;

/// Returns the two ways of `c=` (RFC 6376, 3.4). The test mail was read without
/// tabs and carriage returns, so a simple header cannot be verified.
fn canonicalization(tag: &str) -> Result<(CanonicalizeField, Canonicalize), String> {
    match tag {
        "relaxed/simple" | "relaxed" => Ok((relaxed_field, simple_body)),
        "relaxed/relaxed" => Ok((relaxed_field, relaxed_body)),
        other => Err(format!("its canonicalization is {other}, which this server does not use")),
    }
}

fn relaxed_field(field: &Field) -> String {
    let words: Vec<&str> = field.value.split_whitespace().collect();
    format!("{}:{}", field.name.trim().to_lowercase(), words.join(" "))
}

fn simple_body(body: &str) -> String {
    let lines: Vec<&str> = body.trim_end_matches('\n').split('\n').collect();
    lines.join("\r\n") + "\r\n"
}

fn relaxed_body(body: &str) -> String {
    let relaxed = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let begins = if line.starts_with([' ', '\t']) { " " } else { "" };
        if words.is_empty() { String::new() } else { format!("{begins}{}", words.join(" ")) }
    };
    let lines: Vec<String> = body.split('\n').map(relaxed).collect();
    match lines.join("\r\n").trim_end_matches("\r\n") {
        "" => String::new(),
        text => format!("{text}\r\n"),
    }
}

/// Returns the bytes that are signed (RFC 6376, 3.7): the named fields, of
/// several with a name the last one first, and the signature without itself.
fn signed(fields: &[Field], names: &str, signature: &Field, of: CanonicalizeField) -> String {
    let mut left: Vec<&Field> = fields.iter().collect();
    let mut text = String::new();
    for name in names.split(':') {
        if let Some(at) = left.iter().rposition(|field| field.is(name)) {
            text += &of(left.remove(at));
            text += "\r\n";
        }
    }
    let value = signature.value.split(';').map(|tag| match tag.split_once('=') {
        Some((name, _)) if name.trim() == "b" => format!("{name}="),
        _ => tag.to_owned(),
    });
    let value = value.collect::<Vec<_>>().join(";");
    text + &of(&Field { name: signature.name.clone(), value })
}

/// Returns whether a signature is one of these bytes by the key of a record;
/// `None` if that cannot be read.
fn is_by(record: &str, signed: &str, signature: &[u8]) -> Option<bool> {
    let key = Base64::decode_vec(&tag(record, "p")?).ok()?;
    let known = ring::default_provider().signature_verification_algorithms.all;
    if tag(record, "k").as_deref() == Some("ed25519") {
        // What is signed is the digest of the text (RFC 8463, 3).
        let digest = Sha256::digest(signed);
        let mut ed25519 = known.iter().filter(|it| it.signature_alg_id() == ED25519);
        return Some(ed25519.any(|it| it.verify_signature(&key, &digest, signature).is_ok()));
    }
    let key = SubjectPublicKeyInfoRef::from_der(&key).ok()?;
    let rsa = known.iter().filter(|it| it.signature_alg_id() == RSA_PKCS1_SHA256);
    let mut rsa = rsa.filter(|it| it.public_key_alg_id() == RSA_ENCRYPTION);
    let key = key.subject_public_key.raw_bytes();
    Some(rsa.any(|it| it.verify_signature(key, signed.as_bytes(), signature).is_ok()))
}
