//! Formats numbers, sizes and times.

use std::time::Duration;

use crate::services::ListedAccount;

/// Formats a count: `1 mistake`, `2 mistakes`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// Formats a time in UTC: `2026-11-22 17:03:51Z`.
pub fn moment(nanoseconds: i64) -> String {
    match jiff::Timestamp::from_nanosecond(nanoseconds.into()) {
        Ok(moment) => moment.strftime("%F %TZ").to_string(),
        Err(_) => "at an unknown time".into(),
    }
}

/// Formats a time for programs (RFC 3339): `2026-11-22T17:03:51Z`.
pub(super) fn timestamp(nanoseconds: i64) -> String {
    moment(nanoseconds).replacen(' ', "T", 1)
}

pub(super) fn changes(number: usize) -> String {
    count(number, "change")
}

/// Formats a duration: `0.4 s`, `1 min 05 s`.
pub(super) fn duration(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    if seconds < 60 {
        format!("{:.1} s", elapsed.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

/// Formats a size in bytes exactly: `5G`, `1536M`.
pub(super) fn size(bytes: u64) -> String {
    let units = [(40, "T"), (30, "G"), (20, "M"), (10, "K")];
    let fits = |(shift, _): &&(u32, &str)| bytes > 0 && bytes.trailing_zeros() >= *shift;
    match units.iter().find(fits) {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

pub(super) fn accounts(accounts: &[ListedAccount]) -> String {
    let width = accounts.iter().map(|it| it.name.chars().count()).max().unwrap_or(0);
    let line = |account: &ListedAccount| {
        let mut words = vec![account.addresses.join(", ")];
        words.extend(account.quota.map(|quota| format!("quota {}", size(quota))));
        if !account.catch_all.is_empty() {
            words.push(format!("catch-all of {}", account.catch_all.join(", ")));
        }
        if !account.devices.is_empty() {
            words.push(count(account.devices.len(), "app password"));
        }
        if account.own_password == Some(true) {
            words.push("password chosen by the person".into());
        }
        format!("{:width$}  {}\n", account.name, words.join("; "))
    };
    accounts.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!(count(1, "change"), "1 change");
        assert_eq!(count(0, "change"), "0 changes");
        assert_eq!(duration(Duration::from_secs(65)), "1 min 05 s");
        assert_eq!([size(5 << 30), size(1536 << 20), size(7)], ["5G", "1536M", "7"]);
    }
}
