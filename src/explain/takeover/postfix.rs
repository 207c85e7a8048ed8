//! Finds the settings of a main.cf that will be lost.

use std::collections::BTreeMap;

use super::super::{File, settings};
use super::{Loss, New, Old, extra_postfix, keys, quoted, some};

/// Settings with a common purpose, which are reported in one sentence.
struct Purpose {
    what: &'static str,
    names: &'static [&'static str],
}

/// The purposes, each with the names of its settings. `*` at the beginning or
/// end of a name matches any text.
const PURPOSES: &[Purpose] = &[
    Purpose {
        what: "Postfix hands mail to a milter, which signs, checks or changes it",
        names: &["*_milters", "milter_*", "*_milter_maps", "internal_mail_filter_classes"],
    },
    Purpose {
        what: "Postfix has mail filtered on its way",
        names: &[
            "content_filter",
            "smtpd_proxy_*",
            "*header_checks",
            "*body_checks",
            "receive_override_options",
            "smtpd_command_filter",
            "*_filter_maps",
        ],
    },
    Purpose {
        what: "Postfix looks at strangers before it talks to them",
        names: &["postscreen_*", "smtpd_reject_unlisted_sender", "*_policy_service_*"],
    },
    Purpose {
        what: "Postfix sends mail out by another way than to the servers of its recipients",
        names: &[
            "transport_maps",
            "sender_dependent_*",
            "default_transport",
            "relay_transport",
            "*fallback_relay",
            "smtp_bind_address*",
            "smtp_helo_name",
            "relay_recipient_maps",
            "smtp_sasl_*",
            "smtp_tls_policy_maps",
            "smtp_host_lookup",
            "smtp_dns_*",
        ],
    },
    Purpose {
        what: "Postfix rewrites or copies mail",
        names: &[
            "*canonical_maps",
            "*canonical_classes",
            "smtp_generic_maps",
            "relocated_maps",
            "*bcc_maps",
            "always_bcc",
            "masquerade_*",
            "propagate_unmatched_extensions",
        ],
    },
    Purpose {
        what: "Postfix stores mail in another place or by another program; what lies there stays \
               there, and is not in the new mailboxes",
        names: &[
            "home_mailbox",
            "mail_spool_directory",
            "mailbox_command*",
            "mailbox_transport*",
            "virtual_mailbox_base",
            "virtual_transport",
            "local_transport",
            "fallback_transport*",
            "luser_relay",
            "local_recipient_maps",
        ],
    },
    Purpose {
        what: "Postfix asks another program than Dovecot for passwords",
        names: &["smtpd_sasl_type", "smtpd_sasl_path"],
    },
];

/// Settings that need no mention: those that Debian's packages set, paths and
/// names, and TLS, which mail.yml decides.
const QUIET: &[&str] = &[
    "alias_database",
    "append_dot_mydomain",
    "biff",
    "broken_sasl_auth_clients",
    "command_directory",
    "compatibility_level",
    "cyrus_sasl_config_path",
    "daemon_directory",
    "data_directory",
    "debug_peer_*",
    "debugger_command",
    "delay_warning_time",
    "disable_vrfy_command",
    "dovecot_destination_recipient_limit",
    "html_directory",
    "inet_interfaces",
    "inet_protocols",
    "mail_name",
    "mail_owner",
    "mailbox_size_limit",
    "mailq_path",
    "manpage_directory",
    "meta_directory",
    "mydomain",
    "myhostname",
    "myorigin",
    "newaliases_path",
    "queue_directory",
    "readme_directory",
    "sample_directory",
    "sendmail_path",
    "setgid_group",
    "shlib_directory",
    "smtp_tls_*",
    "smtp_use_tls",
    "smtpd_banner",
    "smtpd_helo_required",
    "smtpd_sasl_*",
    "smtpd_tls_*",
    "smtpd_use_tls",
    "strict_rfc821_envelopes",
    "tls_*",
    "unknown_local_recipient_reject_code",
    "virtual_gid_maps",
    "virtual_mailbox_limit",
    "virtual_minimum_uid",
    "virtual_uid_maps",
    // Reported separately.
    "alias_maps",
    "message_size_limit",
    "mydestination",
    "mynetworks",
    "mynetworks_style",
    "recipient_delimiter",
    "relay_domains",
    "relayhost",
    "virtual_alias_domains",
    "virtual_alias_maps",
    "virtual_mailbox_domains",
    "virtual_mailbox_maps",
];

