//! Checks of the webmail: whether its page comes, and whether it is up to date.

use std::net::SocketAddr;

use crate::finding::Rule;
use crate::finding::{Finding, rules};
use crate::host::{Host, Result};
use crate::probe::{FetchedPage, Tls, authorities, fetch};
use crate::services::checking::{Check, Daemon, Here, Outside, Site, unanswered};

pub(super) static CHECKS: &[&Check] = &[&CHECK];

static CHECK: Check = Check {
    rule: Rule {
        id: "webmail",
        title: "The webmail",
        reason: "People read and write mail there, and anybody can open it.",
    },
    rules: &[RULES],
    uses_ports: false,
    explains: false,
    here: Here::Alone(from_here),
    outside: Some(|outside| Ok(from_outside(outside))),
    quick: None,
};

pub(super) static DAEMON: Daemon = Daemon {
    unit: "mailprov-webmail",
    running: &RUNNING,
    rules: DAEMON_RULES,
    is_behind: |_| false,
};

static DAEMON_RULES: &[&Rule] = &[&RUNNING];

static RUNNING: Rule = Rule {
    id: "webmail.running",
    title: "The webmail runs",
    reason: "People read and write mail in it.",
};

rules! {
    PAGE = "webmail.page", "The page at {}", "People log in there.";
    VERSION = "webmail.version", "The version of the webmail",
        "Its faults are known as soon as there is a newer one, and anybody can try them.";
    UPDATES = "webmail.updates", "Security updates install themselves",
        "Faults of the webmail are used within days.";
    FIREWALL = "webmail.firewall", "The webmail calls only mail",
        "An intruder in it could send mail under any name, and hide from bans.";
}

/// The port of HTTPS.
const HTTPS: u16 = 443;

const PACKAGE: &str = "roundcube-core";

const SEE_LOG: &str = "Run mailprov apply, then see what PHP says: journalctl -u mailprov-webmail";

fn from_here(site: &Site<'_>) -> Result<Vec<Finding>> {
    if !site.spec.services.webmail {
        return Ok(Vec::new());
    }
    let host = &site.server.hostname;
    let page = Finding::about(&PAGE, format!("https://{host}/"));
    // Whose certificate it shows is a matter of other checks.
    let page = judge(page, site.server.address(), host, Tls::unverified(host));
    Ok(vec![page, version(site.host)?, updates(site.host)?, firewall(site.host)?])
}

fn from_outside(outside: &Outside<'_>) -> Vec<Finding> {
    if !outside.spec.services.webmail {
        return Vec::new();
    }
    let host = outside.spec.hostname.value.to_string();
    let page = Finding::about(&PAGE, format!("https://{host}/"));
    let Some(address) = outside.server.addresses.first() else {
        return vec![page.not_checked("DNS has no address of it", "See the results under `dns`.")];
    };
    let tls = Tls::trusting_what_can_be_read(authorities(), &host);
    vec![judge(page, *address, &host, tls)]
}

fn judge(
    finding: Finding,
    address: std::net::IpAddr,
    host: &str,
    tls: crate::probe::Result<Tls>,
) -> Finding {
    let fetched = tls.and_then(|tls| fetch(SocketAddr::new(address, HTTPS), &tls, host, "/"));
    match fetched {
        Ok(page) if is_login(&page) => finding,
        Ok(page) => finding.wrong(format!("the answer is {}, and no login", page.status), SEE_LOG),
        Err(error) => unanswered(finding, &error, SEE_LOG),
    }
}

/// Returns whether a page is Roundcube's, on which people log in.
fn is_login(page: &FetchedPage) -> bool {
    page.status == 200 && page.body.contains("rcmloginuser")
}

fn version(host: &Host) -> Result<Finding> {
    let finding = Finding::of(&VERSION);
    let policy = host.command(["apt-cache", "policy", PACKAGE]).capture()?;
    let (installed, candidate) = versions(&policy.stdout);
    Ok(match (installed, candidate) {
        (Some(installed), Some(candidate)) if installed != candidate => finding.wrong(
            format!("{PACKAGE} {installed}; apt knows {candidate}"),
            "Install what is newer: unattended-upgrade; or apt-get update && apt-get upgrade",
        ),
        (Some(installed), _) => finding.seen(installed),
        (None, _) => finding.wrong(format!("{PACKAGE} is not installed"), "Run mailprov apply"),
    })
}

/// Returns the version that is installed, and the one that apt would install, from the
/// output of `apt-cache policy`.
fn versions(policy: &str) -> (Option<&str>, Option<&str>) {
    let field = |name: &str| {
        let value = policy.lines().find_map(|line| line.trim().strip_prefix(name))?.trim();
        (value != "(none)").then_some(value)
    };
    (field("Installed:"), field("Candidate:"))
}

fn updates(host: &Host) -> Result<Finding> {
    let finding = Finding::of(&UPDATES);
    let asked = host.command(["apt-config", "dump", "APT::Periodic"]).capture()?;
    let off = ["Update-Package-Lists", "Unattended-Upgrade"].into_iter().find(|name| {
        let line = format!("APT::Periodic::{name} \"");
        let value = asked.stdout.lines().find_map(|it| it.strip_prefix(&line)?.strip_suffix("\";"));
        value.is_none_or(|value| value.is_empty() || value == "0")
    });
    Ok(match off {
        None => finding,
        Some(name) => finding.wrong(
            format!("APT::Periodic::{name} is off"),
            "See which file in /etc/apt/apt.conf.d switches it off, such as 20auto-upgrades",
        ),
    })
}

fn firewall(host: &Host) -> Result<Finding> {
    let finding = Finding::of(&FIREWALL);
    let rules = host.command(["nft", "list", "chain", "inet", "mailprov-webmail", "output"]);
    Ok(match rules.capture() {
        Ok(answer) if answer.success() => finding,
        _ => finding.warning(
            "the kernel does not have the table inet mailprov-webmail",
            "Have it made again: systemctl restart mailprov-webmail. See why it cannot \
             be: journalctl -u mailprov-webmail-firewall",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_are_those_that_apt_tells() {
        let policy = "roundcube-core:\n  Installed: 1.6.5+dfsg-1+deb12u9\n  \
                      Candidate: 1.6.5+dfsg-1+deb12u13\n  Version table:\n";
        let expected = (Some("1.6.5+dfsg-1+deb12u9"), Some("1.6.5+dfsg-1+deb12u13"));
        assert_eq!(versions(policy), expected);
        assert_eq!(versions("roundcube-core:\n  Installed: (none)\n"), (None, None));
    }
}
