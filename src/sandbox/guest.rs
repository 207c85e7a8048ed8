//! A Debian that can be switched on and off: systemd-nspawn over a disk.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;

use super::machine::wait_watched;
use super::{Error, KillSwitch, Lease, Result, Watch, children, signal, wait_at_most};

/// The host name of every guest.
const HOSTNAME: &str = "server";

/// The `/etc/hosts` of an installed server: its own names.
const HOSTS: &str = "\
127.0.0.1 localhost
127.0.1.1 server.box.test server
::1 localhost ip6-localhost ip6-loopback
";

/// How long systemd-nspawn may take to start.
const START: Duration = Duration::from_secs(30);

/// How long a guest may take to boot.
const BOOT: Duration = Duration::from_secs(90);

/// How long a guest may take to shut down.
const SHUT_DOWN: Duration = Duration::from_secs(60);

/// Joins the control groups named before `--`, then executes the command after
/// it.
const JOIN_AND_EXEC: &str =
    r#"while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs"; shift; done; shift; exec "$@""#;

/// The first process of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// systemd, as on a server.
    Systemd,
    /// A process that only reaps, as in many containers.
    Stub,
}

/// A Debian with its own disk, in the network namespace of its lease. It ends
/// when this is dropped; its disk, with the lease.
#[derive(Debug)]
pub struct Guest {
    init: Init,
    lease: Arc<Lease>,
    kill_switch: KillSwitch,
    running: Option<Running>,
}

/// The processes of a guest that is switched on.
#[derive(Debug)]
struct Running {
    /// systemd-nspawn, which stays outside.
    nspawn: Child,
    /// The guest's first process.
    leader: u32,
}

impl Guest {
    /// Makes a guest of a lease with a mounted disk and a network namespace. It
    /// is switched off. Its kill switch ends it from another thread.
    pub fn new(init: Init, lease: Lease, kill_switch: KillSwitch) -> Self {
        Self { init, lease: Arc::new(lease), kill_switch, running: None }
    }

    /// Writes the names that an installer would write to a fresh disk.
    pub fn write_hosts(&self) -> Result<()> {
        let hosts = self.lease.root().join("etc/hosts");
        fs::write(&hosts, HOSTS).map_err(|error| Error::io("write", &hosts, error))
    }

