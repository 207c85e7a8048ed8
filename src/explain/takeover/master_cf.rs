//! Finds the services of a master.cf that will be lost.

use super::super::{File, settings};
use super::{Loss, New, extra_postfix};

/// The services in Debian's master.cf and its comments, by their types.
const USUAL: [(&str, &str); 4] = [
    ("inet", "smtp submission submissions smtps 465 587"),
    (
        "unix",
        "pickup cleanup qmgr tlsmgr rewrite bounce defer trace verify flush proxymap proxywrite \
         smtp relay showq error retry discard local virtual lmtp anvil scache maildrop uucp \
         ifmail bsmtp scalemail-backend mailman dovecot",
    ),
    ("fifo", "pickup qmgr"),
    ("unix-dgram", "postlog"),
];

/// Parts of postscreen, which is reported as a whole.
const OF_POSTSCREEN: [&str; 3] = ["smtpd pass", "dnsblog unix", "tlsproxy unix"];

/// The beginnings of the options of submission ports in Debian's comments and
/// in common guides, and the log name of any service.
const USUAL_OPTIONS: &str = "
    syslog_name
    smtpd_tls_security_level=encrypt smtpd_tls_security_level=may
    smtpd_tls_wrappermode smtpd_tls_auth_only smtpd_tls_req_ccert
    smtpd_sasl_auth_enable=yes smtpd_sasl_type=dovecot smtpd_sasl_path=private/auth
    smtpd_sasl_security_options
    smtpd_reject_unlisted_recipient smtpd_forbid_unauth_pipelining
    smtpd_client_restrictions=$mua_ smtpd_client_restrictions=permit_sasl_authenticated
    smtpd_helo_restrictions smtpd_sender_restrictions smtpd_recipient_restrictions
    smtpd_relay_restrictions=permit_sasl_authenticated
    milter_macro_daemon_name local_header_rewrite_clients cleanup_service_name
    smtp_fallback_relay
";

pub(super) fn losses(text: &str, new: &New<'_>) -> Vec<Loss> {
    let new = entries(new.text("/etc/postfix/master.cf"));
    let is_usual = |service: &str| {
        let (name, kind) = service.split_once(' ').unwrap_or((service, ""));
        USUAL.iter().any(|(of, names)| *of == kind && names.split(' ').any(|it| it == name))
    };
    let mut losses = Vec::new();
    for (service, text) in entries(text) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let command = words.get(7).copied().unwrap_or_default();
        if service == "smtp inet" && command == "postscreen" {
            losses.push(Loss::new(
                "Postfix has postscreen answer port 25 (master.cf)",
                "mail.yml has no word for it; the rules against strangers are in main.cf",
            ));
        }
        let is_known = is_usual(&service) || new.iter().any(|(known, _)| *known == service);
        if !is_known && !OF_POSTSCREEN.contains(&service.as_str()) {
            let line = words.join(" ");
            losses.push(Loss::new(
                format!("Postfix runs a service of its own, {service} ({command}), by this entry of master.cf: {line}"),
                format!("extra: {{postfix_master: |}} with that entry: {line}"),
            ));
            continue;
        }
        let is_usual =
            |option: &str| USUAL_OPTIONS.split_whitespace().any(|usual| option.starts_with(usual));
        let options = words.windows(2).filter(|pair| pair[0] == "-o").map(|pair| pair[1]);
        let unusual: Vec<&str> = options.filter(|option| !is_usual(option)).collect();
        if !unusual.is_empty() {
            let settings = unusual.iter().filter_map(|it| it.split_once('='));
            losses.push(Loss::new(
                format!("Postfix has `{service}` set up apart: {} (master.cf)", unusual.join(" ")),
                format!("for all of Postfix: {}", extra_postfix(settings)),
            ));
        }
    }
    losses
}

/// Parses the services, each with its name and type, and its whole entry.
fn entries(text: &str) -> Vec<(String, String)> {
    let file = File { path: String::new(), step: String::new(), text: text.to_owned() };
    let all = settings(&file).into_iter().filter(|setting| !setting.is_inner());
    let service = |entry: &str| entry.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    all.map(|setting| (service(&setting.text), setting.text)).collect()
}
