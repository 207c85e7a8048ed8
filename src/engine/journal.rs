//! The journal of a run, written ahead: the former state of a thing is on disk
//! before the thing is changed. One folder a run, one JSON object a line.
//! Contents are stored beside, named by their digest, readable by root only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::content_store::ContentStore;
use super::{Change, Origin};
use crate::fault::{Point, pass};
use crate::host::{Content, Error, Host, Ownership, Result};
use crate::resource::{self, Key, State, Stored};

const RUNS: &str = "/var/lib/mailprov/runs";

/// The number of runs that are kept. Older ones are removed, with the contents
/// that only they refer to. Originals are stored elsewhere and never removed.
const RUNS_KEPT: usize = 50;

/// The format version. Every later release reads version 1.
const VERSION: u32 = 1;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Entry {
    Began {
        /// The format version.
        version: u32,
        /// The command, such as `apply`.
        command: String,
        /// The user that runs it.
        by: String,
        /// In nanoseconds since 1970.
        at: i64,
        /// The sources of its plan; missing in journals of early releases.
        #[serde(flatten)]
        origin: Origin,
    },
    /// A change is about to be made.
    Change(Box<Record>),
    Made {
        number: usize,
    },
    /// The run is being undone.
    Undoing {
        error: String,
    },
    Ended {
        outcome: Outcome,
        /// In nanoseconds since 1970.
        at: i64,
    },
}

/// A change as the journal records it before it is made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// The number of the change in the run, from 0.
    pub(crate) number: usize,
    pub(crate) step: String,
    pub(crate) key: Key,
    /// The state when the run was planned.
    pub(crate) before: State<Stored>,
    pub(crate) after: State<Stored>,
    /// The former states of the paths that the change affects.
    pub(crate) traces: Vec<(PathBuf, State<Stored>)>,
    /// Whether the program that reads it checks it once a second.
    #[serde(default)]
    pub(crate) polled: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All changes were made.
    Applied,
    /// A change failed, and the run was undone.
    Undone,
    /// A change failed, and the run could only be undone in part.
    Broken {
        /// The things that are not as before, each in a sentence.
        left: Vec<String>,
    },
    /// The run was interrupted, and a later command found nothing left to do.
    Settled,
}

/// The journal of the current run.
#[derive(Debug)]
pub(super) struct Journal<'h> {
    host: &'h Host,
    number: u64,
    file: PathBuf,
    records: Vec<Record>,
}

/// A run, as read from its journal.
#[derive(Debug, Clone)]
pub struct Run {
    /// The number of the run, from 1.
    pub(crate) number: u64,
    /// The command; empty where the journal breaks off before it.
    pub(crate) command: String,
    pub(crate) by: String,
    /// In nanoseconds since 1970.
    pub(crate) at: i64,
    /// The sources of its plan, as far as recorded.
    pub(crate) origin: Origin,
    /// The changes up to where the run ended.
    pub records: Vec<Record>,
    /// The error that made it fail.
    pub(crate) error: Option<String>,
    /// How it ended; `None` if it was interrupted.
    pub outcome: Option<Outcome>,
}

impl<'h> Journal<'h> {
    pub(super) fn begin(host: &'h Host, command: &str, origin: &Origin) -> Result<Self> {
        let numbers = numbers(host)?;
        let number = numbers.last().map_or(1, |last| last + 1);
        let folder = folder(number);
        host.make_private_directories(&folder)?;
        let journal = Self { host, number, file: folder.join("journal"), records: Vec::new() };
        let (command, by, at) = (command.to_owned(), host.operator(), crate::host::now());
        let origin = origin.clone();
        let began = Entry::Began { version: VERSION, command, by, at, origin };
        if let Err(error) = journal.write(&began) {
            // A run that never started must not look like an interrupted one.
            let _ = host.remove_tree(&self::folder(number));
            return Err(error);
        }
        let old = numbers.len().saturating_sub(RUNS_KEPT - 1);
        if old > 0 {
            numbers[..old]
                .iter()
                .try_for_each(|number| host.remove_tree(&self::folder(*number)))?;
            let named = runs(host)?;
            ContentStore::new(host).collect_garbage(named.iter().flat_map(Run::contents))?;
        }
        Ok(journal)
    }

    /// Records a change and the states that it affects. They are on disk when
    /// this returns.
    pub(super) fn record_before(&mut self, change: &Change) -> Result<usize> {
        let store = ContentStore::new(self.host);
        let mut traces = Vec::new();
        for path in change.key.affected_paths() {
            let state = resource::observe(self.host, &Key::at(path.clone()))?;
            traces.push((path, store.put(state)?));
        }
        let number = self.records.len();
        let record = Record {
            number,
            step: change.step.clone(),
            key: change.key.clone(),
            before: store.put(change.before.clone())?,
            after: store.put(change.after.clone())?,
            traces,
            polled: change.polled,
        };
        self.write(&Entry::Change(Box::new(record.clone())))?;
        self.records.push(record);
        Ok(number)
    }

    /// Records that a change is made.
    pub(super) fn record_done(&self, number: usize) -> Result<()> {
        self.write(&Entry::Made { number })
    }

    /// Records that the run is being undone.
    pub(super) fn undoing(&self, error: &str) -> Result<()> {
        self.write(&Entry::Undoing { error: error.to_owned() })
    }