    /// Returns the lease, which names the guest.
    pub fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }

    /// Returns the kind of its first process.
    pub fn init(&self) -> Init {
        self.init
    }

    /// Returns whether it is switched on.
    pub fn is_on(&self) -> bool {
        self.running.is_some()
    }

    /// Switches the guest on and waits until it is up.
    pub fn boot(&mut self, watch: Watch<'_>) -> Result<()> {
        let mut nspawn =
            self.nspawn()?.spawn().map_err(|error| Error::start("systemd-nspawn", &error))?;
        // From here on there is a process to end.
        let noted = self.lease.note_process(nspawn.id());
        let leader = noted.and_then(|()| {
            wait_watched(START, watch, || {
                children(nspawn.id()).into_iter().find(|child| is_first_process(*child))
            })
        });
        let leader = match leader {
            Ok(Some(leader)) => leader,
            other => {
                end_beginning(&mut nspawn);
                return other.and(Err(self.does_not_boot("systemd-nspawn starts nothing")));
            }
        };
        self.running = Some(Running { nspawn, leader });
        self.kill_switch.note(Some(leader));
        let mut state = String::new();
        let up = wait_watched(BOOT, watch, || {
            state = self.state();
            ["running", "degraded"].contains(&state.as_str()).then_some(())
        })?;
        up.ok_or_else(|| self.does_not_boot(&format!("{state} after {} s", BOOT.as_secs())))
    }

    /// Asks systemd for the state of the boot.
    fn state(&self) -> String {
        if self.init == Init::Stub {
            return "running".to_owned();
        }
        let asked = self.command(&["systemctl", "is-system-running"]);
        let answer = asked.ok().and_then(|mut command| command.output().ok());
        answer.map_or_else(String::new, |it| String::from_utf8_lossy(&it.stdout).trim().to_owned())
    }

    fn does_not_boot(&self, state: &str) -> Error {
        let (name, console) = (self.lease.name().to_owned(), self.console());
        Error::Boot { name, state: state.to_owned(), console }
    }

    /// Shuts down cleanly. Until [`Self::boot`] only its files are accessible.
    pub fn shut_down(&mut self) -> Result<()> {
        let end: &[_] = match self.init {
            Init::Systemd => &["systemctl", "poweroff"],
            Init::Stub => &["sh", "-c", "kill -TERM -1"],
        };
        // The answer may be lost in the shutdown.
        let _ = self.command(end)?.output();
        let Some(running) = &mut self.running else { return Ok(()) };
        let over = wait_at_most(SHUT_DOWN, || running.nspawn.try_wait().transpose());
        if over.is_some() {
            self.kill_switch.note(None);
            self.running = None;
            return Ok(());
        }
        self.power_cut();
        Err(Error::ShutDown(self.lease.name().to_owned()))
    }

    /// Ends everything at once, like a power failure. Until [`Self::boot`] only
    /// its files are accessible.
    pub fn power_cut(&mut self) {
        if let Some(mut running) = self.running.take() {
            self.kill_switch.note(None);
            running.kill();
        }
    }

    /// Prepares a command in the guest, with a server's plain environment and
    /// all its streams as pipes.
    pub fn command(&self, argv: &[&str]) -> Result<Command> {
        let Some(Running { leader, .. }) = self.running else {
            return Err(Error::Off(self.lease.name().to_owned()));
        };
        let mut command = Command::new("nsenter");
        command
            .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"])
            .args([format!("--target={leader}"), "--".to_owned()])
            .args(argv)
            .env_clear()
            .env("PATH", crate::host::PATH)
            .envs([("HOME", "/root"), ("LANG", "C.UTF-8"), ("USER", "root"), ("SHELL", "/bin/sh")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }

    /// Opens a path in the guest; links resolve as they do there.
    pub fn open(&self, path: &str, flags: OFlag) -> io::Result<File> {
        let root = match &self.running {
            Some(running) => PathBuf::from(format!("/proc/{}/root", running.leader)),
            None => self.lease.root(),
        };
        let root = OpenOptions::new().read(true).open(root)?;
        let mode = if flags.contains(OFlag::O_CREAT) { Mode::S_IRUSR } else { Mode::empty() };
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC)
            .mode(mode)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT);
        Ok(openat2(&root, path, how)?.into())
    }

    /// Returns the guest's console output.
    pub fn console(&self) -> String {
        let bytes = fs::read(self.lease.folder().join("console")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn nspawn(&self) -> Result<Command> {
        let console = self.lease.folder().join("console");
        let failed = |error| Error::io("write", &console, error);
        let output = File::create(&console).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let groups = self.lease.control_groups()?;
        let mut command = Command::new("sh");
        command.args(["-c", JOIN_AND_EXEC, "sh"]).args(&groups).args(["--", "systemd-nspawn"]);
        command.arg(format!("--machine={}", self.lease.name()));
        command.arg(format!("--hostname={HOSTNAME}"));
        command.arg("--directory").arg(self.lease.root());
        command.arg(format!("--network-namespace-path=/run/netns/{}", self.lease.name()));
        command.args(["--quiet", "--register=no", "--console=pipe", "--resolv-conf=off"]);
        // Its network is its own, and so are the rules of its firewall.
        command.arg("--capability=CAP_NET_ADMIN");
        // Keep its journal out of this machine's.
        command.arg("--link-journal=no");
        if !groups.is_empty() {
            command.arg("--keep-unit");
        }
        match self.init {
            Init::Systemd => command.arg("--boot"),
            Init::Stub => command.args(["--as-pid2", "sleep", "infinity"]),
        };
        // A group of its own, so that Ctrl-C on the terminal reaches only this program, which
        // shuts it down.
        command.process_group(0).stdin(Stdio::null()).stdout(output).stderr(errors);
        command.env("PATH", crate::host::PATH);
        Ok(command)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.power_cut();
    }
}

impl Running {
    /// Kills the guest's first process, with which the kernel ends all others.
    fn kill(&mut self) {
        signal(self.leader, Signal::SIGKILL);
        let _ = self.nspawn.kill();
        let _ = self.nspawn.wait();
        let leader = PathBuf::from(format!("/proc/{}", self.leader));
        wait_at_most(SHUT_DOWN, || (!leader.exists()).then_some(()));
    }
}

/// Ends a systemd-nspawn that may not have started the guest yet.
fn end_beginning(nspawn: &mut Child) {
    for child in children(nspawn.id()) {
        signal(child, Signal::SIGKILL);
    }
    let _ = nspawn.kill();
    let _ = nspawn.wait();
}

/// Returns whether a process is number 1 of a namespace inside ours and runs
/// the guest's own program.
fn is_first_process(process: u32) -> bool {
    let folder = PathBuf::from(format!("/proc/{process}"));
    let read = |file: &str| fs::read_to_string(Path::join(&folder, file)).unwrap_or_default();
    let status = read("status");
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    let numbers: Vec<_> = numbers.split_whitespace().collect();
    numbers.len() > 1 && numbers.last() == Some(&"1") && !read("comm").starts_with("systemd-nspawn")
}
