//! Unique names and folders for guests, with cleanup after programs that were
//! killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::cache::{Cache, try_lock};
use super::{Error, Result, Watch, children, machine, mounts, network, signal, wait_at_most};

static COUNTER: AtomicU32 = AtomicU32::new(1);

/// How long a killed guest may take to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A name for a guest, its network namespace, interfaces, mount and control
/// groups, with a folder of the same name. All of them are removed when the
/// lease is dropped.
///
/// The folder holds a lock that ends with the program, so that the next program
/// finds and removes what a killed one left.
#[derive(Debug)]
pub struct Lease {
    name: String,
    folder: PathBuf,
    _lock: File,
    below: OnceLock<Arc<Lease>>,
}

impl Lease {
    /// Claims a free name, and removes what killed programs left.
    pub fn new(cache: &Cache, watch: Watch<'_>) -> Result<Self> {
        let all = cache.folder().join("running");
        let _one_at_a_time = cache.lock("running", watch)?;
        fs::create_dir_all(&all).map_err(|error| Error::io("make", &all, error))?;
        sweep(&all)?;
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("mp-{}-{number}", process::id());
            let folder = all.join(&name);
            if folder.exists() {
                continue;
            }
            fs::create_dir(&folder).map_err(|error| Error::io("make", &folder, error))?;
            let lock = folder.join("lock");
            return match try_lock(&lock) {
                Some(lock) => Ok(Self { name, folder, _lock: lock, below: OnceLock::new() }),
                None => Err(Error::io("lock", &lock, std::io::ErrorKind::WouldBlock.into())),
            };
        }
    }

    /// Returns the name, at most 15 characters, as names of interfaces are.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the mount point of the guest's tree.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// Keeps the lease whose disk lies below this one's.
    pub(super) fn keep_below(&self, lease: &Arc<Lease>) {
        let _ = self.below.set(Arc::clone(lease));
    }

    /// Returns the lease whose disk lies below this one's, if there is one.
    pub(super) fn below(&self) -> Option<&Arc<Lease>> {
        self.below.get()
    }

    /// Creates the network namespace.
    pub fn add_namespace(&self) -> Result<()> {
        machine::run(&["ip", "netns", "add", &self.name]).map(drop)
    }

    /// Records the process to end if this program cannot do it.
    pub(super) fn note_process(&self, process: u32) -> Result<()> {
        let path = self.folder.join("process");
        fs::write(&path, process.to_string()).map_err(|error| Error::io("write", &path, error))
    }

    /// Releases everything but the folder.
    pub fn keep_only_folder(&self) {
        release_all_but_folder(&self.name, &self.folder);
    }

    /// Creates and returns separate control groups, without which the systemds
    /// of several guests would take each other's services for their own. On a
    /// host with systemd, that creates them.
    pub(super) fn control_groups(&self) -> Result<Vec<PathBuf>> {
        if Path::new("/run/systemd/system").exists() {
            return Ok(Vec::new());
        }
        let groups = mounts::control_groups(&self.name);
        for group in &groups {
            fs::create_dir_all(group).map_err(|error| Error::io("make", group, error))?;
        }
        Ok(groups)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        release(&self.name, &self.folder);
    }
}

/// Removes what killed programs left.
fn sweep(all: &Path) -> Result<()> {
    for entry in fs::read_dir(all).map_err(|error| Error::io("list", all, error))?.flatten() {
        if try_lock(&entry.path().join("lock")).is_some() {
            release(&entry.file_name().to_string_lossy(), &entry.path());
        }
    }
    Ok(())
}

/// Ends, unmounts and removes everything of a name.
fn release(name: &str, folder: &Path) {
    release_all_but_folder(name, folder);
    // A mount must not be followed into the tree below it.
    if !mounts::is_mounted(&folder.join("root")) {
        let _ = fs::remove_dir_all(folder);
    }
}

fn release_all_but_folder(name: &str, folder: &Path) {
    end_noted_process(name, folder);
    let root = folder.join("root");
    if mounts::is_mounted(&root) {
        machine::quietly(&["umount", &root.to_string_lossy()]);
    }
    network::remove(name);
    for group in mounts::control_groups(name) {
        wait_at_most(Duration::from_secs(5), || {
            mounts::remove_control_group(&group);
            (!group.exists()).then_some(())
        });
    }
}

/// Kills the guest's processes: its first one, then systemd-nspawn. The number
/// may be reused by now, so the process must still have the name.
fn end_noted_process(name: &str, folder: &Path) {
    let noted = fs::read_to_string(folder.join("process")).unwrap_or_default();
    let Ok(process) = noted.parse() else { return };
    let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    if !String::from_utf8_lossy(&command).contains(&format!("--machine={name}\0")) {
        return;
    }
    let mut processes = children(process);
    processes.push(process);
    for process in &processes {
        signal(*process, Signal::SIGKILL);
    }
    wait_at_most(PATIENCE, || {
        (!processes.iter().any(|process| mounts::has_mounts(*process))).then_some(())
    });
}
