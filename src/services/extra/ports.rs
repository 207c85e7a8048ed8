//! The ports that `extra:` opens beside those of mailprov, and those of
//! mailprov's that it closes.

use std::collections::BTreeSet;

use super::Settings;

/// What `extra:` changes in the ports that answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports {
    /// Ports that a service of the person's own listens on.
    pub opened: BTreeSet<u16>,
    /// Ports of Dovecot's that would answer without `extra:`.
    pub closed: BTreeSet<u16>,
}

/// The listeners that Dovecot has by itself: protocol, service, name, port.
const LISTENERS: [(&str, &str, &str, u16); 7] = [
    ("imap", "imap-login", "imap", 143),
    ("imap", "imap-login", "imaps", 993),
    ("pop3", "pop3-login", "pop3", 110),
    ("pop3", "pop3-login", "pop3s", 995),
    ("sieve", "managesieve-login", "sieve", 4190),
    ("submission", "submission-login", "submission", 587),
    ("submission", "submission-login", "submissions", 465),
];

/// The protocols that mailprov itself asks for, where `services` does.
const OURS: [&str; 3] = ["imap", "pop3", "lmtp"];

impl Settings {
    /// Returns the ports that it opens and closes.
    pub fn ports(&self) -> Ports {
        let mut ports = Ports::default();
        ports.opened.extend(self.postfix_master.iter().filter_map(|entry| entry.value.port()));
        if let Some(text) = &self.dovecot {
            Reading::of(&text.value).apply(&mut ports);
        }
        ports
    }
}

/// Lines of Dovecot configuration, as far as they are about ports.
#[derive(Default)]
struct Reading {
    protocols: BTreeSet<String>,
    /// Service, listener, port.
    listeners: Vec<(String, String, u16)>,
}

impl Reading {
    fn of(text: &str) -> Self {
        let mut reading = Self { protocols: OURS.map(str::to_owned).into(), listeners: Vec::new() };
        let mut blocks: Vec<String> = Vec::new();
        let lines = text.lines().map(|line| match line.trim_start().starts_with('#') {
            true => "",
            false => line.split(" #").next().unwrap_or_default(),
        });
        for piece in lines.flat_map(|line| line.split_inclusive(['{', '}'])) {
            if let Some(name) = piece.strip_suffix('{') {
                blocks.push(name.trim().to_owned());
                continue;
            }
            let setting = piece.strip_suffix('}').unwrap_or(piece);
            if let Some((name, value)) = setting.split_once('=') {
                reading.set(&blocks, name.trim(), value.trim().trim_matches('"'));
            }
            if piece.ends_with('}') {
                blocks.pop();
            }
        }
        reading
    }

    fn set(&mut self, blocks: &[String], name: &str, value: &str) {
        let blocks: Vec<&str> = blocks.iter().map(String::as_str).collect();
        match blocks[..] {
            [] if name == "protocols" => {
                // `$protocols` and `$SET:protocols` are what was before.
                if !value.contains('$') {
                    self.protocols.clear();
                }
                let words = value.split_whitespace().filter(|word| !word.starts_with('$'));
                self.protocols.extend(words.map(str::to_owned));
            }
            ["protocols"] if value == "no" => {
                self.protocols.remove(name);
            }
            ["protocols"] => {
                self.protocols.insert(name.to_owned());
            }
            [service, listener] if name == "port" => {
                let service = service.strip_prefix("service ").map(str::trim);
                let listener = listener.strip_prefix("inet_listener").map(str::trim);
                if let (Some(service), Some(listener), Ok(port)) =
                    (service, listener, value.parse())
                {
                    self.listeners.push((service.to_owned(), listener.to_owned(), port));
                }
            }
            _ => {}
        }
    }

    fn apply(&self, ports: &mut Ports) {
        for (protocol, service, name, usual) in LISTENERS {
            let is_it = |it: &&(String, String, u16)| it.0 == service && it.1 == name;
            let port = match self.listeners.iter().rfind(is_it) {
                _ if !self.protocols.contains(protocol) => 0,
                Some((_, _, port)) => *port,
                None => usual,
            };
            let is_ours = OURS.contains(&protocol);
            if is_ours && port != usual {
                ports.closed.insert(usual);
            }
            if port != 0 && !(is_ours && port == usual) {
                ports.opened.insert(port);
            }
        }
        let is_known = |it: &(String, String, u16)| {
            LISTENERS.iter().any(|(_, service, name, _)| it.0 == *service && it.1 == *name)
        };
        let others = self.listeners.iter().filter(|it| !is_known(it) && it.2 != 0);
        ports.opened.extend(others.map(|it| it.2));
    }
}

#[cfg(test)]
mod tests {
    use super::super::MasterEntry;
    use super::*;
    use crate::mail::Spanned;

    fn of(text: &str) -> (Vec<u16>, Vec<u16>) {
        let extra =
            Settings { dovecot: Some(Spanned::new(text.to_owned(), 0..0)), ..Settings::default() };
        let ports = extra.ports();
        (ports.opened.into_iter().collect(), ports.closed.into_iter().collect())
    }

    #[test]
    fn protocols_open_and_close_their_ports() {
        assert_eq!(of("mail_debug = yes\n# protocols = sieve"), (vec![], vec![]));
        assert_eq!(of("protocols = imap pop3 lmtp sieve"), (vec![4190], vec![]));
        assert_eq!(of("protocols = $protocols sieve # own"), (vec![4190], vec![]));
        assert_eq!(of("protocols {\n sieve = yes\n pop3 = no\n}"), (vec![4190], vec![110, 995]));
        assert_eq!(of("protocols = imap lmtp"), (vec![], vec![110, 995]));
    }

    #[test]
    fn listeners_open_move_and_close_ports() {
        let text = "service imap-login {\n  inet_listener imap {\n    port = 0\n  }\n}\n\
                    service lmtp {\n  inet_listener lmtp {\n    address = *\n    port = 24\n  }\n  \
                    unix_listener x {\n    mode = 0600\n  }\n}\n\
                    service pop3-login {\n inet_listener pop3s {\n port = 1995\n }\n}\n";
        assert_eq!(of(text), (vec![24, 1995], vec![143, 995]));
        let text = "protocols = imap pop3 lmtp sieve\nservice managesieve-login {\n  inet_listener \
                    sieve {\n    port = 2000\n  }\n}\n";
        assert_eq!(of(text), (vec![2000], vec![]));
    }

    #[test]
    fn services_of_postfix_open_theirs() {
        let entry = |line: &str| Spanned::new(MasterEntry::parse(line).unwrap(), 0..0);
        let lines = ["2525 inet n - y - - smtpd", "[::1]:10025 inet n - y - - smtpd"];
        let postfix_master =
            vec![entry(lines[0]), entry(lines[1]), entry("x unix - n n - 0 spawn")];
        let extra = Settings { postfix_master, ..Settings::default() };
        assert_eq!(extra.ports().opened, BTreeSet::from([2525, 10025]));
    }
}
