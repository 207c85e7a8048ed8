//! Renews the certificates that an authority issued, apart from runs: by a timer, or
//! when a person asks for it.

use super::Settings;
use super::records::of_next_key;
use crate::host::{Host, Result};
use crate::probe::Resolver;
use crate::resource::acme::{self, Obstacle, Outlook};
use crate::services::{Record, Spec};

/// What came of a renewal.
#[derive(Debug)]
pub(crate) enum Renewed {
    /// It is valid until this time, in seconds since 1970, and is not due yet.
    NotDue { until: i64, due: i64 },
    /// The authority issued one, valid until this time. The services load it by themselves.
    Issued { until: i64 },
    /// The authority was not asked.
    Blocked(Obstacle),
    /// The authority issued none, for this reason.
    Refused(String),
    /// A new key waits until this record of it is published.
    Unpublished(Record),
}

impl Settings {
    /// Renews the certificate if it is due, or if the authority has issued none yet. `at_once`:
    /// even if an order failed a moment ago. Returns `None` where no authority issues it.
    pub(crate) fn renew(&self, host: &Host, at_once: bool) -> Result<Option<Renewed>> {
        let Some((pair, order)) = self.order() else { return Ok(None) };
        renewed(host, &pair, order, self.dane, at_once).map(Some)
    }

    /// Renews the certificate of a further name, as [`Settings::renew`] does that of mail.
    pub(crate) fn renew_further(
        &self,
        host: &Host,
        name: &str,
        at_once: bool,
    ) -> Result<Option<Renewed>> {
        let Some((pair, order)) = self.order_of(name) else { return Ok(None) };
        // A run makes the first pair, of its own, so that the web server can start.
        if host.entry(&pair.key)?.is_none() {
            return Ok(None);
        }
        renewed(host, &pair, &order, false, at_once).map(Some)
    }

    /// Orders a certificate with a new key, even if the present one is not due. Where other
    /// servers know the present key, the new one waits until DNS has its record. Returns
    /// `None` where no authority issues the certificate.
    pub(crate) fn renew_with_new_key(&self, host: &Host, spec: &Spec) -> Result<Option<Renewed>> {
        let Some((pair, order)) = self.order() else { return Ok(None) };
        if let Err(obstacle) = order.answerer(host)? {
            return Ok(Some(Renewed::Blocked(obstacle)));
        }
        if self.dane {
            let record = of_next_key(spec, &acme::make_next_key(host, &pair)?);
            let found = Resolver::of(host).tlsa(&record.name).unwrap_or_default();
            if !found.iter().any(|(value, _)| *value == record.value) {
                return Ok(Some(Renewed::Unpublished(record)));
            }
        }
        Ok(Some(taken(host, &pair, order.place_for_next_key(host, &pair)?)?))
    }

    /// Returns whether an authority is to issue the certificate and has not done so.
    pub(crate) fn is_awaited(&self, host: &Host) -> Result<bool> {
        let Some((pair, order)) = self.order() else { return Ok(false) };
        Ok(order.kept(host, &pair)?.is_none())
    }

    /// Returns why the authority has issued no certificate yet; `None` if it has, or if none
    /// is asked.
    pub(crate) fn awaited(&self, host: &Host) -> Result<Option<Obstacle>> {
        let Some((pair, order)) = self.order() else { return Ok(None) };
        awaited(host, &pair, order)
    }

    /// Returns why the authority has issued no certificate for a further name yet; `None` as
    /// [`Settings::awaited`] does.
    pub(crate) fn awaited_further(&self, host: &Host, name: &str) -> Result<Option<Obstacle>> {
        let Some((pair, order)) = self.order_of(name) else { return Ok(None) };
        awaited(host, &pair, &order)
    }
}

fn awaited(host: &Host, pair: &acme::Pair, order: &acme::Order) -> Result<Option<Obstacle>> {
    if order.kept(host, pair)?.is_some() {
        return Ok(None);
    }
    Ok(match order.outlook(host, pair, false)? {
        Outlook::Issued(..) => None,
        Outlook::Blocked(obstacle, _) => Some(obstacle),
        Outlook::Ready(..) => Some(Obstacle {
            why: format!("{} has not been asked yet", order.authority()),
            remedy: "Order it: mailprov certificate renew".into(),
        }),
    })
}

/// Renews a certificate if it is due, or orders the first.
fn renewed(
    host: &Host,
    pair: &acme::Pair,
    order: &acme::Order,
    keep_key: bool,
    at_once: bool,
) -> Result<Renewed> {
    order.ask_when_to_renew(host, pair)?;
    Ok(match order.outlook(host, pair, at_once)? {
        Outlook::Issued(issued, due) => {
            acme::install(host, pair, &issued)?;
            Renewed::NotDue { until: issued.to, due }
        }
        Outlook::Blocked(obstacle, issued) => {
            if let Some(issued) = issued {
                acme::install(host, pair, &issued)?;
            }
            Renewed::Blocked(obstacle)
        }
        Outlook::Ready(..) => taken(host, pair, order.place(host, pair, keep_key)?)?,
    })
}

/// Puts in place what the authority issued.
fn taken(
    host: &Host,
    pair: &acme::Pair,
    answer: std::result::Result<acme::Issued, acme::Refusal>,
) -> Result<Renewed> {
    Ok(match answer {
        Ok(issued) => {
            acme::install(host, pair, &issued)?;
            Renewed::Issued { until: issued.to }
        }
        Err(refusal) => Renewed::Refused(refusal.why),
    })
}
