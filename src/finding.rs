//! What a check found.

use std::fmt;

use serde::Serialize;

/// One thing that a check looks at. Scripts and tests ask for it by its id, which
/// stays; title and reason are prose and may change.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its stable name, such as `tls.chain`.
    pub id: &'static str,
    /// What is looked at; `{}` stands for the subject of a finding.
    pub title: &'static str,
    /// Why it matters.
    pub reason: &'static str,
}

/// Declares rules, and lists them all as `RULES`.
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

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// As it must be.
    Ok,
    /// Not as it must be: mail or security is at stake.
    Wrong,
    /// It works, but needs attention.
    Warning,
    /// It could not be checked.
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
    /// The rule.
    pub rule: &'static Rule,
    /// Which of several it is about: an address, a domain, a port, a protocol.
    /// Empty where there is only one.
    pub subject: String,
    /// The verdict.
    pub verdict: Verdict,
    /// What was seen; empty where there is nothing to say.
    pub facts: String,
    /// What to do; empty where it is ok.
    pub remedy: String,
    /// The ports that it is about, or that depend on it, if it is about ports.
    pub ports: Vec<u16>,
    /// The finding that this one follows from: once that is mended, so is this.
    pub follows: Option<Cause>,
}

/// A finding that others follow from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    /// The id of its rule.
    pub id: &'static str,
    /// Its [`Finding::title`].
    pub title: String,
}

impl Finding {
    /// Makes a finding that is ok until [`Finding::wrong`] and the like say
    /// otherwise.
    pub(crate) fn of(rule: &'static Rule) -> Self {
        Self::about(rule, "")
    }

    /// The same about one of several.
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

    /// Says what was looked at, such as `MX of example.org`.
    pub(crate) fn title(&self) -> String {
        self.rule.title.replace("{}", &self.subject)
    }

    /// Makes it the cause of others.
    pub(crate) fn as_cause(&self) -> Cause {
        Cause { id: self.rule.id, title: self.title() }
    }

    /// Says which ports it is about.
    #[must_use]
    pub(crate) fn on(self, ports: impl IntoIterator<Item = u16>) -> Self {
        Self { ports: ports.into_iter().collect(), ..self }
    }

    /// Adds what was seen.
    #[must_use]
    pub(crate) fn seen(self, facts: impl Into<String>) -> Self {
        Self { facts: facts.into(), ..self }
    }

    /// It is not as it must be.
    #[must_use]
    pub(crate) fn wrong(self, facts: impl Into<String>, remedy: impl Into<String>) -> Self {
        self.not_ok(Verdict::Wrong, facts, remedy)
    }

    /// It needs attention.
    #[must_use]
    pub(crate) fn warning(self, facts: impl Into<String>, remedy: impl Into<String>) -> Self {
        self.not_ok(Verdict::Warning, facts, remedy)
    }

    /// It could not be checked.
    #[must_use]
    pub(crate) fn not_checked(self, facts: impl Into<String>, remedy: impl Into<String>) -> Self {
        self.not_ok(Verdict::NotChecked, facts, remedy)
    }

    fn not_ok(self, verdict: Verdict, facts: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict, facts: facts.into(), remedy: remedy.into(), ..self }
    }
}
