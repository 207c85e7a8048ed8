//! The ports that a configuration of Dovecot or Postfix opens.

use std::collections::BTreeSet;

/// Dovecot's default listeners: protocol, service, name, port.
const LISTENERS: [(&str, &str, &str, u16); 7] = [
    ("imap", "imap-login", "imap", 143),
    ("imap", "imap-login", "imaps", 993),
    ("pop3", "pop3-login", "pop3", 110),
    ("pop3", "pop3-login", "pop3s", 995),
    ("sieve", "managesieve-login", "sieve", 4190),
    ("submission", "submission-login", "submission", 587),
    ("submission", "submission-login", "submissions", 465),
];

/// The settings of a Dovecot configuration that open ports.
#[derive(Debug, Default)]
pub(crate) struct DovecotPorts {
    protocols: BTreeSet<String>,
    listeners: Vec<(String, String, u16)>,
}

impl DovecotPorts {
    /// Starts with these protocols enabled.
    pub(crate) fn of(protocols: &[&str]) -> Self {
        let protocols = protocols.iter().map(|it| (*it).to_owned()).collect();
        Self { protocols, listeners: Vec::new() }
    }

    pub(crate) fn read(&mut self, text: &str) {
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
                self.set(&blocks, name.trim(), value.trim().trim_matches('"'));
            }
            if piece.ends_with('}') {
                blocks.pop();
            }
        }
    }

    fn set(&mut self, blocks: &[String], name: &str, value: &str) {
        let blocks: Vec<&str> = blocks.iter().map(String::as_str).collect();
        match blocks[..] {
            [] if name == "protocols" => {
                // `$protocols` and `$SET:protocols` stand for the value so far.
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

    pub(crate) fn open(&self) -> BTreeSet<u16> {
        let named = |service: &str, name: &str| {
            let is_it = |it: &&(String, String, u16)| it.0 == service && it.1 == name;
            self.listeners.iter().rfind(is_it).map(|(.., port)| *port)
        };
        let is_on = |(protocol, ..): &&(&str, &str, &str, u16)| self.protocols.contains(*protocol);
        let usual = LISTENERS.iter().filter(is_on);
        let usual = usual.map(|(_, service, name, port)| named(service, name).unwrap_or(*port));
        let is_known = |it: &(String, String, u16)| {
            LISTENERS.iter().any(|(_, service, name, _)| it.0 == *service && it.1 == *name)
        };
        let others = self.listeners.iter().filter(|it| !is_known(it)).map(|(.., port)| *port);
        usual.chain(others).filter(|port| *port != 0).collect()
    }
}

/// Returns the ports that a master.cf of Postfix opens.
pub(crate) fn postfix_ports(text: &str) -> BTreeSet<u16> {
    // As in /etc/services.
    const NAMES: [(&str, u16); 4] =
        [("smtp", 25), ("submission", 587), ("submissions", 465), ("smtps", 465)];
    let port = |line: &str| {
        let mut fields = line.split_whitespace();
        let (name, kind) = (fields.next()?, fields.next()?);
        let name = name.rsplit(':').next()?;
        let known = NAMES.iter().find(|(it, _)| *it == name).map(|(_, port)| *port);
        known.or_else(|| name.parse().ok()).filter(|_| kind == "inet")
    };
    let is_entry = |line: &&str| !line.starts_with(['#', ' ', '\t']);
    text.lines().filter(is_entry).filter_map(port).collect()
}
