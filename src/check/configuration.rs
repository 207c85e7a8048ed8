//! Checks that the host matches mail.yml, and that its services run with the configuration on disk.

use super::mailboxes;
use crate::engine::Plan;
use crate::finding::{Finding, Rule, rules};
use crate::host::{Result, Unit};
use crate::resource::Key;
use crate::services;
use crate::services::checking::{Check, Here, Site};

pub(super) static CHECK: Check = Check {
    explains: true,
    ..Check::on_the_host(
        Rule {
            id: "configuration",
            title: "The configuration",
            reason: "A host that was changed by hand does not do what mail.yml says.",
        },
        &[RULES],
        Here::Planned(look),
    )
};

rules! {
    SERVICE = "service.running", "{}", "A change on disk has no effect until the service loads it.";
    APPLIED = "configuration.applied", "The host is as mail.yml says",
        "A host that was changed by hand does not do what mail.yml says.";
    VISIBLE = "configuration.visible", "The whole host can be examined",
        "What cannot be examined may differ from what mail.yml says.";
    MAILBOXES = "configuration.mailboxes", "The mailboxes",
        "Mail that cannot be put into its mailbox waits, and is returned to its sender in the end.";
    SECRETS = "configuration.secrets", "{} is readable by root only",
        "Passwords can be guessed offline from hashes that others may read.";
}

const APPLY: &str = "See the difference: mailprov plan. Mend it: mailprov apply";

/// Compares the host with mail.yml; services are reported separately.
fn look(site: &Site<'_>, plan: &Plan) -> Result<Vec<Finding>> {
    let mut findings: Vec<Finding> = Vec::new();
    for service in &site.services {
        let (finding, ports) = running(service);
        let change = plan.changes.iter().find(|change| match &change.key {
            Key::Service(key) => key.unit == *service,
            _ => false,
        });
        findings.push(match change {
            None => finding.seen("runs with the configuration on disk"),
            Some(_) if is_dead(site, service, &ports)? => dead(finding, service, &ports),
            Some(it) => finding.wrong(it.key.describe(&it.before, &it.after).join("; "), APPLY),
        });
    }
    let is_told = |key: &Key| matches!(key, Key::Service(it) if site.services.contains(&it.unit));
    let others = plan.changes.iter().filter(|change| !is_told(&change.key));
    let keys: Vec<_> = others.map(|change| change.key.to_string()).collect();
    findings.push(match keys.is_empty() {
        true => Finding::of(&APPLIED),
        false => Finding::of(&APPLIED).wrong(keys.join(", "), APPLY),
    });
    let accounts = site.spec.directory.accounts.iter().enumerate();
    let homes = accounts.flat_map(|(index, account)| {
        let homes = site.spec.homes(index).into_iter();
        homes.map(|home| (account.name.value.local().as_str(), home.into()))
    });
    findings.extend(mailboxes::judge(Finding::of(&MAILBOXES), site.host, homes));
    findings.extend(site.open_secrets.iter().map(|(path, who)| {
        let path = path.display();
        let finding = Finding::about(&SECRETS, &path);
        finding.warning(format!("{who} may read it"), format!("chmod 600 {path}"))
    }));
    if !plan.unseen.is_empty() {
        let steps: Vec<_> = plan.unseen.iter().map(|it| it.step.as_str()).collect();
        let finding = Finding::of(&VISIBLE);
        findings.push(finding.not_checked(steps.join(", "), "See why: mailprov plan"));
    }
    Ok(findings)
}

/// Finds the daemons that do not run, and marks their ports as down.
pub(super) fn dead_daemons(site: &Site<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for service in &site.services {
        let (finding, ports) = running(service);
        if is_dead(site, service, &ports)? {
            let why = format!("{} is not running", finding.title());
            ports.iter().for_each(|port| site.server.connections.mark_down(*port, why.clone()));
            findings.push(dead(finding, service, &ports));
        }
    }
    Ok(findings)
}

/// Returns a finding about a unit, with the ports that it is needed for.
fn running(service: &Unit) -> (Finding, Vec<u16>) {
    let mut daemons = services::ALL.iter().filter_map(|it| it.daemon());
    match daemons.find(|daemon| daemon.unit == service.name.as_str()) {
        Some(daemon) => {
            let ports = services::ports().filter(|port| (daemon.is_behind)(port));
            (Finding::of(daemon.running), ports.map(|port| port.number).collect())
        }
        None => (Finding::about(&SERVICE, &service.name), Vec::new()),
    }
}

fn dead(finding: Finding, service: &Unit, ports: &[u16]) -> Finding {
    let name = &service.name;
    let remedy = format!("Start it: mailprov apply. See why it stopped: journalctl -u {name}");
    finding.wrong("not running", remedy).on(ports.iter().copied())
}

fn is_dead(site: &Site<'_>, service: &Unit, ports: &[u16]) -> Result<bool> {
    Ok(!ports.is_empty() && site.host.main_process(service)?.is_none())
}
