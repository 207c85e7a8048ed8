//! Debian packages: reads what is installed from dpkg's database, asks apt what
//! it would install, and installs packages.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use super::{Error, Host, Result};

/// dpkg's database (dpkg(1), FILES).
const STATUS: &str = "/var/lib/dpkg/status";

/// A package in dpkg's database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The version; for a virtual package, that of its provider.
    pub version: String,
    /// Whether the package is unpacked and configured. If not, its installation was interrupted.
    pub complete: bool,
    /// Whether its installation was interrupted while it was unpacked, so that it has to be
    /// unpacked again (`reinst-required`, dpkg(1)).
    torn: bool,
}

/// The packages in dpkg's database, by name.
pub(super) type Packages = HashMap<String, Package>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Simulation {
    /// Name and version of each package that apt would install, in order.
    pub installs: Vec<(String, String)>,
    /// The packages that apt would remove.
    pub removes: Vec<String>,
}

impl Host {
    /// Returns the installed package with that name, or one that provides it.
    pub fn package(&self, name: &str) -> Result<Option<Package>> {
        Ok(self.packages()?.get(name).cloned())
    }

    /// Returns whether an interrupted installation has to be finished.
    pub(crate) fn has_unfinished_packages(&self) -> Result<bool> {
        let incomplete = self.packages()?.values().any(|package| !package.complete);
        Ok(incomplete || !self.list(Path::new("/var/lib/dpkg/updates"))?.is_empty())
    }

    /// Returns the packages that have to be unpacked again, by name.
    pub(crate) fn torn_packages(&self) -> Result<Vec<String>> {
        let packages = self.packages()?;
        let torn = packages.iter().filter(|(_, package)| package.torn);
        let mut names: Vec<String> = torn.map(|(name, _)| name.clone()).collect();
        names.sort();
        Ok(names)
    }

    fn packages(&self) -> Result<Rc<Packages>> {
        let path = Path::new(STATUS);
        let Some(stamp) = self.stamp(path)? else { return Ok(Rc::default()) };
        self.packages.of(stamp, || {
            Ok(self.read(path)?.map_or_else(Packages::new, |content| parse(&content.text())))
        })
    }

    /// Simulates the installation of `names`. Returns `None` if apt's lists do
    /// not contain one of them, or were never fetched.
    pub(crate) fn simulate_install(&self, names: &[String]) -> Result<Option<Simulation>> {
        // Without this apt logs each simulation.
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

    /// Prepares `apt-get` with options that keep it from asking questions, from
    /// replacing configuration files that were edited, and from installing
    /// recommended packages. It waits for apt's lock.
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

    /// Prepares `dpkg --configure`, which finishes interrupted installations.
    pub(crate) fn finish_packages(&self) -> super::Command {
        self.command(["dpkg", "--configure", "--pending", "--force-confdef", "--force-confold"])
            .env("DEBIAN_FRONTEND", "noninteractive")
    }

    /// Answers debconf questions in advance (`debconf-set-selections`), each as
    /// a line `package question type value`.
    pub(crate) fn preseed(&self, answers: &str) -> Result<()> {
        self.command(["debconf-set-selections"]).run_with_input(answers.as_bytes())
    }

    /// Describes the process that holds a lock of the package system, such as
    /// `apt-get (process 4711)`.
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

/// Parses dpkg's database: stanzas of `Field: value` lines, separated by empty
/// lines. A thousand packages are a megabyte, so it is read in one pass.
fn parse(text: &str) -> Packages {
    /// The few of the many fields that matter.
    const FIELDS: [&str; 4] = ["Package:", "Status:", "Version:", "Provides:"];
    let mut packages = HashMap::new();
    let mut stanza = [""; FIELDS.len()];
    for line in text.lines().chain([""]) {
        if line.is_empty() {
            enter(std::mem::take(&mut stanza), &mut packages);
        } else if let Some(at) = FIELDS.iter().position(|field| line.starts_with(field)) {
            stanza[at] = line[FIELDS[at].len()..].trim();
        }
    }
    packages
}

/// Adds the package of a stanza, and the names that it provides unless another
/// package has them, if it is installed.
fn enter([package, status, version, provides]: [&str; 4], packages: &mut Packages) {
    let mut words = status.split_whitespace().skip(1);
    let (flag, state) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if package.is_empty() || matches!(state, "not-installed" | "config-files" | "") {
        return;
    }
    let complete = state == "installed" && flag == "ok";
    let entry = Package { version: version.to_owned(), complete, torn: flag == "reinstreq" };
    for provided in provides.split(',').filter_map(|text| text.split_whitespace().next()) {
        let provided = packages.entry(provided.to_owned());
        provided.or_insert_with(|| Package { torn: false, ..entry.clone() });
    }
    packages.insert(package.to_owned(), entry);
}

/// Finds the packages on hold (apt-mark(8)) among those that apt would have to change.
fn held_back(text: &str) -> Option<String> {
    let mut lines = text.lines();
    lines.find(|line| line.starts_with("The following held packages will be changed"))?;
    let names: Vec<_> =
        lines.take_while(|line| line.starts_with(' ')).flat_map(str::split_whitespace).collect();
    (!names.is_empty()).then(|| names.join(" "))
}

/// Parses the lines `Inst name [old] (new …)` and `Remv name [old]`.
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
                    Package: half\nStatus: install ok half-configured\nVersion: 2\n\n\
                    Package: torn\nStatus: install reinstreq unpacked\nVersion: 2\nProvides: x\n";
        let packages = parse(text);
        assert_eq!(packages["postfix"].version, "3.7");
        assert!(packages["mail-transport-agent"].complete);
        assert!(!packages["half"].complete && !packages["half"].torn);
        assert!(!packages["torn"].complete && packages["torn"].torn && !packages["x"].torn);
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
