//! `table`: a Postfix lookup table, compiled from its source (postmap(1),
//! postalias(1)), or a Sieve script (sievec(1)). Its state is the digest of the
//! source that it was compiled from, so any later run sees a table that is older than its source.

use std::collections::BTreeSet;
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
        let is_younger = is_younger(host, key)?;
        let note = read_note(host, key)?;
        let is_ours = |note: &Note| is_younger && note.compiled == Digest::of(content.bytes());
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

    /// An earlier change may write its source, and bring the table back with it.
    fn is_unchanged(was: &State, now: &State) -> bool {
        let (was, now) = match (was, now) {
            (State::Table(was), State::Table(now)) => (was, now),
            (State::Absent, State::Table(now)) => return now.source.is_none(),
            _ => return was == now,
        };
        let is_outdated = was.source.is_none() || now.source.is_none();
        was.ownership == now.ownership && (is_outdated || was.source == now.source)
    }

    fn cleanup(host: &Host, _: &mut dyn FnMut(&str)) -> Result<()> {
        host.remove_tree(Path::new(WORK))
    }
}

/// Returns whether a table counts as made after its source. Postfix warns of one that
/// is older, whatever is in them; Dovecot wants a script to be younger, and else
/// compiles it again for each mail. A source that does not exist yet will be younger.
fn is_younger(host: &Host, key: &TableKey) -> Result<bool> {
    let (table, source) = (host.stamp(&key.compiled())?, host.stamp(&key.source)?);
    let (Some(table), Some(source)) = (table, source) else { return Ok(false) };
    let may_be_equal = key.program != SIEVEC;
    Ok(source.modified < table.modified || may_be_equal && source.modified == table.modified)
}

/// Dates a table that was just made after its source, which may be dated in the
/// future, since the clock was set back, or be of this very moment.
fn make_younger(host: &Host, key: &TableKey) -> Result<()> {
    const SECOND: i64 = 1_000_000_000;
    host.make_no_older(&key.compiled(), &key.source)?;
    match host.stamp(&key.source)? {
        Some(source) if !is_younger(host, key)? => {
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
/// state for the files in `overlay`. Of those that come back with their source, only
/// a script is not good as it is, since both may be of one moment.
pub(super) fn compiled_from(overlay: &Overlay<'_>, files: &[&Key]) -> Result<Vec<(Key, State)>> {
    let mut found = Vec::new();
    for file in files {
        let Key::File(path) = file else { continue };
        let note = Path::new(NOTES).join(path.strip_prefix("/").unwrap_or(path));
        let (Some(folder), Some(name)) = (note.parent(), path.file_name()) else { continue };
        let name = name.to_string_lossy();
        let mut notes: BTreeSet<_> = planned_in(overlay, folder).collect();
        let there: BTreeSet<_> = overlay.host().list(folder)?.into_iter().collect();
        notes.extend(there.iter().cloned());
        for note in notes.iter().filter(|note| note.starts_with(&*name)) {
            let State::File { blob, .. } = overlay.state(&Key::File(folder.join(note)))? else {
                continue;
            };
            let noted = serde_json::from_slice::<Note>(blob.content.bytes()).ok();
            let Some(Note { key: Some(key), source, .. }) = noted else { continue };
            if !there.contains(note) && key.program != SIEVEC {
                continue;
            }
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

/// Returns the names of the files in a folder that a plan writes.
fn planned_in(overlay: &Overlay<'_>, folder: &Path) -> impl Iterator<Item = String> {
    let paths = overlay.all_planned().filter_map(|(key, _)| key.path());
    let within = paths.filter(move |path| path.parent() == Some(folder));
    within.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::state::Blob;

    fn owned() -> Ownership {
        Ownership::of_root(0o644)
    }

    fn script() -> TableKey {
        let (kind, program) = (SIEVE.into(), SIEVEC.into());
        TableKey { source: "/s/a.sieve".into(), kind, program }
    }

    fn note(key: TableKey) -> Vec<u8> {
        let [source, compiled] = [Digest::of(b"keep;"), Digest::of(b"compiled")];
        serde_json::to_vec(&Note { source, compiled, key: Some(key) }).unwrap()
    }

    #[test]
    fn a_script_of_the_moment_of_its_source_is_dated_anew() {
        let tree = tempfile::tempdir().unwrap();
        let host = Host::open(tree.path()).unwrap();
        let key = script();
        let at = |path: PathBuf| tree.path().join(path.strip_prefix("/").unwrap());
        for (path, content) in [
            (key.source.clone(), b"keep;".to_vec()),
            (key.compiled(), b"compiled".to_vec()),
            (key.note(), note(key.clone())),
        ] {
            std::fs::create_dir_all(at(path.clone()).parent().unwrap()).unwrap();
            std::fs::write(at(path.clone()), content).unwrap();
            host.set_mtime(&path, 1_000_000).unwrap();
        }
        let now = Table::observe(&host, &key).unwrap();
        let State::Table(state) = now.clone() else { panic!("{now:?}") };
        assert_eq!(state.source, None);
        // As a rollback brings it back.
        assert!(Table::is_unchanged(&State::Absent, &now));
        let wish = TableState { source: Some(Digest::of(b"keep;")), ..state };
        let wish = State::Table(wish);
        Table::write(&host, &key, &now, &wish, &mut |_| {}).unwrap();
        assert_eq!(Table::observe(&host, &key).unwrap(), wish);
        assert!(!Table::is_unchanged(&State::Absent, &wish));
        // A lookup table may be of that moment.
        host.set_mtime(&key.compiled(), 1_000_000).unwrap();
        assert!(!is_younger(&host, &key).unwrap());
        let postmap = TableKey { kind: "sieve".into(), program: "postmap".into(), ..key };
        std::fs::write(at(postmap.compiled()), "x").unwrap();
        host.set_mtime(&postmap.compiled(), 1_000_000).unwrap();
        assert!(is_younger(&host, &postmap).unwrap());
    }

    #[test]
    fn a_script_that_comes_back_with_its_source_is_planned() {
        let tree = tempfile::tempdir().unwrap();
        let host = Host::open(tree.path()).unwrap();
        let found = |key: TableKey| {
            let mut overlay = Overlay::new(&host);
            let file = |content: &[u8]| State::File {
                blob: Blob { content: Content::new(content), secret: false },
                ownership: owned(),
            };
            let source = Key::File(key.source.clone());
            overlay.set(source.clone(), file(b"keep;"));
            overlay.set(Key::File(key.compiled()), file(b"compiled"));
            overlay.set(Key::File(key.note()), file(&note(key.clone())));
            compiled_from(&overlay, &[&source]).unwrap()
        };
        let source = Some(Digest::of(b"keep;"));
        let wish = State::Table(TableState { source, ownership: owned() });
        assert_eq!(found(script()), [(Key::Table(script()), wish)]);
        let lookup = TableKey { kind: "hash".into(), program: "postmap".into(), ..script() };
        assert_eq!(found(lookup), []);
    }
}
