//! The way out to other servers.

use crate::finding::Finding;
use crate::host::Host;

/// Asks whether port 25 of other servers can be reached. Who has a relay does
/// without.
pub fn outward(has_relay: bool) -> Finding {
    let why = "Many providers close port 25 outward; then no mail leaves this host.";
    let finding = Finding::ok("Port 25 is open outward", why);
    if has_relay {
        return finding.seen("not needed: mail leaves by the relay");
    }
    match Host::port_25_is_open_outward() {
        Some(true) => finding.seen("a large provider's server answers"),
        Some(false) => finding.wrong(
            "another server cannot be reached by it",
            "Ask the provider of the server to open it, or set `relay:` in mail.yml.",
        ),
        None => {
            let remedy = "See /etc/resolv.conf: no name can be looked up.";
            finding.not_checked("no other server is known", remedy)
        }
    }
}
