//! Laws that hold for any state and any drift, on trees that a test makes.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use mailprov::engine;
use mailprov::host::{Content, Host, Ownership};
use mailprov::playbook::{Context, Playbook};
use mailprov::resource::{self, Blob, Key, LineKey, LineState, State};
use proptest::prelude::*;
use tempfile::TempDir;

/// A tree that knows root and one more, as every host does.
fn tree() -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    for folder in ["etc", "run", "var/lib", "place"] {
        fs::create_dir_all(tree.path().join(folder)).unwrap();
    }
    fs::write(tree.path().join("etc/passwd"), "root:x:0:0::/:/bin/sh\nmail:x:8:8::/:/bin/sh\n")
        .unwrap();
    fs::write(tree.path().join("etc/group"), "root:x:0:\nmail:x:8:\n").unwrap();
    tree
}

fn ownership() -> impl Strategy<Value = Ownership> {
    let names = || prop_oneof![Just("root"), Just("mail"), Just("#4711")];
    // Also set-uid, set-gid and sticky; also a mode that shuts its owner out.
    (names(), names(), 0..=0o7777u32)
        .prop_map(|(owner, group, mode)| Ownership::new(owner, group, mode))
}

/// Empty, text with and without an end, with CRLF, and no text at all.
fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        "[a-z\r\n\u{1b}ü]{0,40}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..200),
    ]
}

/// Any state that a path can be brought into.
fn state() -> impl Strategy<Value = State> {
    let file = (content(), any::<bool>(), ownership()).prop_map(|(bytes, secret, ownership)| {
        State::File { blob: Blob { content: Content::new(bytes), secret }, ownership }
    });
    let fifo = ownership().prop_map(State::Fifo);
    let link = "[a-z./]{1,20}".prop_map(|target| State::Link { target: target.into() });
    prop_oneof![
        4 => file,
        2 => ownership().prop_map(State::Directory),
        2 => link,
        1 => fifo,
        1 => Just(State::Absent),
    ]
}

/// Brings a path into a state, whatever it is in.
fn write(host: &Host, key: &Key, state: &State) {
    let before = resource::observe(host, key).unwrap();
    resource::write(host, &[(key, &before, state)], &mut |_| {}).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_written_state_is_observed_as_written(states in proptest::collection::vec(state(), 1..6)) {
        let tree = tree();
        let host = Host::open(tree.path()).unwrap();
        let key = Key::File(PathBuf::from("/place/an odd: näme"));
        for state in &states {
            write(&host, &key, state);
            prop_assert_eq!(&resource::observe(&host, &key).unwrap(), state);
        }
        // Nothing is left beside it.
        let left = fs::read_dir(tree.path().join("place")).unwrap().count();
        prop_assert_eq!(left, usize::from(*states.last().unwrap() != State::Absent));
    }

    #[test]
    fn the_way_there_and_back_leads_back(a in state(), b in state()) {
        let tree = tree();
        let host = Host::open(tree.path()).unwrap();
        let key = Key::File(PathBuf::from("/place/it"));
        for state in [&b, &a, &b] {
            write(&host, &key, state);
        }
        prop_assert_eq!(resource::observe(&host, &key).unwrap(), b);
    }

    #[test]
    fn a_line_is_what_is_written_and_goes_back(
        bytes in content(),
        line in "[a-c =]{0,4}",
        is_by_match in any::<bool>(),
        is_there in any::<bool>(),
    ) {
        let tree = tree();
        fs::write(tree.path().join("place/it"), bytes).unwrap();
        let host = Host::open(tree.path()).unwrap();
        let replaces = is_by_match.then(|| "^[ab]".to_owned());
        let key = Key::Line(LineKey { path: "/place/it".into(), line: line.clone(), replaces });
        let wish = |lines: Vec<String>| State::Line(LineState { lines, secret: false });
        let (with, without) = (wish(vec![line]), wish(Vec::new()));
        let (a, b) = if is_there { (&with, &without) } else { (&without, &with) };
        for state in [b, a, b] {
            write(&host, &key, state);
            prop_assert!(state.is_met_by(&resource::observe(&host, &key).unwrap()));
        }
    }

    #[test]
    fn compared_applied_compared_is_empty(
        steps in proptest::collection::vec(step(), 1..12),
        drifts in proptest::collection::vec((0..NAMES.len(), drift()), 0..12),
    ) {
        let tree = tree();
        let playbook = write_playbook(tree.path(), &steps);
        let host = Host::open(tree.path()).unwrap();
        let apply = || {
            let declared = resolve(&playbook, &host);
            let plan = engine::plan(&host, &declared).unwrap();
            engine::apply(&host, &plan, "test", &|| false, &mut |_| {}).unwrap();
            engine::plan(&host, &declared).unwrap()
        };
        prop_assert!(apply().changes.is_empty());
        for (name, drift) in drifts {
            let path = tree.path().join("place").join(NAMES[name]);
            // A link in the place of a folder counts as the one that it leads to, or is refused.
            let is_folder = steps.get(name).is_some_and(|step| step.starts_with("directory"));
            if !(is_folder && matches!(drift, Drift::Link(_))) {
                drift.happen(&path);
            }
        }
        let left = apply();
        prop_assert!(left.changes.is_empty(), "{:?}", left.changes);
    }
}

