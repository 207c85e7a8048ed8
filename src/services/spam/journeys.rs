//! The way by which the filter learns, and its stop on the ways of mail.

use crate::explain::{ServerFiles, Stop, Way};

/// Returns the stop at the filter, if Postfix hands mail to one.
pub(in crate::services) fn filter(server: &ServerFiles, about: &str) -> Option<Stop> {
    let milters = server.words("smtpd_milters");
    let socket = milters.iter().find_map(|it| it.strip_prefix("unix:rspamd/"))?;
    Some(Stop::new(format!("/var/spool/postfix/rspamd/{socket}"), about))
}

pub(super) fn ways(server: &ServerFiles) -> Vec<Way> {
    // As in worker-controller.inc: `"PATH mode=0660";`.
    let sockets = server.words("bind_socket");
    let socket = sockets.iter().find_map(|it| it.strip_prefix('"')?.split('"').next());
    if !server.has("imapsieve_from Junk") && !server.has("plugin/imapsieve_mailbox2_from") {
        return Vec::new();
    }
    let mut stops = vec![
        Stop::new("Dovecot imap", "sees that a mail is moved into or out of Junk"),
        Stop::new("/etc/dovecot/sieve-bin/learn", "hands it on"),
    ];
    stops.extend(socket.map(|path| Stop::new(path, "open to Dovecot alone")));
    stops.push(Stop::new("rspamd", "learns what is spam, for all accounts"));
    vec![Way { title: "Mail that people move into or out of Junk".into(), stops }]
}
