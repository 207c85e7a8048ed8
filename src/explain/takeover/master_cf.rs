//! Finds the services of a master.cf that will be lost.

use super::super::{File, settings};
use super::{Loss, New};

/// The services in Debian's master.cf and its comments.
const USUAL: &[&str] = &[
    "smtp inet",
    "pickup unix",
    "pickup fifo",
    "cleanup unix",
    "qmgr unix",
    "qmgr fifo",
    "tlsmgr unix",
    "rewrite unix",
    "bounce unix",
    "defer unix",
    "trace unix",
    "verify unix",
    "flush unix",
    "proxymap unix",
    "proxywrite unix",
    "smtp unix",
    "relay unix",
    "showq unix",
    "error unix",
    "retry unix",
    "discard unix",
    "local unix",
    "virtual unix",
    "lmtp unix",
    "anvil unix",
    "scache unix",
    "postlog unix-dgram",
    "maildrop unix",
    "uucp unix",
    "ifmail unix",
    "bsmtp unix",
    "scalemail-backend unix",
    "mailman unix",
    "submission inet",
    "submissions inet",
    "smtps inet",
    "465 inet",
    "587 inet",
    "dovecot unix",
];

/// The options of submission ports in Debian's comments and in common guides,
/// and the log name of any service.
const USUAL_OPTIONS: &[&str] = &[
    "syslog_name",
    "smtpd_tls_security_level=encrypt",
    "smtpd_tls_security_level=may",
    "smtpd_tls_wrappermode",
    "smtpd_tls_auth_only",
    "smtpd_sasl_auth_enable=yes",
    "smtpd_sasl_type=dovecot",
    "smtpd_sasl_path=private/auth",
    "smtpd_reject_unlisted_recipient",
    "smtpd_client_restrictions=$mua_",
    "smtpd_helo_restrictions",
    "smtpd_sender_restrictions",
    "smtpd_recipient_restrictions",
    "smtpd_relay_restrictions=permit_sasl_authenticated",
    "smtpd_client_restrictions=permit_sasl_authenticated",
    "milter_macro_daemon_name",
    "local_header_rewrite_clients",
    "smtpd_forbid_unauth_pipelining",
    "smtpd_sasl_security_options",
    "cleanup_service_name",
    "smtpd_tls_req_ccert",
    "smtp_fallback_relay",
];

pub(super) fn losses(text: &str, new: &New<'_>) -> Vec<Loss> {
    let new = entries(new.text("/etc/postfix/master.cf"));
    let has = |name: &str| new.iter().any(|(known, _)| known == name);
    let mut losses = Vec::new();
    for (name, text) in entries(text) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let command = words.get(7).copied().unwrap_or_default();
        if name == "smtp inet" && command == "postscreen" {
            losses.push(Loss::new(
                "Postfix has postscreen answer port 25 (master.cf)",
                "mail.yml has no word for it; the rules against strangers are in main.cf",
            ));
        }
        let is_part = ["smtpd pass", "dnsblog unix", "tlsproxy unix"].contains(&name.as_str());
        if !USUAL.contains(&name.as_str()) && !has(&name) && !is_part {
            let line = words.join(" ");
            losses.push(Loss::new(
                format!("Postfix runs a service of its own, {name} ({command}), by this entry of master.cf: {line}"),
                format!("extra: {{postfix_master: |}} with that entry: {line}"),
            ));
            continue;
        }
        let options = words.windows(2).filter(|pair| pair[0] == "-o").map(|pair| pair[1]);
        let unusual: Vec<&str> = options
            .filter(|option| !USUAL_OPTIONS.iter().any(|usual| option.starts_with(usual)))
            .collect();
        if !unusual.is_empty() {
            let settings: Vec<_> = unusual.iter().filter_map(|it| it.split_once('=')).collect();
            losses.push(Loss::new(
                format!("Postfix has `{name}` set up apart: {} (master.cf)", unusual.join(" ")),
                format!("for all of Postfix: {}", super::extra_postfix(settings)),
            ));
        }
    }
    losses
}

/// Parses the services, each with its name and type, and its whole entry.
fn entries(text: &str) -> Vec<(String, String)> {
    let file = File { path: String::new(), step: String::new(), text: text.to_owned() };
    let all = settings(&file).into_iter().filter(|setting| !setting.name.contains('/'));
    all.map(|setting| (service(&setting.text), setting.text)).collect()
}

fn service(entry: &str) -> String {
    entry.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}
