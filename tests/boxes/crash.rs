//! Any instant may be the last: a run that is cut off leaves only whole files,
//! the next one ends well, and a rollback restores what was before.

use crate::provoked::{
    KILLED, Managed, ONE, OTHER, apply_with, assert_converged, assert_managed, assert_serves,
    assert_tidy, assert_whole, converged, is_unfinished, managed, with_packages,
};
use crate::support::{Debian, Suite};

/// How a box goes on after a run that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// The next `apply`.
    Apply,
    /// `rollback`.
    Rollback,
}

/// A box whose runs are cut off, one after the other.
#[derive(Debug)]
pub struct Victim {
    /// The box, in the state that its `mail.yml` before the next run describes.
    pub debian: Debian,
    /// That `mail.yml`, and the next one.
    texts: [&'static str; 2],
    /// What the files are in both states.
    states: [Managed; 2],
    /// How many mails are in it.
    pub mails: u32,
}

impl Victim {
    /// Takes a converged box, and looks at both of its states.
    pub fn converged(suite: Suite) -> Self {
        let debian = converged(suite);
        let one = managed(&debian);
        let debian = debian.mail_yml(&OTHER).apply();
        let other = managed(&debian);
        Self { debian, texts: [&OTHER, &ONE], states: [other, one], mails: 1 }
    }

    /// Takes a box with no more than Debian's packages. Rolled back, it is one
    /// again.
    pub fn bare(suite: Suite) -> Self {
        let debian = with_packages(suite);
        let bare = managed(&debian);
        let debian = debian.apply();
        let one = managed(&debian);
        let _ = debian.mailprov(&["rollback", "--yes"]).success();
        assert_managed(&managed(&debian), &bare);
        Self { debian, texts: ["", &ONE], states: [bare, one], mails: 0 }
    }

    /// Writes the `mail.yml` of the next state.
    pub fn wish(self) -> Self {
        Self { debian: self.debian.mail_yml(self.texts[1]), ..self }
    }

    /// Rolls back the run that was cut off, with the one that finished it.
    #[track_caller]
    pub fn bared(mut self) -> Self {
        let cut_off = "ls /var/lib/mailprov/runs | sort -n | tail -n 2 | head -n 1";
        let cut_off = self.debian.shell(cut_off).success().stdout();
        let _ = self.debian.mailprov(&["rollback", cut_off.trim(), "--yes"]).success();
        self.texts.swap(0, 1);
        self.states.swap(0, 1);
        assert_managed(&managed(&self.debian), &self.states[0]);
        self
    }

    /// Judges the box after a run that was cut off, has it go on, and judges it
    /// again.
    #[track_caller]
    pub fn recovers(mut self, after: After, named: bool) -> Self {
        assert_whole(&managed(&self.debian), &[&self.states[0], &self.states[1]]);
        match after {
            After::Apply => {
                let output = self.debian.mailprov(&["apply", "--yes"]).success();
                assert_eq!(
                    output.stderr().contains("was cut off before its end"),
                    named,
                    "{output}"
                );
                self.texts.swap(0, 1);
                self.states.swap(0, 1);
            }
            After::Rollback => {
                let _ = self.debian.mailprov(&["rollback", "--yes"]).success();
                if !self.texts[0].is_empty() {
                    self.debian = self.debian.mail_yml(self.texts[0]);
                }
            }
        }
        assert_managed(&managed(&self.debian), &self.states[0]);
        assert_tidy(&self.debian);
        if !self.texts[0].is_empty() {
            assert_converged(&self.debian);
            assert_serves(&self.debian, self.mails);
        }
        self
    }

    /// Has a run killed at a point, as `journal 7`, and recovers. Tells whether
    /// the run came that far.
    #[track_caller]
    pub fn killed_at(self, point: &str, after: After) -> (Self, bool) {
        let victim = self.wish();
        let runs =
            || victim.debian.shell("ls /var/lib/mailprov/runs | sort -n | tail -n 1").stdout();
        let before = runs();
        let output = apply_with(&victim.debian, &format!("kill {point}"));
        if output.is_success() {
            return (victim.recovers(After::Apply, false), false);
        }
        assert_eq!(output.code(), KILLED, "{point}: {output}");
        // The checkers run before the run begins: there is nothing to take back then.
        let began = before != runs();
        let after = if began { after } else { After::Apply };
        (victim.recovers(after, began), true)
    }
}

/// Has runs killed at some points, every other time rolled back. The crash
/// matrix has all of them.
fn kill_at(mut victim: Victim, points: &[&str]) -> Victim {
    for (index, point) in points.iter().enumerate() {
        let after = if index % 2 == 0 { After::Apply } else { After::Rollback };
        let killed;
        (victim, killed) = victim.killed_at(point, after);
        assert!(killed, "the run did not come to {point}");
    }
    victim
}

#[test]
fn killed_at_any_entry_of_the_journal_a_run_is_finished_or_taken_back() {
    for (suite, points) in [
        (Suite::Bookworm, ["journal 2", "journal 19", "journal 27"]),
        (Suite::Trixie, ["journal 1", "journal 8", "journal 22"]),
    ] {
        let _ = kill_at(Victim::converged(suite), &points);
    }
}

#[test]
fn killed_between_writing_and_naming_a_file_nothing_half_written_is_left() {
    for (suite, points) in [
        (Suite::Bookworm, ["file 1", "file 25", "change 4"]),
        (Suite::Trixie, ["file 12", "file 35", "change 9"]),
    ] {
        let _ = kill_at(Victim::converged(suite), &points);
    }
}

#[test]
fn a_run_that_was_cut_off_with_nothing_left_to_do_is_spoken_of_once() {
    let debian = converged(Suite::Trixie);
    let before = managed(&debian);
    let debian = debian.mail_yml(&OTHER);
    let plan = debian.mailprov(&["plan", "--json"]).success().stdout();
    let changes = plan.matches("\"event\":\"change\"").count();
    // The beginning, and two entries for each change: only the end is missing.
    let fault = format!("kill journal {}", 1 + 2 * changes);
    let _ = apply_with(&debian, &fault).exits(KILLED);
    assert!(is_unfinished(&debian));
    let cut_off = "was cut off before its end";
    let output = debian.mailprov(&["apply", "--yes"]).success();
    assert!(output.stderr().contains(cut_off), "{output}");
    assert!(output.stdout().contains("Nothing to do"), "{output}");
    let output = debian.mailprov(&["apply", "--yes"]).success();
    assert!(!output.stderr().contains(cut_off), "{output}");
    let history = debian.mailprov(&["history"]).success().stdout();
    assert!(history.lines().next().unwrap().ends_with("nothing left to do"), "{history}");
    assert_eq!(history.lines().count(), 2, "{history}");
    let _ = debian.mailprov(&["rollback", "--yes"]).success();
    assert_managed(&managed(&debian), &before);
    let debian = debian.mail_yml(&ONE);
    assert_converged(&debian);
    assert_serves(&debian, 1);
}

#[test]
fn killed_on_its_first_run_a_host_is_finished_or_becomes_bare_again() {
    for suite in Suite::ALL {
        let (victim, killed) = Victim::bare(suite).killed_at("journal 40", After::Rollback);
        assert!(killed, "the run did not come that far");
        // Somebody has logged in since, so there is mail, which no rollback takes away.
        let victim = kill_at(victim, &["file 32"]).bared();
        assert!(victim.debian.exists("/var/vmail/thomas"));
    }
}
