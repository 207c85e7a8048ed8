//! User-data for cloud-init, by which a new host becomes a mail server at its
//! first boot.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::digest::Digest;
use crate::wire::MailBundle;

/// The script for the first boot; it removes itself when it is done.
const SCRIPT: &str = include_str!("first-boot.sh");

/// The path of the script until then.
const PLACE: &str = "/var/lib/mailprov-first-boot";

/// The address of a program to download: safe in a shell, and over HTTPS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Url(String);

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("https://").ok_or("it does not begin with https://")?;
        if rest.is_empty() || rest.starts_with(['/', ':', '@']) {
            return Err("it names no host".into());
        }
        // The characters of URLs (RFC 3986) without the apostrophe.
        let known = |c: &char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&()*+,;=%".contains(*c);
        match text.chars().find(|c| !known(c)) {
            Some(sign) => Err(format!("{sign:?} cannot stand in it; write it as %XX")),
            None => Ok(Self(text.into())),
        }
    }
}

/// Returns the user-data by which a new host downloads the program of this
/// digest and applies the mail.yml. `folder` is for mail.yml.
pub(crate) fn user_data(bundle: &MailBundle, folder: &Path, url: &Url, program: &Digest) -> String {
    let script =
        SCRIPT.replace("@URL@", &url.to_string()).replace("@SHA256@", &program.to_string());
    let mut files = vec![file(&folder.join("mail.yml"), bundle.text.0.expose(), "0600")];
    for (path, text) in &bundle.files {
        files.push(file(&folder.join(path), text.0.expose(), "0600"));
    }
    files.push(file(Path::new(PLACE), &script, "0700"));
    let config = json!({
        "package_update": true,
        "packages": ["ca-certificates", "curl"],
        "write_files": files,
        "runcmd": [[PLACE]],
    });
    // JSON is YAML.
    format!("#cloud-config\n{config:#}\n")
}

fn file(path: &Path, text: &str, mode: &str) -> Value {
    json!({
        "path": path.display().to_string(),
        "owner": "root:root",
        "permissions": mode,
        "encoding": "b64",
        "content": Base64::encode_string(text.as_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use super::Url;

    #[test]
    fn a_url_is_safe_in_a_script() {
        for good in ["https://a.example/mailprov", "https://a.example:8443/x?y=1&z=%20"] {
            assert_eq!(good.parse::<Url>().unwrap().to_string(), good);
        }
        for bad in [
            "http://a.example/mailprov",
            "https://",
            "https:///x",
            "https://a.example/'; rm -rf /'",
            "https://a.example/x y",
            "https://a.example/x\n",
            "https://a.example/\"",
            "https://a.example/`id`",
            "https://münchen.example/",
            "file:///etc/passwd",
            "-oX",
            "",
        ] {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }
}
