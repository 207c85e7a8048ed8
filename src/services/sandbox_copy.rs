//! Makes a copy of a mail.yml for a throw-away machine: with one more account,
//! whose password is known, and without everything that only the real host has.

use std::path::Path;

use crate::diagnostic::Diagnostic;
use crate::mail::PasswordHash;
use crate::yaml::{Document, Kind, Value};

/// The differences from the original.
#[derive(Debug)]
pub(crate) struct SandboxCopy<'t> {
    /// The name of the account to add.
    pub account: &'t str,
    /// The hash of its password.
    pub hash: &'t PasswordHash,
    /// The directory of the authority that replaces the source of the certificate, if one does.
    pub authority: Option<&'t str>,
    /// The folder of the original, to which its file names are relative.
    pub folder: &'t Path,
}

impl SandboxCopy<'_> {
    /// Makes the copy.
    ///
    /// # Errors
    ///
    /// Returns the first place that cannot be edited.
    pub(crate) fn of(&self, original: &Document) -> Result<Document, Diagnostic> {
        let password = Value::Quoted(self.hash.secret().expose().clone());
        let account = Value::Map(vec![("password".to_owned(), password)]);
        let mut copy = original.insert(&["accounts"], self.account, &account)?;
        if let Some(directory) = self.authority {
            if copy.get(&["tls"]).is_some() {
                copy = copy.remove(&[], "tls")?;
            }
            let directory = Value::Quoted(directory.to_owned());
            let order = Value::Map(vec![("directory".to_owned(), directory)]);
            copy = copy.insert(&[], "tls", &Value::Map(vec![("acme".to_owned(), order)]))?;
        }
        // The machine has no way to the name servers of the world, without which a spam
        // filter takes good mail for spam.
        if copy.get(&["resolver"]).is_some() {
            copy = copy.remove(&[], "resolver")?;
        }
        if copy.get(&["spam"]).is_none() {
            copy = copy.insert(&[], "spam", &Value::Bool(false))?;
        }
        copy = self.find_file(copy, &["relay", "password_file"])?;
        for name in names(&copy) {
            copy = self.find_file(copy, &["accounts", &name, "password_file"])?;
        }
        Ok(copy)
    }

    /// Makes the path of a file at this key absolute, if the key exists.
    fn find_file(&self, copy: Document, path: &[&str]) -> Result<Document, Diagnostic> {
        let scalar = copy.get(path).and_then(|node| node.as_scalar());
        match scalar.map(|scalar| self.folder.join(&scalar.text)) {
            Some(whole) if scalar.is_some_and(|scalar| Path::new(&scalar.text) != whole) => {
                copy.replace(path, &Value::text(whole.display().to_string()))
            }
            _ => Ok(copy),
        }
    }
}

fn names(document: &Document) -> Vec<String> {
    match document.get(&["accounts"]).map(|accounts| &accounts.kind) {
        Some(Kind::Map(entries)) => entries.iter().map(|entry| entry.key.text.clone()).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::Source;

    const SSHA512: &str = "{SSHA512}QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB\
                           QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBc2FsdHNhbHQ=";

    fn copy(text: &str, authority: Option<&str>) -> String {
        let source = Arc::new(Source { name: "mail.yml".into(), text: text.into() });
        let document = Document::parse(&source).unwrap();
        let hash = &PasswordHash::parse(SSHA512).unwrap();
        let folder = Path::new("/home/me");
        let trial = SandboxCopy { account: "probe", hash, authority, folder };
        trial.of(&document).unwrap().source().text.clone()
    }

    #[test]
    fn an_account_is_added_however_they_are_written() {
        let lines = "hostname: a.example\nspam: true\naccounts:\n    me: # it is I\n        password: \"x\"\n";
        assert_eq!(
            copy(lines, None),
            format!("{lines}    probe:\n        password: \"{SSHA512}\"\n")
        );
        let flow = "{spam: true, accounts: {me: {password: x}}}";
        let wanted = format!(
            "{{spam: true, accounts: {{me: {{password: x}}, probe: {{password: \"{SSHA512}\"}}}}}}"
        );
        assert_eq!(copy(flow, None), wanted);
    }

    #[test]
    fn another_authority_stands_in() {
        for tls in ["tls: {certificate: /a, key: /b}\n", "tls:\n  certificate: /a\n  key: /b\n", ""]
        {
            let text =
                copy(&format!("accounts: {{me: {{password: x}}}}\n{tls}"), Some("https://c"));
            assert!(text.contains("directory: \"https://c\""), "{text}");
            assert!(!text.contains("/a"), "{text}");
        }
    }

    #[test]
    fn services_that_need_public_name_servers_are_left_out() {
        let text = copy("resolver: true\naccounts: {me: {password: x}}\n", None);
        assert!(text.starts_with("accounts:") && text.ends_with("spam: false\n"), "{text}");
    }

    #[test]
    fn files_are_found_from_anywhere() {
        let text = "accounts:\n  me: {password_file: secrets/me}\n  you:\n    password_file: '/a/you'\n\
                    relay:\n  host: x\n  password_file: relay\n";
        let text = copy(text, None);
        assert!(text.contains("{password_file: \"/home/me/secrets/me\"}"), "{text}");
        assert!(text.contains("password_file: '/a/you'"), "{text}");
        assert!(text.contains("password_file: \"/home/me/relay\""), "{text}");
    }
}
