//! What `check` found, and the records that `dns` prints.

use serde_json::json;

use super::Report;
use super::people::count;
use super::style::Style;
use crate::finding::{Finding, Verdict};

/// A DNS record, as it is listed.
#[derive(Debug, Clone)]
pub struct Record {
    /// The name, with the dot at its end.
    pub name: String,
    /// The type.
    pub kind: &'static str,
    /// The value.
    pub value: String,
    /// Why it is wanted.
    pub why: &'static str,
    /// The whole line of a zone file.
    pub line: String,
}

impl Report {
    /// Shows what came of one part of a check.
    pub fn findings(&mut self, part: &str, findings: &[Finding]) {
        if self.screen.json {
            for finding in findings {
                let line = json!({
                    "event": "finding", "part": part, "what": finding.what,
                    "verdict": finding.verdict, "seen": finding.seen, "why": finding.why,
                    "remedy": finding.remedy,
                });
                self.out(&format!("{line}\n"));
            }
        }
        let style = self.style();
        let (quiet, verbose) = (self.screen.quiet, self.screen.verbose);
        let shown = findings.iter().filter(|it| !quiet || it.verdict != Verdict::Ok);
        let lines: String = shown.map(|it| drawn(it, verbose, style)).collect();
        if !lines.is_empty() {
            self.say(&format!("{}\n{lines}", style.heading(part)));
        }
    }

    /// Says what a check came to.
    pub fn checked(&mut self, findings: &[Finding], subject: &str) {
        let of = |verdict| findings.iter().filter(|it| it.verdict == verdict).count();
        let (ok, wrong) = (of(Verdict::Ok), of(Verdict::Wrong));
        let (warnings, not_checked) = (of(Verdict::Warning), of(Verdict::NotChecked));
        if self.screen.json {
            let line = json!({
                "event": "checked", "ok": ok, "wrong": wrong, "warning": warnings,
                "not_checked": not_checked,
            });
            self.out(&format!("{line}\n"));
        }
        if self.screen.quiet {
            return;
        }
        let style = self.style();
        let mut text = match wrong {
            0 => style.added(&format!("{subject} is well")),
            wrong => style.bad(&format!("{wrong} wrong at {subject}")),
        };
        text += &format!(": {ok} ok");
        if warnings > 0 {
            text += &format!(", {}", count(warnings, "warning"));
        }
        if not_checked > 0 {
            text += &format!(", {not_checked} not checked");
        }
        self.say(&format!("\n{text}.\n"));
    }

    /// Prints records: those that are set where the domains are, and those that
    /// the provider of the server sets; as a zone file, else as a table.
    pub fn records(&mut self, of_domains: &[Record], of_provider: &[Record], zone: bool) {
        if self.screen.json {
            for (records, place) in [(of_domains, "registrar"), (of_provider, "provider")] {
                for it in records {
                    let line = json!({
                        "event": "record", "name": it.name, "type": it.kind, "value": it.value,
                        "why": it.why, "set_at": place,
                    });
                    self.out(&format!("{line}\n"));
                }
            }
            return;
        }
        let at_provider = "At the provider of the server, as its reverse DNS:";
        if zone {
            of_domains.iter().for_each(|it| self.out(&format!("{}\n", it.line)));
            self.out(&format!("\n; {at_provider}\n"));
            of_provider.iter().for_each(|it| self.out(&format!("; {}\n", it.line)));
            return;
        }
        let style = Style::new(self.screen.out_in_colour);
        let domains = table(of_domains, style);
        self.out(&format!("At the registrar of your domains:\n\n{domains}\n"));
        self.out(&format!("{at_provider}\n\n{}", table(of_provider, style)));
    }
}

fn drawn(finding: &Finding, verbose: bool, style: Style) -> String {
    let Finding { what, verdict, seen, why, remedy } = finding;
    let mark = match verdict {
        Verdict::Ok => style.added("✓"),
        Verdict::Wrong => style.bad("✗"),
        Verdict::Warning => style.changed("!"),
        Verdict::NotChecked => style.faint("?"),
    };
    let mut text = format!("  {mark} {what}");
    let indented =
        |text: &str| text.lines().map(|line| format!("      {line}\n")).collect::<String>();
    if *verdict == Verdict::Ok {
        if !seen.is_empty() {
            text += &style.faint(&format!(": {seen}"));
        }
        text.push('\n');
        return if verbose { text + &style.faint(&indented(why)) } else { text };
    }
    let verdict = match verdict {
        Verdict::Wrong => style.bad("wrong"),
        other => other.to_string(),
    };
    let seen = seen.replace('\n', "\n        ");
    text + &format!(": {verdict}: {seen}\n") + &indented(why) + &indented(remedy)
}

fn table(records: &[Record], style: Style) -> String {
    let wide = |of: &dyn Fn(&Record) -> usize| records.iter().map(of).max().unwrap_or(0);
    let name = wide(&|it| it.name.chars().count());
    let value = wide(&|it| it.value.chars().count());
    let line = |it: &Record| {
        let why = style.faint(it.why);
        format!("  {:name$}  {:4}  {:value$}  {why}\n", it.name, it.kind, it.value)
    };
    records.iter().map(line).collect()
}
