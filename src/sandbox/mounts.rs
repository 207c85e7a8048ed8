//! Mounts, and the control groups of guests.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns whether a file system is mounted there. If the kernel does not tell,
/// assumes so, so that nothing below it is removed.
pub(super) fn is_mounted(path: &Path) -> bool {
    let path = path.to_string_lossy();
    fs::read_to_string("/proc/self/mountinfo")
        .map_or(true, |mounts| mounts.lines().any(|it| it.split(' ').nth(4) == Some(&*path)))
}

/// Returns whether a process still has its mounts, which a zombie has not.
pub(super) fn has_mounts(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/mountinfo")).is_ok_and(|mounts| !mounts.is_empty())
}

/// Returns the control groups of a name in each hierarchy that systemd can use,
/// cgroup v1, the hybrid and the unified one, and in that of memory in v1, where a
/// guest sees how much memory it may take.
pub(super) fn control_groups(name: &str) -> Vec<PathBuf> {
    ["systemd", "unified", "memory", ""]
        .iter()
        .map(|hierarchy| Path::new("/sys/fs/cgroup").join(hierarchy))
        .filter(|hierarchy| hierarchy.join("cgroup.procs").exists())
        .map(|hierarchy| hierarchy.join(name))
        .collect()
}

/// Removes a control group with those below it.
pub(super) fn remove_control_group(group: &Path) {
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
