//! First runs that are cut off on a fresh box, most of whose time is apt's.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::crash::After;
use crate::provoked::{
    KILLED, Managed, ONE, apply_with, assert_converged, assert_managed, assert_serves, assert_tidy,
    assert_whole, is_unfinished, managed,
};
use crate::support::{Debian, Suite, wait_at_most};

/// The first step after the one that calls apt.
const NEXT_STEP: &str = "Make a self-signed certificate";

/// What a first run on a fresh box is, seen once without any harm.
#[derive(Debug)]
pub struct FirstRun {
    suite: Suite,
    /// The files as the packages bring them.
    bare: Managed,
    /// The files at the end.
    one: Managed,
    /// How long it takes.
    whole: Duration,
    /// The numbers of the changes that apt makes, counted from 0.
    pub packages: Range<usize>,
}

impl FirstRun {
    /// Makes one, and takes it back.
    pub fn observe(suite: Suite) -> Self {
        let debian = fresh(suite);
        let plan = debian.mailprov(&["plan", "--json"]).success().stdout();
        let is_package = |line: &str| line.contains("\"key\":\"package:");
        let changes = plan.lines().filter(|line| line.contains("\"event\":\"change\""));
        let packages: Vec<bool> = changes.map(is_package).collect();
        let first = packages.iter().position(|is| *is).unwrap();
        let last = packages.iter().rposition(|is| *is).unwrap();
        let start = Instant::now();
        let debian = debian.apply();
        let whole = start.elapsed();
        let one = managed(&debian);
        let _ = debian.mailprov(&["rollback", "--yes"]).success();
        let bare = managed(&debian);
        Self { suite, bare, one, whole, packages: first..last + 1 }
    }

    /// Has a run killed at a point, such as `journal 7`, and judges how it goes on.
    #[track_caller]
    pub fn killed_at(&self, point: &str, after: After) {
        let debian = fresh(self.suite);
        let output = apply_with(&debian, &format!("kill {point}"));
        assert_eq!(output.code(), KILLED, "{point}: {output}");
        self.recovers(&debian, after);
    }

    /// Cuts the power at some part of a run, or at its end if that comes before,
    /// and judges how it goes on. Tells how that was: nothing is rolled back
    /// where nothing was begun, or all is done.
    #[track_caller]
    pub fn power_cut_at(&mut self, part: f64, after: After) -> After {
        let mut debian = fresh(self.suite);
        let start = Instant::now();
        let mut run = debian.spawn(&["mailprov", "apply", "--yes"]);
        let over = wait_at_most(self.whole.mul_f64(part), || (!run.is_running()).then_some(()));
        if over.is_some() {
            self.whole = start.elapsed();
        }
        debian.power_cut();
        drop(run);
        debian.boot();
        let after = if is_unfinished(&debian) { after } else { After::Apply };
        self.recovers(&debian, after);
        after
    }

    /// Judges a box after a run that was cut off, has it go on, and judges it
    /// again.
    #[track_caller]
    fn recovers(&self, debian: &Debian, after: After) {
        let journal = "cat /var/lib/mailprov/runs/1/journal";
        if debian.shell(journal).stdout().contains(NEXT_STEP) {
            assert_whole(&managed(debian), &[&self.bare, &self.one]);
        } else {
            // The packages' own scripts may be in the middle of their files; ours are yet to come.
            let ours = "grep -rl mailprov /etc/aliases /etc/postfix /etc/dovecot 2> /dev/null";
            assert_eq!(debian.shell(ours).stdout(), "");
        }
        let began = is_unfinished(debian);
        if after == After::Rollback {
            let _ = debian.mailprov(&["rollback", "--yes"]).success();
            let mut files = managed(debian);
            // What dpkg had not finished unpacking stays until it does.
            files.retain(|path, _| !path.ends_with(".dpkg-new"));
            assert_whole(&files, &[&self.bare, &Managed::new()]);
            assert_tidy(debian);
            assert!(!debian.run(&["id", "vmail"]).is_success());
        }
        let output = debian.mailprov(&["apply", "--yes"]).success();
        let is_named = output.stderr().contains("was cut off before its end");
        assert_eq!(is_named, began && after == After::Apply, "{output}");
        assert_managed(&managed(debian), &self.one);
        assert_eq!(debian.run(&["dpkg", "--audit"]).stdout(), "");
        assert_tidy(debian);
        assert_converged(debian);
        assert_serves(debian, 0);
    }
}

fn fresh(suite: Suite) -> Debian {
    let debian = Debian::fresh(suite).mail_yml(&ONE);
    debian.write("/etc/mailprov/relay.secret", "relay password\n", 0o600);
    debian
}
