//! Let's Encrypt's own small authority for tests (Debian's package pebble), in a
//! test's network.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use serde_json::json;

use super::certificates::{Algorithm, Authority};
use super::clients::{Page, Tls};
use super::daemon::Daemon;
use super::debian::Debian;
use super::debs::unpacked;
use super::network::Network;
use super::wait::wait_for;

/// Where it takes orders. The name must lead to the test's own addresses.
const PORT: u16 = 14000;

/// Where it answers questions about itself.
const MANAGEMENT: u16 = 15000;

/// An authority that issues certificates by ACME (RFC 8555), and asks the name
/// server of its network. A host of [`Self::BLOCKED`] gets none. It forgets its
/// accounts, and its root, when it is stopped.
#[derive(Debug)]
pub struct Pebble {
    network: Arc<Network>,
    /// Vouches for the pages of the authority itself.
    authority: Authority,
    folder: tempfile::TempDir,
    /// How long its certificates are valid.
    seconds: u32,
    /// The percentage of requests that it has sent once more.
    rejected: u8,
    /// Whether an authorization counts for the next order as well.
    reuses: bool,
    /// The name server that it asks.
    dns: Ipv4Addr,
    process: Option<Daemon>,
}

impl Pebble {
    /// The name of its pages.
    pub const HOST: &str = "acme.test";
    /// Its directory.
    pub const DIRECTORY: &str = "https://acme.test:14000/dir";
    /// The host name for which it issues nothing.
    pub const BLOCKED: &str = "blocked.example.org";

    /// Prepares one whose certificates are valid for 90 days.
    pub fn new(network: &Arc<Network>) -> Self {
        let authority = Authority::new();
        let network = Arc::clone(network);
        let folder = tempfile::tempdir().unwrap();
        let seconds = 90 * 24 * 60 * 60;
        let dns = Network::client().v4;
        Self { network, authority, folder, seconds, rejected: 0, reuses: false, dns, process: None }
    }

    /// Lets certificates be valid for some seconds.
    #[must_use]
    pub fn valid_for(mut self, seconds: u32) -> Self {
        self.seconds = seconds;
        self
    }

    /// Rejects the nonces of so many requests in a hundred.
    #[must_use]
    pub fn rejecting_nonces(mut self, percent: u8) -> Self {
        self.rejected = percent;
        self
    }

    /// Reuses each authorization.
    #[must_use]
    pub fn reusing_authorizations(mut self) -> Self {
        self.reuses = true;
        self
    }

    /// Asks another name server of its network.
    #[must_use]
    pub fn asking(mut self, dns: Ipv4Addr) -> Self {
        self.dns = dns;
        self
    }

    /// Starts it and waits until it answers.
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "it is started already");
        let issued = self.authority.issue(&[Self::HOST], Algorithm::Ec);
        let config = json!({
            "listenAddress": format!(":{PORT}"),
            "managementListenAddress": format!(":{MANAGEMENT}"),
            "certificate": issued.chain,
            "privateKey": issued.key,
            "httpPort": 80,
            "tlsPort": 443,
            "domainBlocklist": [Self::BLOCKED],
            "certificateValidityPeriod": self.seconds,
        });
        let config = json!({"pebble": config}).to_string();
        fs::write(self.path("config.json"), config).unwrap();
        let dns = format!("{}:53", self.dns);
        let program = unpacked("pebble").join("usr/bin/pebble");
        let config = self.path("config.json");
        let argv = [program.as_os_str(), "-dnsserver".as_ref(), dns.as_ref()];
        let argv = argv.into_iter().chain(["-config".as_ref(), config.as_os_str()]);
        let rejected = self.rejected.to_string();
        let variables = [
            ("PEBBLE_VA_NOSLEEP", "1".as_ref()),
            ("PEBBLE_WFE_NONCEREJECT", rejected.as_ref()),
            ("PEBBLE_AUTHZREUSE", if self.reuses { "100" } else { "0" }.as_ref()),
        ];
        self.process = Some(Daemon::start(&self.network, &self.path("log"), argv, &variables));
        wait_for("the authority to answer", || self.get(PORT, "/dir").ok());
    }

    /// Starts it, to be used until the result is dropped.
    #[must_use]
    pub fn started(mut self) -> Self {
        self.start();
        self
    }

    /// Ends it at once: its ports are closed then.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Makes a box trust its pages and the certificates that it issues until it is
    /// stopped.
    pub fn trust(&self, debian: &Debian) {
        let folder = "/usr/local/share/ca-certificates";
        debian.write(&format!("{folder}/acme.crt"), self.authority.root_pem(), 0o644);
        debian.write(&format!("{folder}/issued.crt"), self.root_pem(), 0o644);
        let _ = debian.run(&["update-ca-certificates"]).success();
    }

    /// Returns the root of the certificates that it issues.
    pub fn root_pem(&self) -> String {
        self.get(MANAGEMENT, "/roots/0").unwrap()
    }

    /// Returns the number of orders that it took since it was made.
    pub fn orders(&self) -> usize {
        self.log().lines().filter(|line| line.contains("Added order ")).count()
    }

    /// Returns the number of requests to its pages since it was made, other than
    /// those of the test itself.
    pub fn requests(&self) -> usize {
        let log = self.log();
        let requests = log.lines().filter(|line| line.contains("-> calling handler()"));
        let own = ["GET /dir ", "GET /roots/"];
        requests.filter(|line| !own.iter().any(|own| line.contains(own))).count()
    }

    /// Returns all that it logged since it was made.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Fetches one of its pages.
    fn get(&self, port: u16, path: &str) -> io::Result<String> {
        let tls = Tls::trusting(&self.authority.root_pem(), Self::HOST);
        let stream = self.network.connect(Network::client().v4, port)?;
        let host = format!("{}:{port}", Self::HOST);
        Page::fetch(stream, Some(&tls), &host, path).map(|page| page.body)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }
}

impl Drop for Pebble {
    #[expect(clippy::print_stderr, reason = "the test harness shows it with the failure")]
    fn drop(&mut self) {
        self.stop();
        if thread::panicking() {
            let log = self.log();
            let first = log.lines().count().saturating_sub(60);
            let last = log.lines().skip(first).collect::<Vec<_>>();
            eprintln!("--- the authority ---\n{}", last.join("\n"));
        }
    }
}
