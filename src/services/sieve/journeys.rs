//! The way of a filter onto the server.

use crate::explain::{ServerFiles, Stop, Way};
use crate::services::dovecot::journeys as dovecot;

pub(super) fn ways(server: &ServerFiles) -> Vec<Way> {
    if !server.words("protocols").iter().any(|protocol| protocol == "sieve") {
        return Vec::new();
    }
    let mut stops = vec![
        Stop::new("port 4190", "TLS and a password required"),
        Stop::new("Dovecot managesieve-login", "asks for name and password"),
    ];
    stops.extend(dovecot::users(server));
    stops.push(Stop::new("Dovecot managesieve", "refuses a script with mistakes"));
    // As `sieve_script personal` in dovecot.conf.part: beside the mailbox, in the home directory.
    let home = server.mailbox.trim_end_matches("/Maildir");
    stops.push(Stop::new(format!("{home}/sieve"), "the scripts of an account"));
    stops.push(Stop::new("Dovecot lmtp", "runs the active one as mail arrives"));
    vec![Way { title: "Filters that people write (ManageSieve)".into(), stops }]
}
