//! What systemd knows of a unit: one question for all that is asked here, and
//! from its answer when a daemon last took up its files.

use std::collections::BTreeMap;
use std::path::Path;

use nix::time::{ClockId, clock_gettime};

use super::bus::{self, Value};
use super::process::now;
use super::{Host, Init, Process, Result, Unit};

/// What is asked for (systemctl(1), org.freedesktop.systemd1(5)).
const PROPERTIES: &str = "--property=ActiveState,MainPID,NeedDaemonReload,ReloadResult,ExecReload,\
                          ActiveEnterTimestamp,ActiveEnterTimestampMonotonic,\
                          StateChangeTimestamp,StateChangeTimestampMonotonic";

const SECOND: i64 = 1_000_000_000;

/// A daemon is told to read its files again right before the reload is over. Of
/// a reload that only its end is known of, this much before is before.
const RELOAD: i64 = SECOND;

/// A clock that is off by more from what it was then was set since.
const SET: i64 = SECOND / 10;

/// What systemd says of a unit, by the names of its properties.
#[derive(Debug)]
pub(super) struct Shown(BTreeMap<String, String>);

/// When a process took up its files, in nanoseconds since 1970: what last
/// changed before is what it has. None where that is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenUp {
    /// When it was started.
    pub started: Option<i64>,
    /// When it was last told to read them again, by whomever, if it did.
    pub reloaded: Option<i64>,
}

/// A moment by the clock on the wall, which may be set, and by the one that is
/// not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    real: i64,
    monotonic: i64,
}

impl Host {
    /// Returns the number of the main process of a unit, if that is active; of
    /// one that has no process, process 1 stands for it.
    pub(super) fn main_number(&self, unit: &Unit) -> Result<Option<u32>> {
        let name = unit.full_name();
        let asked = match unit.other_type() {
            Some(_) => bus::property(&name, "Unit", "ActiveState"),
            None => bus::property(&name, "Service", "MainPID"),
        };
        match asked {
            Ok(Value::Text(state)) => Ok(is_active(&state).then_some(1)),
            Ok(Value::Number(pid)) => Ok(Some(pid).filter(|&pid| pid > 0)),
            Err(_) => {
                let shown = self.ask_systemd(&name)?;
                Ok(match unit.other_type() {
                    Some(_) => shown.is_active().then_some(1),
                    None => shown.main_process(),
                })
            }
        }
    }

    /// Asks systemd of a unit, which need not be there.
    pub(super) fn ask_systemd(&self, unit: &str) -> Result<Shown> {
        let show = ["systemctl", "show", "--timestamp=us+utc", PROPERTIES, "--", unit];
        let captured = self.command(show).run()?;
        Ok(Shown::read(&captured.stdout))
    }

    /// Has systemd read its unit files again.
    pub(super) fn read_units_again(&self) -> Result<()> {
        self.command(["systemctl", "daemon-reload"]).run().map(drop)
    }

    /// Asks when a process took up its files. Only systemd knows, and only of
    /// what was done by it.
    pub fn taken_up(&self, process: &Process) -> Result<TakenUp> {
        let unit = match self.init()? {
            Init::Systemd => self.unit_of(process)?,
            _ => None,
        };
        match unit {
            Some(unit) => {
                Ok(self.ask_systemd(&unit)?.taken_up(process.started_at(), Moment::now()))
            }
            None => Ok(TakenUp::default()),
        }
    }

    /// Returns the service that a process belongs to: on Debian 12 Postfix runs
    /// in another one than it is started by.
    fn unit_of(&self, process: &Process) -> Result<Option<String>> {
        let path = format!("/proc/{}/cgroup", process.pid);
        let Some(content) = self.read(Path::new(&path))? else { return Ok(None) };
        let text = String::from_utf8_lossy(content.bytes()).into_owned();
        let mut names = text.lines().filter_map(|line| line.rsplit('/').next());
        Ok(names.find(|name| name.ends_with(".service")).map(str::to_owned))
    }
}

