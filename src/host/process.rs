//! Running processes, from `/proc`. A process is identified by its number and
//! its start time, because numbers are reused.

use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::{Content, Error, FileStamp, Host, Result};

/// One run of one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The process number.
    pub pid: u32,
    /// The id of the boot (`/proc/sys/kernel/random/boot_id`).
    pub boot: String,
    /// The start time, in clock ticks (1/100 s) since the kernel started.
    pub started: u64,
}

/// The unit of process times, which is 1/100 s on every architecture of Debian (`USER_HZ`).
const NANOSECONDS_PER_TICK: i64 = 10_000_000;

impl Host {
    /// Returns the process with this number, if it runs.
    pub fn process(&self, pid: u32) -> Result<Option<Process>> {
        let Some(stat) = self.told_of(pid, "stat")? else { return Ok(None) };
        let text = stat.text();
        // The name in parentheses may contain anything, so fields are counted
        // from the last parenthesis.
        let Some((_, fields)) = text.rsplit_once(')') else { return Ok(None) };
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let dead = matches!(fields.first(), Some(&("Z" | "X")));
        let started = fields.get(19).and_then(|field| field.parse().ok());
        Ok(started.filter(|_| !dead).map(|started| Process { pid, boot: boot(), started }))
    }

    /// Reads a file of a process in `/proc`. Returns `None` if the process has
    /// ended, also if it ends between opening and reading the file.
    fn told_of(&self, pid: u32, file: &str) -> Result<Option<Content>> {
        match self.read(Path::new(&format!("/proc/{pid}/{file}"))) {
            Err(Error::Io { source, .. }) if source.raw_os_error() == Some(Errno::ESRCH as i32) => {
                Ok(None)
            }
            told => told,
        }
    }

    /// Returns whether SIGHUP, SIGUSR1 or SIGUSR2, which reload daemons, is
    /// pending for a process (proc(5), `SigPnd`).
    pub(crate) fn has_pending_reload_signal(&self, process: &Process) -> Result<bool> {
        const TELLING: u64 = bit(Signal::SIGHUP) | bit(Signal::SIGUSR1) | bit(Signal::SIGUSR2);
        let Some(status) = self.told_of(process.pid, "status")? else { return Ok(false) };
        let text = status.text();
        let waits = |line: &str| {
            let (name, signals) = line.split_once(':')?;
            let signals = u64::from_str_radix(signals.trim(), 16).ok()?;
            Some(["SigPnd", "ShdPnd"].contains(&name) && signals & TELLING != 0)
        };
        Ok(text.lines().any(|line| waits(line) == Some(true)))
    }

    /// Returns whether a process is blocked in poll, as a daemon is once it has
    /// finished its work (proc(5), `wchan`). Not every kernel reports this.
    pub(crate) fn is_blocked_in_poll(&self, process: &Process) -> bool {
        let path = format!("/proc/{}/wchan", process.pid);
        let waits = self.read(Path::new(&path)).ok().flatten();
        // Such as do_epoll_wait, ep_poll, do_sys_poll and do_select.
        let is_for_calls = |name: &str| name.contains("poll") || name.contains("select");
        waits.is_some_and(|name| is_for_calls(&name.text()))
    }

    /// Returns the processes of a user, each as `NAME (NUMBER)`.
    pub(crate) fn processes_of(&self, uid: u32) -> Result<Vec<String>> {
        let mut found = Vec::new();
        if self.is_tree() {
            return Ok(found);
        }
        let uid = uid.to_string();
        for pid in self.list(Path::new("/proc"))?.iter().filter(|it| it.parse::<u32>().is_ok()) {
            let status = self.read(Path::new(&format!("/proc/{pid}/status")));
            // The process has ended.
            let Ok(Some(status)) = status else { continue };
            let text = status.text();
            let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
            // The real, effective and saved user (proc_pid_status(5)).
            let mut uids = field("Uid:").unwrap_or_default().split_whitespace().take(3);
            if uids.any(|it| it == uid) {
                found.push(format!("{} ({pid})", field("Name:").unwrap_or_default().trim()));
            }
        }
        Ok(found)
    }

    /// Returns the memory of a process and of those that it started, in bytes,
    /// with shared memory counted once. `None` where it cannot be seen.
    pub(crate) fn memory_of(&self, process: &Process) -> Option<u64> {
        let text = self.told_of(process.pid, "smaps_rollup").ok()??;
        let line = text.text().lines().find_map(|line| Some(line.strip_prefix("Pss:")?.to_owned()));
        let kib: u64 = line?.split_whitespace().next()?.parse().ok()?;
        let children = self.told_of(process.pid, &format!("task/{}/children", process.pid));
        let children = children.ok()??;
        let children = children.text().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let of_child = |pid: &String| {
            let child = self.process(pid.parse().ok()?).ok()??;
            self.memory_of(&child)
        };
        Some((kib << 10) + children.iter().filter_map(of_child).sum::<u64>())
    }

