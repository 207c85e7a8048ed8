//! What an account has sent lately: a bucket into which each recipient pours one unit,
//! and which drains at the rate of the limit. Where it would run over, a mail has to
//! wait. So the whole of a limit may be used at once, and comes back bit by bit.

use std::time::Duration;

use crate::mail::Rate;

/// One recipient. Finer than what drains in a millisecond.
const RECIPIENT: u64 = 1_000_000_000;

/// The state of an account. Times are in milliseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    /// How full it was at `at`.
    pub level: u64,
    pub at: u64,
    /// When a mail was last refused; 0 for never.
    pub refused_at: u64,
    /// The mails refused since the notice.
    pub refused: u64,
    /// When the notice about it was sent; 0 for never.
    pub noticed_at: u64,
}

/// What becomes of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Sent,
    /// It does not fit before so much time has passed; `None` if it never does.
    Refused {
        wait: Option<Duration>,
        is_news: bool,
    },
}

/// How long a refusal stays news, so that there is one notice a day.
pub(super) const NEWS: Duration = Duration::from_secs(24 * 3600);

impl Bucket {
    /// Puts a mail in, if it fits.
    ///
    /// A clock that was set back drains nothing for once, and one that was set forward
    /// drains all. No clock fills a bucket.
    pub(super) fn send(&mut self, recipients: u32, rate: Rate, now: u64) -> Verdict {
        let capacity = u64::from(rate.recipients) * RECIPIENT;
        let period = millis(rate.period.length());
        self.at = self.at.min(now);
        let elapsed = (now - self.at).min(period);
        let drained = u128::from(elapsed) * u128::from(capacity) / u128::from(period.max(1));
        let drained = u64::try_from(drained).unwrap_or(u64::MAX);
        // A limit that was lowered counts at once, and what was sent under a higher one
        // keeps no account from sending for longer than a period.
        let level = self.level.min(capacity).saturating_sub(drained);
        let more = u64::from(recipients) * RECIPIENT;
        if level + more <= capacity {
            (self.level, self.at) = (level + more, now);
            return Verdict::Sent;
        }
        let is_news = !is_recent(self.noticed_at, now);
        if is_news {
            (self.noticed_at, self.refused) = (now, 0);
        }
        self.refused_at = now;
        self.refused = self.refused.saturating_add(1);
        let excess = u128::from(level + more - capacity);
        let wait = excess * u128::from(period) / u128::from(capacity.max(1)) + 1;
        let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(u64::MAX));
        Verdict::Refused { wait: (more <= capacity).then_some(wait), is_news }
    }

    /// Returns whether a mail was refused within the last day.
    pub(super) fn is_reached(&self, now: u64) -> bool {
        is_recent(self.refused_at, now)
    }
}

/// Returns whether a time is within the last day. One in the future is of a clock that
/// was wrong.
fn is_recent(time: u64, now: u64) -> bool {
    time != 0 && time <= now && now - time < millis(NEWS)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Period;

    const NOW: u64 = 1_800_000_000_000;
    const HOUR: u64 = 3_600_000;
    const RATE: Rate = Rate { recipients: 24, period: Period::Day };

    /// Returns how many mails to one recipient go out until one is refused.
    fn sent(bucket: &mut Bucket, rate: Rate, now: u64) -> usize {
        let sent = (0..1000).take_while(|_| bucket.send(1, rate, now) == Verdict::Sent);
        sent.count()
    }

    #[test]
    fn the_whole_limit_goes_out_at_once_and_comes_back_bit_by_bit() {
        let mut bucket = Bucket::default();
        assert_eq!(sent(&mut bucket, RATE, NOW), 24);
        assert_eq!(sent(&mut bucket, RATE, NOW + HOUR - 1), 0);
        assert_eq!(sent(&mut bucket, RATE, NOW + HOUR), 1);
        assert_eq!(sent(&mut bucket, RATE, NOW + 6 * HOUR), 5);
        assert_eq!(sent(&mut bucket, RATE, NOW + 100 * HOUR), 24);
        // Also for an account that tries all the time.
        let tries = (0..10 * HOUR / 1000).map(|second| NOW + 100 * HOUR + second * 1000);
        assert_eq!(tries.map(|now| sent(&mut bucket, RATE, now)).sum::<usize>(), 9);
    }

    #[test]
    fn recipients_count_and_a_mail_goes_out_whole_or_not() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.send(20, RATE, NOW), Verdict::Sent);
        let Verdict::Refused { wait: Some(wait), is_news: true } = bucket.send(6, RATE, NOW) else {
            panic!("{bucket:?}")
        };
        assert_eq!(wait.as_secs(), 2 * 3600);
        assert_eq!(bucket.send(4, RATE, NOW), Verdict::Sent);
        let never = Verdict::Refused { wait: None, is_news: false };
        assert_eq!(bucket.send(25, RATE, NOW + 30), never);
        assert_eq!(bucket.refused, 2);
    }

    #[test]
    fn one_refusal_a_day_is_news() {
        let mut bucket = Bucket::default();
        let mut is_news = |now| match bucket.send(100, RATE, now) {
            Verdict::Refused { is_news, .. } => is_news,
            Verdict::Sent => panic!("sent"),
        };
        let hours = (0..50).filter(|hour| is_news(NOW + hour * HOUR));
        assert_eq!(hours.collect::<Vec<_>>(), [0, 24, 48]);
        assert!(bucket.is_reached(NOW + 72 * HOUR) && !bucket.is_reached(NOW + 73 * HOUR));
    }

    #[test]
    fn a_clock_that_jumps_locks_no_account_out() {
        let mut bucket = Bucket::default();
        assert_eq!(sent(&mut bucket, RATE, NOW + 1000 * HOUR), 24);
        assert_eq!(sent(&mut bucket, RATE, NOW), 0);
        assert_eq!(sent(&mut bucket, RATE, NOW + HOUR), 1);
        assert!(bucket.is_reached(NOW + HOUR));
        // Back and forth drains no more than the time that a forward jump claims.
        assert_eq!(sent(&mut bucket, RATE, 0), 0);
        assert_eq!(sent(&mut bucket, RATE, HOUR), 1);
    }

    #[test]
    fn another_limit_counts_at_once() {
        let mut bucket = Bucket::default();
        assert_eq!(sent(&mut bucket, RATE, NOW), 24);
        let higher = Rate { recipients: 100, ..RATE };
        assert_eq!(sent(&mut bucket, higher, NOW), 76);
        assert_eq!(sent(&mut bucket, RATE, NOW), 0);
        assert_eq!(sent(&mut bucket, RATE, NOW + HOUR), 1);
    }
}
