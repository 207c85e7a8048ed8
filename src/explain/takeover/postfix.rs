//! Finds the settings of a main.cf that will be lost.

use std::collections::BTreeMap;

use super::super::{File, settings};
use super::{Loss, New, Old, extra_postfix, keys, new_domains, quoted, relaying, some, words};

const SEPARATORS: &[char] = &[' ', ','];

/// The purposes of settings, each reported in one sentence, with the names of
/// its settings. `*` at the beginning or end of a name matches any text.
const PURPOSES: [(&str, &str); 7] = [
    (
        "Postfix hands mail to a milter, which signs, checks or changes it",
        "*_milters milter_* *_milter_maps internal_mail_filter_classes",
    ),
    (
        "Postfix has mail filtered on its way",
        "content_filter smtpd_proxy_* *header_checks *body_checks receive_override_options \
         smtpd_command_filter *_filter_maps",
    ),
    (
        "Postfix looks at strangers before it talks to them",
        "postscreen_* smtpd_reject_unlisted_sender *_policy_service_*",
    ),
    (
        "Postfix sends mail out by another way than to the servers of its recipients",
        "transport_maps sender_dependent_* default_transport relay_transport *fallback_relay \
         smtp_bind_address* smtp_helo_name relay_recipient_maps smtp_sasl_* smtp_tls_policy_maps \
         smtp_host_lookup smtp_dns_*",
    ),
    (
        "Postfix rewrites or copies mail",
        "*canonical_maps *canonical_classes smtp_generic_maps relocated_maps *bcc_maps always_bcc \
         masquerade_* propagate_unmatched_extensions",
    ),
    (
        "Postfix stores mail in another place or by another program; what lies there stays \
         there, and is not in the new mailboxes",
        "home_mailbox mail_spool_directory mailbox_command* mailbox_transport* \
         virtual_mailbox_base virtual_transport local_transport fallback_transport* luser_relay \
         local_recipient_maps",
    ),
    ("Postfix asks another program than Dovecot for passwords", "smtpd_sasl_type smtpd_sasl_path"),
];

/// Settings that need no mention: those that Debian's packages set, paths and
/// names, and TLS, which mail.yml decides.
const QUIET: &str = "
    alias_database append_dot_mydomain biff broken_sasl_auth_clients command_directory
    compatibility_level cyrus_sasl_config_path daemon_directory data_directory debug_peer_*
    debugger_command delay_warning_time disable_vrfy_command dovecot_destination_recipient_limit
    html_directory inet_interfaces inet_protocols mail_name mail_owner mailbox_size_limit
    mailq_path manpage_directory meta_directory mydomain myhostname myorigin newaliases_path
    queue_directory readme_directory sample_directory sendmail_path setgid_group shlib_directory
    smtp_tls_* smtp_use_tls smtpd_banner smtpd_helo_required smtpd_sasl_* smtpd_tls_*
    smtpd_use_tls strict_rfc821_envelopes tls_* unknown_local_recipient_reject_code
    virtual_gid_maps virtual_mailbox_limit virtual_minimum_uid virtual_uid_maps
";

/// Settings that are reported separately.
const APART: &str = "
    alias_maps message_size_limit mydestination mynetworks mynetworks_style recipient_delimiter
    relay_domains relayhost virtual_alias_domains virtual_alias_maps virtual_mailbox_domains
    virtual_mailbox_maps
";

/// The settings of both servers.
struct Settings<'a> {
    old: BTreeMap<String, String>,
    new: &'a BTreeMap<String, String>,
}

pub(super) fn losses(text: &str, old: &Old<'_>, new: &New<'_>) -> Vec<Loss> {
    let settings = Settings { old: parse(text), new: &new.main };
    let changed = settings.old.iter().filter(|(name, value)| {
        !value.is_empty() && new.main.get(*name) != Some(value) && !is_usual(name, value)
    });
    let changed: Vec<_> = changed.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut losses = Vec::new();
    for (what, names) in PURPOSES {
        let meant = changed.iter().copied().filter(|(name, _)| fits(names, name));
        losses.extend(loss(what, &meant.collect::<Vec<_>>()));
    }
    losses.extend(settings.domains(old, new));
    losses.extend(settings.networks());
    losses.extend(settings.relay());
    losses.extend(settings.addresses(old, new));
    losses.extend(settings.size());
    losses.extend(restrictions(&changed));
    let rest = changed.iter().copied().filter(|(name, _)| {
        let names = PURPOSES.iter().map(|(_, names)| *names).chain([QUIET, APART]);
        !is_restriction(name) && !names.into_iter().any(|names| fits(names, name))
    });
    // A parameter that a person invented, for use in other settings, is not Postfix's.
    losses.extend(loss("Postfix is set up otherwise", &rest.collect::<Vec<_>>()));
    losses
}