/// Few names, so that drift meets what is declared.
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// A step on the path of a name: its kind and fields.
fn step() -> impl Strategy<Value = String> {
    let owner = prop_oneof![Just("root"), Just("mail")];
    let mode = prop_oneof![Just("0600"), Just("0644"), Just("2755"), Just("0000")];
    prop_oneof![
        ("[a-z]{0,9}", owner.clone(), mode.clone()).prop_map(|(text, owner, mode)| format!(
            "file: {{path: PATH, content: \"{text}\", owner: {owner}, group: {owner}, mode: \"{mode}\"}}"
        )),
        (owner, mode).prop_map(|(owner, mode)| format!("directory: {{path: PATH, owner: {owner}, mode: \"{mode}\"}}")),
        "[a-z/]{1,9}".prop_map(|target| format!("link: {{path: PATH, target: \"{target}\"}}")),
        Just("file: {path: PATH, absent: true}".to_owned()),
    ]
}

/// Writes a playbook with at most one step for each name.
fn write_playbook(tree: &Path, steps: &[String]) -> PathBuf {
    let mut text = String::new();
    for (name, step) in NAMES.iter().zip(steps) {
        let fields = step.replace("PATH", &format!("/place/{name}"));
        writeln!(text, "- name: Step {name}\n  {fields}").unwrap();
    }
    let path = tree.join("playbook.yml");
    fs::write(&path, text).unwrap();
    path
}

fn resolve(playbook: &Path, host: &Host) -> Vec<mailprov::playbook::Declared> {
    let facts = mailprov::services::facts(host).unwrap();
    let context = Context { mail: None, facts: &facts };
    Playbook::load(playbook).unwrap().resolve(&context).unwrap()
}

/// What may happen to a path behind our back.
#[derive(Debug, Clone)]
enum Drift {
    Gone,
    Edited(Vec<u8>),
    Mode(u32),
    Owner(u32),
    Link(String),
    Folder,
    Fifo,
}

fn drift() -> impl Strategy<Value = Drift> {
    prop_oneof![
        Just(Drift::Gone),
        content().prop_map(Drift::Edited),
        (0..=0o7777u32).prop_map(Drift::Mode),
        (0..9u32).prop_map(Drift::Owner),
        "[a-z/.]{1,9}".prop_map(Drift::Link),
        Just(Drift::Folder),
        Just(Drift::Fifo),
    ]
}

impl Drift {
    fn happen(&self, path: &Path) {
        let clear = || {
            let _ = fs::remove_file(path);
            let _ = fs::remove_dir(path);
        };
        match self {
            Self::Gone => clear(),
            Self::Edited(bytes) => {
                clear();
                fs::write(path, bytes).unwrap();
            }
            // What is not there, or leads nowhere, has neither mode nor owner.
            Self::Mode(mode) => {
                if path.symlink_metadata().is_ok_and(|found| !found.is_symlink()) {
                    fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
                }
            }
            // Another's link counts as planted, and is refused.
            Self::Owner(uid) => {
                if !path.is_symlink() {
                    let _ = std::os::unix::fs::lchown(path, Some(*uid), Some(*uid));
                }
            }
            Self::Link(target) => {
                clear();
                symlink(target, path).unwrap();
            }
            Self::Folder => {
                clear();
                fs::create_dir(path).unwrap();
            }
            Self::Fifo => {
                clear();
                nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
            }
        }
    }
}
