//! Queries systemd about a unit. From the answer it derives when a daemon last read its files.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::dbus::{Bus, Value};
use super::process::now;
use super::{Host, Init, Process, Result, Unit};

/// The properties in the query (systemctl(1), org.freedesktop.systemd1(5)).
const PROPERTIES: &str = "--property=ActiveState,MainPID,NeedDaemonReload,ReloadResult,ExecReload,\
                          ActiveEnterTimestamp,ActiveEnterTimestampMonotonic,\
                          StateChangeTimestamp,StateChangeTimestampMonotonic";

const SECOND: i64 = 1_000_000_000;

/// A daemon gets its reload signal shortly before the reload ends. If only the
/// end is known, the signal is assumed to be this much earlier.
const RELOAD: i64 = SECOND;

/// A larger difference between the clocks means that the clock was set.
const SET: i64 = SECOND / 10;

/// systemd's properties of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct UnitProperties {
    state: String,
    /// `MainPID`, unless it is 0.
    main: Option<u32>,
    /// `NeedDaemonReload`: the unit file changed since systemd read it.
    pub(super) is_outdated: bool,
    reload_result: String,
    /// The last start of a reload command (`ExecReload`), in nanoseconds since 1970.
    reload_began: Option<i64>,
    active: Option<Moment>,
    changed: Option<Moment>,
}

/// When a process last read its files, in nanoseconds since 1970. It has the
/// changes that were made before. `None` if unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TakenUp {
    /// The start of the process.
    pub started: Option<i64>,
    /// The last reload, whatever requested it.
    pub reloaded: Option<i64>,
}

/// A moment by the wall clock, which can be set, and by the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    real: i64,
    monotonic: i64,
}

impl Host {
    /// Returns the number of the main process of an active unit; process 1 for
    /// a unit without processes.
    pub(super) fn main_number(&self, unit: &Unit) -> Result<Option<u32>> {
        let name = unit.full_name();
        let asked = match unit.other_type() {
            Some(_) => self.property(&name, "Unit", "ActiveState"),
            None => self.property(&name, "Service", "MainPID"),
        };
        match asked {
            Ok(Value::Text(state)) => Ok(is_active(&state).then_some(1)),
            Ok(Value::Number(number)) => Ok(process_number(number)),
            _ => {
                let shown = self.ask_systemd(&name)?;
                Ok(match unit.other_type() {
                    Some(_) => is_active(&shown.state).then_some(1),
                    None => shown.main,
                })
            }
        }
    }

    /// Reloads a unit through systemd and waits for the result. Returns false
    /// if systemd could not be asked, or failed: `systemctl` then gives the
    /// reason.
    pub(super) fn reload_directly(&self, unit: &Unit) -> bool {
        const GLANCE: Duration = Duration::from_millis(2);
        let name = unit.full_name();
        // A cached connection may be dead, and a reload must not be requested twice.
        if Bus::open().and_then(|mut bus| bus.reload(&name)).is_err() {
            return false;
        }
        while self.is_changing(unit) {
            std::thread::sleep(GLANCE);
        }
        let result = self.property(&name, "Service", "ReloadResult");
        result.is_ok_and(|result| result.text() == "success")
    }

    /// Returns whether systemd is known to be starting, reloading or stopping a
    /// unit, as after a run that was killed.
    pub(crate) fn is_changing(&self, unit: &Unit) -> bool {
        match self.init() {
            Ok(Init::Systemd) => {}
            _ => return false,
        }
        // The number of the job, 0 for none, and its object path.
        let job = self.property(&unit.full_name(), "Unit", "Job");
        let number = |job: &[Value]| job.first().and_then(Value::number);
        matches!(job, Ok(Value::List(job)) if number(&job).is_some_and(|number| number > 0))
    }