/// The settings of both servers.
struct Settings {
    old: BTreeMap<String, String>,
    new: BTreeMap<String, String>,
}

pub(super) fn losses(text: &str, old: &Old<'_>, new: &New<'_>) -> Vec<Loss> {
    let settings = Settings { old: parse(text), new: parse(new.text("/etc/postfix/main.cf")) };
    let changed: Vec<(&str, &str)> = settings
        .old
        .iter()
        .filter(|(name, value)| !value.is_empty() && settings.new.get(*name) != Some(value))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mut losses = Vec::new();
    let mut rest = changed.clone();
    for purpose in PURPOSES {
        let is_meant = |(name, value): &(&str, &str)| {
            purpose.names.iter().any(|pattern| fits(pattern, name)) && !is_usual(name, value)
        };
        let meant: Vec<_> = changed.iter().copied().filter(is_meant).collect();
        rest.retain(|setting| !meant.contains(setting));
        if !meant.is_empty() {
            let keep = extra_postfix(meant.iter().copied());
            losses.push(Loss::new(format!("{}: {}", purpose.what, list(&meant)), keep));
        }
    }
    losses.extend(settings.domains(old));
    losses.extend(settings.networks());
    losses.extend(settings.relay());
    losses.extend(settings.addresses(old, new));
    losses.extend(settings.size());
    losses.extend(restrictions(&changed));
    rest.retain(|(name, value)| {
        let is_quiet = QUIET.iter().any(|pattern| fits(pattern, name));
        let is_purpose = PURPOSES.iter().any(|it| it.names.iter().any(|one| fits(one, name)));
        !is_quiet && !is_purpose && !is_restriction(name) && !is_usual(name, value)
    });
    // A parameter that a person invented, for use in other settings, is not Postfix's.
    if !rest.is_empty() {
        let what = format!("Postfix is set up otherwise: {}", list(&rest));
        losses.push(Loss::new(what, extra_postfix(rest.iter().copied())));
    }
    losses
}

/// Parses a main.cf: the last value of each setting, with single spaces.
fn parse(text: &str) -> BTreeMap<String, String> {
    let file = File { path: String::new(), step: String::new(), text: text.to_owned() };
    let inner = |name: &str| name.contains('/');
    let all = settings(&file).into_iter().filter(|setting| !inner(&setting.name));
    all.map(|setting| (setting.name.clone(), setting.value())).collect()
}

/// Returns whether a name matches a pattern with `*` at one end.
fn fits(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(ending), _) => name.ends_with(ending),
        (_, Some(beginning)) => name.starts_with(beginning),
        _ => pattern == name,
    }
}

/// Returns whether a value is Postfix's default, or comes from the
/// documentation of Dovecot or Debian.
fn is_usual(name: &str, value: &str) -> bool {
    match name {
        "smtpd_sasl_type" => value == "dovecot",
        "smtpd_sasl_path" => value == "private/auth" || value == "smtpd",
        "virtual_transport" | "mailbox_transport" => {
            value == "virtual" || value.contains("dovecot")
        }
        "local_recipient_maps" => {
            value.contains("unix:passwd.byname") && value.contains("$alias_maps")
        }
        "mail_spool_directory" => value.trim_end_matches('/') == "/var/mail",
        "local_transport" => value.starts_with("local"),
        _ => false,
    }
}

fn list(settings: &[(&str, &str)]) -> String {
    let all: Vec<_> = settings.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    all.join("; ")
}

fn is_restriction(name: &str) -> bool {
    name.starts_with("smtpd_") && name.ends_with("_restrictions")
}

/// Finds restrictions that query another server.
fn restrictions(changed: &[(&str, &str)]) -> Option<Loss> {
    let mut rules: Vec<String> = Vec::new();
    for (_, value) in changed.iter().filter(|(name, _)| is_restriction(name)) {
        let mut words = value.split([' ', ',']).filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            let asks = ["reject_rbl_", "reject_rhsbl_", "permit_dnswl_", "permit_rhswl_", "check_"];
            if asks.iter().any(|beginning| word.starts_with(beginning)) {
                let rule = format!("{word} {}", words.next().unwrap_or_default());
                if !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
        }
    }
    if rules.is_empty() {
        return None;
    }
    let keep = format!("permit_mynetworks, permit_sasl_authenticated, {}", rules.join(", "));
    Some(Loss::new(
        format!("Postfix lets others decide whose mail it takes: {}", rules.join("; ")),
        extra_postfix([("smtpd_client_restrictions", keep.as_str())]),
    ))
}

