//! Names and folders that are a test's own, and cleaning up after tests that
//! could not do it themselves.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::{host, image, wait_at_most, wait_for};

static COUNTER: AtomicU32 = AtomicU32::new(1);
static SWEPT: Once = Once::new();

/// A name for a network namespace, a box, its mount and its control groups,
/// with a folder of the same name; all of them go when the claim is dropped.
///
/// A lock in the folder lives as long as the process, however that ends, so
/// that the next run of the tests finds and removes what a killed one left.
#[derive(Debug)]
pub struct Claim {
    name: String,
    folder: PathBuf,
    _lock: File,
}

impl Claim {
    /// Claims a name that nobody has.
    pub fn new() -> Self {
        let all = image::cache().join("running");
        fs::create_dir_all(&all).unwrap();
        let _one_at_a_time = host::lock(&all.with_extension("lock"));
        SWEPT.call_once(|| sweep(&all));
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("mp-{}-{number}", process::id());
            let folder = all.join(&name);
            if fs::create_dir(&folder).is_ok() {
                let lock = host::lock(&folder.join("lock"));
                return Self { name, folder, _lock: lock };
            }
        }
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns where the tree of a box is mounted.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// Notes the process to end if this one cannot do it.
    pub fn note_process(&self, process: u32) {
        fs::write(self.folder.join("process"), process.to_string()).unwrap();
    }

    /// Gives back all but the folder.
    pub fn keep_only_folder(&self) {
        release_all_but_folder(&self.name, &self.folder);
    }

    /// Makes and returns control groups of our own, without which systemds of
    /// several boxes would take each other's services for theirs. A host that
    /// runs systemd itself has them made by it.
    pub fn control_groups(&self) -> Vec<PathBuf> {
        if Path::new("/run/systemd/system").exists() {
            return Vec::new();
        }
        let groups = control_groups(&self.name);
        for group in &groups {
            fs::create_dir_all(group).unwrap();
        }
        groups
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        release(&self.name, &self.folder);
    }
}

/// Removes what belongs to processes that are no more.
fn sweep(all: &Path) {
    for entry in fs::read_dir(all).unwrap().flatten() {
        if host::try_lock(&entry.path().join("lock")).is_some() {
            release(&entry.file_name().to_string_lossy(), &entry.path());
        }
    }
}

/// Ends, unmounts and removes all that goes by a name.
fn release(name: &str, folder: &Path) {
    release_all_but_folder(name, folder);
    // Never through a mount into what is below it.
    if !is_mounted(&folder.join("root")) {
        let _ = fs::remove_dir_all(folder);
    }
}

fn release_all_but_folder(name: &str, folder: &Path) {
    end_noted_process(name, folder);
    let root = folder.join("root");
    if is_mounted(&root) {
        quietly(&["umount", &root.to_string_lossy()]);
    }
    if Path::new("/run/netns").join(name).exists() {
        quietly(&["ip", "netns", "delete", name]);
    }
    for group in control_groups(name) {
        wait_at_most(Duration::from_secs(5), || {
            remove_control_group(&group);
            (!group.exists()).then_some(())
        });
    }
}

/// Kills the box's processes: its first one, then systemd-nspawn. The number
/// may be another's by now, so it must still bear the name.
fn end_noted_process(name: &str, folder: &Path) {
    let noted = fs::read_to_string(folder.join("process")).unwrap_or_default();
    let Ok(process) = noted.parse() else { return };
    let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    if !String::from_utf8_lossy(&command).contains(&format!("--machine={name}\0")) {
        return;
    }
    let mut processes = host::children(process);
    processes.push(process);
    for process in &processes {
        host::signal(*process, Signal::SIGKILL);
    }
    wait_for("a killed box to end", || {
        (!processes.iter().any(|process| has_mounts(*process))).then_some(())
    });
}

/// Tells whether a process still has its mounts: a zombie has not.
fn has_mounts(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/mountinfo")).is_ok_and(|mounts| !mounts.is_empty())
}

fn is_mounted(path: &Path) -> bool {
    let path = path.to_string_lossy();
    fs::read_to_string("/proc/self/mountinfo")
        .unwrap()
        .lines()
        .any(|mount| mount.split(' ').nth(4) == Some(&*path))
}

/// Returns where a name's control groups are, in each hierarchy that systemd
/// can use: the one of cgroup v1, the hybrid's and the unified one.
fn control_groups(name: &str) -> Vec<PathBuf> {
    ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
        .iter()
        .map(Path::new)
        .filter(|hierarchy| hierarchy.join("cgroup.procs").exists())
        .map(|hierarchy| hierarchy.join(name))
        .collect()
}

/// Removes a control group with those below it.
fn remove_control_group(group: &Path) {
    let Ok(entries) = fs::read_dir(group) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_control_group(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
}

/// Runs a program whose failure changes nothing: what it removes may be gone.
fn quietly(argv: &[&str]) {
    let _ = Command::new(argv[0])
        .args(&argv[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
