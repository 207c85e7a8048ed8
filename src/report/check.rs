//! Prints the findings of `check` and the records of `dns`.

use serde_json::json;

use super::Report;
use super::format::count;
use super::relay::Told;
use super::style::Style;
use crate::finding::{Finding, Verdict};
use crate::services::{MissingAddress, Record};
use crate::visible::{visible, visible_lines};
use crate::wire;

/// Explains that they are missing, and how to give them.
fn text(MissingAddress { name, why }: &MissingAddress) -> String {
    format!(
        "The address of {name} is not known: {why}. Give it (--address A), or ask the server \
         (--on HOST)."
    )
}

impl Report {
    /// Shows the findings of a check.
    pub(crate) fn findings(&mut self, part: &str, findings: &[Finding]) {
        self.show_findings(part, findings, self.screen.quiet);
    }

    fn show_findings(&mut self, part: &str, findings: &[Finding], quiet: bool) {
        self.list_findings(part, findings);
        let text = listed(part, findings, quiet, self.screen.verbose, self.style());
        if !text.is_empty() {
            self.say_prose(&text);
        }
    }

    fn list_findings(&self, part: &str, findings: &[Finding]) {
        if self.screen.json {
            for finding in findings {
                let Finding { rule, subject, verdict, facts, remedy, follows, .. } = finding;
                let line = json!({
                    "event": "finding", "part": part, "id": rule.id, "subject": subject,
                    "what": finding.title(), "verdict": verdict, "seen": facts,
                    "why": rule.reason, "remedy": remedy,
                    "follows_from": follows.as_ref().map(|cause| &cause.title),
                    "follows_from_id": follows.as_ref().map(|cause| cause.id),
                });
                self.emit(line);
            }
        }
    }

    /// Names the checks that were not made, with the reasons; for people in one line.
    pub(crate) fn unseen(&mut self, checks: &[(&str, Finding)]) {
        for (check, finding) in checks {
            self.list_findings(check, std::slice::from_ref(finding));
        }
        let groups = checks.chunk_by(|one, other| one.1.facts == other.1.facts).map(|group| {
            let names: Vec<_> = group.iter().map(|(name, _)| *name).collect();
            format!("{} ({})", names.join(", "), group[0].1.facts)
        });
        let groups: Vec<_> = groups.collect();
        if !groups.is_empty() && !self.screen.quiet {
            self.say(&format!("\nNot checked: {}\n", groups.join("; ")));
        }
    }

    /// Announces the check after a run.
    pub(crate) fn checking(&mut self, subject: &str) {
        self.progress(wire::Progress::Checking { subject: subject.into() });
    }

    /// Shows the result of the check after a run: one line if all is ok. `rest` are
    /// the checks that were not made.
    pub(crate) fn checked_after(
        &mut self,
        found: &[(&str, Vec<Finding>)],
        subject: &str,
        rest: &[&str],
    ) {
        self.sink.clear();
        for (part, findings) in found {
            self.show_findings(part, findings, true);
        }
        let all: Vec<_> = found.iter().flat_map(|(_, findings)| findings.clone()).collect();
        self.count_findings(&all);
        self.say_prose(&following(&all, self.screen.verbose));
        let check = self.reach.command(&["check"]);
        let rest = format!("`{check}` also covers: {}.", rest.join(", "));
        let sum = self.sum(&all, subject);
        match all.iter().any(|it| it.verdict == Verdict::Wrong) {
            true => self.say(&format!(
                "{sum}\nThe changes stay applied, but something is wrong: see above what to do.\n\
                 Then check again: {check}\n"
            )),
            false if self.screen.quiet => {}
            false => self.say_prose(&format!("{sum} {rest}\n")),
        }
    }

    /// Reports that the check after a run was interrupted, and `why`.
    pub(crate) fn check_given_up(&mut self, why: &str) {
        self.sink.clear();
        let check = self.reach.command(&["check"]);
        self.note(&format!(
            "The changes are applied. The check after them was interrupted: {why}.\n\
             Check again: {check}\n"
        ));
    }

    /// Shows the summary of a check.
    pub(crate) fn checked(&mut self, findings: &[Finding], subject: &str) {
        self.count_findings(findings);
        self.say_prose(&following(findings, self.screen.verbose));
        if !self.screen.quiet {
            let sum = self.sum(findings, subject);
            self.say_prose(&format!("\n{sum}\n"));
        }
    }

