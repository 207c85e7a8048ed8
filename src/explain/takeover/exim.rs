//! Finds the settings of Debian's Exim in `/etc/exim4/update-exim4.conf.conf`
//! that will be lost (update-exim4.conf(8)).

use super::{IMPORT, Loss, Old, extra_postfix, new_domains, quoted, relaying, some, words};

pub(super) fn losses(text: &str, old: &Old<'_>, domains: &[&str]) -> Vec<Loss> {
    let value = |name: &str| {
        let value = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_default().trim_matches(['\'', '"'])
    };
    // Lists are separated by colons or, if they contain addresses, semicolons.
    let list = |name: &str| {
        let value = value(name);
        words(value, &[if value.contains(';') { ';' } else { ':' }])
    };
    let kind = value("dc_eximconfig_configtype");
    let is_own = |domain: &str| {
        domains.contains(&domain)
            || !domain.contains('.')
            || domain.split('.').next() == Some(old.host_name.as_str())
            || domain.starts_with("localhost.")
    };
    let mut losses = Vec::new();
    let mut others = list("dc_other_hostnames");
    others.retain(|domain| !is_own(domain) && kind != "local");
    losses.extend(some(&others).map(|all| {
        Loss::new(format!("Exim takes mail for {all} (dc_other_hostnames)"), new_domains(&all))
    }));
    let relayed = list("dc_relay_domains");
    losses.extend(some(&relayed).map(|all| {
        Loss::new(
            format!("Exim passes on mail for {all} (dc_relay_domains)"),
            extra_postfix([("relay_domains", relayed.join(", ").as_str())]),
        )
    }));
    let networks = list("dc_relay_nets");
    losses.extend(some(&networks).map(|all| {
        Loss::new(
            format!("Exim relays without a password for {all} (dc_relay_nets)"),
            relaying(&networks),
        )
    }));
    let smarthost = value("dc_smarthost");
    if !smarthost.is_empty() && ["smarthost", "satellite"].contains(&kind) {
        let (host, port) = smarthost.split_once("::").unwrap_or((smarthost, "25"));
        losses.push(Loss::new(
            format!("Exim sends all mail out through {smarthost} (dc_smarthost)"),
            format!("relay: {{host: {}}}", quoted(&format!("[{host}]:{port}"))),
        ));
    }
    if value("dc_localdelivery").starts_with("maildir") {
        losses.push(Loss::new(
            "Exim has its mail in ~/Maildir (dc_localdelivery); it stays there, and is not in the \
             new mailboxes",
            IMPORT,
        ));
    }
    losses
}
