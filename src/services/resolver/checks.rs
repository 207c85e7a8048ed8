//! Checks that the host's own resolver runs, answers, and proves its answers.

use std::net::{IpAddr, Ipv4Addr};

use crate::finding::{Finding, Rule, rules};
use crate::probe::Resolver;
use crate::services::checking::{Check, Daemon, Here};

const UNIT: &str = "unbound";

/// Where unbound.conf.d/mailprov.conf has it listen.
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(super) static CHECKS: &[&Check] = &[&CHECK];

static CHECK: Check = Check::on_the_host(
    Rule {
        id: "resolver",
        title: "The resolver",
        reason: "Without it, mail for others waits, and mail from others is misjudged.",
    },
    &[RULES],
    Here::Alone(|site| match site.spec.services.resolver {
        true => Ok(vec![proof(&Resolver::at(ADDRESS))]),
        false => Ok(Vec::new()),
    }),
);

pub(super) static DAEMON: Daemon =
    Daemon { unit: UNIT, running: &RUNNING, rules: DAEMON_RULES, is_behind: |_| false };

static DAEMON_RULES: &[&Rule] = &[&RUNNING];

static RUNNING: Rule = Rule {
    id: "resolver.running",
    title: "The resolver runs",
    reason: "While it is down, this host finds no name, and mail for others waits.",
};

rules! {
    PROOF = "resolver.proof", "The resolver proves names",
        "Mail for servers that publish their certificate in DNS goes out only with proof.";
}

fn proof(resolver: &Resolver) -> Finding {
    let finding = Finding::of(&PROOF);
    let remedy = "See what it says: journalctl -u unbound. It asks name servers everywhere by port \
                  53, UDP and TCP, which a firewall must let out, and needs a clock that is right. \
                  Until that is mended, `resolver: false` brings the former resolver back.";
    match resolver.proves_the_root() {
        Ok(true) => finding,
        Ok(false) => finding.wrong("it answers, but without proof (DNSSEC)", remedy),
        Err(why) => finding.wrong(why, remedy),
    }
}
