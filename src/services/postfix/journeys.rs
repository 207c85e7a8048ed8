//! The paths of mail through Postfix: in from other servers and from this host, out for people.

use crate::explain::{ServerFiles, Stop, Way};
use crate::services::dkim::journeys as dkim;
use crate::services::dovecot::journeys as dovecot;
use crate::services::spam::journeys as spam;

/// The ports that master.cf names (services(5)).
const PORTS: [(&str, u16); 3] = [("smtp", 25), ("submissions", 465), ("submission", 587)];

/// The folder to which most Postfix processes are chrooted, and which contains its sockets.
const SPOOL: &str = "/var/spool/postfix";

pub(super) fn ways(server: &ServerFiles) -> Vec<Way> {
    let mut ways = Vec::new();
    let open: Vec<(&str, u16)> =
        PORTS.into_iter().filter(|(name, _)| server.has(&format!("{name} inet"))).collect();
    if open.contains(&PORTS[0]) {
        let mut stops = vec![
            Stop::new("port 25", "open to all servers"),
            program("smtpd", "takes mail for our addresses only"),
        ];
        stops.extend(spam::filter(server, "the spam filter judges it"));
        stops.extend(delivery(server));
        ways.push(Way { title: "Mail from other servers".into(), stops });
    }
    let people: Vec<String> =
        open.iter().filter(|(_, port)| *port != 25).map(|(_, port)| port.to_string()).collect();
    if !people.is_empty() {
        let ports = format!("port {}", people.join(", "));
        let mut stops = vec![Stop::new(ports, "TLS and a password required")];
        stops.push(program("smtpd", "lets people send as their own addresses"));
        stops.extend(socket(server, "smtpd_sasl_path", "asks Dovecot for the password"));
        stops.extend(dovecot::users(server));
        if server.has("send-limit unix") {
            stops.push(Stop::new("mailprov send-limit", "counts what each account sends"));
        }
        let about = match dkim::is_filter(server) {
            true => "the spam filter refuses a From: of another, and signs",
            false => "the spam filter refuses a From: of another",
        };
        stops.extend(spam::filter(server, about).or_else(|| dkim::signer(server)));
        stops.push(program("qmgr", "keeps the queue"));
        stops.extend(outward(server));
        ways.push(Way { title: "Mail that people send".into(), stops });
    }
    if server.has("pickup unix") {
        let mut stops =
            vec![Stop::new("/usr/sbin/sendmail", "cron and other programs of this host")];
        stops.push(program("pickup", "takes it from the spool"));
        stops.extend(dkim::signer(server));
        stops.extend(table(server, "alias_maps", "leads root and the like to people"));
        stops.extend(delivery(server));
        ways.push(Way { title: "Mail from programs on this host".into(), stops });
    }
    ways
}

fn program(name: &str, about: &str) -> Stop {
    Stop::new(format!("Postfix {name}"), about)
}

/// Returns the source file of a lookup table: `hash:/etc/postfix/virtual` without the type.
fn table(server: &ServerFiles, name: &str, about: &str) -> Option<Stop> {
    let value = server.words(name).first()?.clone();
    let (_, path) = value.split_once(':')?;
    Some(Stop::new(path, about))
}

/// Returns a socket that Postfix names: `lmtp:unix:private/dovecot-lmtp`.
fn socket(server: &ServerFiles, name: &str, about: &str) -> Option<Stop> {
    let value = server.words(name).first()?.clone();
    let path = value.rsplit(':').next()?;
    Some(Stop::new(format!("{SPOOL}/{path}"), about))
}

/// Returns the stops from the queue to the mailbox.
fn delivery(server: &ServerFiles) -> Vec<Stop> {
    let mut stops = Vec::new();
    stops.extend(table(server, "virtual_alias_maps", "aliases, forwards and catch-alls"));
    stops.push(program("qmgr", "keeps the queue"));
    stops.extend(socket(server, "virtual_transport", "the socket between the two"));
    stops.extend(dovecot::delivery(server));
    stops
}

fn outward(server: &ServerFiles) -> Vec<Stop> {
    match server.words("relayhost").first() {
        Some(relay) => vec![program("smtp", "TLS required"), Stop::new(relay, "the relay")],
        None => vec![
            program("smtp", "TLS where the other side offers it"),
            Stop::new("port 25 of other servers", "found by their MX records"),
        ],
    }
}