    /// Shows the result of a check from here, after the host checked itself.
    /// `again` is the command line that repeats it.
    pub(crate) fn checked_from_here(
        &mut self,
        part: &str,
        findings: &[Finding],
        subject: &str,
        again: &str,
    ) {
        self.show_findings(part, findings, true);
        self.count_findings(findings);
        if self.screen.quiet && of(findings, Verdict::Wrong) == 0 {
            return;
        }
        let ok = |number: u64| format!("{number} ok");
        let from_here = of(findings, Verdict::Ok) as u64;
        let not_checked = of(findings, Verdict::NotChecked);
        let wrong = of(findings, Verdict::Wrong);
        let style = self.style();
        let text = match (wrong, self.told) {
            (0, Some(Told { wrong: 0, ok: there })) if not_checked == 0 => format!(
                "{}: {} on the host, {} from here.",
                style.added(&format!("{subject} is well")),
                ok(there),
                ok(from_here)
            ),
            (0, _) if not_checked > 0 => format!(
                "From here, {subject} answers at {} ports; {not_checked} could not be checked.",
                from_here
            ),
            (0, _) => format!("From here, {subject} answers: {}.", ok(from_here)),
            (wrong, _) => {
                let wrong = style.bad(&format!("{wrong} wrong at {subject}, as seen from here"));
                format!("{wrong}: others cannot use the server yet.\nThen check again: {again}")
            }
        };
        self.say_prose(&format!("{text}\n"));
    }

    fn count_findings(&self, findings: &[Finding]) {
        if self.screen.json || self.screen.judged_here {
            let line = json!({
                "event": "checked", "ok": of(findings, Verdict::Ok),
                "wrong": of(findings, Verdict::Wrong), "warning": of(findings, Verdict::Warning),
                "not_checked": of(findings, Verdict::NotChecked),
                "following": findings.iter().filter(|it| it.follows.is_some()).count(),
            });
            self.emit(line);
        }
    }

    fn sum(&self, findings: &[Finding], subject: &str) -> String {
        let own: Vec<_> = findings.iter().filter(|it| it.follows.is_none()).cloned().collect();
        let wrong = of(&own, Verdict::Wrong);
        let warnings = of(&own, Verdict::Warning);
        let not_checked = of(&own, Verdict::NotChecked);
        let following = findings.len() - own.len();
        let style = self.style();
        let mut text = match wrong {
            0 if self.screen.judged_here => format!("{subject}, seen from the host itself"),
            0 => style.added(&format!("{subject} is well")),
            wrong => style.bad(&format!("{wrong} wrong at {subject}")),
        };
        text += &format!(": {} ok", of(findings, Verdict::Ok));
        if following > 0 {
            text += &format!(", {following} depending on others");
        }
        if warnings > 0 {
            text += &format!(", {}", count(warnings, "warning"));
        }
        if not_checked > 0 {
            text += &format!(", {not_checked} not checked");
        }
        text + "."
    }

    /// Prints the records of the domains and those that the provider of the
    /// server sets, as a zone file or as a table.
    pub(crate) fn records(
        &mut self,
        of_domains: &[Record],
        of_provider: &[Record],
        missing: Option<&MissingAddress>,
        zone: bool,
    ) {
        if self.screen.json {
            if let Some(missing) = missing {
                let line = json!({"event": "missing", "name": missing.name, "why": missing.why});
                self.emit(line);
                self.note(&format!("{}\n", text(missing)));
            }
            for (records, place) in [(of_domains, "registrar"), (of_provider, "provider")] {
                for it in records {
                    let line = json!({
                        "event": "record", "name": format!("{}.", it.name), "type": it.kind, "value": it.value,
                        "why": it.why, "set_at": place,
                    });
                    self.emit(line);
                }
            }
            return;
        }
        let at_provider = "At the provider of the server, as its reverse DNS:";
        if zone {
            if let Some(missing) = missing {
                let name = &missing.name;
                self.out(&format!("; {}\n; {name} 3600 IN A ADDRESS\n", text(missing)));
            }
            of_domains.iter().for_each(|it| self.out(&format!("{}\n", it.zone_line())));
            if of_provider.is_empty() {
                return;
            }
            self.out(&format!("\n; {at_provider}\n"));
            of_provider.iter().for_each(|it| self.out(&format!("; {}\n", it.zone_line())));
            return;
        }
        let style = Style::new(self.screen.out_in_colour);
        let domains = table(of_domains, style);
        self.out(&format!("At the registrar of your domains:\n\n{domains}\n"));
        if let Some(missing) = missing {
            self.out(&format!("And A and AAAA of {}\n{}\n", missing.name, text(missing)));
            return;
        }
        if !of_provider.is_empty() {
            self.out(&format!("{at_provider}\n\n{}", table(of_provider, style)));
        }
    }
}

