//! A program of a Debian package that runs in a test's network, not in a box.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::network::Network;

/// A running program; killed when dropped, so that its ports are closed then.
#[derive(Debug)]
pub struct Daemon(Child);

impl Daemon {
    /// Starts a program, which adds to a log.
    pub fn start<'a>(
        network: &Network,
        log: &Path,
        argv: impl IntoIterator<Item = &'a OsStr>,
        variables: &[(&str, &OsStr)],
    ) -> Self {
        let log = File::options().create(true).append(true).open(log).unwrap();
        // It ends with the thread that starts it, were the tests to be killed.
        let child = Command::new("ip")
            .args(["netns", "exec", network.namespace(), "setpriv", "--pdeathsig=KILL"])
            .args(argv)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
