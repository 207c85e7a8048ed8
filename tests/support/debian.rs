//! A real Debian, booted on top of an image that it never changes.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;

use mailprov::sandbox::{self, Guest, Init, KillSwitch, Lease, Suite};
use nix::fcntl::OFlag;
use serde_json::Value;

use super::debs::debs;
use super::host;
use super::image;
use super::last_words::{keep, last_words};
use super::network::{Addresses, Network};
use super::output::Output;
use super::process::Process;
use super::snapshot::Snapshot;
use super::template;

/// How long a command in a box may take, in seconds.
const COMMAND_TIMEOUT: &str = "600";

/// Copies the tables of Postfix up from the layers below. A daemon of Postfix sees that a table
/// is replaced by the links of the file that it has open; on overlayfs, a file of a layer below
/// keeps its link.
fn copy_up_tables(etc: &Path) {
    for folder in [etc.to_owned(), etc.join("postfix")] {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|it| it == "db" || it == "lmdb" || it == "cdb") {
                let _ = File::options().append(true).open(path).unwrap();
            }
        }
    }
}

/// Returns the packages that the playbook installs, whatever mail.yml says. Each
/// image has them in its package cache.
fn mail_packages() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/postmaster");
    let services = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let steps = services.filter_map(|service| fs::read_to_string(service.join("steps.yml")).ok());
    let steps = steps.flat_map(|text| serde_yaml::from_str::<Vec<Value>>(&text).unwrap());
    let is_off = |step: &Value| {
        step["when"].as_str().is_some_and(|it| {
            it.contains("mail.ban")
                || it == "mail.spam"
                || it == "mail.resolver"
                || it.starts_with("mail.web")
        })
    };
    let steps = steps.filter(|step| !is_off(step));
    let names = steps.flat_map(|step| match &step["package"] {
        Value::Array(names) => names.clone(),
        name => vec![name.clone()],
    });
    // A name is as it is, or the first text of an expression: `'NAME' if mail.relay`.
    let name = |name: Value| {
        let text = name.as_str()?;
        Some(text.split('\'').nth(1).unwrap_or(text).to_owned())
    };
    names.filter_map(name).collect()
}

