//! Checks the free space for mail.

use std::path::Path;

use crate::finding::{Finding, Rule, rules};
use crate::host::Host;
use crate::services::checking::{Check, Here};

pub(super) static CHECK: Check = Check::on_the_host(
    Rule { id: "disk", title: "Free space", reason: "On a full disk no mail is accepted." },
    &[RULES],
    Here::Alone(|site| Ok(disk(site.host, site.spec.largest_mail()))),
);

rules! {
    FREE = "disk.free", "Free space in {}", "On a full disk no mail is accepted.";
}

/// Postfix accepts no mail with less space than this many times the largest mail.
const LARGEST_MAILS: u64 = 2;

const QUEUE: &str = "/var/spool/postfix";

/// The folders that hold mail.
const FOLDERS: [&str; 2] = ["/var/vmail", QUEUE];

/// Checks the space for mails of this size, and for the reserve below which
/// Postfix defers mail from other servers.
fn disk(host: &Host, message_size: u64) -> Vec<Finding> {
    let reserve = reserve(host);
    let look = |folder: &str| {
        let finding = Finding::about(&FREE, folder);
        match host.space(Path::new(folder)) {
            Err(error) => finding.not_checked(error.to_string(), "Create it: mailprov apply"),
            Ok(space) => {
                let facts = format!("{} MiB, {} %", space.free >> 20, space.free_percent);
                let remedy = format!("See what is large: du -xh --max-depth=2 {folder}");
                let files = space.files_percent;
                let put_off = match folder == QUEUE && space.free < reserve {
                    true => format!(
                        "; below {} MiB, mail from other servers is deferred",
                        reserve >> 20
                    ),
                    false => String::new(),
                };
                if space.free < message_size * LARGEST_MAILS || files == 0 {
                    finding.wrong(facts, remedy)
                } else if space.free_percent < 10 || files < 5 || !put_off.is_empty() {
                    finding.warning(format!("{facts}; {files} % of the files{put_off}"), remedy)
                } else {
                    finding.seen(facts)
                }
            }
        }
    };
    FOLDERS.map(look).into()
}

/// Asks Postfix for the free bytes below which it defers mail from other
/// servers, or 0 if it does not answer.
fn reserve(host: &Host) -> u64 {
    let asked = host.command(["postconf", "-h", "queue_minfree"]).run();
    asked.ok().and_then(|said| said.stdout.trim().parse().ok()).unwrap_or_default()
}
