//! Debian packages: what is installed, from dpkg's own database; what apt
//! would install; and installing it.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use super::{Error, Host, Result};

/// dpkg's database (dpkg(1), FILES).
const STATUS: &str = "/var/lib/dpkg/status";

/// A package that dpkg knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its version; for a virtual package that of the one that provides it.
    pub version: String,
    /// Unpacked and configured; otherwise an installation broke off.
    pub complete: bool,
}

/// The packages that dpkg knows, by name.
pub(super) type Packages = HashMap<String, Package>;

/// What apt says that it would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Simulation {
    /// Name and version of each package it would install, in its order.
    pub installs: Vec<(String, String)>,
    /// Names of the packages it would remove.
    pub removes: Vec<String>,
}

impl Host {
    /// Returns the installed package of that name, or one that provides it.
    pub fn package(&self, name: &str) -> Result<Option<Package>> {
        Ok(self.packages()?.get(name).cloned())
    }

    /// Tells whether an installation broke off and waits to be finished.
    pub(crate) fn has_unfinished_packages(&self) -> Result<bool> {
        let incomplete = self.packages()?.values().any(|package| !package.complete);
        Ok(incomplete || !self.list(Path::new("/var/lib/dpkg/updates"))?.is_empty())
    }

    fn packages(&self) -> Result<Rc<Packages>> {
        let path = Path::new(STATUS);
        let Some(stamp) = self.stamp(path)? else { return Ok(Rc::default()) };
        self.packages.of(stamp, || {
            let content = self.read(path)?;
            let text = content.as_ref().map_or(&[][..], |content| content.bytes());
            Ok(parse(&String::from_utf8_lossy(text)))
        })
    }

    /// Asks apt what installing `names` would bring. None where its lists do
    /// not know one of them (they may never have been fetched).
    pub(crate) fn simulate_install(&self, names: &[String]) -> Result<Option<Simulation>> {
        // Or else apt notes each simulation in its log.
        let simulate = ["--simulate", "-oDir::Log::Planner=/dev/null", "install"];
        let captured = self.apt(&simulate, names).capture()?;
        if !captured.success() {
            let unknown =
                ["Unable to locate package", "has no installation candidate", "was not found"];
            if unknown.iter().any(|text| captured.stderr.contains(text)) {
                return Ok(None);
            }
            if let Some(held) = held_back(&captured.stdout) {
                return Err(Error::Other(format!(
                    "{held} is on hold, so it is not installed; let it go with \
                     `apt-mark unhold {held}`, then run this again"
                )));
            }
            return Err(self.apt(&simulate, names).failed(&captured));
        }
        Ok(Some(parse_simulation(&captured.stdout)))
    }

    /// Prepares `apt-get` with the options that keep it from ever asking, from
    /// replacing a configuration file that a person changed, and from bringing
    /// more than is needed. It waits for another one's lock by itself.
    pub fn apt(&self, words: &[&str], names: &[String]) -> super::Command {
        let mut argv = vec!["apt-get".to_owned(), "--yes".into(), "--quiet".into()];
        argv.extend(
            ["--no-install-recommends", "-oDpkg::Options::=--force-confdef"].map(String::from),
        );
        argv.extend(["-oDpkg::Options::=--force-confold", "-oDpkg::Use-Pty=0"].map(String::from));
        argv.extend(words.iter().map(|&word| word.into()));
        if !names.is_empty() {
            argv.push("--".into());
            argv.extend(names.iter().cloned());
        }
        self.command(argv)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("DEBIAN_PRIORITY", "critical")
            .env("APT_LISTCHANGES_FRONTEND", "none")
            .env("NEEDRESTART_MODE", "l")
            .env("UCF_FORCE_CONFFOLD", "1")
    }

    /// Prepares the end of installations that broke off.
    pub(crate) fn finish_packages(&self) -> super::Command {
        self.command(["dpkg", "--configure", "--pending", "--force-confdef", "--force-confold"])
            .env("DEBIAN_FRONTEND", "noninteractive")
    }

    /// Answers debconf questions ahead (`debconf-set-selections`), each a line
    /// `package question type value`.
    pub(crate) fn preseed(&self, answers: &str) -> Result<()> {
        self.command(["debconf-set-selections"]).run_with_input(answers.as_bytes())
    }

