//! Prints the passwords of devices: a new one, once, and when each was used last.

use std::fmt::Write;

use serde_json::json;

use super::Report;
use super::format::{moment, timestamp};
use crate::services::app_passwords::{Device, ShownOnce};

/// The nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

impl Report {
    /// Shows a new password, which only its hash is kept of.
    pub(crate) fn app_password(&mut self, new: &ShownOnce) {
        let ShownOnce { account, device, login, password } = new;
        let password = password.secret().expose();
        if self.screen.json {
            return self.emit(json!({
                "event": "app_password", "account": account, "device": device, "login": login,
                "password": password,
            }));
        }
        self.out(&format!(
            "\nThe password for `{device}`, which is shown only now:\n\n    {password}\n\nIt is typed \
             into that device with the hyphens. The login name is {login}.\n"
        ));
    }

    /// Lists devices. `is_known`: whether this host knows when each was used last.
    pub(crate) fn devices(&mut self, devices: &[Device], is_known: bool) {
        if self.screen.json {
            for Device { account, name, used } in devices {
                let used = used.as_ref().map(|it| {
                    let time = timestamp(it.time.saturating_mul(SECOND));
                    json!({"time": time, "protocol": it.protocol, "address": it.address})
                });
                self.emit(json!({
                    "event": "device", "account": account, "name": name, "last_use": used,
                    "last_use_known": is_known,
                }));
            }
        } else if devices.is_empty() {
            self.note("There is no app password.\n");
        } else {
            self.out(&list(devices, is_known));
        }
    }
}

fn list(devices: &[Device], is_known: bool) -> String {
    let width = |of: fn(&Device) -> &str| devices.iter().map(|it| of(it).chars().count()).max();
    let first = width(|it| &it.account).unwrap_or(0);
    let second = width(|it| &it.name).unwrap_or(0);
    let mut text = String::new();
    for Device { account, name, used } in devices {
        let used = match used {
            _ if !is_known => String::new(),
            None => "never used".into(),
            Some(it) => {
                let time = moment(it.time.saturating_mul(SECOND));
                let from = if it.address.is_empty() { "" } else { " from " };
                format!("{time} by {}{from}{}", it.protocol, it.address)
            }
        };
        let line = format!("{account:first$}  {name:second$}  {used}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
