//! Checks the queue.

use crate::finding::{Finding, Rule, rules};
use crate::host::Host;
use crate::services::checking::{Check, Here};

pub(super) static CHECK: Check = Check::on_the_host(
    Rule { id: "queue", title: "The queue", reason: "Mail that waits is not delivered." },
    &[RULES],
    Here::Alone(|site| Ok(vec![waiting(site.host)])),
);

rules! {
    WAITING = "queue.waiting", "Mail that waits in the queue", "It is not delivered yet.";
}

/// The number of waiting mails that a slow remote server can explain.
const MANY: usize = 50;

fn waiting(host: &Host) -> Finding {
    let finding = Finding::of(&WAITING).on([25]);
    match host.command(["postqueue", "-j"]).run() {
        Err(error) => finding.wrong(error.to_string(), "Start Postfix: mailprov apply"),
        // Then postqueue reads the queue directly, and reports that.
        Ok(captured) if captured.stderr.contains("system is down") => finding
            .wrong("Postfix is not running, so it delivers nothing", "Start it: mailprov apply"),
        Ok(captured) => {
            let waiting = captured.stdout.lines().count();
            let facts = match waiting {
                0 => "none".to_owned(),
                many => many.to_string(),
            };
            let see = "See which, and why: mailq";
            if waiting > MANY { finding.warning(facts, see) } else { finding.seen(facts) }
        }
    }
}
