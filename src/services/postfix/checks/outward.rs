//! Checks that other servers can be reached.

use crate::finding::{Finding, Rule, rules};
use crate::host::Host;
use crate::services::checking::{Check, Here, Site};

pub(super) static CHECK: Check = Check::on_the_host(
    Rule {
        id: "outward",
        title: "The way out",
        reason: "Many providers block port 25 outward; then no mail leaves this host.",
    },
    &[RULES],
    Here::Alone(|site| Ok(vec![outward(site)])),
);

rules! {
    PORT_25 = "outward.port-25", "Port 25 of other servers",
        "Many providers block port 25 outward; then no mail leaves this host.";
}

fn outward(site: &Site<'_>) -> Finding {
    let finding = Finding::of(&PORT_25);
    if site.spec.services.relay.is_some() {
        return finding.seen("not needed: mail leaves by the relay");
    }
    match Host::port_25_is_open_outward() {
        Some(true) => finding.seen("a large provider's server answers"),
        Some(false) => finding.wrong(
            "a large provider's server cannot be reached",
            "Ask the provider of this server to open it, or set `relay:` in mail.yml.",
        ),
        None => {
            let remedy = "See /etc/resolv.conf: no name can be looked up.";
            finding.not_checked("no other server is known", remedy)
        }
    }
}