    /// Terminates a process.
    pub fn end(&self, process: &Process) -> Result<()> {
        let pid = Pid::from_raw(process.pid.cast_signed());
        kill(pid, Signal::SIGTERM)
            .map_err(|errno| Error::system(format!("tell process {} to end", process.pid), errno))
    }

    /// Returns the process whose number a daemon wrote to `pid_file`. If the
    /// file is older than the process, the number has been reused, and there is
    /// none.
    pub(crate) fn process_of_file(&self, pid_file: &Path) -> Result<Option<Process>> {
        /// The time within which a starting daemon writes its file.
        const SLACK: i64 = 30_000_000_000;
        let Some(content) = self.read(pid_file)? else { return Ok(None) };
        let pid = content.text().trim().parse();
        let (Ok(pid), Some(stamp)) = (pid, self.stamp(pid_file)?) else { return Ok(None) };
        let process = self.process(pid)?;
        Ok(process.filter(|process| process.started_at() <= stamp.modified + SLACK))
    }
}

impl Host {
    /// Identifies this program: its version, size and time of modification. A
    /// copy that keeps its time has the same id.
    pub(crate) fn binary_id() -> Option<String> {
        let found = nix::sys::stat::stat("/proc/self/exe").ok()?;
        let stamp = FileStamp::from(&found);
        Some(format!("{} {} {}", env!("CARGO_PKG_VERSION"), stamp.size, stamp.modified))
    }
}

impl Process {
    /// Returns the start time of the process, in nanoseconds since 1970 by the current clock.
    pub(crate) fn started_at(&self) -> i64 {
        now() - since_boot() + self.started.cast_signed() * NANOSECONDS_PER_TICK
    }
}

/// Returns the bit of a signal in a signal set.
const fn bit(signal: Signal) -> u64 {
    1 << (signal as u64 - 1)
}

/// Returns the current time in nanoseconds since 1970.
pub(crate) fn now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |time| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
}

/// Waits until the next second of the clock begins. A program that checks a
/// file at most once a second, as Dovecot does with its users, then sees the
/// current version.
pub(crate) fn wait_for_next_second() {
    const SECOND: i64 = 1_000_000_000;
    let rest = SECOND - now().rem_euclid(SECOND);
    std::thread::sleep(std::time::Duration::from_nanos(rest.unsigned_abs()));
}

/// Returns the time since the kernel started, in nanoseconds.
fn since_boot() -> i64 {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds: f64 = uptime.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, reason = "an uptime fits by far")]
    let nanoseconds = (seconds * 1e9) as i64;
    nanoseconds
}

fn boot() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc;
    use std::thread;
    use std::time::{Duration, Instant};

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sys::wait::{WaitPidFlag, waitpid};
    use nix::unistd::gettid;

    use super::*;

    #[test]
    fn a_signal_that_is_not_taken_shows() {
        let host = Host::open(Path::new("/")).unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_raw(child.id().cast_signed());
        let process = host.process(child.id()).unwrap().unwrap();
        kill(pid, Signal::SIGSTOP).unwrap();
        // Before it stops, the process would handle the other signal first.
        waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap();
        assert!(!host.has_pending_reload_signal(&process).unwrap());
        // Not SIGHUP, which nohup(1) ignores.
        kill(pid, Signal::SIGUSR1).unwrap();
        let has_pending_reload_signal = host.has_pending_reload_signal(&process);
        kill(pid, Signal::SIGCONT).unwrap();
        child.wait().unwrap();
        assert!(has_pending_reload_signal.unwrap());
        assert!(!host.has_pending_reload_signal(&process).unwrap());
    }

    #[test]
    fn a_process_that_waits_for_calls_is_known() {
        let host = Host::open(Path::new("/")).unwrap();
        let (one, mut other) = UnixStream::pair().unwrap();
        let (sender, receiver) = mpsc::channel();
        // The kernel lists threads like processes.
        let listener = thread::spawn(move || {
            sender.send(gettid().as_raw().unsigned_abs()).unwrap();
            let mut calls = [PollFd::new(one.as_fd(), PollFlags::POLLIN)];
            poll(&mut calls, PollTimeout::NONE).unwrap();
        });
        let listens = host.process(receiver.recv().unwrap()).unwrap().unwrap();
        let begun = Instant::now();
        while !host.is_blocked_in_poll(&listens) && begun.elapsed().as_secs() < 30 {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(host.is_blocked_in_poll(&listens));
        other.write_all(b"a call").unwrap();
        listener.join().unwrap();
        assert!(!host.is_blocked_in_poll(&listens));
    }
}
