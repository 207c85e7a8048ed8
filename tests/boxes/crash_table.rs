//! The table of the crash matrix, which is made in pieces: a row is replaced
//! when it was made anew, and the others stay.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::crash::After;

/// The lines around the table.
const BEGIN: &str = "<!-- crash matrix -->\n";
const END: &str = "<!-- end of crash matrix -->";

/// The names of its columns.
const HEAD: &str = "\
| release | from | cut off at | times | then applied | then rolled back | whole afterwards |
|---|---|---|---|---|---|---|
";

/// One row at a time is put in.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The codename of the release.
    pub release: &'static str,
    /// What the host was before the run: `converged` or `fresh`.
    pub from: &'static str,
    /// The kind of moment at which it was cut off.
    pub at: &'static str,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.release, self.from, self.at)
    }
}

/// How many runs were cut off, by how they went on.
#[derive(Debug, Default, Clone, Copy)]
pub struct Count {
    applied: usize,
    rolled_back: usize,
}

impl Count {
    /// Counts one that was whole afterwards.
    pub fn add(&mut self, after: After) {
        match after {
            After::Apply => self.applied += 1,
            After::Rollback => self.rolled_back += 1,
        }
    }

    /// Returns how many there are.
    pub fn total(self) -> usize {
        self.applied + self.rolled_back
    }
}

/// Puts a row into the table.
pub fn record(row: Row, count: Count) {
    let _one = ONE_AT_A_TIME.lock();
    let path = path();
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    let mut rows = BTreeMap::new();
    for line in table.lines().skip(2) {
        let name = line.split(" | ").take(3).collect::<Vec<_>>().join(" | ");
        rows.insert(name, line.to_owned());
    }
    let name = format!("| {} | {} | {}", row.release, row.from, row.at);
    let (applied, rolled_back, total) = (count.applied, count.rolled_back, count.total());
    let line = format!("{name} | {total} | {applied} | {rolled_back} | {total} |");
    rows.insert(name, line);
    let mut text = format!("{before}{BEGIN}{HEAD}");
    for line in rows.values() {
        writeln!(text, "{line}").unwrap();
    }
    fs::write(path, text + END + after).unwrap();
}

/// Where the table is kept.
fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/README.md")
}