fn loss(what: &str, settings: &[(&str, &str)]) -> Option<Loss> {
    let all = settings.iter().map(|(name, value)| format!("{name} = {value}"));
    let what = format!("{what}: {}", all.collect::<Vec<_>>().join("; "));
    (!settings.is_empty()).then(|| Loss::new(what, extra_postfix(settings.iter().copied())))
}

/// Parses a main.cf: the last value of each setting, with single spaces.
pub(super) fn parse(text: &str) -> BTreeMap<String, String> {
    let file = File { path: String::new(), step: String::new(), text: text.to_owned() };
    let all = settings(&file).into_iter().filter(|setting| !setting.is_inner());
    all.map(|setting| (setting.name.clone(), setting.value())).collect()
}

/// Returns whether a name is in a list, whose entries may have a `*` at one end.
pub(super) fn fits(list: &str, name: &str) -> bool {
    list.split_whitespace().any(|entry| match (entry.strip_prefix('*'), entry.strip_suffix('*')) {
        (Some(ending), _) => name.ends_with(ending),
        (_, Some(beginning)) => name.starts_with(beginning),
        _ => entry == name,
    })
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

fn is_restriction(name: &str) -> bool {
    name.starts_with("smtpd_") && name.ends_with("_restrictions")
}

/// Finds restrictions that query another server.
fn restrictions(changed: &[(&str, &str)]) -> Option<Loss> {
    const ASKS: [&str; 5] =
        ["reject_rbl_", "reject_rhsbl_", "permit_dnswl_", "permit_rhswl_", "check_"];
    let mut rules: Vec<String> = Vec::new();
    for (_, value) in changed.iter().filter(|(name, _)| is_restriction(name)) {
        let mut words = words(value, SEPARATORS).into_iter();
        while let Some(word) = words.next() {
            if ASKS.iter().any(|beginning| word.starts_with(beginning)) {
                let rule = format!("{word} {}", words.next().unwrap_or_default());
                if !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
        }
    }
    let keep = format!("permit_mynetworks, permit_sasl_authenticated, {}", rules.join(", "));
    (!rules.is_empty()).then(|| {
        Loss::new(
            format!("Postfix lets others decide whose mail it takes: {}", rules.join("; ")),
            extra_postfix([("smtpd_client_restrictions", keep.as_str())]),
        )
    })
}

impl Settings<'_> {
    fn old(&self, name: &str) -> &str {
        self.old.get(name).map_or("", String::as_str)
    }

    /// Returns the words of an old setting, with references to other settings expanded.
    fn words(&self, name: &str) -> Vec<String> {
        words(&self.expanded(self.old(name), 0), SEPARATORS)
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
                    let host = self.old("myhostname");
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
    fn domains(&self, old: &Old<'_>, new: &New<'_>) -> Vec<Loss> {
        let mut own = new.domains();
        let old_name = self.words("myhostname").into_iter().next().unwrap_or_default();
        own.extend([old_name.as_str(), &old.host_name]);
        own.extend(self.new.get("myhostname").map(String::as_str));
        let is_own = |domain: &str| {
            let first = domain.split('.').next().unwrap_or_default();
            own.contains(&domain)
                || !domain.contains('.')
                || first == "localhost"
                || first == old.host_name
        };
        let mut losses = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for name in
            ["mydestination", "virtual_mailbox_domains", "virtual_alias_domains", "relay_domains"]
        {
            let (mut domains, mut tables) = (Vec::new(), Vec::new());
            for word in self.words(name) {
                let path = source(&word);
                match path.and_then(|path| old.table?(path)) {
                    Some(text) => domains.extend(keys(&text).map(str::to_owned)),
                    // These map addresses, which are reported elsewhere.
                    None if path.is_some() && name == "virtual_alias_domains" => {}
                    None if word.contains(['/', ':']) => tables.push(word),
                    None => domains.push(word.to_lowercase()),
                }
            }
            domains.retain(|it| !it.contains('@') && !is_own(it) && !seen.contains(it));
            seen.extend(domains.iter().cloned());
            let verb = if name == "relay_domains" { "passes on" } else { "takes" };
            losses.extend(some(&domains).map(|all| {
                let keep = match name {
                    "relay_domains" => extra_postfix([(name, domains.join(", ").as_str())]),
                    _ => new_domains(&all),
                };
                Loss::new(format!("Postfix {verb} mail for {all} ({name})"), keep)
            }));
            if !tables.is_empty() {
                let tables = tables.join(", ");
                losses.push(Loss::new(
                    format!("Postfix {verb} mail for the domains in {tables} ({name})"),
                    "add those that are to stay to `domains:`, and their people to `accounts:`",
                ));
            }
        }
        losses
    }

    /// Returns the networks that may relay without a password.
    fn networks(&self) -> Option<Loss> {
        let style = self.old("mynetworks_style");
        if style.is_empty() && self.new.get("mynetworks") == self.old.get("mynetworks") {
            return None;
        }
        let own = ["127.", "[::1]", "[::ffff:127", "::1"];
        let all = self.words("mynetworks");
        let is_other = |word: &&String| !own.iter().any(|own| word.starts_with(own));
        let others: Vec<String> = all.iter().filter(is_other).cloned().collect();
        match some(&others) {
            Some(shown) => Some(Loss::new(
                format!("Postfix relays without a password for {shown} (mynetworks)"),
                relaying(&others),
            )),
            None if all.is_empty() && !["", "host"].contains(&style) => Some(Loss::new(
                format!(
                    "Postfix relays without a password for all machines in its {style} (mynetworks_style)"
                ),
                "give them accounts; or name their network, after 127.0.0.0/8, in `extra: {postfix: {mynetworks: …}}`",
            )),
            None => None,
        }
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
            for word in self.words(name).iter().filter(|word| word.contains(['/', ':'])) {
                let source = source(word).and_then(|path| Some((path, old.table?(path)?)));
                losses.extend(match source {
                    None => Some(Loss::new(
                        format!("Postfix {what} the addresses in {word} ({name})"),
                        format!("add those that are to stay to {keep}"),
                    )),
                    Some((path, text)) => {
                        let is_lost = |key: &&str| key.contains('@') && !known.contains(key);
                        let lost: Vec<_> = keys(&text).filter(is_lost).map(str::to_owned).collect();
                        some(&lost).map(|all| {
                            let what = format!("Postfix {what} {all} ({name}, {path})");
                            Loss::new(what, format!("add them to {keep}"))
                        })
                    }
                });
            }
        }
        let usual = ["$alias_database", "/etc/aliases", "nis:mail.aliases"];
        let mut maps = self.words("alias_maps");
        maps.retain(|map| !usual.iter().any(|usual| map.ends_with(usual)));
        if !maps.is_empty() {
            let what = format!("Postfix has more aliases in {} (alias_maps)", maps.join(", "));
            let keep = "add those that are to stay to `aliases:` of an account, or to `forwards:`";
            losses.push(Loss::new(what, keep));
        }
        let delimiter = self.old("recipient_delimiter");
        let new = self.new.get("recipient_delimiter").map_or("", String::as_str);
        if !delimiter.is_empty() && delimiter != new {
            losses.push(Loss::new(
                format!("Postfix takes anna{delimiter}shop@ as Anna's (recipient_delimiter)"),
                extra_postfix([("recipient_delimiter", delimiter)]),
            ));
        }
        losses
    }

    /// Returns a larger size limit.
    fn size(&self) -> Option<Loss> {
        let number = |settings: &BTreeMap<String, String>| -> Option<u64> {
            settings.get("message_size_limit")?.parse().ok()
        };
        let (old, new) = (number(&self.old)?, number(self.new)?);
        let (limit, keep) = match old {
            _ if new == 0 => return None,
            0 => ("any size".to_owned(), "1GiB".to_owned()),
            _ if old <= new => return None,
            _ => (format!("up to {old} bytes"), format!("{}MiB", old.div_ceil(1 << 20))),
        };
        let what = format!("Postfix takes mails of {limit} (message_size_limit)");
        Some(Loss::new(what, format!("message_size: {keep}")))
    }
}

/// Returns the source file of a lookup table, if its type has one.
fn source(table: &str) -> Option<&str> {
    let table = table.strip_prefix("proxy:").unwrap_or(table);
    let (kind, path) = table.split_once(':').unwrap_or(("", table));
    let is_text = ["", "hash", "btree", "lmdb", "cdb", "dbm", "texthash"].contains(&kind);
    (is_text && path.starts_with('/')).then_some(path)
}
