//! Checks the clock.

use crate::finding::{Finding, Rule, rules};
use crate::host::Host;
use crate::services::checking::{Check, Here};

pub(super) static CHECK: Check = Check::on_the_host(
    Rule {
        id: "clock",
        title: "The clock",
        reason: "A wrong clock invalidates certificates and misdates mail.",
    },
    &[RULES],
    Here::Alone(|site| Ok(vec![clock(site.host)])),
);

rules! {
    SYNCHRONIZED = "clock.synchronized", "The clock",
        "A wrong clock invalidates certificates and misdates mail.";
}

fn clock(host: &Host) -> Finding {
    let finding = Finding::of(&SYNCHRONIZED);
    let show = ["timedatectl", "show", "--property=NTPSynchronized", "--value"];
    match host.command(show).run() {
        Ok(captured) if captured.stdout.trim() == "yes" => finding.seen("synchronized"),
        Ok(_) => finding.warning(
            "not synchronized with a time server",
            "apt-get install systemd-timesyncd (a container has its host's clock: look there)",
        ),
        Err(error) => finding.not_checked(error.to_string(), "Compare it with another: date -u"),
    }
}
