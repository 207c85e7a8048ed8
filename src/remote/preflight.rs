//! Decides by a host's greeting whether mailprov can serve it, before anything
//! is done to it.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::program::version;
use super::{Destination, Program, refused};
use crate::command_error::CommandError;
use crate::host::FIRST_SERVED;

/// The first and the last line of `greet.sh`.
pub(super) const FIRST: &str = "mailprov-greets=1";
pub(super) const LAST: &str = "end=";

/// The limit of a clock's error; beyond it, signatures of packages and
/// certificates fail.
const CLOCK_MAY_DIFFER: Duration = Duration::from_secs(300);

/// The need of the packages and the program, in KiB.
const DISK_NEEDED: u64 = 400 * 1024;

#[derive(Debug)]
pub(super) struct Greeting(HashMap<String, String>);

impl Greeting {
    /// Parses the lines between the first and the last.
    pub(super) fn parse<'l>(lines: impl IntoIterator<Item = &'l str>) -> Self {
        let pairs = lines.into_iter().filter_map(|line| line.split_once('='));
        Self(pairs.map(|(name, value)| (name.into(), value.into())).collect())
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Returns the SHA-256 of the mailprov on the host, if there is one.
    pub(super) fn program(&self) -> Option<&str> {
        self.0.get("program").map(String::as_str)
    }

    /// Rejects a login that is not root's.
    pub(super) fn check_root(&self, host: &Destination, sudo: bool) -> Result<(), CommandError> {
        match (self.get("user"), sudo) {
            ("0", _) => Ok(()),
            (_, true) => Err(refused(
                format!("sudo on {host} does not lead to root"),
                "Allow it in /etc/sudoers, or log in as root.",
            )),
            (_, false) => Err(refused(
                format!("the login at {host} is not root's"),
                "Log in as root, or add --sudo where sudo asks for no \
                 password.",
            )),
        }
    }

    /// Rejects a host that this program cannot serve. `now`: the local time.
    pub(super) fn check(
        &self,
        host: &Destination,
        program: &Program,
        now: SystemTime,
    ) -> Result<(), CommandError> {
        self.check_release(host)?;
        self.check_machine(host, program)?;
        self.check_libc(host, program)?;
        self.check_clock(host, now)?;
        self.check_disk(host)
    }

    fn check_release(&self, host: &Destination) -> Result<(), CommandError> {
        let distribution = self.get("distribution");
        let first = FIRST_SERVED.iter().find(|(name, _)| *name == distribution);
        let first = first.map_or((0, 0), |(_, first)| *first);
        let is_kin = self.get("like").split(' ').any(|name| ["debian", "ubuntu"].contains(&name));
        let is_new = match self.get("release") {
            // Testing and unstable have no version number.
            "" => true,
            release => version(release).is_some_and(|release| release >= first),
        };
        let is_known = ["debian", "ubuntu"].contains(&distribution) || is_kin;
        if is_known && is_new {
            return Ok(());
        }
        let name = match distribution {
            "" => "a system without /etc/os-release".to_owned(),
            _ => format!("{distribution} {}", self.get("release")).trim().to_owned(),
        };
        Err(refused(
            format!("{host} runs {name}, which mailprov does not serve"),
            "It serves Debian 12 and later (and Ubuntu 22.04 and later).",
        ))
    }

    fn check_machine(&self, host: &Destination, program: &Program) -> Result<(), CommandError> {
        let machine = self.get("machine");
        if machine == program.machine {
            return Ok(());
        }
        Err(refused(
            format!("{host} is an {machine} machine, this mailprov is for {}", program.machine),
            "Build one for that machine, and name it with --binary FILE.",
        ))
    }

    fn check_libc(&self, host: &Destination, program: &Program) -> Result<(), CommandError> {
        let (major, minor) = program.libc;
        let there = self.get("libc").rsplit(' ').next().and_then(version).unwrap_or_default();
        if there >= program.libc {
            return Ok(());
        }
        Err(refused(
            format!(
                "this mailprov needs the GNU C library {major}.{minor}, {host} has {}",
                match there {
                    (0, 0) => "none".to_owned(),
                    (major, minor) => format!("{major}.{minor}"),
                }
            ),
            "Build it on the older system, and name it with --binary FILE.",
        ))
    }

    fn check_clock(&self, host: &Destination, now: SystemTime) -> Result<(), CommandError> {
        let seconds = self.get("clock").parse().unwrap_or_default();
        let there = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let (differs, way) = match there.duration_since(now) {
            Ok(ahead) => (ahead, "ahead of"),
            Err(behind) => (behind.duration(), "behind"),
        };
        if differs <= CLOCK_MAY_DIFFER {
            return Ok(());
        }
        Err(refused(
            format!("the clock of {host} is {} min {way} ours", differs.as_secs() / 60),
            "Packages and certificates are only good with the right time: \
             set it (timedatectl set-ntp true), there or here.",
        ))
    }

    fn check_disk(&self, host: &Destination) -> Result<(), CommandError> {
        match self.get("free").parse::<u64>() {
            Ok(free) if free < DISK_NEEDED => Err(refused(
                format!("{host} has only {} MiB of disk left", free / 1024),
                format!("Make room for {} MiB.", DISK_NEEDED / 1024),
            )),
            // An unknown value is no reason to refuse.
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(changes: &[(&str, &str)]) -> Greeting {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let mut all: HashMap<String, String> = [
            ("distribution", "debian"),
            ("release", "13"),
            ("machine", std::env::consts::ARCH),
            ("user", "0"),
            ("libc", "glibc 2.99"),
            ("free", "10000000"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        all.insert("clock".into(), now.to_string());
        all.extend(changes.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        Greeting(all)
    }

    #[test]
    fn a_host_that_cannot_be_served_is_refused_with_a_reason() {
        let host: Destination = "vps".parse().unwrap();
        let program = Program::own().unwrap();
        let judge = |changes: &[(&str, &str)]| {
            let result = greeting(changes).check(&host, &program, SystemTime::now());
            result.map_err(|error| error.to_string())
        };
        assert_eq!(judge(&[]), Ok(()));
        assert_eq!(judge(&[("release", "")]), Ok(()));
        assert_eq!(judge(&[("distribution", "ubuntu"), ("release", "22.04")]), Ok(()));
        assert_eq!(judge(&[("distribution", "devuan"), ("like", "debian")]), Ok(()));
        for (changes, words) in [
            (&[("release", "11")][..], "runs debian 11"),
            (&[("distribution", "fedora"), ("release", "40")], "runs fedora 40"),
            (&[("distribution", "")], "without /etc/os-release"),
            (&[("distribution", "ubuntu"), ("release", "20.04")], "ubuntu 20.04"),
            (&[("machine", "m68k")], "is an m68k machine"),
            (&[("libc", "glibc 2.3")], "has 2.3"),
            (&[("libc", "")], "has none"),
            (&[("clock", "1000")], "behind ours"),
            (&[("clock", "99999999999")], "ahead of ours"),
            (&[("free", "1024")], "only 1 MiB"),
        ] {
            let refused = judge(changes).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn a_login_must_lead_to_root() {
        let host: Destination = "vps".parse().unwrap();
        assert!(greeting(&[]).check_root(&host, false).is_ok());
        let other = greeting(&[("user", "1000")]);
        assert!(other.check_root(&host, false).unwrap_err().advice("").contains("--sudo"));
        assert!(other.check_root(&host, true).is_err());
    }
}
