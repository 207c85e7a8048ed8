//! `table`: a Postfix lookup table, compiled from its source (postmap(1),
//! postalias(1)), or a Sieve script (sievec(1)). Its state is the digest of the
//! source that it was compiled from, so any later run sees a table that is older than its source.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::attributes::{is_true, name, path, section};
use super::describe::ownership_differences;
use super::kind::{Declaration, Thing};
use super::state::owned_json;
use super::{Assets, Key, Overlay, Said, State, Target, Undo, file};
use crate::digest::Digest;
use crate::host::{Content, Entry, Error, Host, Ownership, Result};
use crate::yaml::{Decoder, KeySpec, Node, Section, ValueType};

/// The folder that records which source each table was compiled from.
const NOTES: &str = "/var/lib/mailprov/tables";

/// The folder in which tables are compiled. Only root may read it.
const WORK: &str = "/var/lib/mailprov/compiling";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Table {
    key: TableKey,
    #[serde(default)]
    absent: bool,
}

/// Identifies a table, with how to compile it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableKey {
    pub source: PathBuf,
    /// The type of table, such as `hash` (postconf -m).
    pub kind: String,
    /// The compiler: `postmap`, `postalias` or `sievec`.
    pub program: String,
}

/// The state of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableState {
    /// The digest of the source that it was compiled from; `None` where others
    /// made or changed the table.
    pub source: Option<Digest>,
    /// The owner and mode, which are those of the source.
    pub ownership: Ownership,
}

/// The record of a compilation.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    source: Digest,
    /// The digest of the table: unlike an inode, it is the same in a copy of
    /// the host and after a backup is restored.
    compiled: Digest,
    #[serde(default)]
    key: Option<TableKey>,
}

/// What compiles Sieve scripts, by what configuration, and the type that these have.
const SIEVEC: &str = "sievec";
const DOVECOT: &str = "/etc/dovecot/dovecot.conf";
const SIEVE: &str = "sieve";

const FIELDS: Section = section(
    &[
        KeySpec::new("path", ValueType::Text, "The source of the table."),
        KeySpec::new("type", ValueType::Text, "As in `postconf -m`.")
            .or("the host's own, `facts.postfix.table_type`"),
        KeySpec::new(
            "program",
            ValueType::Text,
            "`postmap`, `postalias` or, for a Sieve script, `sievec`.",
        )
        .or("`postmap`"),
        KeySpec::new("absent", ValueType::Boolean, "`true`: the compiled table is removed.")
            .or("`false`"),
    ],
    &["path"],
);
impl Declaration for Table {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "table",
        ValueType::Section(&FIELDS),
        "A Postfix lookup table or a Sieve script is compiled.",
    )];

    fn decode(_: &str, node: &Node, assets: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &FIELDS)?;
        let source = fields.require("path", &node.span, decoder);
        let source = source.and_then(|entry| path(&entry.value, decoder));
        let program = match fields.get("program") {
            Some(entry) => {
                let program = decoder.line(&entry.value)?;
                if !["postmap", "postalias", SIEVEC].contains(&program) {
                    let message = format!("`{program}` compiles no lookup table");
                    let help = "write `postmap`, `postalias` or `sievec`";
                    decoder.error(&entry.value.span, message, help);
                    return None;
                }
                program.to_owned()
            }
            None => "postmap".to_owned(),
        };
        let kind = match fields.get("type") {
            Some(entry) => name(&entry.value, decoder)?,
            None if program == SIEVEC => SIEVE.to_owned(),
            None => assets.table_type().to_owned(),
        };
        let absent = is_true(&fields, "absent", decoder);
        Some(Self { key: TableKey { source: source?, kind, program }, absent })
    }

    /// Returns the table, compiled from the source as it is or will be.
    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        let key = Key::Table(self.key.clone());
        if self.absent {
            return Ok(vec![Target { key, after: State::Absent }]);
        }
        let source = overlay.state(&Key::File(self.key.source.clone()))?;
        let State::File { blob, ownership } = source else {
            return Err(Error::Other(format!(
                "{} is not a file, so no table can be compiled from it",
                self.key.source.display()
            )));
        };
        if !blob.is_known() {
            return Err(Error::Other(format!(
                "{} holds a public key, and no table is compiled from one",
                self.key.source.display()
            )));
        }
        let source = Some(Digest::of(blob.content.bytes()));
        let after = State::Table(TableState { source, ownership });
        Ok(vec![Target { key, after }])
    }

    /// It contains what its source contains.
    const HOLDS_SECRETS: bool = true;

    fn key(&self) -> Option<Key> {
        Some(Key::Table(self.key.clone()))
    }

    fn found_by(_: &str) -> Option<&'static [&'static str]> {
        Some(&["path", "type", "program"])
    }

    fn loadable(&self) -> Vec<Key> {
        vec![Key::Table(self.key.clone())]
    }
}

