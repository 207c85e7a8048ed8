//! Services under any init system: systemd if it is process 1, else init
//! scripts; in a tree only the links that enable them.

use std::path::{Path, PathBuf};

use nix::sys::stat::SFlag;
use serde::{Deserialize, Serialize};

use super::read::target_of;
use super::{Error, Host, Init, Process, Result};
use crate::local::kind;

/// The names under which a service is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unit {
    /// The name without `.service`. A unit of another type includes its suffix.
    pub name: String,
    /// The file to which the daemon writes its process number. Without one, the
    /// init system is asked.
    pub pid_file: Option<PathBuf>,
}

/// The unit types other than services that can be enabled (systemd.unit(5)).
const OTHER_TYPES: [&str; 6] = ["automount", "mount", "path", "socket", "target", "timer"];

/// The folder of an administrator's units and drop-ins (systemd.unit(5)).
const DROP_INS: &str = "/etc/systemd/system";

/// The folders of unit files, by precedence (systemd.unit(5)).
const UNIT_FOLDERS: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

impl Unit {
    /// Returns the unit with this name, with or without `.service`.
    pub fn of(mut name: String) -> Self {
        const ENDING: &str = ".service";
        if name.ends_with(ENDING) {
            name.truncate(name.len() - ENDING.len());
        }
        Self { name, pid_file: None }
    }

    /// Returns the unit type, such as `timer`, unless it is a service.
    pub(crate) fn other_type(&self) -> Option<&'static str> {
        let (_, ending) = self.name.rsplit_once('.')?;
        OTHER_TYPES.into_iter().find(|known| *known == ending)
    }

    /// Returns the full name of the unit, which is also that of its file.
    pub(crate) fn full_name(&self) -> String {
        match self.other_type() {
            Some(_) => self.name.clone(),
            None => format!("{}.service", self.name),
        }
    }
}

impl Host {
    /// Returns the init system of this host.
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

    /// Returns whether the host has a service with that name.
    pub(crate) fn has_unit(&self, unit: &Unit) -> Result<bool> {
        for folder in UNIT_FOLDERS {
            let path = Path::new(folder).join(unit.full_name());
            if self.is_mask(&path)? == Some(false) && self.exists(&path)? {
                return Ok(true);
            }
        }
        self.exists(&script(unit))
    }

    /// Returns whether the service starts at boot: a target or run level wants
    /// it, and it is not masked.
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

    /// Returns the main process of the service, if it runs. A unit without one,
    /// such as a timer, has process 1 instead.
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
                // An init script reports that the service runs, but not its
                // process: process 1 stands for it.
                if self.exists(&script(unit))? && status.capture()?.success() {
                    self.process(1)
                } else {
                    Ok(None)
                }
            }
        }
    }

    /// Enables the service at boot, and unmasks it.
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

    pub(crate) fn disable(&self, unit: &Unit) -> Result<()> {
        match self.init()? {
            Init::Sysvinit => self.command(["update-rc.d", &unit.name, "disable"]).run().map(drop),
            _ => self.command(["systemctl", "disable", &unit.full_name()]).run().map(drop),
        }
    }

    /// Starts or restarts the service.
    pub fn restart(&self, unit: &Unit) -> Result<()> {
        if self.init()? == Init::Systemd {
            // systemd does not restart a unit that failed too often before this.
            self.command(["systemctl", "reset-failed", &unit.full_name()]).capture()?;
        }
        self.act(unit, "restart")
    }

    /// Reloads the configuration of the running service.
    pub fn reload(&self, unit: &Unit) -> Result<()> {
        self.act(unit, "reload")
    }

    /// Stops the service.
    pub fn stop(&self, unit: &Unit) -> Result<()> {
        self.act(unit, "stop")
    }

    fn act(&self, unit: &Unit, verb: &str) -> Result<()> {
        match self.init()? {
            Init::None => Ok(()),
            Init::Systemd => {
                // systemd would otherwise use the old unit file, also that of
                // the service that a timer or path unit starts.
                let full = unit.full_name();
                // It may not have noticed a new folder of drop-ins.
                let has_drop_ins = verb == "restart"
                    && self.exists(&Path::new(DROP_INS).join(format!("{full}.d")))?;
                if unit.other_type().is_some()
                    || has_drop_ins
                    || self.ask_systemd(&full)?.is_outdated
                {
                    self.read_units_again()?;
                }
                // Faster than systemctl, which reports more about a failure.
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
            // A mask in /run, for this boot only, has no effect on a unit in /etc.
            if let Some(is_mask) = self.is_mask(&path)? {
                return Ok(is_mask);
            }
        }
        Ok(false)
    }

    /// Returns whether the unit file at `path` is a mask; `None` if there is none.
    fn is_mask(&self, path: &Path) -> Result<Option<bool>> {
        let Some((place, found)) = self.look(path, false)? else { return Ok(None) };
        let is_link = kind(&found) == SFlag::S_IFLNK;
        Ok(Some(is_link && target_of(&place, path)? == Path::new("/dev/null")))
    }
}

fn script(unit: &Unit) -> PathBuf {
    Path::new("/etc/init.d").join(&unit.name)
}
