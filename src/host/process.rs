//! Running processes, read from `/proc`: a process is known by its number and
//! the moment it started, since numbers come back.

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
    /// The boot it belongs to (`/proc/sys/kernel/random/boot_id`).
    pub boot: String,
    /// When it started, in clock ticks (1/100 s) since the kernel started.
    pub started: u64,
}

/// Linux shows process times in hundredths of a second on every architecture
/// that Debian has (`USER_HZ`).
const NANOSECONDS_PER_TICK: i64 = 10_000_000;

impl Host {
    /// Returns the process with this number, if it runs.
    pub fn process(&self, pid: u32) -> Result<Option<Process>> {
        let Some(stat) = self.told_of(pid, "stat")? else { return Ok(None) };
        let text = String::from_utf8_lossy(stat.bytes()).into_owned();
        // The name in parentheses may hold anything, so fields count from the last one.
        let Some((_, fields)) = text.rsplit_once(')') else { return Ok(None) };
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let dead = matches!(fields.first(), Some(&("Z" | "X")));
        let started = fields.get(19).and_then(|field| field.parse().ok());
        Ok(started.filter(|_| !dead).map(|started| Process { pid, boot: boot(), started }))
    }

    /// Reads what the kernel tells of a process. One that ends between the opening of
    /// the file and its reading is no more, as is one that ended before.
    fn told_of(&self, pid: u32, file: &str) -> Result<Option<Content>> {
        match self.read(Path::new(&format!("/proc/{pid}/{file}"))) {
            Err(Error::Io { source, .. }) if source.raw_os_error() == Some(Errno::ESRCH as i32) => {
                Ok(None)
            }
            told => told,
        }
    }

    /// Tells whether a process was sent a signal by which daemons are told to
    /// read their files again, and has not taken it yet (proc(5), `SigPnd`).
    pub(crate) fn has_pending_reload_signal(&self, process: &Process) -> Result<bool> {
        const TELLING: u64 = bit(Signal::SIGHUP) | bit(Signal::SIGUSR1) | bit(Signal::SIGUSR2);
        let Some(status) = self.told_of(process.pid, "status")? else { return Ok(false) };
        let text = String::from_utf8_lossy(status.bytes()).into_owned();
        let waits = |line: &str| {
            let (name, signals) = line.split_once(':')?;
            let signals = u64::from_str_radix(signals.trim(), 16).ok()?;
            Some(["SigPnd", "ShdPnd"].contains(&name) && signals & TELLING != 0)
        };
        Ok(text.lines().any(|line| waits(line) == Some(true)))
    }

    /// Tells whether a process waits for somebody to call, as a daemon does once
    /// it has done what it was told (proc(5), `wchan`). Not every kernel says.
    pub(crate) fn is_blocked_in_poll(&self, process: &Process) -> bool {
        let path = format!("/proc/{}/wchan", process.pid);
        let waits = self.read(Path::new(&path)).ok().flatten();
        // Such as do_epoll_wait, ep_poll, do_sys_poll and do_select.
        let is_for_calls = |name: &str| name.contains("poll") || name.contains("select");
        waits.is_some_and(|name| is_for_calls(&String::from_utf8_lossy(name.bytes())))
    }

    /// Returns the processes that run as a user, each as `NAME (NUMBER)`.
    pub(crate) fn processes_of(&self, uid: u32) -> Result<Vec<String>> {
        let mut found = Vec::new();
        if self.is_tree() {
            return Ok(found);
        }
        let uid = uid.to_string();
        for pid in self.list(Path::new("/proc"))?.iter().filter(|it| it.parse::<u32>().is_ok()) {
            let status = self.read(Path::new(&format!("/proc/{pid}/status")));
            // One that ended meanwhile keeps nobody.
            let Ok(Some(status)) = status else { continue };
            let text = String::from_utf8_lossy(status.bytes()).into_owned();
            let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
            // The real, the effective and the saved one (proc_pid_status(5)).
            let mut uids = field("Uid:").unwrap_or_default().split_whitespace().take(3);
            if uids.any(|it| it == uid) {
                found.push(format!("{} ({pid})", field("Name:").unwrap_or_default().trim()));
            }
        }
        Ok(found)
    }

    /// Tells a process to end.
    pub fn end(&self, process: &Process) -> Result<()> {
        let pid = Pid::from_raw(process.pid.cast_signed());
        kill(pid, Signal::SIGTERM).map_err(|errno| {
            Error::Other(format!("process {} could not be told to end: {errno}", process.pid))
        })
    }

    /// Returns the process whose number a daemon wrote into `pid_file`, unless
    /// that file is older than the process, whose number then is a stranger's.
    pub(crate) fn process_of_file(&self, pid_file: &Path) -> Result<Option<Process>> {
        /// A daemon writes its file within this time of starting.
        const SLACK: i64 = 30_000_000_000;
        let Some(content) = self.read(pid_file)? else { return Ok(None) };
        let pid = String::from_utf8_lossy(content.bytes()).trim().parse();
        let (Ok(pid), Some(stamp)) = (pid, self.stamp(pid_file)?) else { return Ok(None) };
        let process = self.process(pid)?;
        Ok(process.filter(|process| process.started_at() <= stamp.modified + SLACK))
    }
}

impl Host {
    /// Tells this program from others: its version, its size and when it was
    /// made. A copy that keeps its time is the same.
    pub(crate) fn binary_id() -> Option<String> {
        let found = nix::sys::stat::stat("/proc/self/exe").ok()?;
        let stamp = FileStamp::from(&found);
        Some(format!("{} {} {}", env!("CARGO_PKG_VERSION"), stamp.size, stamp.modified))
    }
}

impl Process {
    /// Returns when the process started, in nanoseconds since 1970 by today's
    /// clock.
    pub(crate) fn started_at(&self) -> i64 {
        now() - since_boot() + self.started.cast_signed() * NANOSECONDS_PER_TICK
    }
}

/// Where a signal stands in a set of them.
const fn bit(signal: Signal) -> u64 {
    1 << (signal as u64 - 1)
}

/// Returns the present time in nanoseconds since 1970.
pub(crate) fn now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |time| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
}

/// Waits until the clock's next second begins: what looks at a file at most once
/// in each, as Dovecot does at its users, then sees how it is now.
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
        // Before it is stopped it would take the other signal first.
        waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap();
        assert!(!host.has_pending_reload_signal(&process).unwrap());
        // Not SIGHUP, which is ignored below nohup.
        kill(pid, Signal::SIGUSR1).unwrap();
        let has_pending_reload_signal = host.has_pending_reload_signal(&process);
        kill(pid, Signal::SIGCONT).unwrap();
        child.wait().unwrap();
        assert!(has_pending_reload_signal.unwrap());
        assert!(!host.has_pending_reload_signal(&process).unwrap());
    }

    #[test]
    fn who_waits_to_be_called_shows() {
        let host = Host::open(Path::new("/")).unwrap();
        let (one, mut other) = UnixStream::pair().unwrap();
        let (sender, receiver) = mpsc::channel();
        // The kernel tells of threads as of processes.
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