    /// Records how the run ended.
    pub(super) fn ended(&self, outcome: Outcome) -> Result<()> {
        self.write(&Entry::Ended { outcome, at: crate::host::now() })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    fn write(&self, entry: &Entry) -> Result<()> {
        self.host.append(&self.file, &line(entry)?)?;
        pass(Point::Journal).map_err(|error| Error::io("write", &self.file, error))
    }
}

impl Run {
    /// Returns the changes of the run, as they were planned.
    pub(crate) fn changes(&self, host: &Host) -> Result<Vec<Change>> {
        let store = ContentStore::new(host);
        let change = |record: &Record| {
            let before = store.get(record.before.clone())?;
            let after = store.get(record.after.clone())?;
            Ok(Change::new(record.step.clone(), record.key.clone(), before, after))
        };
        self.records.iter().map(change).collect()
    }

    /// Returns whether the run was interrupted.
    pub fn is_cut_off(&self) -> bool {
        self.outcome.is_none()
    }

    /// Records that an interrupted run leaves nothing to do.
    pub fn settle(&self, host: &Host) -> Result<()> {
        let path = folder(self.number).join("journal");
        let content = host.read(&path)?;
        let text = content.as_ref().map_or(&[][..], |content| content.bytes());
        // Drop an incomplete last line, so that the new one starts at the beginning of a line.
        let lines = text.split(|byte| *byte == b'\n');
        let mut whole: Vec<u8> = lines
            .filter(|line| serde_json::from_slice::<Entry>(line).is_ok())
            .flat_map(|line| [line, b"\n"].concat())
            .collect();
        let ended = Entry::Ended { outcome: Outcome::Settled, at: crate::host::now() };
        whole.extend(line(&ended)?);
        host.put_file(&path, &Content::new(whole), &Ownership::of_root(0o600))
    }

    /// Returns the contents that the run's records refer to.
    fn contents(&self) -> impl Iterator<Item = &Stored> {
        self.records.iter().flat_map(|record| {
            let states = record.traces.iter().map(|(_, state)| state);
            states.chain([&record.before, &record.after]).filter_map(State::blob)
        })
    }
}

/// Encodes an entry as a line of a journal.
fn line(entry: &Entry) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(entry).map_err(Error::encoding)?;
    line.push(b'\n');
    Ok(line)
}

/// Reads all journals, the oldest run first. Ignores an incomplete last line.
///
/// # Errors
///
/// Fails where a journal cannot be read, or was written by a later release.
pub fn runs(host: &Host) -> Result<Vec<Run>> {
    numbers(host)?.into_iter().map(|number| read(host, number)).collect()
}

/// Returns the files that runs created under a step of this name and left in
/// place.
pub(crate) fn brought_by(host: &Host, step: &str) -> Result<Vec<PathBuf>> {
    let mut files = BTreeMap::new();
    for record in runs(host)?.into_iter().flat_map(|run| run.records) {
        let Some(path) = record.key.path().filter(|_| record.step == step) else { continue };
        let is_file = record.after.blob().is_some();
        let (_, stands) =
            files.entry(path.to_owned()).or_insert((record.before == State::Absent, is_file));
        *stands = is_file;
    }
    Ok(files.into_iter().filter(|(_, it)| *it == (true, true)).map(|(path, _)| path).collect())
}

/// Returns the last run, if there is one.
pub(crate) fn last_run(host: &Host) -> Result<Option<Run>> {
    numbers(host)?.into_iter().max().map(|number| read(host, number)).transpose()
}

fn read(host: &Host, number: u64) -> Result<Run> {
    let path = folder(number).join("journal");
    let content = host.read(&path)?;
    let text = content.as_ref().map_or(&[][..], |content| content.bytes());
    let mut run = Run {
        number,
        command: String::new(),
        by: String::new(),
        at: 0,
        origin: Origin::default(),
        records: Vec::new(),
        error: None,
        outcome: None,
    };
    let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).peekable();
    while let Some(line) = lines.next() {
        let entry = match serde_json::from_slice(line) {
            Ok(entry) => entry,
            Err(_) if lines.peek().is_none() => break,
            Err(error) => {
                return Err(Error::Other(format!(
                    "the journal {} is damaged: {error}; move its folder away to go on without it",
                    path.display()
                )));
            }
        };
        match entry {
            Entry::Began { version, .. } if version > VERSION => {
                return Err(Error::Other(format!(
                    "the journal {} was written by a later version of mailprov; use that one",
                    path.display()
                )));
            }
            Entry::Began { command, by, at, origin, .. } => {
                (run.command, run.by, run.at, run.origin) = (command, by, at, origin);
            }
            Entry::Change(record) => run.records.push(*record),
            Entry::Made { .. } => {}
            Entry::Undoing { error } => run.error = Some(error),
            Entry::Ended { outcome, .. } => run.outcome = Some(outcome),
        }
    }
    Ok(run)
}

/// Returns the numbers of all journals, in order.
fn numbers(host: &Host) -> Result<Vec<u64>> {
    let names = host.list(Path::new(RUNS))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn folder(number: u64) -> PathBuf {
    Path::new(RUNS).join(number.to_string())
}
