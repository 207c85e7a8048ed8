//! A real Debian, booted on top of an image that it never changes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;

use super::claim::Claim;
use super::image::{Image, Suite};
use super::network::{Addresses, Network};
use super::output::Output;
use super::process::Process;
use super::snapshot::Snapshot;
use super::{disk, host, template, wait_at_most, wait_for};

/// How long a command in a box may take, in seconds.
const COMMAND_TIMEOUT: &str = "600";

/// Joins the control groups named before `--`, then becomes the command after.
const JOIN_AND_EXEC: &str =
    r#"while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs"; shift; done; shift; exec "$@""#;

/// What makes a mail server, as it lies in each image's package cache.
const MAIL_PACKAGES: &[&str] = &[
    "postfix",
    "dovecot-core",
    "dovecot-imapd",
    "dovecot-pop3d",
    "dovecot-lmtpd",
    "libsasl2-modules",
    "openssl",
];

/// A box's host name, the same for all.
const HOSTNAME: &str = "server";

/// The names that an installed server knows without a resolver: its own.
const HOSTS: &str = "\
127.0.0.1 localhost
127.0.1.1 server.box.test server
::1 localhost ip6-localhost ip6-loopback
";

/// What runs as a box's first process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Init {
    /// systemd, as on a server.
    Systemd,
    /// A process that does nothing but reap, as in many a container.
    Stub,
}

/// A fresh Debian server with its own disk and addresses, and with the
/// `mailprov` that was just built; gone without a trace when dropped.
#[derive(Debug)]
pub struct Debian {
    suite: Suite,
    init: Init,
    running: Option<Running>,
    addresses: Addresses,
    claim: Arc<Claim>,
    network: Arc<Network>,
    _image: Image,
}

/// The processes of a box that is switched on.
#[derive(Debug)]
struct Running {
    /// systemd-nspawn, which stays outside.
    nspawn: Child,
    /// The box's first process.
    leader: u32,
}

impl Debian {
    /// Boots a fresh box in a network of its own.
    pub fn fresh(suite: Suite) -> Self {
        Self::create(suite, Init::Systemd, Arc::new(Network::new()))
    }

    /// Starts a fresh box in which systemd does not run.
    pub fn without_systemd(suite: Suite) -> Self {
        Self::create(suite, Init::Stub, Arc::new(Network::new()))
    }

    /// Boots another fresh box in the same network.
    pub fn neighbour(&self, suite: Suite) -> Self {
        Self::create(suite, Init::Systemd, Arc::clone(&self.network))
    }

    /// Boots a copy of a box that `prepare` made of a fresh one, once for all
    /// tests that name it so.
    ///
    /// Preparing takes long, a copy about a second: a test that does not care
    /// how the box came to be what it is should start from one.
    pub fn prepared(name: &str, suite: Suite, prepare: impl FnOnce(Self) -> Self) -> Self {
        Self::copy(name, suite, prepare, Arc::new(Network::new()))
    }

    /// Boots a copy of a prepared box in the same network.
    pub fn prepared_neighbour(
        &self,
        name: &str,
        suite: Suite,
        prepare: impl FnOnce(Self) -> Self,
    ) -> Self {
        Self::copy(name, suite, prepare, Arc::clone(&self.network))
    }

    fn copy(
        name: &str,
        suite: Suite,
        prepare: impl FnOnce(Self) -> Self,
        network: Arc<Network>,
    ) -> Self {
        let template = template::disk(name, suite, || prepare(Self::fresh(suite)).into_template());
        let image = Image::ensure(suite);
        let claim = Claim::new();
        disk::mount_copy(&image, &claim, &template);
        Self::switch_on(suite, Init::Systemd, image, claim, network)
    }

    /// Boots a box on which Debian's mail packages are installed, as they come.
    pub fn with_mail_packages(suite: Suite) -> Self {
        Self::prepared("mail packages", suite, |debian| {
            debian.install(MAIL_PACKAGES);
            debian
        })
    }

    fn create(suite: Suite, init: Init, network: Arc<Network>) -> Self {
        assert!(nix::unistd::geteuid().is_root(), "boxes need root: run `sudo tests/run`");
        let image = Image::ensure(suite);
        let claim = Claim::new();
        disk::mount_empty(&image, &claim);
        fs::copy(env!("CARGO_BIN_EXE_mailprov"), claim.root().join("usr/local/bin/mailprov"))
            .unwrap();
        fs::write(claim.root().join("etc/hosts"), HOSTS).unwrap();
        Self::switch_on(suite, init, image, claim, network)
    }

    fn switch_on(
        suite: Suite,
        init: Init,
        image: Image,
        claim: Claim,
        network: Arc<Network>,
    ) -> Self {
        host::run(&["ip", "netns", "add", claim.name()]);
        let addresses = network.join(claim.name());
        let claim = Arc::new(claim);
        let mut debian =
            Self { suite, init, running: None, addresses, claim, network, _image: image };
        debian.boot();
        debian
    }

    /// Shuts down and leaves only the disk.
    fn into_template(mut self) -> Arc<Claim> {
        self.shut_down();
        self.claim.keep_only_folder();
        Arc::clone(&self.claim)
    }

