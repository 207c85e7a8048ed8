//! Prints the list of files that are sent to other hosts.

use serde_json::json;

use super::Report;

/// A file to send.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The path here.
    pub file: String,
    /// The path on the host.
    pub to: String,
    /// Whether it is outside the folder of the mail.yml that names it.
    pub is_outside: bool,
}

impl Report {
    pub(crate) fn sent(&mut self, hosts: &[String], files: &[Sent]) {
        if self.screen.json {
            for host in hosts {
                for Sent { file, to, is_outside } in files {
                    self.emit(json!({
                        "event": "sent", "host": host, "file": file, "to": to,
                        "outside": is_outside,
                    }));
                }
            }
        }
        let width = files.iter().map(|it| it.file.chars().count()).max().unwrap_or(0);
        let line = |Sent { file, to, is_outside }: &Sent| {
            let note = if *is_outside { "  (outside the folder of mail.yml)" } else { "" };
            format!("  {file:width$}  → {to}{note}\n")
        };
        let lines: String = files.iter().map(line).collect();
        let text = format!("Sent to {}:\n{lines}\n", hosts.join(", "));
        match files.iter().any(|file| file.is_outside) {
            true => self.prompt(&text),
            false => self.note(&text),
        }
    }
}