impl Settings {
    /// Returns the words of an old setting, with references to other settings expanded.
    fn words(&self, name: &str) -> Vec<String> {
        let text = self.expanded(self.old.get(name).map_or("", String::as_str), 0);
        text.split([' ', ',']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    fn expanded(&self, text: &str, depth: usize) -> String {
        /// The limit of nested references, which can be circular.
        const DEPTH: usize = 8;
        let mut parts = text.split('$');
        let mut expanded = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let part = part.trim_start_matches(['{', '(']);
            let end = part.find(|c| !is_name(c)).unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            let value = match self.old.get(name) {
                Some(value) => value.clone(),
                None if name == "mydomain" => {
                    let host = self.old.get("myhostname").map_or("", String::as_str);
                    host.split_once('.').map_or("localdomain", |(_, domain)| domain).to_owned()
                }
                None => String::new(),
            };
            if depth < DEPTH {
                expanded += &self.expanded(&value, depth + 1);
            }
            expanded += rest.trim_start_matches(['}', ')']);
        }
        expanded
    }

    /// Returns the domains for which mail was accepted.
    fn domains(&self, old: &Old<'_>) -> Vec<Loss> {
        let own = |name: &str| self.words(name).into_iter().next().unwrap_or_default();
        let known: Vec<&str> = self
            .new
            .get("virtual_mailbox_domains")
            .map_or("", String::as_str)
            .split(", ")
            .collect();
        let hosts = [own("myhostname"), old.host_name.clone()];
        let is_own = |domain: &str| {
            let first = domain.split('.').next();
            known.contains(&domain)
                || self.new.get("myhostname").is_some_and(|name| name == domain)
                || hosts.iter().any(|host| host == domain)
                || !domain.contains('.')
                || first == Some("localhost")
                || first == Some(old.host_name.as_str())
        };
        let mut losses = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for name in
            ["mydestination", "virtual_mailbox_domains", "virtual_alias_domains", "relay_domains"]
        {
            let (mut domains, mut tables) = (Vec::new(), Vec::new());
            for word in self.words(name) {
                match source(&word) {
                    Some(path) => match old.table.and_then(|table| table(path)) {
                        Some(text) => domains.extend(keys(&text).map(str::to_owned)),
                        // These map addresses, which are reported elsewhere.
                        None if ["virtual_alias_domains"].contains(&name) => {}
                        None => tables.push(word.clone()),
                    },
                    None if word.contains(':') => tables.push(word),
                    None => domains.push(word.to_lowercase()),
                }
            }
            domains.retain(|domain| {
                let is_address = domain.contains('@');
                !is_address && !is_own(domain) && !seen.contains(domain)
            });
            seen.extend(domains.iter().cloned());
            let verb = if name == "relay_domains" { "passes on" } else { "takes" };
            if !domains.is_empty() {
                let keep = match name {
                    "relay_domains" => extra_postfix([(name, domains.join(", ").as_str())]),
                    _ => format!(
                        "add to `domains:` {}, and their people to `accounts:`",
                        some(&domains)
                    ),
                };
                let what = format!("Postfix {verb} mail for {} ({name})", some(&domains));
                losses.push(Loss::new(what, keep));
            }
            if !tables.is_empty() {
                let what = format!(
                    "Postfix {verb} mail for the domains in {} ({name})",
                    tables.join(", ")
                );
                let keep =
                    "add those that are to stay to `domains:`, and their people to `accounts:`";
                losses.push(Loss::new(what, keep));
            }
        }
        losses
    }

    /// Returns the networks that may relay without a password.
    fn networks(&self) -> Option<Loss> {
        let is_own = |word: &String| {
            ["127.", "[::1]", "[::ffff:127", "::1"].iter().any(|own| word.starts_with(own))
        };
        let all = self.words("mynetworks");
        let more: Vec<String> = all.iter().filter(|word| !is_own(word)).cloned().collect();
        if self.new.get("mynetworks").map(String::as_str)
            == self.old.get("mynetworks").map(String::as_str)
            && !self.old.contains_key("mynetworks_style")
        {
            return None;
        }
        if !more.is_empty() {
            let own = "127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128";
            let keep = format!("{own} {}", more.join(" "));
            return Some(Loss::new(
                format!("Postfix relays without a password for {} (mynetworks)", some(&more)),
                extra_postfix([("mynetworks", keep.as_str())]),
            ));
        }
        let style = self.old.get("mynetworks_style").map_or("host", String::as_str);
        let is_wide = all.is_empty() && style != "host";
        is_wide.then(|| {
            Loss::new(
                format!("Postfix relays without a password for all machines in its {style} (mynetworks_style)"),
                "give them accounts; or name their network, after 127.0.0.0/8, in `extra: {postfix: {mynetworks: …}}`",
            )
        })
    }

    fn relay(&self) -> Option<Loss> {
        let host = self.words("relayhost").into_iter().next()?;
        if self.new.get("relayhost") == Some(&host) {
            return None;
        }
        let login = match self.old.contains_key("smtp_sasl_password_maps") {
            true => ", username: …, password_file: …",
            false => "",
        };
        Some(Loss::new(
            format!("Postfix sends all mail out through {host} (relayhost)"),
            format!("relay: {{host: {}{login}}}", quoted(&host)),
        ))
    }

    /// Returns the addresses that lead somewhere.
    fn addresses(&self, old: &Old<'_>, new: &New<'_>) -> Vec<Loss> {
        let known = new.addresses();
        let mut losses = Vec::new();
        for (name, what, keep) in [
            ("virtual_alias_maps", "leads mail for", "`aliases:` of an account, or `forwards:`"),
            ("virtual_mailbox_maps", "has mailboxes for", "`accounts:`"),
        ] {
            for word in self.words(name) {
                let Some(path) = source(&word) else {
                    if word.contains(':') {
                        let what = format!("Postfix {what} the addresses in {word} ({name})");
                        losses
                            .push(Loss::new(what, format!("add those that are to stay to {keep}")));
                    }
                    continue;
                };
                let Some(text) = old.table.and_then(|table| table(path)) else {
                    let what = format!("Postfix {what} the addresses in {word} ({name})");
                    losses.push(Loss::new(what, format!("add those that are to stay to {keep}")));
                    continue;
                };
                let unknown: Vec<String> = keys(&text)
                    .filter(|key| key.contains('@') && !known.contains(key))
                    .map(str::to_owned)
                    .collect();
                if !unknown.is_empty() {
                    let what = format!("Postfix {what} {} ({name}, {path})", some(&unknown));
                    losses.push(Loss::new(what, format!("add them to {keep}")));
                }
            }
        }
        let usual = ["$alias_database", "/etc/aliases", "nis:mail.aliases"];
        let maps = self.words("alias_maps");
        let others: Vec<String> =
            maps.into_iter().filter(|word| !usual.iter().any(|it| word.ends_with(it))).collect();
        if !others.is_empty() {
            let what = format!("Postfix has more aliases in {} (alias_maps)", others.join(", "));
            let keep = "add those that are to stay to `aliases:` of an account, or to `forwards:`";
            losses.push(Loss::new(what, keep));
        }
        let delimiter = self.old.get("recipient_delimiter").filter(|it| !it.is_empty());
        if let Some(delimiter) =
            delimiter.filter(|it| Some(*it) != self.new.get("recipient_delimiter"))
        {
            losses.push(Loss::new(
                format!("Postfix takes anna{delimiter}shop@ as Anna's (recipient_delimiter)"),
                extra_postfix([("recipient_delimiter", delimiter.as_str())]),
            ));
        }
        losses
    }

    /// Returns a larger size limit.
    fn size(&self) -> Option<Loss> {
        let number = |settings: &BTreeMap<String, String>| -> Option<u64> {
            settings.get("message_size_limit")?.parse().ok()
        };
        const MIB: u64 = 1024 * 1024;
        let (old, new) = (number(&self.old)?, number(&self.new)?);
        let is_larger = new != 0 && (old == 0 || old > new);
        let keep = match old {
            0 => "message_size: 1GiB".to_owned(),
            bytes => format!("message_size: {}MiB", bytes.div_ceil(MIB)),
        };
        let limit = if old == 0 { "any size".to_owned() } else { format!("up to {old} bytes") };
        is_larger.then(|| {
            Loss::new(format!("Postfix takes mails of {limit} (message_size_limit)"), keep)
        })
    }
}

/// Returns the source file of a lookup table, if its type has one.
fn source(table: &str) -> Option<&str> {
    let table = table.strip_prefix("proxy:").unwrap_or(table);
    let (kind, path) = table.split_once(':').unwrap_or(("", table));
    let is_text = ["", "hash", "btree", "lmdb", "cdb", "dbm", "texthash"].contains(&kind);
    (is_text && path.starts_with('/')).then_some(path)
}
