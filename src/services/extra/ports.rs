//! The ports that `extra:` opens in addition to mailprov's, and those of mailprov's that it closes.

use std::collections::BTreeSet;

use super::Settings;
use crate::mail::DovecotPorts;

/// The ports that `extra:` opens and closes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports {
    /// The ports of services that a person adds.
    pub opened: BTreeSet<u16>,
    /// The ports of Dovecot that are closed by `extra:`.
    pub closed: BTreeSet<u16>,
}

impl Settings {
    /// Returns the ports that the settings open and close. Without them, Dovecot
    /// serves `protocols`.
    pub fn ports(&self, protocols: &[&str]) -> Ports {
        let mut ports = Ports::default();
        ports.opened.extend(self.postfix_master.iter().filter_map(|entry| entry.value.port()));
        if let Some(text) = &self.dovecot {
            let mut dovecot = DovecotPorts::of(protocols);
            let ours = dovecot.open();
            dovecot.read(&text.value);
            let open = dovecot.open();
            ports.opened.extend(open.difference(&ours));
            ports.closed.extend(ours.difference(&open));
        }
        ports
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::MasterEntry;
    use super::*;
    use crate::mail::Spanned;

    fn of(text: &str) -> (Vec<u16>, Vec<u16>) {
        let extra =
            Settings { dovecot: Some(Spanned::new(text.to_owned(), 0..0)), ..Settings::default() };
        let ports = extra.ports(&["imap", "pop3"]);
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
        assert_eq!(extra.ports(&[]).opened, BTreeSet::from([2525, 10025]));
    }
}