/// A fresh Debian server with its own disk and addresses, and with the
/// `mailprov` that was just built; gone without a trace when dropped.
#[derive(Debug)]
pub struct Debian {
    suite: Suite,
    guest: Guest,
    addresses: Addresses,
    network: Arc<Network>,
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
        let lease = image::lease();
        sandbox::mount_copy(&image::ensure(suite), &lease, &template).unwrap();
        copy_up_tables(&lease.root().join("etc"));
        Self::switch_on(suite, Guest::new(Init::Systemd, lease, KillSwitch::default()), network)
    }

    /// Boots a box on which Debian's mail packages are installed, as they come.
    pub fn with_mail_packages(suite: Suite) -> Self {
        Self::prepared("mail packages", suite, |debian| {
            let packages = mail_packages();
            debian.install(&packages.iter().map(String::as_str).collect::<Vec<_>>());
            debian
        })
    }

    fn create(suite: Suite, init: Init, network: Arc<Network>) -> Self {
        assert!(nix::unistd::geteuid().is_root(), "boxes need root: run `sudo tests/run`");
        let lease = image::lease();
        sandbox::mount_empty(&image::ensure(suite), &lease).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_mailprov"), lease.root().join("usr/local/bin/mailprov"))
            .unwrap();
        let guest = Guest::new(init, lease, KillSwitch::default());
        guest.write_hosts().unwrap();
        Self::switch_on(suite, guest, network)
    }

    fn switch_on(suite: Suite, guest: Guest, network: Arc<Network>) -> Self {
        keep();
        guest.lease().add_namespace().unwrap();
        let addresses = network.join(guest.lease().name());
        let mut debian = Self { suite, guest, addresses, network };
        debian.boot();
        debian
    }

    /// Shuts down and leaves only the disk.
    fn into_template(mut self) -> Arc<Lease> {
        self.shut_down();
        self.guest.lease().keep_only_folder();
        Arc::clone(self.guest.lease())
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
        self.guest.lease().name()
    }

    /// Returns where its disk is, to be worked on while it is switched off.
    pub fn disk(&self) -> PathBuf {
        self.guest.lease().root()
    }

    /// Returns its addresses in its network.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Returns its network.
    pub fn network(&self) -> &Arc<Network> {
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

    /// Puts a firewall before the box, of nft's rules for what comes in, such as
    /// `tcp dport 25 drop`. An earlier one is gone.
    #[track_caller]
    pub fn firewall(&self, rules: &[&str]) {
        let table = "table inet firewall";
        let chain =
            format!("chain input {{\ntype filter hook input priority 0;\n{}\n}}", rules.join("\n"));
        let text = format!("{table} {{}}\ndelete {table}\n{table} {{\n{chain}\n}}");
        host::run(&["ip", "netns", "exec", self.name(), "nft", &text]);
    }

    /// Limits the memory of the box, in MiB.
    pub fn limit_memory(&self, mebibytes: u64) {
        let limit = (mebibytes << 20).to_string();
        if Path::new("/run/systemd/system").exists() {
            let (unit, limit) = (format!("{}.scope", self.name()), format!("MemoryMax={limit}"));
            host::run(&["systemctl", "set-property", "--runtime", &unit, &limit]);
            return;
        }
        let groups = [("memory", "memory.limit_in_bytes"), ("", "memory.max")];
        let file = groups.map(|(hierarchy, file)| {
            Path::new("/sys/fs/cgroup").join(hierarchy).join(self.name()).join(file)
        });
        fs::write(file.iter().find(|it| it.exists()).unwrap(), limit).unwrap();
    }

    /// Runs a command as root, with a server's plain environment.
    pub fn run(&self, argv: &[&str]) -> Output {
        self.run_with_input(argv, b"")
    }

    /// Runs a line of shell.
    pub fn shell(&self, line: &str) -> Output {
        self.run(&["sh", "-c", line])
    }

    /// Runs the `mailprov` that was just built. Whoever changes a host does not
    /// look afterwards whether it is well: there are tests of that.
    pub fn mailprov(&self, arguments: &[&str]) -> Output {
        let changes = ["apply", "bootstrap"].contains(&arguments[0]);
        let skip: &[&str] = if changes { &["--no-check"] } else { &[] };
        self.run(&[&["mailprov"], arguments, skip].concat())
    }

    /// Runs a command that reads `input`.
    pub fn run_with_input(&self, argv: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(&[&["timeout", COMMAND_TIMEOUT], argv].concat());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let output = thread::scope(|scope| {
            scope.spawn(move || {
                // A command need not read its input.
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

    /// Puts packages that no image holds into the box's own cache.
    pub fn stock(&self, packages: &[&str]) {
        for deb in fs::read_dir(debs(self.suite, packages)).unwrap() {
            let deb = deb.unwrap();
            let path = format!("/var/cache/apt/archives/{}", deb.file_name().display());
            self.write(&path, fs::read(deb.path()).unwrap(), 0o644);
        }
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
        Snapshot::take(&self.guest.lease().root())
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
        self.guest.shut_down().unwrap();
    }

    /// Ends everything at once, as if the power failed. Until [`Self::boot`]
    /// only its files can be looked at.
    pub fn power_cut(&mut self) {
        self.guest.power_cut();
    }

    /// Switches the box on and waits until it is up.
    pub fn boot(&mut self) {
        assert!(!self.guest.is_on(), "{} is switched on already", self.name());
        self.guest.boot(&image::patiently).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Prints the journal of the box, for a test that failed, and why it did.
    #[expect(clippy::print_stderr, reason = "the test harness shows it with the failure")]
    fn show_state(&self) {
        eprintln!("--- console of {} ---\n{}", self.name(), self.guest.console());
        if self.guest.is_on() && self.guest.init() == Init::Systemd {
            eprintln!("{}", self.run(&["journalctl", "--no-pager", "--lines=60"]));
        }
        eprintln!("--- {}", last_words());
    }

    /// Opens a path as the box sees it.
    fn open(&self, path: &str, flags: OFlag) -> io::Result<File> {
        self.guest.open(path, flags)
    }

    fn command(&self, argv: &[&str]) -> Command {
        self.guest.command(argv).unwrap()
    }
}

impl Drop for Debian {
    fn drop(&mut self) {
        if thread::panicking() {
            self.show_state();
        }
    }
}