    /// Reads a property of a unit. Keeps the connection for the next query; a
    /// kept connection may be dead.
    fn property(&self, unit: &str, interface: &str, name: &str) -> io::Result<Value> {
        let kept = self.bus.take();
        let asked = kept.and_then(|mut bus| Some((bus.property(unit, interface, name).ok()?, bus)));
        let (value, bus) = match asked {
            Some(answered) => answered,
            None => {
                let mut bus = Bus::open()?;
                (bus.property(unit, interface, name)?, bus)
            }
        };
        self.bus.replace(Some(bus));
        Ok(value)
    }

    /// Queries systemd about a service, which need not exist.
    pub(super) fn ask_systemd(&self, unit: &str) -> Result<UnitProperties> {
        if let Ok(shown) = self.ask_directly(unit) {
            return Ok(shown);
        }
        let show = ["systemctl", "show", "--timestamp=us+utc", PROPERTIES, "--", unit];
        let captured = self.command(show).run()?;
        Ok(UnitProperties::read(&captured.stdout))
    }

    fn ask_directly(&self, unit: &str) -> io::Result<UnitProperties> {
        let of_unit = |name: &str| self.property(unit, "Unit", name);
        let of_service = |name: &str| self.property(unit, "Service", name);
        let moment = |name: &str| {
            let [real, monotonic] = [name.to_owned(), format!("{name}Monotonic")];
            let [real, monotonic] = [of_unit(&real)?.number(), of_unit(&monotonic)?.number()];
            io::Result::Ok(real.zip(monotonic).and_then(|(real, monotonic)| {
                Some(Moment { real: nanoseconds(real)?, monotonic: nanoseconds(monotonic)? })
            }))
        };
        Ok(UnitProperties {
            state: of_unit("ActiveState")?.text(),
            main: of_service("MainPID")?.number().and_then(process_number),
            is_outdated: of_unit("NeedDaemonReload")?.number() == Some(1),
            reload_result: of_service("ReloadResult")?.text(),
            reload_began: last_start(&of_service("ExecReload")?),
            active: moment("ActiveEnterTimestamp")?,
            changed: moment("StateChangeTimestamp")?,
        })
    }

    /// Has systemd reload its unit files.
    pub(super) fn read_units_again(&self) -> Result<()> {
        self.command(["systemctl", "daemon-reload"]).run().map(drop)
    }

    /// Returns when a process last read its files. Only systemd knows, and only
    /// of what it did itself.
    pub(crate) fn taken_up(&self, process: &Process) -> Result<TakenUp> {
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

    /// Returns the unit of a process if `unit` conflicts with it (`Conflicts=`,
    /// systemd.unit(5)). After an upgrade, a process may belong to a unit that
    /// no longer exists.
    pub(crate) fn excluded_unit_of(&self, unit: &Unit, process: &Process) -> Result<Option<Unit>> {
        if self.init()? != Init::Systemd {
            return Ok(None);
        }
        let Some(of) = self.unit_of(process)? else { return Ok(None) };
        let name = unit.full_name();
        if of != name && self.ask_systemd(&name)?.is_outdated {
            self.read_units_again()?;
        }
        let excluded = self.property(&name, "Unit", "Conflicts");
        let is_excluded = matches!(
            excluded,
            Ok(Value::List(all)) if all.contains(&Value::Text(of.clone()))
        );
        Ok((of != name && is_excluded).then(|| Unit::of(of)))
    }

    /// Returns the service of a process. On Debian 12 Postfix runs in another
    /// service than the one that starts it.
    fn unit_of(&self, process: &Process) -> Result<Option<String>> {
        let path = format!("/proc/{}/cgroup", process.pid);
        let Some(content) = self.read(Path::new(&path))? else { return Ok(None) };
        let text = content.text();
        let mut names = text.lines().filter_map(|line| line.rsplit('/').next());
        Ok(names.find(|name| name.ends_with(".service")).map(str::to_owned))
    }
}

impl UnitProperties {
    /// Parses the output of `systemctl show`.
    fn read(text: &str) -> Self {
        let lines: BTreeMap<_, _> = text.lines().filter_map(|line| line.split_once('=')).collect();
        let get = |name: &str| lines.get(name).copied().unwrap_or_default();
        let moment = |name: &str| {
            let monotonic = get(&format!("{name}Monotonic")).parse().ok().and_then(nanoseconds);
            Some(Moment { real: timestamp(get(name))?, monotonic: monotonic? })
        };
        let reload = get("ExecReload").split_once("start_time=[");
        Self {
            state: get("ActiveState").to_owned(),
            main: get("MainPID").parse().ok().and_then(process_number),
            is_outdated: get("NeedDaemonReload") == "yes",
            reload_result: get("ReloadResult").to_owned(),
            reload_began: reload.and_then(|(_, rest)| timestamp(rest.split_once(']')?.0)),
            active: moment("ActiveEnterTimestamp"),
            changed: moment("StateChangeTimestamp"),
        }
    }