    /// Returns the process that holds one of the package system's locks, in
    /// words: `apt-get (process 4711)`.
    pub(crate) fn package_lock_holder(&self) -> Result<Option<String>> {
        let files =
            ["/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock"];
        for file in files {
            if let Some(pid) = self.lock_holder(Path::new(file))? {
                let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
                let name = name.map_or("a process".into(), |name| name.trim().to_owned());
                return Ok(Some(format!("{name} (process {pid})")));
            }
        }
        Ok(None)
    }
}

/// Reads dpkg's database: stanzas of `Field: value` lines, an empty line after
/// each. A thousand packages are a megabyte, so it is gone through once.
fn parse(text: &str) -> Packages {
    let mut packages = HashMap::new();
    let mut stanza = Stanza::default();
    for line in text.lines().chain([""]) {
        // Of the many fields four count, and a longer value goes on in lines that begin with a
        // space.
        match line.as_bytes().first() {
            Some(b'P' | b'S' | b'V') => {}
            Some(_) => continue,
            None => {
                std::mem::take(&mut stanza).enter(&mut packages);
                continue;
            }
        }
        let Some((field, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match field {
            "Package" => stanza.package = value,
            "Status" => stanza.status = value,
            "Version" => stanza.version = value,
            "Provides" => stanza.provides = value,
            _ => {}
        }
    }
    packages
}

/// What counts of a package's entry.
#[derive(Debug, Default)]
struct Stanza<'t> {
    package: &'t str,
    status: &'t str,
    version: &'t str,
    provides: &'t str,
}

impl Stanza<'_> {
    /// Enters the package, and what it provides where nothing else does, if it is
    /// there at all.
    fn enter(&self, packages: &mut Packages) {
        let state = self.status.split_whitespace().nth(2).unwrap_or_default();
        if self.package.is_empty() || matches!(state, "not-installed" | "config-files" | "") {
            return;
        }
        let package = Package { version: self.version.to_owned(), complete: state == "installed" };
        let provided = self.provides.split(',');
        for provided in provided.filter_map(|text| text.split_whitespace().next()) {
            packages.entry(provided.to_owned()).or_insert_with(|| package.clone());
        }
        packages.insert(self.package.to_owned(), package);
    }
}

/// Finds the packages that a person put on hold (apt-mark(8)) among what apt
/// would have to change.
fn held_back(text: &str) -> Option<String> {
    let mut lines = text.lines();
    lines.find(|line| line.starts_with("The following held packages will be changed"))?;
    let names: Vec<_> =
        lines.take_while(|line| line.starts_with(' ')).flat_map(str::split_whitespace).collect();
    (!names.is_empty()).then(|| names.join(" "))
}

/// Reads the lines `Inst name [old] (new …)` and `Remv name [old]`.
fn parse_simulation(text: &str) -> Simulation {
    let mut simulation = Simulation::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("Inst"), Some(name)) => {
                let version = words.find_map(|word| word.strip_prefix('(')).unwrap_or_default();
                simulation.installs.push((name.into(), version.into()));
            }
            (Some("Remv"), Some(name)) => simulation.removes.push(name.into()),
            _ => {}
        }
    }
    simulation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dpkg_status_is_read_with_what_packages_provide() {
        let text = "Package: postfix\nStatus: install ok installed\nVersion: 3.7\n\
                    Provides: mail-transport-agent, postfix-x (= 3)\n\n\
                    Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\
                    Package: half\nStatus: install ok half-configured\nVersion: 2\n";
        let packages = parse(text);
        assert_eq!(packages["postfix"].version, "3.7");
        assert!(packages["mail-transport-agent"].complete);
        assert!(!packages["half"].complete);
        assert!(!packages.contains_key("gone"));
    }

    #[test]
    fn a_simulation_lists_new_and_upgraded_packages() {
        let text =
            "Inst a (1.0 Debian:12 [amd64])\nInst b [1] (2 Debian:12 [all]) []\nRemv c [3]\n";
        let simulation = parse_simulation(text);
        assert_eq!(simulation.installs, [("a".into(), "1.0".into()), ("b".into(), "2".into())]);
        assert_eq!(simulation.removes, ["c"]);
    }
}
