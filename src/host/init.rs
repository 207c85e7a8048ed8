//! Services under whatever starts them: systemd where it is process 1, the
//! init scripts where it is not, and in a tree only their links.

use std::path::{Path, PathBuf};

use nix::sys::stat::SFlag;
use serde::{Deserialize, Serialize};

use super::entry::kind;
use super::read::target_of;
use super::{Error, Host, Init, Process, Result};

/// How to find a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unit {
    /// The name, without `.service`; of a unit of another type with its ending.
    pub name: String,
    /// The file its daemon writes its process number into. Without one, the
    /// init system is asked.
    pub pid_file: Option<PathBuf>,
}

/// The types of unit beside services that can be enabled (systemd.unit(5)).
const OTHER_TYPES: [&str; 6] = ["automount", "mount", "path", "socket", "target", "timer"];

/// Where unit files are, the strongest first (systemd.unit(5)).
const UNIT_FOLDERS: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

impl Unit {
    /// Returns the unit of this name, with or without `.service`.
    pub fn of(mut name: String) -> Self {
        const ENDING: &str = ".service";
        if name.ends_with(ENDING) {
            name.truncate(name.len() - ENDING.len());
        }
        Self { name, pid_file: None }
    }

    /// Returns the type, such as `timer`, unless it is a service.
    pub(crate) fn other_type(&self) -> Option<&'static str> {
        let (_, ending) = self.name.rsplit_once('.')?;
        OTHER_TYPES.into_iter().find(|known| *known == ending)
    }

    /// Returns the whole name, as systemd knows the unit and its file is called.
    pub(crate) fn full_name(&self) -> String {
        match self.other_type() {
            Some(_) => self.name.clone(),
            None => format!("{}.service", self.name),
        }
    }
}

impl Host {
    /// Returns what starts services on this host.
    pub fn init(&self) -> Result<Init> {
        if let Some(known) = self.init.get() {
            return Ok(*known);
        }
        let found = if self.is_tree() {
            Init::None
        } else if self.exists(Path::new("/run/systemd/system"))? {
            Init::Systemd
        } else {
            Init::Sysvinit
        };
        Ok(*self.init.get_or_init(|| found))
    }

    /// Tells whether the host knows a service of that name.
    pub(crate) fn has_unit(&self, unit: &Unit) -> Result<bool> {
        for folder in UNIT_FOLDERS {
            let path = Path::new(folder).join(unit.full_name());
            if self.is_mask(&path)? == Some(false) && self.exists(&path)? {
                return Ok(true);
            }
        }
        self.exists(&script(unit))
    }

