//! Checks whether guessers are shut out: whether fail2ban runs with mailprov's part,
//! and the kernel has the rules that close the ports.

use crate::finding::{Finding, Rule, rules};
use crate::host::{Host, Init, Result};
use crate::services::checking::{Check, Here};

pub(super) static CHECKS: &[&Check] = &[&CHECK];

static CHECK: Check = Check::on_the_host(
    Rule {
        id: "ban",
        title: "Bans",
        reason: "One computer can try hundreds of passwords in a minute.",
    },
    &[RULES],
    Here::Alone(|site| match site.spec.services.ban {
        true => look(site.host),
        false => Ok(Vec::new()),
    }),
);

rules! {
    RUNNING = "ban.running", "Addresses that guess passwords are banned",
        "One computer can try hundreds of passwords in a minute.";
    PORTS = "ban.ports", "A ban closes the ports",
        "Without the rules in the kernel, a ban is only a line in a log.";
}

fn look(host: &Host) -> Result<Vec<Finding>> {
    let running = Finding::of(&RUNNING);
    if host.init()? != Init::Systemd {
        let why = "fail2ban reads the journal, and systemd does not run here";
        return Ok(vec![running.not_checked(why, "Limit the tries in front of this host.")]);
    }
    let Some(bans) = super::bans(host)? else {
        let remedy = "Run mailprov apply. See what fail2ban says: journalctl -u fail2ban; tail \
                      /var/log/fail2ban.log";
        return Ok(vec![running.wrong("fail2ban does not run with mailprov's part", remedy)]);
    };
    let ports = Finding::of(&PORTS);
    let rules = host.command(["nft", "list", "chain", "inet", "mailprov-ban", "banned"]).capture();
    let has_rules = rules.is_ok_and(|answer| answer.success());
    let remedy = "Have fail2ban make them again: systemctl restart fail2ban. See why it cannot: \
                  tail /var/log/fail2ban.log";
    Ok(vec![
        running.seen(format!("{} at present", bans.len())),
        match has_rules {
            true => ports.seen("the kernel has the rules"),
            false => ports.wrong("the kernel does not have the table inet mailprov-ban", remedy),
        },
    ])
}