impl TableKey {
    /// Returns the file of the compiled table: `x.db` for `hash` and `btree`,
    /// else `x.TYPE` (Postfix DATABASE_README). A script `x.sieve` becomes `x.svbin`.
    fn compiled(&self) -> PathBuf {
        if self.program == SIEVEC {
            return self.source.with_extension("svbin");
        }
        let ending = match self.kind.as_str() {
            "hash" | "btree" => "db",
            other => other,
        };
        with_ending(&self.source, ending)
    }

    fn note(&self) -> PathBuf {
        let path = self.source.strip_prefix("/").unwrap_or(&self.source);
        with_ending(&Path::new(NOTES).join(path), &format!("{}.json", self.kind))
    }
}

impl Thing for Table {
    const NAME: &str = "table";
    type Key = TableKey;
    type State = TableState;

    fn name(key: &TableKey) -> String {
        key.source.display().to_string()
    }

    fn observe(host: &Host, key: &TableKey) -> Result<State> {
        let compiled = key.compiled();
        let Some(Entry::File { content, ownership }) = host.entry(&compiled)? else {
            return file::standing_at(host, &compiled);
        };
        let is_no_older = is_no_older(host, key)?;
        let note = read_note(host, key)?;
        let is_ours = |note: &Note| is_no_older && note.compiled == Digest::of(content.bytes());
        let source = note.filter(is_ours).map(|note| note.source);
        Ok(State::Table(TableState { source, ownership }))
    }

    /// Compiles the table beside the old one and replaces it whole: a daemon
    /// reads the old one or the new one.
    fn write(
        host: &Host,
        key: &TableKey,
        _: &State,
        after: &State,
        _: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        let State::Table(TableState { source: Some(digest), ownership }) = after else {
            host.remove(&key.compiled())?;
            return host.remove(&key.note());
        };
        let has_only_the_wrong_time = |note: &Note| -> Result<bool> {
            let compiled = host.entry(&key.compiled())?;
            Ok(note.source == *digest
                && matches!(compiled, Some(Entry::File { content, ownership: actual })
                    if note.compiled == Digest::of(content.bytes()) && actual == *ownership))
        };
        if let Some(note) = read_note(host, key)?
            && has_only_the_wrong_time(&note)?
        {
            return make_younger(host, key);
        }
        let source = host.read(&key.source)?.ok_or_else(|| {
            Error::Other(format!("{} is gone, so no table can be compiled", key.source.display()))
        })?;
        let root = Ownership::of_root(0o600);
        let folder = Path::new(WORK);
        host.make_private_directories(folder)?;
        let staged = TableKey { source: folder.join("table"), ..key.clone() };
        host.put_file(&staged.source, &source, &root)?;
        let compiled = compile(host, key, &staged);
        if let Ok(content) = &compiled {
            host.put_new_file(&key.compiled(), content, ownership)?;
            make_younger(host, key)?;
        }
        host.remove_tree(folder)?;
        let compiled = Digest::of(compiled?.bytes());
        let note = Note { source: digest.clone(), compiled, key: Some(key.clone()) };
        if let Some(folder) = key.note().parent() {
            host.make_private_directories(folder)?;
        }
        let text = serde_json::to_vec(&note).map_err(Error::encoding)?;
        host.put_file(&key.note(), &Content::new(text), &root)
    }

    fn undo(_: &TableKey, _: &State, _: &State, _: &State, _: &Overlay<'_>) -> Result<Undo> {
        Ok(Undo::FilesOnly)
    }

    fn affected_paths(key: &TableKey) -> Vec<PathBuf> {
        vec![key.compiled(), key.note()]
    }

    fn describe(key: &TableKey, before: &State, after: &State) -> Option<Vec<String>> {
        Some(match (before, after) {
            (State::Table(old), State::Table(new)) => {
                let stale = match old.source {
                    Some(ref old) if Some(old) != new.source.as_ref() => Some("its source changed"),
                    None => Some("not compiled from this source"),
                    _ => None,
                };
                let differences = ownership_differences(&old.ownership, &new.ownership);
                stale.map(String::from).into_iter().chain(differences).collect()
            }
            (State::Absent, State::Table(_)) => vec![format!("{} by {}", key.kind, key.program)],
            _ => return None,
        })
    }

