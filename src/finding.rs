//! What came of a look at something that must hold.

use std::fmt;

use serde::Serialize;

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it must be.
    Ok,
    /// Not as it must be: mail or somebody's safety is at stake.
    Wrong,
    /// It works, but something is to be looked at.
    Warning,
    /// It could not be looked at.
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

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What, such as `Port 25 by IPv4`.
    pub what: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen; empty where there is nothing to say.
    pub seen: String,
    /// Why it matters.
    pub why: &'static str,
    /// What to do; empty where it is well.
    pub remedy: String,
    /// The ports that it is about, or that hang on it, if it is about ports.
    pub ports: Vec<u16>,
    /// The finding that this one follows from, by its [`Finding::what`]: once that
    /// is mended, so is this.
    pub follows: Option<String>,
}

impl Finding {
    /// Makes a finding of something that is well until [`Finding::wrong`] and
    /// the like say otherwise.
    pub fn ok(what: impl Into<String>, why: &'static str) -> Self {
        let (seen, remedy) = (String::new(), String::new());
        let (what, verdict, ports, follows) = (what.into(), Verdict::Ok, Vec::new(), None);
        Self { what, verdict, seen, why, remedy, ports, follows }
    }

    /// Says which ports it is about.
    #[must_use]
    pub fn on(self, ports: impl IntoIterator<Item = u16>) -> Self {
        Self { ports: ports.into_iter().collect(), ..self }
    }

    /// Adds what was seen.
    #[must_use]
    pub fn seen(self, seen: impl Into<String>) -> Self {
        Self { seen: seen.into(), ..self }
    }

    /// It is not as it must be.
    #[must_use]
    pub fn wrong(self, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        self.not_ok(Verdict::Wrong, seen, remedy)
    }

    /// It is to be looked at.
    #[must_use]
    pub fn warning(self, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        self.not_ok(Verdict::Warning, seen, remedy)
    }

    /// It could not be looked at.
    #[must_use]
    pub fn not_checked(self, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        self.not_ok(Verdict::NotChecked, seen, remedy)
    }

    fn not_ok(self, verdict: Verdict, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict, seen: seen.into(), remedy: remedy.into(), ..self }
    }
}
