//! Checks that the spam filter answers Postfix, that it has DNS, and how much
//! memory it takes.

use std::path::Path;

use crate::finding::{Finding, Rule, rules};
use crate::host::{Result, Unit};
use crate::probe::{Resolver, ask_milter};
use crate::services::checking::{Check, Daemon, Here, Protocol, Site};

/// The unit of the filter.
pub(crate) const UNIT: &str = "rspamd";

pub(super) static CHECKS: &[&Check] = &[&CHECK];

static CHECK: Check = Check::on_the_host(
    Rule {
        id: "spam",
        title: "The spam filter",
        reason: "Mail is put off while it does not answer, and misjudged while it has no DNS.",
    },
    &[RULES],
    Here::Alone(filter),
);

/// Postfix puts off what it cannot hand to the filter.
pub(super) static DAEMON: Daemon = Daemon {
    unit: UNIT,
    running: &RUNNING,
    rules: DAEMON_RULES,
    is_behind: |port| port.protocol == Protocol::Smtp,
};

static DAEMON_RULES: &[&Rule] = &[&RUNNING];

static RUNNING: Rule = Rule {
    id: "spam.running",
    title: "The spam filter runs",
    reason: "While it is down, all mail is put off: other servers' and people's.",
};

rules! {
    ANSWERS = "spam.answers", "The spam filter answers Postfix",
        "While it does not answer, all mail is put off.";
    RESOLVER = "spam.resolver", "DNS for the spam filter",
        "Without DNS it cannot prove any sender, and takes good mail for spam.";
    MEMORY = "spam.memory", "Memory of the spam filter",
        "What it takes is missing to Postfix and Dovecot.";
}

/// The socket that main.cf names.
const SOCKET: &str = "/var/spool/postfix/rspamd/milter.sock";

/// More than it takes after days of mail, in MiB.
const MUCH: u64 = 350;

fn filter(site: &Site<'_>) -> Result<Vec<Finding>> {
    let Some(unit) = site.services.iter().find(|unit| unit.name == UNIT) else {
        return Ok(Vec::new());
    };
    Ok(vec![answers(), resolver(site), memory(site, unit)?])
}

fn answers() -> Finding {
    let finding = Finding::of(&ANSWERS).on([25]);
    match ask_milter(Path::new(SOCKET)) {
        Ok(()) => finding,
        Err(error) => finding.wrong(
            format!("{SOCKET}: {error}"),
            "Run mailprov apply, then see what it says: journalctl -u rspamd",
        ),
    }
}

/// Asks for a name that each resolver can say something about.
fn resolver(site: &Site<'_>) -> Finding {
    let finding = Finding::of(&RESOLVER);
    let domain = site.spec.directory.domains.first().map(ToString::to_string);
    match Resolver::of(site.host).mx(&domain.unwrap_or_default()) {
        Ok(_) => finding.seen("answers"),
        Err(why) => finding.wrong(
            why,
            "Mend /etc/resolv.conf, then have the filter read it: systemctl restart rspamd",
        ),
    }
}

fn memory(site: &Site<'_>, unit: &Unit) -> Result<Finding> {
    let finding = Finding::of(&MEMORY);
    let process = site.host.main_process(unit)?;
    let Some(bytes) = process.and_then(|process| site.host.memory_of(&process)) else {
        return Ok(finding.not_checked("it does not run", "See the result about spam.running."));
    };
    let taken = format!("{} MiB", bytes >> 20);
    Ok(match bytes >> 20 > MUCH {
        true => finding.warning(taken, "Have it begin anew: systemctl restart rspamd"),
        false => finding.seen(taken),
    })
}