impl Shown {
    fn read(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once('='));
        Self(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Tells whether the unit is active: of a service, that it runs.
    fn is_active(&self) -> bool {
        is_active(self.get("ActiveState"))
    }

    /// Returns the number of the main process.
    fn main_process(&self) -> Option<u32> {
        self.get("MainPID").parse().ok().filter(|&pid: &u32| pid > 0)
    }

    /// Tells whether the unit's file changed since systemd read it.
    pub(super) fn is_outdated(&self) -> bool {
        self.get("NeedDaemonReload") == "yes"
    }

    /// Tells when a process of the unit that was `started` then took up its
    /// files.
    fn taken_up(&self, started: i64, now: Moment) -> TakenUp {
        let [active, changed] =
            ["ActiveEnterTimestamp", "StateChangeTimestamp"].map(|name| self.moment(name));
        let (Some(active), Some(changed)) = (active, changed) else { return TakenUp::default() };
        let is_reloaded = self.get("ActiveState") == "active"
            && self.get("ReloadResult") == "success"
            && changed.monotonic > active.monotonic;
        // systemd forgets when a reload began, though not when it was over, as soon as it reads
        // its units again.
        let told = || self.reload_began().unwrap_or(changed.real - RELOAD);
        let reloaded = (is_reloaded && !now.is_set_since(changed)).then(told);
        TakenUp {
            started: (!now.is_set_since(active)).then_some(started),
            reloaded: reloaded.filter(|told| *told > started),
        }
    }

    fn moment(&self, name: &str) -> Option<Moment> {
        let monotonic: i64 = self.get(&format!("{name}Monotonic")).parse().ok()?;
        Some(Moment { real: timestamp(self.get(name))?, monotonic: monotonic * 1000 })
    }

    /// Returns when the command that reloads was last started, of several the
    /// last one.
    fn reload_began(&self) -> Option<i64> {
        let (_, rest) = self.get("ExecReload").split_once("start_time=[")?;
        timestamp(rest.split_once(']')?.0)
    }
}

fn is_active(state: &str) -> bool {
    ["active", "reloading"].contains(&state)
}

impl Moment {
    fn now() -> Self {
        let monotonic = clock_gettime(ClockId::CLOCK_MONOTONIC);
        let monotonic = monotonic.map_or(0, |time| time.tv_sec() * SECOND + time.tv_nsec());
        Self { real: now(), monotonic }
    }

    /// Tells whether the clock on the wall was set since. Then the time of a
    /// file's last change says nothing of what was before or after.
    fn is_set_since(self, then: Self) -> bool {
        let off = (self.real - self.monotonic) - (then.real - then.monotonic);
        off.abs() > SET
    }
}

/// Reads `Sun 2026-11-22 23:22:09.716688 UTC`.
fn timestamp(text: &str) -> Option<i64> {
    let time = jiff::fmt::strtime::parse("%a %Y-%m-%d %H:%M:%S%.f UTC", text).ok()?;
    let time = time.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    i64::try_from(time.timestamp().as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_795_389_600 * SECOND;

    /// A service that was started at [`START`], after five seconds of uptime, and
    /// reloaded a minute later.
    fn shown(more: &str) -> Shown {
        Shown::read(&format!(
            "ActiveState=active\nReloadResult=success\n\
             ActiveEnterTimestamp=Sun 2026-11-22 23:20:00.000000 UTC\n\
             ActiveEnterTimestampMonotonic=5000000\n\
             StateChangeTimestamp=Sun 2026-11-22 23:21:00.500000 UTC\n\
             StateChangeTimestampMonotonic=65500000\n{more}"
        ))
    }

    fn at(seconds: i64) -> Moment {
        Moment { real: START + seconds * SECOND, monotonic: (seconds + 5) * SECOND }
    }

    #[test]
    fn a_reload_counts_from_where_it_began() {
        let exec = "ExecReload={ path=/bin/x ; argv[]=/bin/x a=b ; start_time=[Sun 2026-11-22 \
                    23:21:00.250000 UTC] ; stop_time=[n/a] ; code=exited ; status=0 }\n";
        let taken_up = shown(exec).taken_up(START, at(90));
        assert_eq!(taken_up.started, Some(START));
        assert_eq!(taken_up.reloaded, Some(START + 60 * SECOND + SECOND / 4));
        let forgotten = "ExecReload={ path=/bin/x ; start_time=[n/a] ; code=(null) }\n";
        let taken_up = shown(forgotten).taken_up(START, at(90));
        assert_eq!(taken_up.reloaded, Some(START + 60 * SECOND + SECOND / 2 - RELOAD));
    }

    #[test]
    fn what_failed_or_goes_on_or_was_before_the_process_does_not_count() {
        for line in ["ReloadResult=exit-code\n", "ActiveState=reloading\n"] {
            assert_eq!(shown(line).taken_up(START, at(90)).reloaded, None, "{line}");
        }
        assert_eq!(shown("").taken_up(START + 70 * SECOND, at(90)).reloaded, None);
        let never = "StateChangeTimestamp=Sun 2026-11-22 23:20:00.000000 UTC\n\
                     StateChangeTimestampMonotonic=5000000\n";
        assert_eq!(shown(never).taken_up(START, at(90)).reloaded, None);
    }

    #[test]
    fn once_the_clock_was_set_nothing_is_known() {
        for hours in [-1, 1] {
            let now = Moment { real: at(90).real + hours * 3600 * SECOND, ..at(90) };
            assert_eq!(shown("").taken_up(START, now), TakenUp::default());
        }
        assert_ne!(shown("").taken_up(START, at(90)), TakenUp::default());
        assert_eq!(Shown::read("").taken_up(START, at(90)), TakenUp::default());
    }
}