    /// Tells whether the service starts at boot: some target or run level
    /// wants it, and it is not masked.
    pub(crate) fn is_enabled(&self, unit: &Unit) -> Result<bool> {
        if self.is_masked(unit)? {
            return Ok(false);
        }
        if self.init()? == Init::Sysvinit {
            let wanted = unit.name.as_str();
            for level in ["/etc/rc2.d", "/etc/rc3.d", "/etc/rc5.d"] {
                let names = self.list(Path::new(level))?;
                let starts = |name: &String| name.starts_with('S') && name.get(3..) == Some(wanted);
                if names.iter().any(starts) {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        let folder = Path::new("/etc/systemd/system");
        let wanted = unit.full_name();
        for name in self.list(folder)? {
            let wants = name.ends_with(".wants") || name.ends_with(".requires");
            if wants && self.is_taken(&folder.join(name).join(&wanted))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the service's main process, if it runs. Process 1 stands for what
    /// has none, such as a timer.
    pub(crate) fn main_process(&self, unit: &Unit) -> Result<Option<Process>> {
        if self.is_tree() {
            return Ok(None);
        }
        if let Some(pid_file) = &unit.pid_file {
            return self.process_of_file(pid_file);
        }
        match self.init()? {
            Init::Systemd => self.main_number(unit)?.map_or(Ok(None), |pid| self.process(pid)),
            _ => {
                let status = self.command([script(unit).into_os_string(), "status".into()]);
                // An init script tells that it runs, not as what: process 1 stands for it.
                if self.exists(&script(unit))? && status.capture()?.success() {
                    self.process(1)
                } else {
                    Ok(None)
                }
            }
        }
    }

    /// Has the service started at boot from now on, unmasked where it was not.
    pub(crate) fn enable(&self, unit: &Unit) -> Result<()> {
        if self.init()? == Init::Sysvinit {
            self.command(["update-rc.d", &unit.name, "defaults"]).run()?;
            return self.command(["update-rc.d", &unit.name, "enable"]).run().map(drop);
        }
        if self.is_masked(unit)? {
            self.command(["systemctl", "unmask", &unit.full_name()]).run()?;
        }
        self.command(["systemctl", "enable", &unit.full_name()]).run().map(drop)
    }

    /// Keeps the service from being started at boot.
    pub(crate) fn disable(&self, unit: &Unit) -> Result<()> {
        match self.init()? {
            Init::Sysvinit => self.command(["update-rc.d", &unit.name, "disable"]).run().map(drop),
            _ => self.command(["systemctl", "disable", &unit.full_name()]).run().map(drop),
        }
    }

    /// Starts the service, or ends and starts it again where it runs.
    pub fn restart(&self, unit: &Unit) -> Result<()> {
        if self.init()? == Init::Systemd {
            // A unit that failed too often is not started again until this.
            self.command(["systemctl", "reset-failed", &unit.full_name()]).capture()?;
        }
        self.act(unit, "restart")
    }

    /// Has the running service read its configuration again.
    pub fn reload(&self, unit: &Unit) -> Result<()> {
        self.act(unit, "reload")
    }

    /// Ends the service.
    pub fn stop(&self, unit: &Unit) -> Result<()> {
        self.act(unit, "stop")
    }

    fn act(&self, unit: &Unit, verb: &str) -> Result<()> {
        match self.init()? {
            Init::None => Ok(()),
            Init::Systemd => {
                // Else systemd would go on with the old file; and with that of the service that a
                // timer or a path starts, which may have changed as well.
                let full = unit.full_name();
                if unit.other_type().is_some() || self.ask_systemd(&full)?.is_outdated {
                    self.read_units_again()?;
                }
                // Sooner than by systemctl, which says more where it fails.
                if verb == "reload" && self.reload_directly(unit) {
                    return Ok(());
                }
                let command = self.command(["systemctl", verb, &unit.full_name()]);
                let captured = command.capture()?;
                if captured.success() {
                    return Ok(());
                }
                let journal = self.command(
                    ["journalctl", "--no-pager", "-n", "10", "-o", "cat", "-u"]
                        .map(String::from)
                        .into_iter()
                        .chain([format!("{}*", unit.name)]),
                );
                let mut shown = captured;
                shown.stderr.push_str(&journal.capture().map_or(String::new(), |log| log.stdout));
                Err(command.failed(&shown))
            }
            Init::Sysvinit => {
                let path = script(unit);
                if !self.exists(&path)? {
                    return Err(Error::Other(format!(
                        "systemd does not run here and there is no {} to {verb} {} with",
                        path.display(),
                        unit.name
                    )));
                }
                self.command([path.into_os_string(), verb.into()]).run().map(drop)
            }
        }
    }

    fn is_masked(&self, unit: &Unit) -> Result<bool> {
        for folder in UNIT_FOLDERS {
            let path = Path::new(folder).join(unit.full_name());
            // A mask of one boot, in /run, is none for a unit that is in /etc.
            if let Some(is_mask) = self.is_mask(&path)? {
                return Ok(is_mask);
            }
        }
        Ok(false)
    }

    /// Tells whether the unit file at `path` is a mask; none where none is there.
    fn is_mask(&self, path: &Path) -> Result<Option<bool>> {
        let Some((place, found)) = self.look(path, false)? else { return Ok(None) };
        let is_link = kind(&found) == SFlag::S_IFLNK;
        Ok(Some(is_link && target_of(&place, path)? == Path::new("/dev/null")))
    }
}

fn script(unit: &Unit) -> PathBuf {
    Path::new("/etc/init.d").join(&unit.name)
}
