//! Finds out whether this machine is the server that a mail.yml describes, so
//! that a laptop does not become it by mistake.

use std::net::IpAddr;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use crate::cli::Global;
use crate::engine;
use crate::host::Host;
use crate::reach::{Reach, as_path};
use crate::services::Spec;

/// How long DNS may take to resolve the hostname.
const PATIENCE: Duration = Duration::from_secs(3);

/// The configuration of Postfix, where mailprov set it up.
const MAIN_CF: &str = "/etc/postfix/main.cf";

/// A server that is probably not this machine.
pub(crate) struct Elsewhere {
    /// The server's name.
    pub(crate) hostname: String,
    /// The name of this machine.
    ours: String,
}

/// Returns the server if it is another machine than this one. `by_dns`: also
/// resolves its name, which may take a moment.
pub(crate) fn elsewhere(global: &Global, spec: &Spec, by_dns: bool) -> Option<Elsewhere> {
    // The user who names a host, a playbook or a tree has chosen.
    let is_meant = global.playbook.is_some() || global.root != Path::new("/");
    if is_meant {
        return None;
    }
    let hostname = spec.hostname.value.to_string();
    let ours = Host::name();
    let is_ours = is_name_of(&ours, &hostname)
        || is_set_up(&hostname)
        || by_dns && is_at(&hostname, &Host::addresses().unwrap_or_default());
    (!is_ours).then_some(Elsewhere { hostname, ours })
}

/// Machines usually go by the first label of their full name.
fn is_name_of(ours: &str, hostname: &str) -> bool {
    let ours = ours.to_lowercase();
    let first = hostname.split('.').next().unwrap_or_default();
    ours == hostname || ours == first
}

/// Returns whether an earlier run set this machine up as that server.
fn is_set_up(hostname: &str) -> bool {
    let Ok(host) = Host::open(Path::new("/")) else { return false };
    let has_run = engine::last_run(&host).is_ok_and(|run| run.is_some());
    let main = host.read(Path::new(MAIN_CF)).ok().flatten();
    let names_it = |line: &str| {
        let value = line.strip_prefix("myhostname").and_then(|it| it.trim().strip_prefix('='));
        value.is_some_and(|value| value.trim() == hostname)
    };
    has_run && main.is_some_and(|main| String::from_utf8_lossy(main.bytes()).lines().any(names_it))
}

/// Returns whether the name resolves to one of these addresses.
fn is_at(hostname: &str, ours: &[IpAddr]) -> bool {
    let (sender, answer) = mpsc::channel();
    let name = hostname.to_owned();
    std::thread::spawn(move || {
        // The send fails if the wait is over.
        let _ = sender.send(Host::addresses_of(&name));
    });
    let found = answer.recv_timeout(PATIENCE).unwrap_or_default();
    found.iter().any(|address| address.is_loopback() || ours.contains(address))
}

impl Elsewhere {
    /// Returns the command line that sets the server up.
    pub(crate) fn bootstrap(&self, mail: &Path, reach: &Reach) -> String {
        let mail = mail.display().to_string();
        reach.bootstrap(format!("root@{}", self.hostname), Some(&mail), false)
    }

    /// Returns the command line that applies a mail.yml there.
    pub(crate) fn apply(&self, mail: &Path, reach: &Reach) -> String {
        let mail = as_path(&mail.display().to_string());
        reach.at(format!("root@{}", self.hostname)).command(&["apply", &mail])
    }

    /// Returns a command line for the mail.yml that is there.
    pub(crate) fn command(&self, words: &[&str], reach: &Reach) -> String {
        reach.at(format!("root@{}", self.hostname)).command(words)
    }

    /// Describes the mismatch.
    pub(crate) fn says(&self) -> String {
        let Self { hostname, ours } = self;
        format!(
            "This machine is called {ours}, and {hostname} is another one, as far as can be seen."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_goes_by_its_full_name_or_the_first_part() {
        assert!(is_name_of("mail.example.org", "mail.example.org"));
        assert!(is_name_of("Mail", "mail.example.org"));
        assert!(!is_name_of("laptop", "mail.example.org"));
        assert!(!is_name_of("mail.example.net", "mail.example.org"));
        assert!(is_at("localhost", &[]));
        assert!(!is_at("nowhere.invalid", &["192.0.2.1".parse().unwrap()]));
    }
}