    /// Writes `/etc/mailprov/mail.yml`.
    #[must_use]
    pub fn mail_yml(self, text: &str) -> Self {
        self.write("/etc/mailprov/mail.yml", text, 0o600);
        self
    }

    /// Applies `mail.yml` and asserts that it works.
    #[must_use]
    #[track_caller]
    pub fn apply(self) -> Self {
        let _ = self.mailprov(&["apply", "--yes"]).success();
        self
    }

    /// Forgets the package lists, as on a server that never ran `apt-get update`.
    #[must_use]
    pub fn without_package_lists(self) -> Self {
        let _ = self.shell("rm -rf /var/lib/apt/lists/*").success();
        self
    }

    /// Returns the release.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Returns the name that its processes and mounts go by outside.
    pub fn name(&self) -> &str {
        self.claim.name()
    }

    /// Returns where its disk is, to be worked on while it is switched off.
    pub fn disk(&self) -> PathBuf {
        self.claim.root()
    }

    /// Returns its addresses in its network.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Returns its network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Connects to one of its ports over IPv4.
    pub fn connect(&self, port: u16) -> io::Result<TcpStream> {
        self.network.connect(self.addresses.v4, port)
    }

    /// Connects to one of its ports over IPv6.
    pub fn connect_v6(&self, port: u16) -> io::Result<TcpStream> {
        self.network.connect(self.addresses.v6, port)
    }

    /// Runs a command as root, with a server's plain environment.
    pub fn run(&self, argv: &[&str]) -> Output {
        self.run_with_input(argv, b"")
    }

    /// Runs a line of shell.
    pub fn shell(&self, line: &str) -> Output {
        self.run(&["sh", "-c", line])
    }

    /// Runs the `mailprov` that was just built.
    pub fn mailprov(&self, arguments: &[&str]) -> Output {
        self.run(&[&["mailprov"], arguments].concat())
    }

    /// Runs a command that reads `input`.
    pub fn run_with_input(&self, argv: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(&[&["timeout", COMMAND_TIMEOUT], argv].concat());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let output = thread::scope(|scope| {
            scope.spawn(move || {
                // A command need not read what it is given.
                let _ = stdin.write_all(input);
            });
            child.wait_with_output().unwrap()
        });
        Output::new(argv, output)
    }

