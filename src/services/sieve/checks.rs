//! Checks whether ManageSieve accepts a good filter and refuses a wrong one. It
//! stores neither.

use crate::finding::{Finding, Rule, rules};
use crate::probe::{Error, ManageSieve, Result};
use crate::services::checking::{Account, Check, Here, Protocol, Server, unanswered};

pub(super) static CHECKS: &[&Check] = &[&CHECK];

static CHECK: Check = Check {
    rule: Rule {
        id: "sieve",
        title: "Filters",
        reason: "People's filters sort their mail and answer it while they are away.",
    },
    rules: &[RULES],
    uses_ports: true,
    explains: false,
    here: Here::LoggedIn(|site, account| Ok(filters(&site.server, account))),
    outside: Some(|outside| {
        let server = outside.server()?;
        let person = outside.person.as_ref().ok_or("needs a login: --login NAME")?;
        Ok(filters(server, &person.account))
    }),
    quick: None,
};

rules! {
    TAKEN = "sieve.taken", "A filter on port {}",
        "People's filters sort their mail and answer it while they are away.";
    MISTAKE = "sieve.mistake", "A filter with a mistake on port {}",
        "A filter that cannot run must be refused when it is stored, not skipped later.";
}

/// Uses the extensions that mail programs make filters of.
const GOOD: &str = "require [\"fileinto\", \"mailbox\", \"vacation\", \"imap4flags\", \"copy\"];\r\n\
                    if header :contains \"subject\" \"mailprov\" { fileinto :create \"Junk\"; }\r\n\
                    else { vacation :days 7 \"I am away.\"; }\r\n";

const BAD: &str = "fileinto \"without require\";\r\n";

const LOOK: &str = "Run mailprov apply, then see what Dovecot says: journalctl -u dovecot";

/// Has the server judge two scripts, if mail.yml asks for filters.
fn filters(server: &Server, account: &Account) -> Vec<Finding> {
    let (ports, _) = server.ports();
    let Some(port) = ports.into_iter().find(|it| it.protocol == Protocol::ManageSieve) else {
        return Vec::new();
    };
    let about = |rule| Finding::about(rule, port.number).on([port.number]);
    let entered = server.tls().and_then(|tls| {
        let mut sieve = server.secure::<ManageSieve>(port, &tls)?;
        sieve.login(&account.login, &account.password)?;
        Ok(sieve)
    });
    let mut sieve = match entered {
        Ok(sieve) => sieve,
        Err(error) => return vec![unanswered(about(&TAKEN), &error, LOOK)],
    };
    let findings = vec![
        of_good(about(&TAKEN), sieve.check_script(GOOD)),
        of_bad(about(&MISTAKE), sieve.check_script(BAD)),
    ];
    let _ = sieve.logout();
    findings
}

fn of_good(finding: Finding, judged: Result<()>) -> Finding {
    match judged {
        Ok(()) => finding.seen("accepted"),
        Err(error) => unanswered(finding, &error, LOOK),
    }
}

fn of_bad(finding: Finding, judged: Result<()>) -> Finding {
    match judged {
        Err(Error::Refused { .. }) => finding.seen("rejected"),
        Ok(()) => finding.wrong("it is accepted", LOOK),
        Err(error) => unanswered(finding, &error, LOOK),
    }
}
