//! Checks whether what accounts send is counted, and names those that have reached
//! their limit.

use std::path::Path;

use super::{is_on, ledger, notice, policy};
use crate::finding::{Finding, Rule, rules};
use crate::host::{self, Host};
use crate::probe;
use crate::services::checking::{Check, Here};

pub(super) static CHECKS: &[&Check] = &[&CHECK];

static CHECK: Check = Check::on_the_host(
    Rule {
        id: "send-limit",
        title: "Send limit",
        reason: "With a stolen password, spam is sent until a limit is reached.",
    },
    &[RULES],
    Here::Alone(|site| if is_on(site.spec) { limits(site.host) } else { Ok(Vec::new()) }),
);

rules! {
    COUNTED = "send-limit.counted", "What accounts send",
        "Mail that is not counted knows no limit.";
    REACHED = "send-limit.reached", "Send limit of {}",
        "Mail of the account is refused; if the person did not send it, the password is stolen.";
}

/// The socket that Postfix asks at, as in master.cf.
const SOCKET: &str = "/var/spool/postfix/private/send-limit";

/// A question about no mail.
const QUESTION: &str = "request=smtpd_access_policy\nprotocol_state=DATA\nrecipient_count=0\n\n";

const ANSWER: &str = "action=DUNNO";

const REMEDY: &str = "Have mailprov in /usr/local/bin or /usr/bin, and run mailprov apply. See: \
                      journalctl -u 'postfix*' --grep send-limit";

fn limits(host: &Host) -> host::Result<Vec<Finding>> {
    let counted = Finding::of(&COUNTED).on([465, 587]);
    let counted = match probe::ask(Path::new(SOCKET), QUESTION) {
        Ok(answer) if answer == ANSWER => counted,
        Ok(answer) => counted.wrong(format!("the program that counts says `{answer}`"), REMEDY),
        Err(error) => counted.wrong(format!("the program that counts: {error}"), REMEDY),
    };
    let text = host.read(Path::new(ledger::FILE))?;
    let bytes = text.as_ref().map_or(&[][..], |text| text.bytes());
    let now = policy::now();
    let reached = ledger::all(bytes).filter(|(_, bucket)| bucket.is_reached(now));
    let findings = reached.map(|(account, bucket)| {
        let refused = match bucket.refused {
            1 => "one mail was refused".to_owned(),
            many => format!("{many} mails were refused"),
        };
        let last = i64::try_from(bucket.refused_at / 1000).unwrap_or_default();
        let last = jiff::Timestamp::from_second(last).unwrap_or_default();
        let facts = format!("reached; {refused} within a day, the last at {last}");
        Finding::about(&REACHED, &account).on([465, 587]).wrong(facts, notice::remedy(&account))
    });
    Ok([counted].into_iter().chain(findings).collect())
}
