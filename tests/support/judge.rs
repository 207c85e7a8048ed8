//! Second opinions on mail: of dkimpy on its signatures, of authheaders on DMARC. Both
//! are Debian's.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use serde::Deserialize;

/// Verifies each signature of the mail on standard input, by the records in the
/// argument.
const SIGNATURES: &str = r#"
import dkim, json, sys
records = json.loads(sys.argv[1])
def text(name, timeout=5):
    return records.get(name.decode().rstrip('.'), '').encode() or None
mail = sys.stdin.buffer.read()
judge = dkim.DKIM(mail)
signatures = [v for n, v in judge.headers if n.lower() == b'dkim-signature']
found = []
for index, value in enumerate(signatures):
    tags = dkim.util.parse_tag_value(value)
    try:
        valid = judge.verify(index, dnsfunc=text)
    except dkim.DKIMException as error:
        valid = False
    found.append({'valid': valid, 'domain': tags[b'd'].decode(), 'selector': tags[b's'].decode()})
print(json.dumps(found))
"#;

/// Writes the `Authentication-Results` of the mail on standard input, by the records in
/// the argument. authheaders asks for names as text, dkimpy as bytes.
const RESULTS: &str = r#"
import authheaders, json, sys
records = json.loads(sys.argv[1])
def text(name, timeout=5):
    if isinstance(name, str):
        return records.get(name, '')
    return records.get(name.decode().rstrip('.'), '').encode() or None
print(authheaders.authenticate_message(sys.stdin.buffer.read(), 'mx.elsewhere.example', dnsfunc=text))
"#;

/// Verifies the chain of seals of the mail on standard input (ARC), likewise.
const SEALS: &str = r#"
import dkim, json, sys
records = json.loads(sys.argv[1])
def text(name, timeout=5):
    return records.get(name.decode().rstrip('.'), '').encode() or None
state, seals, why = dkim.arc_verify(sys.stdin.buffer.read(), dnsfunc=text)
print(json.dumps([state.decode(), len(seals), why]))
"#;

/// What dkimpy says of a signature.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Judgement {
    pub valid: bool,
    pub domain: String,
    pub selector: String,
}

/// Judges the signatures of a mail, the topmost first, by published texts.
pub fn judge(mail: &[u8], texts: &BTreeMap<String, String>) -> Vec<Judgement> {
    serde_json::from_str(&ask(SIGNATURES, mail, texts)).unwrap()
}

/// Judges the chain of seals of a mail by published texts. Returns its state (`pass`,
/// `fail`, `none`), the number of seals, and the reason.
pub fn seals(mail: &[u8], texts: &BTreeMap<String, String>) -> (String, usize, String) {
    serde_json::from_str(&ask(SEALS, mail, texts)).unwrap()
}

/// Judges a mail by published texts, of which one is a DMARC policy. Returns the results
/// for DKIM and DMARC (RFC 8601).
pub fn dmarc(mail: &[u8], texts: &BTreeMap<String, String>) -> String {
    ask(RESULTS, mail, texts)
}

fn ask(program: &str, mail: &[u8], texts: &BTreeMap<String, String>) -> String {
    let records = serde_json::to_string(texts).unwrap();
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", program, &records])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(mail).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "it fails; see above");
    String::from_utf8(output.stdout).unwrap()
}