    fn json(table: &TableState) -> Value {
        let mut object = owned_json("compiled", &table.ownership);
        object.insert("source".into(), json!(table.source));
        object.into()
    }

    /// An earlier change may write its source.
    fn is_unchanged(was: &State, now: &State) -> bool {
        let (State::Table(was), State::Table(now)) = (was, now) else { return was == now };
        let is_outdated = was.source.is_none() || now.source.is_none();
        was.ownership == now.ownership && (is_outdated || was.source == now.source)
    }

    fn cleanup(host: &Host, _: &mut dyn FnMut(&str)) -> Result<()> {
        host.remove_tree(Path::new(WORK))
    }
}

/// Returns whether a table is no older than its source. Postfix warns of one that
/// is, whatever is in them. A source that does not exist yet will be younger.
fn is_no_older(host: &Host, key: &TableKey) -> Result<bool> {
    let (table, source) = (host.stamp(&key.compiled())?, host.stamp(&key.source)?);
    Ok(matches!((table, source), (Some(table), Some(source)) if source.modified <= table.modified))
}

/// Dates a table that was just made after its source, which may be dated in the
/// future, since the clock was set back, or be of this very moment: Dovecot wants
/// a script to be younger, and else compiles it again for each mail.
fn make_younger(host: &Host, key: &TableKey) -> Result<()> {
    const SECOND: i64 = 1_000_000_000;
    host.make_no_older(&key.compiled(), &key.source)?;
    match (host.stamp(&key.compiled())?, host.stamp(&key.source)?) {
        (Some(table), Some(source))
            if key.program == SIEVEC && table.modified == source.modified =>
        {
            host.set_mtime(&key.compiled(), source.modified / SECOND + 1)
        }
        _ => Ok(()),
    }
}

fn read_note(host: &Host, key: &TableKey) -> Result<Option<Note>> {
    let note = host.read(&key.note())?;
    Ok(note.and_then(|note| serde_json::from_slice(note.bytes()).ok()))
}

/// Returns the tables that are compiled from one of `files`, each with its
/// state for the files in `overlay`.
pub(super) fn compiled_from(overlay: &Overlay<'_>, files: &[&Key]) -> Result<Vec<(Key, State)>> {
    let mut found = Vec::new();
    for file in files {
        let Key::File(path) = file else { continue };
        let note = Path::new(NOTES).join(path.strip_prefix("/").unwrap_or(path));
        let (Some(folder), Some(name)) = (note.parent(), path.file_name()) else { continue };
        for note in overlay.host().list(folder)? {
            if !note.starts_with(&*name.to_string_lossy()) {
                continue;
            }
            let State::File { blob, .. } = overlay.state(&Key::File(folder.join(note)))? else {
                continue;
            };
            let note = serde_json::from_slice::<Note>(blob.content.bytes()).ok();
            let Some(Note { key: Some(key), source, .. }) = note else { continue };
            let compiled = overlay.state(&Key::File(key.compiled()))?;
            if let State::File { ownership, .. } = compiled
                && key.source == *path
                && overlay.digest(path)?.as_ref() == Some(&source)
            {
                let wish = TableState { source: Some(source), ownership };
                found.push((Key::Table(key), State::Table(wish)));
            }
        }
    }
    Ok(found)
}

/// Runs the compiler. Its warnings are about lines that have no effect, so they
/// count as errors.
fn compile(host: &Host, key: &TableKey, staged: &TableKey) -> Result<Content> {
    let shown = |path: &Path| path.display().to_string();
    let argv = match key.program.as_str() {
        // What is compiled names its source. Without -c a Dovecot is asked that runs with the files
        // before these.
        SIEVEC => {
            let (source, compiled) = (shown(&key.source), shown(&staged.compiled()));
            vec![SIEVEC.to_owned(), "-c".to_owned(), DOVECOT.to_owned(), source, compiled]
        }
        program => vec![program.to_owned(), format!("{}:{}", key.kind, shown(&staged.source))],
    };
    let command = host.command(&argv);
    let captured = command.capture()?;
    if !captured.success() || captured.stderr.contains("warning:") {
        return Err(command.failed(&captured));
    }
    host.read(&staged.compiled())?.ok_or_else(|| {
        Error::Other(format!("`{command}` made no table of the type {}", staged.kind))
    })
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}