    /// Returns when a process of the unit with this start time last read its files.
    fn taken_up(&self, started: i64, now: Moment) -> TakenUp {
        let (Some(active), Some(changed)) = (self.active, self.changed) else {
            return TakenUp::default();
        };
        let is_reloaded = self.state == "active"
            && self.reload_result == "success"
            && changed.monotonic > active.monotonic;
        // When systemd reloads its units it forgets when a reload began, but not when it ended.
        let told = || self.reload_began.unwrap_or(changed.real - RELOAD);
        let reloaded = (is_reloaded && !now.is_set_since(changed)).then(told);
        TakenUp {
            started: (!now.is_set_since(active)).then_some(started),
            reloaded: reloaded.filter(|told| *told > started),
        }
    }
}

/// Returns the last start of some commands, if any was started. Each has a
/// path, arguments, whether it may fail, and its start by the wall clock and by
/// the monotonic one.
fn last_start(commands: &Value) -> Option<i64> {
    let Value::List(commands) = commands else { return None };
    let Some(Value::List(command)) = commands.last() else { return None };
    command.get(3)?.number().filter(|&start| start > 0).and_then(nanoseconds)
}

/// systemd uses 0 for none.
fn process_number(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|&number| number > 0)
}

/// systemd counts microseconds.
fn nanoseconds(microseconds: u64) -> Option<i64> {
    i64::try_from(microseconds).ok()?.checked_mul(1000)
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

    /// Returns whether the wall clock was set since. The times of files then do
    /// not tell what was before or after.
    fn is_set_since(self, then: Self) -> bool {
        let off = (self.real - self.monotonic) - (then.real - then.monotonic);
        off.abs() > SET
    }
}

/// Parses `Sun 2026-11-22 23:22:09.716688 UTC`.
fn timestamp(text: &str) -> Option<i64> {
    let time = jiff::fmt::strtime::parse("%a %Y-%m-%d %H:%M:%S%.f UTC", text).ok()?;
    let time = time.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    i64::try_from(time.timestamp().as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_795_389_600 * SECOND;

    /// A service that was started at [`START`], five seconds after boot, and
    /// reloaded a minute later.
    fn shown(more: &str) -> UnitProperties {
        UnitProperties::read(&format!(
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
    fn of_several_commands_the_last_one_counts() {
        let command = |start| {
            let words = Value::List(vec![Value::Text("/bin/x".into())]);
            let mut all = vec![Value::Text("/bin/x".into()), words, Value::Number(0)];
            all.extend([start, 7, 0, 0, 0, 0, 0].map(Value::Number));
            Value::List(all)
        };
        let last =
            |all: &[u64]| last_start(&Value::List(all.iter().copied().map(command).collect()));
        assert_eq!(last(&[4_000_000, 5_000_000]), Some(5 * SECOND));
        assert_eq!(last(&[4_000_000, 0]), None);
        assert_eq!(last(&[u64::MAX]), None);
        assert_eq!(last(&[]), None);
    }

    #[test]
    fn a_reload_that_failed_goes_on_or_came_before_does_not_count() {
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
        assert_eq!(UnitProperties::read("").taken_up(START, at(90)), TakenUp::default());
    }
}
