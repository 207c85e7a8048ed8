//! Prints what came of the renewal of a certificate.

use serde_json::json;

use super::Report;
use super::format::{moment, timestamp};
use crate::services::certificate::Renewed;

const NANOSECONDS: i64 = 1_000_000_000;

impl Report {
    /// Reports a renewal. Why there was none, the error says.
    pub(crate) fn renewed(&mut self, name: &str, renewed: &Renewed) {
        let stamp = |seconds: i64| timestamp(seconds.saturating_mul(NANOSECONDS));
        if self.screen.json {
            self.emit(match renewed {
                Renewed::NotDue { until, due } => json!({
                    "event": "certificate", "name": name, "state": "not_due", "until": stamp(*until),
                    "due": stamp(*due),
                }),
                Renewed::Issued { until } => json!({
                    "event": "certificate", "name": name, "state": "issued", "until": stamp(*until),
                }),
                Renewed::Blocked(obstacle) => json!({
                    "event": "certificate", "name": name, "state": "blocked", "why": obstacle.why,
                }),
                Renewed::Unpublished(record) => json!({
                    "event": "certificate", "name": name, "state": "unpublished",
                    "record": record.name, "value": record.value,
                }),
                Renewed::Refused(why) => json!({
                    "event": "certificate", "name": name, "state": "refused", "why": why,
                }),
            });
        }
        let day = |seconds: i64| moment(seconds.saturating_mul(NANOSECONDS));
        match renewed {
            Renewed::NotDue { until, due } => self.say(&format!(
                "The certificate of {name} is valid until {}. It is renewed from {} on.\n",
                day(*until),
                day(*due)
            )),
            Renewed::Issued { until } => self.say(&format!(
                "A certificate of {name} was issued. It is valid until {}; the services load it \
                 within seconds.\n",
                day(*until)
            )),
            Renewed::Blocked(_) | Renewed::Refused(_) | Renewed::Unpublished(_) => {}
        }
    }
}
