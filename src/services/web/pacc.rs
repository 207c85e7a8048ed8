//! The settings of mail programs in a form that is a draft yet (PACC,
//! draft-ietf-mailmaint-pacc-04): a file, and a record with its digest.

use base64ct::{Base64, Encoding};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::clients::accesses;
use crate::services::Spec;

/// Returns the text of the file, which is the same for all domains; `None` where there is
/// none.
pub(super) fn pacc(spec: &Spec) -> Option<String> {
    if !spec.services.web?.pacc {
        return None;
    }
    let hostname = spec.hostname.value.as_str();
    // It knows no ports: programs take the usual ones with TLS from the first byte.
    let safe = accesses(&spec.services).into_iter().filter(|it| it.implicit_tls);
    let protocols: Map<String, Value> = safe
        .map(|it| {
            let name = if it.protocol == "smtp" { "submit" } else { it.protocol };
            (name.to_owned(), json!({"host": hostname}))
        })
        .collect();
    let settings = json!({
        "protocols": protocols,
        "authentication": {"password": true},
        "info": {"provider": {"name": hostname}},
    });
    Some(format!("{settings}\n"))
}

/// Returns the text of the record by which a program knows the file.
pub(super) fn announcement(text: &str) -> String {
    format!("v=UAAC1; a=sha256; d={}", Base64::encode_string(&Sha256::digest(text)))
}
