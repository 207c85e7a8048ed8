//! How often passwords may be tried: a few times at once, then one by one. A guesser
//! can keep others from these pages for some minutes, and from their mail never.
//!
//! A line of the file is a name and the moment until which its tries are used up, in
//! milliseconds since 1970: a try puts that moment off by a period, and so many periods
//! ahead is as far as it may be (the generic cell rate algorithm). A line whose moment is
//! past is left out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use crate::host::{self, Error, Host};

/// Room for a hundred thousand names.
const MOST_BYTES: u64 = 32 * 1024 * 1024;

/// So many tries at once, then one in a period.
pub(super) struct Limit {
    pub(super) at_once: u64,
    pub(super) period: Duration,
}

/// The names whose tries count, each with its limit.
pub(super) type Counted<'a> = [(&'a str, &'a Limit)];

/// Counts a try before it is made, so that those made at the same time count. Returns how
/// long to wait instead, if it is one too many. The folder of the file must be there.
pub(super) fn begin(
    host: &Host,
    file: &Path,
    names: &Counted<'_>,
) -> host::Result<Option<Duration>> {
    change(host, file, |tries, now| counted(tries, names, now))
}

/// Takes a try back, since the password was right. `is_clear`: all tries of that name.
pub(super) fn forget(
    host: &Host,
    file: &Path,
    names: &Counted<'_>,
    is_clear: impl Fn(&str) -> bool,
) -> host::Result<()> {
    change(host, file, |tries, _| {
        for (name, limit) in names {
            match tries.get_mut(*name) {
                Some(until) if !is_clear(name) => *until = until.saturating_sub(limit.millis()),
                _ => drop(tries.remove(*name)),
            }
        }
    })
}

type Tries = BTreeMap<String, u64>;

fn counted(tries: &mut Tries, names: &Counted<'_>, now: u64) -> Option<Duration> {
    let until = |tries: &Tries, name: &str| tries.get(name).copied();
    let waits = names.iter().filter_map(|(name, limit)| limit.wait(until(tries, name), now));
    let longest = waits.max();
    if longest.is_none() {
        for (name, limit) in names {
            let used = limit.used(until(tries, name), now);
            tries.insert((*name).to_owned(), used);
        }
    }
    longest
}

impl Limit {
    fn millis(&self) -> u64 {
        u64::try_from(self.period.as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns how long to wait before another try.
    fn wait(&self, until: Option<u64>, now: u64) -> Option<Duration> {
        let most = now + (self.at_once - 1) * self.millis();
        let ahead = self.bounded(until, now).saturating_sub(most);
        (ahead > 0).then(|| Duration::from_millis(ahead))
    }

    fn used(&self, until: Option<u64>, now: u64) -> u64 {
        self.bounded(until, now) + self.millis()
    }

    /// Bounds the moment, which a clock that was set back leaves far ahead.
    fn bounded(&self, until: Option<u64>, now: u64) -> u64 {
        until.unwrap_or_default().clamp(now, now + self.at_once * self.millis())
    }
}

fn change<R>(
    host: &Host,
    path: &Path,
    change: impl FnOnce(&mut Tries, u64) -> R,
) -> host::Result<R> {
    let now = u64::try_from(host::now() / 1_000_000).unwrap_or_default();
    let mut file = host.open_lock(path)?;
    change_in(&mut file, |tries| {
        tries.retain(|_, until| *until > now);
        change(tries, now)
    })
    .map_err(|error| Error::io("write", path, error))
}

fn change_in<R>(file: &mut File, change: impl FnOnce(&mut Tries) -> R) -> io::Result<R> {
    // Held until the file is closed.
    file.lock()?;
    let mut text = Vec::new();
    Read::by_ref(file).take(MOST_BYTES).read_to_end(&mut text)?;
    let line = |line: &str| {
        let (name, until) = line.rsplit_once(' ')?;
        Some((name.to_owned(), until.parse().ok()?))
    };
    let mut tries: Tries = String::from_utf8_lossy(&text).lines().filter_map(line).collect();
    let result = change(&mut tries);
    let text: String = tries.iter().map(|(name, until)| format!("{name} {until}\n")).collect();
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;
    const ONE: Limit = Limit { at_once: 5, period: Duration::from_secs(120) };
    const ALL: Limit = Limit { at_once: 60, period: Duration::from_secs(2) };

    fn wait(tries: &mut Tries, names: &[&str], now: u64) -> Option<u64> {
        let limit = |name| if name == "*" { &ALL } else { &ONE };
        let names: Vec<_> = names.iter().map(|name| (*name, limit(*name))).collect();
        counted(tries, &names, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn five_tries_at_once_then_one_in_two_minutes() {
        let mut tries = Tries::new();
        assert_eq!([(); 5].map(|()| wait(&mut tries, &["thomas", "*"], NOW)), [None; 5]);
        assert_eq!(wait(&mut tries, &["thomas", "*"], NOW), Some(120));
        assert_eq!(wait(&mut tries, &["thomas", "*"], NOW + 30_000), Some(90));
        assert_eq!(wait(&mut tries, &["anna", "*"], NOW), None);
        assert_eq!(wait(&mut tries, &["thomas", "*"], NOW + 120_000), None);
        assert_eq!(wait(&mut tries, &["thomas", "*"], NOW + 120_000), Some(120));
        // A clock that was set back shuts no account out for long.
        assert_eq!(wait(&mut tries, &["thomas"], 1000), Some(120));
    }

    #[test]
    fn all_tries_together_have_a_limit_as_well() {
        let mut tries = Tries::new();
        assert!((0..60).all(|_| wait(&mut tries, &["*"], NOW).is_none()));
        assert_eq!(wait(&mut tries, &["thomas", "*"], NOW), Some(2));
        assert_eq!(wait(&mut tries, &["thomas", "*"], NOW + 2000), None);
    }

    #[test]
    fn a_right_password_takes_the_tries_back_and_a_damaged_file_counts_anew() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir(tree.path().join("run")).unwrap();
        let host = Host::open(tree.path()).unwrap();
        let path = Path::new("/run/tries");
        let names = [("thomas", &ONE), ("*", &ALL)];
        let try_all = || (0..9).filter(|_| begin(&host, path, &names).unwrap().is_none()).count();
        assert_eq!((try_all(), try_all()), (5, 0));
        forget(&host, path, &names, |name| name == "thomas").unwrap();
        assert_eq!(try_all(), 5);
        std::fs::write(tree.path().join("run/tries"), b"thomas\n\xff 1\nthomas x\n").unwrap();
        assert_eq!(try_all(), 5);
    }
}
