//! Prints the bans of addresses.

use std::fmt::Write;

use serde_json::json;

use super::Report;
use crate::services::ban::{Banned, Guesser};

impl Report {
    /// Lists bans.
    pub(crate) fn bans(&mut self, bans: &[Banned]) {
        if self.screen.json {
            for Banned { guesser, since, until, .. } in bans {
                let address = guesser.to_string();
                self.emit(json!({
                    "event": "ban", "address": address, "since": since, "until": until,
                }));
            }
        }
        self.say(&list(bans));
    }

    /// Reports that an address may come again.
    pub(crate) fn lifted(&mut self, guesser: &Guesser) {
        if self.screen.json {
            self.emit(json!({"event": "lifted", "address": guesser.to_string()}));
        }
        self.say(&format!("{guesser} may log in again.\n"));
    }
}

fn list(bans: &[Banned]) -> String {
    if bans.is_empty() {
        return "No address is banned.\n".into();
    }
    let width = bans.iter().map(|ban| ban.guesser.to_string().len()).max().unwrap_or(0);
    let mut text = String::new();
    for ban in bans {
        let _ = writeln!(text, "{:width$}  until {}", ban.guesser.to_string(), ban.until);
    }
    text
}
