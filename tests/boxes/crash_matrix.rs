//! The whole crash matrix, which takes too long to be run each time: every
//! point, and power cuts at many moments. `tests/crash-matrix` runs it.

use std::time::{Duration, Instant};
use std::{env, thread};

use crate::crash::{After, Victim};
use crate::crash_fresh::FirstRun;
use crate::crash_table::{Count, Row, record};
use crate::provoked::{is_unfinished, wait_until_up};
use crate::support::{Suite, wait_at_most};

/// From what and at which kinds of moments runs are cut off, in this order.
const ROWS: [(&str, &str); 7] = [
    ("fresh", "power"),
    ("converged", "power"),
    ("fresh", "journal"),
    ("converged", "change"),
    ("converged", "journal"),
    ("converged", "file"),
    ("fresh", "change"),
];

/// How many times the power is cut on each release.
const POWER_CUTS: [(&str, u32); 2] = [("fresh", 16), ("converged", 36)];

/// How a run that was cut off goes on: in turn.
fn turn(number: usize) -> After {
    if number.is_multiple_of(2) { After::Rollback } else { After::Apply }
}

/// Has a run killed at every point of a kind.
fn kill_everywhere(mut victim: Victim, row: Row) -> Count {
    let mut count = Count::default();
    for number in 1.. {
        let after = turn(number);
        let killed;
        (victim, killed) = victim.killed_at(&format!("{} {number}", row.at), after);
        if !killed {
            break;
        }
        count.add(after);
    }
    assert!(count.total() > 10, "a run has more than {} points", count.total());
    count
}

/// Cuts the power at moments spread over a run.
fn cut_power(mut victim: Victim, times: u32) -> Count {
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
        let began = is_unfinished(&victim.debian);
        let after = if began { turn(number as usize) } else { After::Apply };
        wait_until_up(&victim.debian, victim.mails);
        victim = victim.recovers(after, began);
        count.add(after);
    }
    count
}

/// Cuts the power at moments spread over a first run.
fn cut_power_of_first_runs(mut run: FirstRun, times: u32) -> Count {
    let mut count = Count::default();
    for number in 0..times {
        let part = (f64::from(number) + 0.5) / f64::from(times);
        count.add(run.power_cut_at(part, turn(number as usize)));
    }
    count
}

/// Has first runs killed before, in and after the step that calls apt.
fn kill_first_runs(run: &FirstRun, kind: &str) -> Count {
    let (before, packages) = (run.packages.start, run.packages.len());
    // The beginning is an entry; each change has one before it and one after it.
    let called = 1 + 2 * before + packages;
    let points = match kind {
        "journal" => vec![
            1,
            1 + before,
            1 + 2 * before,
            2 + 2 * before,
            called,
            called + 1,
            called + packages,
            called + packages + 1,
            called + packages + 2,
            called + packages + 3,
        ],
        // The originals, apt, the group, the user.
        _ => vec![1, 2, 3, 4],
    };
    let mut count = Count::default();
    for (index, point) in points.into_iter().enumerate() {
        run.killed_at(&format!("{kind} {point}"), turn(index));
        count.add(turn(index));
    }
    count
}

fn make(suite: Suite, row: Row) -> Count {
    let times = POWER_CUTS.iter().find(|(from, _)| *from == row.from).map_or(0, |(_, it)| *it);
    match (row.from, row.at) {
        ("fresh", "power") => cut_power_of_first_runs(FirstRun::observe(suite), times),
        ("fresh", kind) => kill_first_runs(&FirstRun::observe(suite), kind),
        (_, "power") => cut_power(Victim::converged(suite), times),
        _ => kill_everywhere(Victim::converged(suite), row),
    }
}

/// Makes the rows of a release that were asked for, one after the other, and
/// returns those that failed.
fn rows(suite: Suite, asked: &[&str]) -> Vec<String> {
    let rows = ROWS.iter().map(|(from, at)| Row { release: suite.codename(), from, at });
    let is_due =
        |row: &Row| asked.is_empty() || asked.iter().any(|part| row.to_string().contains(part));
    let mut failed = Vec::new();
    for row in rows.filter(is_due) {
        // One that fails is no reason not to make the next.
        match thread::spawn(move || make(suite, row)).join() {
            Ok(count) => record(row, count),
            Err(_) => failed.push(row.to_string()),
        }
    }
    failed
}

#[test]
fn at_any_instant_and_on_any_release_nothing_is_lost() {
    let asked = env::var("MAILPROV_CRASH_ROWS").unwrap_or_default();
    let asked: &[_] = &asked.split_whitespace().collect::<Vec<_>>();
    let failed: Vec<_> = thread::scope(|scope| {
        let all = Suite::ALL.map(|suite| scope.spawn(move || rows(suite, asked)));
        all.into_iter().flat_map(|release| release.join().unwrap()).collect()
    });
    assert!(failed.is_empty(), "not whole, see above: {failed:?}");
}
