//! The whole crash matrix, which takes too long to be run each time: every
//! point, and power cuts at many moments. `tests/crash-matrix` runs it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{env, thread};

use crate::crash::{After, Victim};
use crate::provoked::wait_until_up;
use crate::support::{Suite, wait_at_most};

/// Where the table is kept.
const TABLE: &str = "tests/CRASH-MATRIX.md";

/// What comes before the table.
const HEAD: &str = "\
# Crash matrix

Made by `tests/crash-matrix`; each row is what a test did and found, and a
failed one would not be in it. A run of `mailprov apply` was killed (SIGKILL) at
every point of a kind, or the power of the box was cut at moments spread over a
whole run. Each time every managed file was wholly old or wholly new. Then, in
turn, `apply` finished the job or `rollback` restored what was before; nothing
half made was left, `plan` was empty, the mail service answered, and mail
delivered before was there.

* *journal*: right after each entry of the journal is on disk
* *change*: after each change, before it is noted
* *power*: at moments spread over the run, the box ended at once and booted again

| release | from | cut off at | times | then applied | then rolled back | whole afterwards |
|---|---|---|---|---|---|---|
";

/// One row of the table.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    applied: usize,
    rolled_back: usize,
}

impl Count {
    fn add(&mut self, after: After) {
        match after {
            After::Apply => self.applied += 1,
            After::Rollback => self.rolled_back += 1,
        }
    }

    fn total(self) -> usize {
        self.applied + self.rolled_back
    }
}

type Row = (&'static str, &'static str, &'static str);

static ROWS: Mutex<BTreeMap<Row, Count>> = Mutex::new(BTreeMap::new());

/// Adds a row, and writes the table as far as it is known.
fn record(row: Row, count: Count) {
    let mut rows = ROWS.lock().unwrap();
    rows.insert(row, count);
    let mut text = HEAD.to_owned();
    for ((suite, from, kind), count) in &*rows {
        let (applied, rolled_back, total) = (count.applied, count.rolled_back, count.total());
        writeln!(
            text,
            "| {suite} | {from} | {kind} | {total} | {applied} | {rolled_back} | {total} |"
        )
        .unwrap();
    }
    fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE), text).unwrap();
}

/// How a run that was cut off goes on: in turn.
fn turn(number: usize) -> After {
    if number.is_multiple_of(2) { After::Rollback } else { After::Apply }
}

/// Has a run killed at every point of a kind.
fn kill_everywhere(mut victim: Victim, from: &'static str, kind: &'static str) {
    let suite = victim.debian.suite().codename();
    let mut count = Count::default();
    for number in 1.. {
        let after = turn(number);
        let killed;
        (victim, killed) = victim.killed_at(&format!("{kind} {number}"), after);
        if !killed {
            break;
        }
        count.add(after);
        if from == "bare" && after == After::Apply {
            // Bare again: the next point is in a first run, too.
            victim = victim.bared();
        }
        record((suite, from, kind), count);
    }
    assert!(count.total() > 10, "a run has more than {} points", count.total());
}

/// Cuts the power at moments spread over a run.
fn cut_power(mut victim: Victim, from: &'static str, times: u32) {
    let suite = victim.debian.suite().codename();
    let mut count = Count::default();
    let mut whole = Duration::from_secs(8);
    for number in 0..times {
        victim = victim.wish();
        let start = Instant::now();
        let mut run = victim.debian.spawn(&["mailprov", "apply", "--yes"]);
        let over = wait_at_most(whole * number / times, || (!run.is_running()).then_some(()));
        if over.is_some() {
            whole = start.elapsed();
        }
        victim.debian.power_cut();
        drop(run);
        victim.debian.boot();
        let began = victim.is_unfinished();
        let after = if began { turn(number as usize) } else { After::Apply };
        wait_until_up(&victim.debian, victim.mails);
        victim = victim.recovers(after, began);
        count.add(after);
        record((suite, from, "power"), count);
    }
}

fn threads(suite: Suite) -> Vec<Box<dyn FnOnce() + Send>> {
    let power = env::var("MAILPROV_POWER_CUTS").map_or(50, |times| times.parse().unwrap());
    vec![
        Box::new(move || {
            kill_everywhere(Victim::converged(suite), "converged", "journal");
            kill_everywhere(Victim::converged(suite), "converged", "change");
            kill_everywhere(Victim::bare(suite), "bare", "journal");
        }),
        Box::new(move || cut_power(Victim::converged(suite), "converged", power)),
    ]
}

#[test]
fn at_any_instant_and_on_any_release_nothing_is_lost() {
    let all = Suite::ALL.into_iter().flat_map(threads).map(thread::spawn).collect::<Vec<_>>();
    let results: Vec<_> = all.into_iter().map(thread::JoinHandle::join).collect();
    assert!(results.iter().all(Result::is_ok), "see above which was not whole");
}
