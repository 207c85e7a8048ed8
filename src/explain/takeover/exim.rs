//! Finds the settings of Debian's Exim in `/etc/exim4/update-exim4.conf.conf`
//! that will be lost (update-exim4.conf(8)).

use super::{Loss, Old, extra_postfix, quoted, some};

pub(super) fn losses(text: &str, old: &Old<'_>, domains: &[&str]) -> Vec<Loss> {
    let words = |name: &str| -> Vec<String> {
        let value = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='));
        let value = value.unwrap_or_default().trim_matches(['\'', '"']);
        // Lists are separated by colons or, if they contain addresses, semicolons.
        let separator = if value.contains(';') { ';' } else { ':' };
        value
            .split(separator)
            .map(str::trim)
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let kind = words("dc_eximconfig_configtype").concat();
    let is_own = |domain: &String| {
        domains.contains(&domain.as_str())
            || !domain.contains('.')
            || domain.split('.').next() == Some(old.host_name.as_str())
            || domain.starts_with("localhost.")
    };
    let mut losses = Vec::new();
    let others: Vec<String> =
        words("dc_other_hostnames").into_iter().filter(|domain| !is_own(domain)).collect();
    if !others.is_empty() && kind != "local" {
        losses.push(Loss::new(
            format!("Exim takes mail for {} (dc_other_hostnames)", some(&others)),
            format!("add to `domains:` {}, and their people to `accounts:`", some(&others)),
        ));
    }
    let relayed = words("dc_relay_domains");
    if !relayed.is_empty() {
        losses.push(Loss::new(
            format!("Exim passes on mail for {} (dc_relay_domains)", some(&relayed)),
            extra_postfix([("relay_domains", relayed.join(", ").as_str())]),
        ));
    }
    let networks: Vec<String> = words("dc_relay_nets");
    if !networks.is_empty() {
        let all = format!("127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128 {}", networks.join(" "));
        losses.push(Loss::new(
            format!("Exim relays without a password for {} (dc_relay_nets)", some(&networks)),
            extra_postfix([("mynetworks", all.as_str())]),
        ));
    }
    let smarthost = text.lines().find_map(|line| line.strip_prefix("dc_smarthost="));
    let smarthost = smarthost.unwrap_or_default().trim_matches(['\'', '"']);
    if !smarthost.is_empty() && ["smarthost", "satellite"].contains(&kind.as_str()) {
        let (host, port) = smarthost.split_once("::").unwrap_or((smarthost, "25"));
        losses.push(Loss::new(
            format!("Exim sends all mail out through {smarthost} (dc_smarthost)"),
            format!("relay: {{host: {}}}", quoted(&format!("[{host}]:{port}"))),
        ));
    }
    if words("dc_localdelivery").concat().starts_with("maildir") {
        losses.push(Loss::new(
            "Exim has its mail in ~/Maildir (dc_localdelivery); it stays there, and is not in the \
             new mailboxes",
            "after `apply`, for each account: doveadm import -u NAME maildir:FOLDER \"\" ALL",
        ));
    }
    losses
}
