//! The resources of the machine: memory, disk space for mail, and the address
//! families that its daemons may use.
//!
//! Sizes are rounded to powers of two, because a number that differs slightly
//! after each boot would change each plan.

use std::path::Path;

use super::{Host, Result};

/// The default for an unknown size, in MiB.
const LEAST: u64 = 1024;

/// The memory, in bytes, from which a machine is not small. A machine sold with
/// 768 MiB reports some 30 MiB less, one with 512 MiB never as much.
const ENOUGH: u64 = 700_000_000;

/// The memory limits of a container in control groups version 2 and 1. In the
/// root group of a machine the first does not exist, and the second is too
/// large to matter.
const LIMITS: [&str; 2] =
    ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// The folders of Postfix's queue; the deepest that exists counts.
const QUEUE: [&str; 4] = ["/var/spool/postfix", "/var/spool", "/var", "/"];

/// The units that listen on mail ports, on all releases.
const UNITS: [&str; 4] =
    ["dovecot.service", "postfix.service", "postfix@-.service", "postfix@.service"];

/// The folders of drop-ins for units (systemd.unit(5)).
const UNIT_FOLDERS: [&str; 2] = ["/etc/systemd/system", "/run/systemd/system"];

impl Host {
    /// Returns the memory of the machine or of the container in MiB, rounded to
    /// a power of two. A tree is assumed to be for a machine like this one.
    pub(super) fn memory(&self) -> Result<u64> {
        Ok(in_steps(self.bytes_of_memory()?))
    }

    /// Returns whether there is less memory than a large daemon beside Postfix
    /// and Dovecot needs.
    pub(super) fn is_small(&self) -> Result<bool> {
        Ok(self.bytes_of_memory()? < ENOUGH)
    }

    fn bytes_of_memory(&self) -> Result<u64> {
        if self.is_tree() {
            return Self::open(Path::new("/"))?.bytes_of_memory();
        }
        let all = self.word("/proc/meminfo", "MemTotal:")?.map_or(LEAST << 20, |kib| kib << 10);
        let mut least = all;
        for path in LIMITS {
            if let Some(limit) = self.word(path, "")? {
                least = least.min(limit);
            }
        }
        Ok(least)
    }

    /// Returns the size of the file system with Postfix's queue in MiB, rounded to a power of two.
    pub(super) fn queue_disk(&self) -> Result<u64> {
        for folder in QUEUE {
            let folder = Path::new(folder);
            if self.exists(folder)? {
                return Ok(in_steps(self.space(folder)?.size));
            }
        }
        Ok(LEAST)
    }

    /// Returns whether Postfix and Dovecot can listen on IPv6: the kernel
    /// supports it (proc(5) on `/proc/net/if_inet6`), and
    /// `RestrictAddressFamilies` (systemd.exec(5)) forbids it to none of their
    /// units.
    pub(crate) fn speaks_ipv6(&self) -> Result<bool> {
        if self.is_tree() {
            return Ok(true);
        }
        if !self.exists(Path::new("/proc/net/if_inet6"))? {
            return Ok(false);
        }
        for folder in UNIT_FOLDERS {
            for unit in UNITS {
                let folder = format!("{folder}/{unit}.d");
                for name in self.list(Path::new(&folder))? {
                    let path = Path::new(&folder).join(name);
                    // A drop-in that only root may read is skipped for other users.
                    if let Ok(Some(content)) = self.read(&path)
                        && forbids_ipv6(&content.text())
                    {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// Returns the number after a word at the beginning of a line of a file.
    fn word(&self, path: &str, word: &str) -> Result<Option<u64>> {
        let Some(content) = self.read(Path::new(path))? else { return Ok(None) };
        let text = content.text();
        let line = text.lines().find_map(|line| line.strip_prefix(word));
        Ok(line.and_then(|line| line.split_whitespace().next()?.parse().ok()))
    }
}

/// Rounds a number of bytes to a power of two of MiB. A machine sold with 1 GiB
/// reports a little less, so up to a fifth may be missing.
fn in_steps(bytes: u64) -> u64 {
    let mib = bytes >> 20;
    1 << (mib + mib / 4).max(1).ilog2()
}

/// Returns whether a unit's settings forbid IPv6. Without `~` only the listed
/// families are allowed; an empty list resets earlier ones.
fn forbids_ipv6(settings: &str) -> bool {
    let mut forbidden = false;
    for line in settings.lines() {
        let Some(value) = line.trim().strip_prefix("RestrictAddressFamilies=") else { continue };
        let value = value.trim();
        let (listed_are_forbidden, list) = match value.strip_prefix('~') {
            Some(list) => (true, list),
            None => (false, value),
        };
        let is_listed = list.split_whitespace().any(|family| family == "AF_INET6");
        forbidden = !list.is_empty() && list != "none" && is_listed == listed_are_forbidden;
    }
    forbidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_in_steps_and_never_as_much_more_than_there_is() {
        let in_steps = |mib: u64| in_steps(mib << 20);
        assert_eq!(in_steps(480), 512);
        assert_eq!(in_steps(970), 1024);
        assert_eq!(in_steps(1024), 1024);
        assert_eq!(in_steps(1300), 1024);
        assert_eq!(in_steps(1990), 2048);
        assert_eq!(in_steps(24105), 16384);
        assert_eq!(in_steps(0), 1);
    }

    #[test]
    fn a_unit_may_be_forbidden_to_use_ipv6() {
        assert!(forbids_ipv6("[Service]\nRestrictAddressFamilies=AF_UNIX AF_INET AF_NETLINK\n"));
        assert!(forbids_ipv6("RestrictAddressFamilies=~AF_INET6"));
        assert!(!forbids_ipv6("RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6"));
        assert!(!forbids_ipv6("RestrictAddressFamilies=AF_UNIX\nRestrictAddressFamilies=\n"));
        assert!(!forbids_ipv6("RestrictAddressFamilies=~AF_PACKET"));
        assert!(!forbids_ipv6("[Service]\nRestart=always\n"));
    }
}
