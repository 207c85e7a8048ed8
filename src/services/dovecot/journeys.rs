//! The paths of mail through Dovecot: into a mailbox, and from there to its reader.

use crate::explain::{ServerFiles, Stop, Way};

/// The ports of each protocol, implicit TLS first.
const READING: [(&str, [u16; 2]); 2] = [("imap", [993, 143]), ("pop3", [995, 110])];

pub(super) fn ways(server: &ServerFiles) -> Vec<Way> {
    let protocols = server.words("protocols");
    let open = READING.into_iter().filter(|(it, _)| protocols.iter().any(|word| word == it));
    let way = |(protocol, ports): (&str, [u16; 2])| {
        let ports = format!("port {}, {}", ports[0], ports[1]);
        let mut stops = vec![Stop::new(ports, "TLS and a password required")];
        stops.push(Stop::new(format!("Dovecot {protocol}-login"), "asks for name and password"));
        stops.extend(users(server));
        stops.push(Stop::new(format!("Dovecot {protocol}"), "shows the mailbox"));
        stops.push(mailbox(server));
        Way { title: format!("Mail that people read ({})", protocol.to_uppercase()), stops }
    };
    open.map(way).collect()
}

/// Returns the stops from Postfix to the mailbox.
pub(in crate::services) fn delivery(server: &ServerFiles) -> Vec<Stop> {
    vec![Stop::new("Dovecot lmtp", "puts it into the mailbox"), mailbox(server)]
}

/// Returns the file with the accounts, in the syntax of Dovecot 2.3 or 2.4.
pub(in crate::services) fn users(server: &ServerFiles) -> Option<Stop> {
    let passdb = server.settings.iter().find(|setting| setting.name.starts_with("passdb"))?;
    let mut words = passdb.text.split([' ', '=', '\n']);
    let path = words.find(|word| word.starts_with('/'))?;
    Some(Stop::new(path, "accounts and password hashes"))
}

fn mailbox(server: &ServerFiles) -> Stop {
    Stop::new(&server.mailbox, "one folder for each account")
}
