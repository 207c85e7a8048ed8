//! The findings of checks.

use std::fmt;

use serde::Serialize;

/// A property that a check examines. Scripts and tests refer to it by its
/// stable id; title and reason are prose and may change.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The stable id, such as `tls.chain`.
    pub id: &'static str,
    /// The property in words; `{}` stands for the subject of a finding.
    pub title: &'static str,
    /// The reason why it matters.
    pub reason: &'static str,
}

/// Declares rules, and collects them in `RULES`.
macro_rules! rules {
    ($($name:ident = $id:literal, $title:literal, $reason:literal;)*) => {
        $(
            pub(crate) static $name: $crate::finding::Rule =
                $crate::finding::Rule { id: $id, title: $title, reason: $reason };
        )*
        pub(crate) static RULES: &[&$crate::finding::Rule] = &[$(&$name),*];
    };
}
pub(crate) use rules;

/// The result of examining a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Ok,
    /// The property does not hold: mail or security is at stake.
    Wrong,
    /// The property holds, but needs attention.
    Warning,
    /// The property could not be examined.
    NotChecked,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Wrong => "wrong",
            Self::Warning => "warning",
            Self::NotChecked => "not checked",
        })
    }
}

/// A rule's verdict on one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub rule: &'static Rule,
    /// An address, a domain, a port or a protocol, if the rule has several subjects; else empty.
    pub subject: String,
    pub verdict: Verdict,
    /// The details; empty if there are none.
    pub facts: String,
    /// The remedy; empty if the verdict is ok.
    pub remedy: String,
    /// The ports that the finding is about or depends on.
    pub ports: Vec<u16>,
    /// The finding that this one follows from: once that is fixed, so is this.
    pub follows: Option<Cause>,
}

/// A finding that others follow from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    pub id: &'static str,
    /// Its [`Finding::title`].
    pub title: String,
}

impl Finding {
    /// Returns a finding that is ok until [`Finding::wrong`] or a similar method changes it.
    pub(crate) fn of(rule: &'static Rule) -> Self {
        Self::about(rule, "")
    }

    /// Returns a finding about one of several subjects.
    pub(crate) fn about(rule: &'static Rule, subject: impl fmt::Display) -> Self {
        Self {
            rule,
            subject: subject.to_string(),
            verdict: Verdict::Ok,
            facts: String::new(),
            remedy: String::new(),
            ports: Vec::new(),
            follows: None,
        }
    }

    /// Returns the title with the subject, such as `MX of example.org`.
    pub(crate) fn title(&self) -> String {
        self.rule.title.replace("{}", &self.subject)
    }

    /// Returns the finding as a cause of others.
    pub(crate) fn as_cause(&self) -> Cause {
        Cause { id: self.rule.id, title: self.title() }
    }

    /// Sets the ports that it is about.
    #[must_use]
    pub(crate) fn on(self, ports: impl IntoIterator<Item = u16>) -> Self {
        Self { ports: ports.into_iter().collect(), ..self }
    }

    /// Adds details.
    #[must_use]
    pub(crate) fn seen(self, facts: impl Into<String>) -> Self {
        Self { facts: facts.into(), ..self }
    }

    #[must_use]
    pub(crate) fn wrong(self, facts: impl Into<String>, remedy: impl Into<String>) -> Self {
        self.not_ok(Verdict::Wrong, facts, remedy)
    }

    #[must_use]
    pub(crate) fn warning(self, facts: impl Into<String>, remedy: impl Into<String>) -> Self {
        self.not_ok(Verdict::Warning, facts, remedy)
    }

    #[must_use]
    pub(crate) fn not_checked(self, facts: impl Into<String>, remedy: impl Into<String>) -> Self {
        self.not_ok(Verdict::NotChecked, facts, remedy)
    }

    fn not_ok(self, verdict: Verdict, facts: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict, facts: facts.into(), remedy: remedy.into(), ..self }
    }
}
