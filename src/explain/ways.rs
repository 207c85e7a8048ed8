//! The ways that mail takes through the server: ports, programs, sockets,
//! folders, as the configuration files have them.

use super::{File, Setting, settings};

/// One way, from where mail comes to where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// What it is for.
    pub title: String,
    /// The stops, in order.
    pub stops: Vec<Stop>,
}

/// A stop on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// What it is: a port, a program, a socket, a folder.
    pub name: String,
    /// What happens there.
    pub about: String,
}

/// The files that the ways are read from.
struct Server {
    settings: Vec<Setting>,
}

/// The ports that master.cf has names for (services(5)).
const PORTS: [(&str, u16); 3] = [("smtp", 25), ("submissions", 465), ("submission", 587)];

/// What Dovecot listens on for each protocol, TLS from the first byte first.
const READING: [(&str, [u16; 2]); 2] = [("imap", [993, 143]), ("pop3", [995, 110])];

/// Where most of Postfix is locked in, and its sockets lie.
const SPOOL: &str = "/var/spool/postfix";

/// Reads the ways from the files. `mailbox` is the folder of an account's mail.
pub fn ways(files: &[File], mailbox: &str) -> Vec<Way> {
    let server = Server { settings: files.iter().flat_map(settings).collect() };
    let mut ways = Vec::new();
    let open: Vec<(&str, u16)> =
        PORTS.into_iter().filter(|(name, _)| server.has(&format!("{name} inet"))).collect();
    if open.contains(&PORTS[0]) {
        let mut stops = vec![
            stop("port 25", "open to all servers"),
            postfix("smtpd", "takes mail for our addresses only"),
        ];
        stops.extend(server.delivery(mailbox));
        ways.push(Way { title: "Mail from other servers".into(), stops });
    }
    let people: Vec<String> =
        open.iter().filter(|(_, port)| *port != 25).map(|(_, port)| port.to_string()).collect();
    if !people.is_empty() {
        let ports = format!("port {}", people.join(", "));
        let mut stops = vec![stop(&ports, "TLS and a password required")];
        stops.push(postfix("smtpd", "lets people send as their own addresses"));
        stops.extend(server.passwords());
        stops.push(postfix("qmgr", "keeps the queue"));
        stops.extend(server.outward());
        ways.push(Way { title: "Mail that people send".into(), stops });
    }
    for (protocol, ports) in READING {
        if server.words("protocols").iter().any(|word| word == protocol) {
            let ports = format!("port {}, {}", ports[0], ports[1]);
            let mut stops = vec![stop(&ports, "TLS and a password required")];
            stops.push(stop(&format!("Dovecot {protocol}-login"), "asks for name and password"));
            stops.extend(server.users());
            stops.push(stop(&format!("Dovecot {protocol}"), "shows the mailbox"));
            stops.push(stop(mailbox, "one folder for each account"));
            ways.push(Way {
                title: format!("Mail that people read ({})", protocol.to_uppercase()),
                stops,
            });
        }
    }
    if server.has("pickup unix") {
        let mut stops = vec![stop("/usr/sbin/sendmail", "cron and other programs of this host")];
        stops.push(postfix("pickup", "takes it from the spool"));
        stops.extend(server.table("alias_maps", "leads root and the like to people"));
        stops.extend(server.delivery(mailbox));
        ways.push(Way { title: "Mail from programs on this host".into(), stops });
    }
    ways
}

fn stop(name: &str, about: &str) -> Stop {
    Stop { name: name.into(), about: about.into() }
}

fn postfix(program: &str, about: &str) -> Stop {
    stop(&format!("Postfix {program}"), about)
}

impl Server {
    fn find(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().rfind(|setting| setting.name == name)
    }

    fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn words(&self, name: &str) -> Vec<String> {
        let value = self.find(name).map(Setting::value).unwrap_or_default();
        value.split([' ', ',']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// A lookup table's source: `hash:/etc/postfix/virtual` without the type.
    fn table(&self, name: &str, about: &str) -> Option<Stop> {
        let value = self.words(name).first()?.clone();
        let (_, path) = value.split_once(':')?;
        Some(stop(path, about))
    }

    /// A socket as Postfix names it: `lmtp:unix:private/dovecot-lmtp`.
    fn socket(&self, name: &str, about: &str) -> Option<Stop> {
        let value = self.words(name).first()?.clone();
        let path = value.rsplit(':').next()?;
        Some(stop(&format!("{SPOOL}/{path}"), about))
    }

    /// From the queue into the mailbox.
    fn delivery(&self, mailbox: &str) -> Vec<Stop> {
        let mut stops = Vec::new();
        stops.extend(self.table("virtual_alias_maps", "aliases, forwards and catch-alls"));
        stops.push(postfix("qmgr", "keeps the queue"));
        stops.extend(self.socket("virtual_transport", "the socket between the two"));
        stops.push(stop("Dovecot lmtp", "puts it into the mailbox"));
        stops.push(stop(mailbox, "one folder for each account"));
        stops
    }

    fn passwords(&self) -> Vec<Stop> {
        let mut stops = Vec::new();
        stops.extend(self.socket("smtpd_sasl_path", "asks Dovecot for the password"));
        stops.extend(self.users());
        stops
    }

    /// The file with the accounts, in either dialect of Dovecot.
    fn users(&self) -> Option<Stop> {
        let passdb = self.settings.iter().find(|setting| setting.name.starts_with("passdb"))?;
        let mut words = passdb.text.split([' ', '=', '\n']);
        let path = words.find(|word| word.starts_with('/'))?;
        Some(stop(path, "accounts and password hashes"))
    }

    fn outward(&self) -> Vec<Stop> {
        let relay = self.words("relayhost").first().cloned();
        match relay {
            Some(relay) => vec![postfix("smtp", "TLS required"), stop(&relay, "the relay")],
            None => vec![
                postfix("smtp", "TLS where the other side offers it"),
                stop("port 25 of other servers", "found by their MX records"),
            ],
        }
    }
}
