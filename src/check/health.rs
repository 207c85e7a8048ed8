//! What only shows on the host itself: mail that waits, room, and time.

use std::path::Path;

use crate::finding::Finding;
use crate::host::Host;

/// As many mails may wait for a slow server elsewhere.
const MANY: usize = 50;

/// Postfix takes no mail with less room than this times the largest mail.
const LARGEST_MAILS: u64 = 2;

/// Where mail waits.
const QUEUE: &str = "/var/spool/postfix";

/// Where mail is.
const FOLDERS: [&str; 2] = ["/var/vmail", QUEUE];

/// Counts the mails that wait.
pub fn queue(host: &Host) -> Vec<Finding> {
    let finding = Finding::ok("Mail that waits to go on", "It is not where it should be.");
    let finding = finding.on([25]);
    let listed = host.command(["postqueue", "-j"]).run();
    vec![match listed {
        Err(error) => finding.wrong(error.to_string(), "mailprov apply starts Postfix."),
        // It then reads the queue by itself, and says so.
        Ok(captured) if captured.stderr.contains("system is down") => {
            finding.wrong("Postfix does not run, so nothing goes on", "mailprov apply starts it.")
        }
        Ok(captured) => {
            let waiting = captured.stdout.lines().count();
            let seen = match waiting {
                0 => "none".to_owned(),
                many => many.to_string(),
            };
            let see = "See which, and why: mailq";
            if waiting > MANY { finding.warning(seen, see) } else { finding.seen(seen) }
        }
    }]
}

/// Looks for room for mails of at most so many bytes, and for the reserve that is
/// kept from strangers.
pub fn disk(host: &Host, message_size: u64) -> Vec<Finding> {
    let reserve = reserve(host);
    let look = |folder: &str| {
        let why = "On a full disk no mail is taken.";
        let finding = Finding::ok(format!("Room in {folder}"), why);
        match host.space(Path::new(folder)) {
            Err(error) => finding.not_checked(error.to_string(), "mailprov apply makes it."),
            Ok(space) => {
                let seen = format!("{} MiB, {} %", space.free >> 20, space.free_percent);
                let remedy = format!("See what is large: du -xh --max-depth=2 {folder}");
                let files = space.files_percent;
                let put_off = match folder == QUEUE && space.free < reserve {
                    true => format!(
                        "; less than the {} MiB that are kept from strangers, whose mail is put off",
                        reserve >> 20
                    ),
                    false => String::new(),
                };
                if space.free < message_size * LARGEST_MAILS || files == 0 {
                    finding.wrong(seen, remedy)
                } else if space.free_percent < 10 || files < 5 || !put_off.is_empty() {
                    finding.warning(format!("{seen}; {files} % of the files{put_off}"), remedy)
                } else {
                    finding.seen(seen)
                }
            }
        }
    };
    FOLDERS.map(look).into()
}

/// Asks Postfix with how many bytes free it takes no mail of strangers; it is none
/// where it does not say.
fn reserve(host: &Host) -> u64 {
    let asked = host.command(["postconf", "-h", "queue_minfree"]).run();
    asked.ok().and_then(|said| said.stdout.trim().parse().ok()).unwrap_or_default()
}

/// Asks whether the clock is kept.
pub fn clock(host: &Host) -> Vec<Finding> {
    let why = "By a wrong clock certificates are invalid and mail is of tomorrow.";
    let finding = Finding::ok("The clock", why);
    let show = ["timedatectl", "show", "--property=NTPSynchronized", "--value"];
    vec![match host.command(show).run() {
        Ok(captured) if captured.stdout.trim() == "yes" => finding.seen("synchronized"),
        Ok(_) => finding.warning(
            "nothing sets it by a time server",
            "apt-get install systemd-timesyncd (a container has its host's clock: look there)",
        ),
        Err(error) => finding.not_checked(error.to_string(), "Compare it with another: date -u"),
    }]
}