/// Formats the findings of a check; an empty text if `quiet` and all is ok.
pub(super) fn listed(
    part: &str,
    findings: &[Finding],
    quiet: bool,
    verbose: bool,
    style: Style,
) -> String {
    let is_shown = |it: &&Finding| match it.verdict {
        Verdict::Ok => !quiet,
        _ => verbose || it.follows.is_none(),
    };
    let shown = findings.iter().filter(is_shown);
    let lines: String = shown.map(|it| drawn(it, verbose, style)).collect();
    if lines.is_empty() { lines } else { format!("{}\n{lines}", style.heading(part)) }
}

/// Describes how many findings follow from each cause.
pub(super) fn following(findings: &[Finding], verbose: bool) -> String {
    let follow = |it: &&Finding| it.verdict != Verdict::Ok && it.follows.is_some();
    let mut causes: Vec<(&str, usize)> = Vec::new();
    let followed = findings.iter().filter(follow).filter_map(|it| it.follows.as_ref());
    for cause in followed.map(|cause| cause.title.as_str()) {
        match causes.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, count)) => *count += 1,
            None => causes.push((cause, 1)),
        }
    }
    let more = if verbose { "" } else { " (-v shows them)" };
    let line = |(cause, count): &(&str, usize)| match count {
        1 => format!("1 more depends on it{more}: {}\n", visible(cause)),
        _ => format!("{count} more depend on it{more}: {}\n", visible(cause)),
    };
    let lines: String = causes.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

fn of(findings: &[Finding], verdict: Verdict) -> usize {
    findings.iter().filter(|it| it.verdict == verdict).count()
}

fn drawn(finding: &Finding, verbose: bool, style: Style) -> String {
    let Finding { rule, verdict, .. } = finding;
    // It contains text from servers and DNS.
    let title = visible_lines(&finding.title());
    let [facts, remedy] = [&finding.facts, &finding.remedy].map(|text| visible_lines(text));
    let mark = match verdict {
        Verdict::Ok => style.added("✓"),
        Verdict::Wrong => style.bad("✗"),
        Verdict::Warning => style.changed("!"),
        Verdict::NotChecked => style.faint("?"),
    };
    let mut text = format!("  {mark} {title}");
    let indented =
        |text: &str| text.lines().map(|line| format!("      {line}\n")).collect::<String>();
    if *verdict == Verdict::Ok {
        if !facts.is_empty() {
            text += &style.faint(&format!(": {facts}"));
        }
        text.push('\n');
        return if verbose { text + &style.faint(&indented(rule.reason)) } else { text };
    }
    let verdict = match verdict {
        Verdict::Wrong => style.bad("wrong"),
        other => other.to_string(),
    };
    let facts = facts.replace('\n', "\n        ");
    let id = if verbose { style.faint(&format!(" [{}]", rule.id)) } else { String::new() };
    text += &format!(": {verdict}: {facts}{id}\n");
    if let Some(cause) = &finding.follows {
        return text + &indented(&format!("depends on: {}", visible(&cause.title)));
    }
    text + &indented(rule.reason) + &indented(&remedy)
}

fn table(records: &[Record], style: Style) -> String {
    /// The longest value that others are padded to.
    const LONGEST: usize = 80;

    let wide = |of: &dyn Fn(&Record) -> usize| records.iter().map(of).max().unwrap_or(0);
    let name = wide(&|it| it.name.chars().count() + 1);
    // A key is longer than any line, and pads no other value.
    let kind = wide(&|it| it.kind.len()).max(4);
    let value = wide(&|it| Some(it.value.chars().count()).filter(|it| *it <= LONGEST).unwrap_or(0));
    let line = |it: &Record| {
        let why = style.faint(it.why);
        let whole = format!("{}.", it.name);
        format!("  {whole:name$}  {:kind$}  {:value$}  {why}\n", it.kind, it.value)
    };
    records.iter().map(line).collect()
}
