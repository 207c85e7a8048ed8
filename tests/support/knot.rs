//! A name server that takes updates of its zone (Debian's package knot), in a test's
//! network.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use base64ct::{Base64, Encoding};
use ring::rand::{SecureRandom, SystemRandom};

use super::daemon::Daemon;
use super::debs::unpacked;
use super::network::Network;
use super::wait::wait_for;

/// The zone. A server of it has an address to which there is no way.
const ZONE: &str = "\
$ORIGIN example.org.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
@ NS far
_acme-challenge.mx CNAME _acme-challenge.mail
";

/// The server of the zone example.org. By [`Self::KEY`] the text records of
/// `_acme-challenge.mail` can be changed, and nothing else. The name
/// `_acme-challenge.mx` is an alias of it.
#[derive(Debug)]
pub struct Knot {
    network: Arc<Network>,
    folder: tempfile::TempDir,
    secret: String,
    process: Option<Daemon>,
}

impl Knot {
    /// Its address in the network.
    pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 53);
    /// Its name.
    pub const HOST: &str = "ns.example.org";
    /// The other server of the zone, and its address.
    pub const FAR: (&str, IpAddr) = ("far.example.org", IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53)));
    /// The name of the key (hmac-sha256).
    pub const KEY: &str = "mail-acme";
    /// Another one that has the same secret, and may change another name only.
    pub const POWERLESS: &str = "web-acme";

    /// Starts it and waits until it answers.
    pub fn started(network: &Arc<Network>) -> Self {
        network.speak_from(Self::ADDRESS);
        let folder = tempfile::tempdir().unwrap();
        let secret = Self::another_secret();
        let mut knot = Self { network: Arc::clone(network), folder, secret, process: None };
        fs::write(knot.path("example.org.zone"), ZONE).unwrap();
        fs::write(knot.path("knot.conf"), knot.config()).unwrap();
        knot.start();
        knot
    }

    /// Starts it again.
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "it is started already");
        let (program, libraries) = program("knotd");
        let config = self.path("knot.conf");
        let argv = [program.as_os_str(), "--config".as_ref(), config.as_os_str()];
        let variables = [("LD_LIBRARY_PATH", libraries.as_os_str())];
        self.process = Some(Daemon::start(&self.network, &self.path("log"), argv, &variables));
        wait_for("the name server of the zone", || self.network.connect(Self::ADDRESS, 53).ok());
    }

    /// Ends it at once.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Returns the secret of both keys, in base64.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Returns a secret that no key has.
    pub fn another_secret() -> String {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).unwrap();
        Base64::encode_string(&bytes)
    }

    /// Returns the records of the zone as they are now, a line each.
    pub fn records(&self) -> String {
        let (program, libraries) = program("knotc");
        let mut command = Command::new(program);
        command.arg("--config").arg(self.path("knot.conf")).args(["zone-read", "example.org"]);
        let output = command.env("LD_LIBRARY_PATH", libraries).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn config(&self) -> String {
        let (folder, secret) = (self.folder.path().display(), &self.secret);
        let (address, key, powerless) = (Self::ADDRESS, Self::KEY, Self::POWERLESS);
        format!(
            "\
server:
    listen: {address}@53
    rundir: {folder}
    udp-workers: 1
    tcp-workers: 1
database:
    storage: {folder}
log:
  - target: stderr
    any: info
key:
  - id: {key}
    algorithm: hmac-sha256
    secret: {secret}
  - id: {powerless}
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: mail
    key: {key}
    action: update
    update-type: TXT
    update-owner: name
    update-owner-match: equal
    update-owner-name: [_acme-challenge.mail]
  - id: web
    key: {powerless}
    action: update
    update-type: TXT
    update-owner: name
    update-owner-match: equal
    update-owner-name: [_acme-challenge.www]
zone:
  - domain: example.org
    storage: {folder}
    file: example.org.zone
    acl: [mail, web]
"
        )
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }
}

impl Drop for Knot {
    #[expect(clippy::print_stderr, reason = "the test harness shows it with the failure")]
    fn drop(&mut self) {
        self.stop();
        if thread::panicking() {
            let log = fs::read_to_string(self.path("log")).unwrap_or_default();
            eprintln!("--- the name server of the zone ---\n{log}");
        }
    }
}

/// Returns a program of the package, and the folder of its libraries.
fn program(name: &str) -> (PathBuf, PathBuf) {
    let tree = unpacked("knot");
    let libraries = format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    (tree.join("usr/sbin").join(name), tree.join(libraries))
}