    /// Runs a command whose output is on the terminal of these tests, live and
    /// in colour if it is one.
    pub fn run_on_terminal(&self, argv: &[&str]) -> ExitStatus {
        self.command(argv)
            .env("TERM", std::env::var_os("TERM").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(Stdio::inherit())
            .stderr(Stdio::inherit())
            .status()
            .unwrap()
    }

    /// Starts a command and lets it run, to be watched or killed.
    pub fn spawn(&self, argv: &[&str]) -> Process {
        Process::new(argv, self.command(argv).spawn().unwrap())
    }

    /// Installs packages from the box's own cache.
    pub fn install(&self, packages: &[&str]) {
        let mut argv = vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install"];
        argv.extend(["--yes", "--no-install-recommends"]);
        argv.extend(packages);
        let _ = self.run(&argv).success();
    }

    /// Reads a file; links lead where they lead in the box.
    #[track_caller]
    pub fn read(&self, path: &str) -> Vec<u8> {
        let mut content = Vec::new();
        let mut file = self.open(path, OFlag::O_RDONLY).unwrap_or_else(|e| panic!("{path}: {e}"));
        file.read_to_end(&mut content).unwrap();
        content
    }

    /// Reads a text file.
    #[track_caller]
    pub fn read_text(&self, path: &str) -> String {
        String::from_utf8(self.read(path)).unwrap()
    }

    /// Writes a file in place with this mode, in folders made if missing.
    #[track_caller]
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>, mode: u32) {
        let folder = Path::new(path).parent().unwrap().to_str().unwrap();
        if !self.exists(folder) {
            let _ = self.run(&["mkdir", "--parents", folder]).success();
        }
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
        let mut file = self.open(path, flags).unwrap_or_else(|e| panic!("{path}: {e}"));
        file.write_all(content.as_ref()).unwrap();
        file.set_permissions(fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Tells whether there is anything under a path, be it a dangling link.
    pub fn exists(&self, path: &str) -> bool {
        self.open(path, OFlag::O_PATH | OFlag::O_NOFOLLOW).is_ok()
    }

    /// Returns the state of the whole disk.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::take(&self.claim.root())
    }

    /// Returns the log of all units since the box last booted.
    pub fn journal(&self) -> String {
        self.run(&["journalctl", "--boot", "--no-pager", "--output=short"]).success().stdout()
    }

    /// Shuts down in order, and boots again.
    pub fn reboot(&mut self) {
        self.shut_down();
        self.boot();
    }

    /// Shuts down in order. Until [`Self::boot`] only its files can be looked at.
    pub fn shut_down(&mut self) {
        let mut running = self.running.take().expect("a box that is switched on");
        let end: &[_] = match self.init {
            Init::Systemd => &["systemctl", "poweroff"],
            Init::Stub => &["sh", "-c", "kill -TERM -1"],
        };
        // The answer may be lost in the shutdown that is asked for.
        let _ = command(running.leader, end).output();
        let over = wait_at_most(Duration::from_secs(60), || running.nspawn.try_wait().unwrap());
        if over.is_none() {
            running.kill();
            panic!("{} does not shut down", self.name());
        }
    }

    /// Ends everything at once, as if the plug were pulled. Until [`Self::boot`]
    /// only its files can be looked at.
    pub fn power_cut(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
    }

    /// Switches the box on and waits until it is up.
    pub fn boot(&mut self) {
        assert!(self.running.is_none(), "{} is switched on already", self.name());
        let mut nspawn = self.nspawn().spawn().unwrap();
        self.claim.note_process(nspawn.id());
        let leader = wait_at_most(Duration::from_secs(30), || {
            host::children(nspawn.id()).into_iter().find(|child| is_first_process(*child))
        });
        let Some(leader) = leader else {
            let _ = nspawn.kill();
            panic!("systemd-nspawn starts nothing: {}", self.console());
        };
        self.running = Some(Running { nspawn, leader });
        let mut state = String::new();
        let up = wait_at_most(Duration::from_secs(90), || {
            state = match self.init {
                Init::Systemd => self.run(&["systemctl", "is-system-running"]).stdout(),
                Init::Stub => "running".to_owned(),
            };
            ["running", "degraded"].contains(&state.trim()).then_some(())
        });
        assert!(up.is_some(), "{} is {state} after 90 s: {}", self.name(), self.console());
    }

    fn nspawn(&self) -> Command {
        let console = File::create(self.claim.folder().join("console")).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", JOIN_AND_EXEC, "sh"]);
        let groups = self.claim.control_groups();
        command.args(&groups).args(["--", "systemd-nspawn"]);
        command.arg(format!("--machine={}", self.name()));
        command.arg(format!("--hostname={HOSTNAME}"));
        command.arg("--directory").arg(self.claim.root());
        command.arg(format!("--network-namespace-path=/run/netns/{}", self.name()));
        command.args(["--quiet", "--register=no", "--console=pipe", "--resolv-conf=off"]);
        if !groups.is_empty() {
            command.arg("--keep-unit");
        }
        match self.init {
            Init::Systemd => command.arg("--boot"),
            Init::Stub => command.args(["--as-pid2", "sleep", "infinity"]),
        };
        command.stdin(Stdio::null()).stdout(console.try_clone().unwrap()).stderr(console);
        command
    }

    /// Returns what the box wrote to its console.
    fn console(&self) -> String {
        fs::read_to_string(self.claim.folder().join("console")).unwrap_or_default()
    }

    /// Shows, for a test that failed, what the box has to say.
    #[expect(clippy::print_stderr, reason = "the test harness shows it with the failure")]
    fn show_state(&self) {
        eprintln!("--- console of {} ---\n{}", self.name(), self.console());
        if self.running.is_some() && self.init == Init::Systemd {
            eprintln!("{}", self.run(&["journalctl", "--no-pager", "--lines=60"]));
        }
    }

    /// Opens a path as the box sees it.
    fn open(&self, path: &str, flags: OFlag) -> io::Result<File> {
        let root = match &self.running {
            Some(running) => PathBuf::from(format!("/proc/{}/root", running.leader)),
            None => self.claim.root(),
        };
        let root = OpenOptions::new().read(true).open(root)?;
        let mode = if flags.contains(OFlag::O_CREAT) { Mode::S_IRUSR } else { Mode::empty() };
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC)
            .mode(mode)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT);
        Ok(openat2(&root, path, how)?.into())
    }

    fn command(&self, argv: &[&str]) -> Command {
        command(self.running.as_ref().expect("a box that is switched on").leader, argv)
    }
}

impl Drop for Debian {
    fn drop(&mut self) {
        if thread::panicking() {
            self.show_state();
        }
        self.power_cut();
    }
}

impl Running {
    /// Kills the box's first process, with which the kernel ends all others.
    fn kill(&mut self) {
        host::signal(self.leader, Signal::SIGKILL);
        let _ = self.nspawn.kill();
        let _ = self.nspawn.wait();
        wait_for("the last process of a killed box", || {
            (!Path::new(&format!("/proc/{}", self.leader)).exists()).then_some(())
        });
    }
}

/// Returns a command for the box that a process is the first one of.
fn command(leader: u32, argv: &[&str]) -> Command {
    let mut command = Command::new("nsenter");
    command
        .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"])
        .args([format!("--target={leader}"), "--".to_owned()])
        .args(argv)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .envs([("HOME", "/root"), ("LANG", "C.UTF-8"), ("USER", "root"), ("SHELL", "/bin/sh")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Tells whether a process is number 1 of a namespace inside ours and has
/// become the box's own program.
fn is_first_process(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    let numbers: Vec<_> = numbers.split_whitespace().collect();
    let command = fs::read(format!("/proc/{process}/comm")).unwrap_or_default();
    numbers.len() > 1 && numbers.last() == Some(&"1") && !command.starts_with(b"systemd-nspawn")
}
