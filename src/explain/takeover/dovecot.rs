//! Finds the settings in `doveconf -n` that will be lost, of Dovecot 2.3 or 2.4.

use super::postfix::fits;
use super::{IMPORT, Loss, New, words};

/// The settings for the place of mail in Dovecot 2.3 and 2.4.
const PLACES: &str =
    "mail_location mail_path mail_driver mail_home mail_inbox_path mail_index_path";

/// Debian's defaults: mail in the home of each system user and in `/var/mail`.
const USUAL_PLACES: [&str; 5] = [
    "mbox:~/mail:INBOX=/var/mail/%u",
    "mbox",
    "/home/%{user | username}",
    "/var/mail/%{user}",
    "%{home}/mail",
];

/// The account databases of every Debian: those of system users.
const USUAL_ACCOUNTS: [&str; 3] = ["pam", "passwd", "shadow"];

/// The protocols that mailprov knows.
const USUAL_PROTOCOLS: &str = "imap pop3 lmtp sieve none";

/// The place of Sieve scripts that Debian's package sets, as mailprov does.
const USUAL_SCRIPTS: &str = "file:~/sieve;active=~/.dovecot.sieve";

/// Settings that need no mention.
const QUIET: &str = "
    auth_mechanisms auth_username_format auth_verbose default_internal_user disable_plaintext_auth
    auth_allow_cleartext dovecot_config_version dovecot_storage_version first_valid_uid
    fts_autoindex fts_autoindex_max_recent_msgs fts_search_add_missing info_log_path
    last_valid_uid listen log_path debug_log_path log_timestamp login_greeting mail_access_groups
    managesieve_*
    mail_gid mail_uid mail_privileged_group mail_debug maildir_stat_dirs protocols ssl ssl_*
";

pub(super) fn losses(text: &str, new: &New<'_>) -> Vec<Loss> {
    let mut losses = Vec::new();
    let (mut places, mut accounts, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    let mut has_filters = false;
    for (blocks, name, value) in settings(text) {
        let block = blocks.first().map_or("", String::as_str);
        let kind = block.split(' ').next().unwrap_or_default();
        let shown = format!("{name} = {value}");
        match kind {
            "" if fits(PLACES, &name) => {
                let is_usual = USUAL_PLACES.contains(&value.as_str());
                places.extend((!is_usual).then_some(shown));
            }
            "passdb" | "userdb" => {
                // In Dovecot 2.4 the driver is the name of the block.
                let driver = match name.as_str() {
                    "driver" => Some(value.as_str()),
                    _ => block.split(' ').nth(1),
                };
                let driver = driver.filter(|it| !USUAL_ACCOUNTS.contains(it));
                let known = driver.map(|driver| format!("{driver} ({kind})"));
                accounts.extend(known.filter(|known| !accounts.contains(known)));
            }
            "" if name == "protocols" => {
                let mut more = words(&value, &[' ', '"']);
                has_filters |= more.iter().any(|protocol| protocol == "sieve");
                more.retain(|protocol| !fits(USUAL_PROTOCOLS, protocol));
                rest.extend((!more.is_empty()).then(|| format!("protocols = {}", more.join(" "))));
            }
            "protocols" if name == "sieve" && value == "yes" => has_filters = true,
            "protocols" if !fits(USUAL_PROTOCOLS, &name) && value == "yes" => {
                rest.push(format!("protocols/{name}"));
            }
            "" if !fits(QUIET, &name) => rest.push(shown),
            "plugin" if name.is_empty() || name == "sieve" && value == USUAL_SCRIPTS => {}
            "plugin" => rest.push(format!("plugin/{shown}")),
            "protocol" if name == "mail_plugins" => rest.push(format!("{block}/{shown}")),
            _ => {}
        }
    }
    if !places.is_empty() {
        let places = places.join(", ");
        losses.push(Loss::new(
            format!("Dovecot has its mail elsewhere ({places}); it stays there, and is not in the new mailboxes"),
            IMPORT,
        ));
    }
    if !accounts.is_empty() {
        losses.push(Loss::new(
            format!("Dovecot knows its accounts from {}", accounts.join(", ")),
            "add those that are to stay to `accounts:`, with their hashes",
        ));
    }
    if has_filters && !new.serves("sieve") {
        losses.push(Loss::new(
            "People have filters (Sieve): no more can be written, and the old ones do not run",
            "sieve: true",
        ));
    }
    if !rest.is_empty() {
        losses.push(Loss::new(
            format!("Dovecot is set up otherwise: {}", rest.join("; ")),
            "extra: {dovecot: |} with the lines that are to stay",
        ));
    }
    losses
}

/// Parses settings, each with its enclosing blocks, the outermost first. An
/// empty block is a setting without a value.
fn settings(text: &str) -> Vec<(Vec<String>, String, String)> {
    let mut found = Vec::new();
    let mut blocks: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(block) = line.strip_suffix('{') {
            blocks.push(block.trim().to_owned());
            found.push((blocks.clone(), String::new(), String::new()));
        } else if line == "}" {
            blocks.pop();
        } else if let Some((name, value)) = line.split_once('=') {
            found.push((blocks.clone(), name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    found
}
