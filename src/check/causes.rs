//! Finds the findings that follow from others: a daemon that is down closes its
//! ports, and everything that uses them fails too.

use std::collections::HashMap;

use crate::finding::{Cause, Finding, Verdict};

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Causes {
    /// For each port, the first finding that explains its state.
    of_ports: HashMap<u16, Cause>,
}

impl Causes {
    /// Records for each bad finding of a check the earlier one that it follows
    /// from. With `explains`, later findings may follow from these.
    pub(crate) fn trace(&mut self, explains: bool, findings: &mut [Finding]) {
        let mut first: HashMap<(Verdict, String), Cause> = HashMap::new();
        let mut causes = Vec::new();
        for finding in findings.iter_mut() {
            if finding.verdict == Verdict::Ok || finding.follows.is_some() {
                continue;
            }
            let is_hindered = finding.verdict != Verdict::Warning;
            let cause = || finding.ports.iter().find_map(|port| self.of_ports.get(port)).cloned();
            // One certificate on seven ports, one password that is rejected on six.
            let seen = (finding.verdict, finding.facts.clone());
            let same = || (!finding.ports.is_empty()).then(|| first.get(&seen).cloned()).flatten();
            let known = is_hindered.then(cause).flatten();
            let is_known = known.is_some();
            finding.follows = known.or_else(same);
            let cause = finding.follows.clone().unwrap_or_else(|| finding.as_cause());
            if explains && finding.verdict == Verdict::Wrong {
                causes.extend(finding.ports.iter().map(|port| (*port, cause.clone())));
            }
            if !is_known {
                first.entry(seen).or_insert(cause);
            }
        }
        // Only after the whole check: one port at two addresses is two findings.
        for (port, cause) in causes {
            self.of_ports.entry(port).or_insert(cause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::finding::rules! {
        RULE = "a.rule", "{}", "why";
    }

    fn wrong(what: &str, facts: &str, port: u16) -> Finding {
        Finding::about(&RULE, what).wrong(facts, "remedy").on([port])
    }

    fn follows(findings: &[Finding]) -> Vec<Option<&str>> {
        assert_eq!(RULES.len(), 1);
        findings.iter().map(|it| it.follows.as_ref().map(|it| it.title.as_str())).collect()
    }

    #[test]
    fn findings_follow_from_the_dead_daemon_behind_them() {
        let mut causes = Causes::default();
        let dead = Finding::about(&RULE, "dovecot runs").wrong("start", "apply").on([993, 465]);
        let other = Finding::about(&RULE, "The host").wrong("x", "apply");
        let mut configuration = [dead, other];
        causes.trace(true, &mut configuration);
        assert_eq!(follows(&configuration), [None, None]);
        let mut ports = [wrong("Port 993", "refused", 993), wrong("Port 25", "refused", 25)];
        causes.trace(true, &mut ports);
        assert_eq!(follows(&ports), [Some("dovecot runs"), None]);
        let mut mail = [wrong("In at 25", "refused", 25), wrong("Out at 993", "refused", 993)];
        mail[1].verdict = Verdict::NotChecked;
        causes.trace(false, &mut mail);
        assert_eq!(follows(&mail), [Some("Port 25"), Some("dovecot runs")]);
    }

    #[test]
    fn one_bad_certificate_is_told_once() {
        let mut causes = Causes::default();
        let on = |port| wrong(&format!("The certificate on port {port}"), "expired", port);
        let mut tls = [on(25), on(465), wrong("The certificate on port 993", "other", 993)];
        causes.trace(true, &mut tls);
        assert_eq!(follows(&tls), [None, Some("The certificate on port 25"), None]);
        let mut login = [wrong("The password opens port 465", "refused", 465)];
        causes.trace(false, &mut login);
        assert_eq!(follows(&login), [Some("The certificate on port 25")]);
        let mut ports = [wrong("a", "x", 1), wrong("b", "y", 1)];
        causes.trace(true, &mut ports);
        assert_eq!(follows(&ports), [None, None]);
    }
}
