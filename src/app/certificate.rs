//! The renewal of the certificates, apart from runs.

use super::run::{lock, lock_soon};
use super::{Context, no_mail_yml};
use crate::command_error::CommandError;
use crate::services::certificate::Renewed;
use crate::services::web;

/// How a certificate is renewed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Renewal {
    /// If it is due, unless an order failed a moment ago.
    IfDue,
    /// If it is due.
    AtOnce,
    /// Even if it is not due, with another key.
    WithNewKey,
}

const COMMAND: &str = "certificate renew";

impl Context {
    /// Renews each certificate that is due, or orders the first: that of mail, and those of
    /// the web side. Returns what came of each, by its name.
    pub(crate) fn renew_certificates(
        &self,
        how: Renewal,
    ) -> Result<Vec<(String, Renewed)>, CommandError> {
        let spec = self.spec().ok_or_else(no_mail_yml)?;
        if self.host.is_tree() {
            let message = "nothing runs in a tree, so no certificate is ordered for it";
            return Err(CommandError::usage(message).hinted("Leave --root out."));
        }
        let _lock = match how {
            Renewal::IfDue => lock_soon(&self.host, COMMAND)?,
            Renewal::AtOnce | Renewal::WithNewKey => lock(&self.host, COMMAND)?,
        };
        let tls = spec.services.certificate.on(&self.host);
        let of_mail = match how {
            Renewal::IfDue => tls.renew(&self.host, false)?,
            Renewal::AtOnce => tls.renew(&self.host, true)?,
            Renewal::WithNewKey => tls.renew_with_new_key(&self.host, spec)?,
        };
        let hostname = spec.hostname.value.to_string();
        let mut all: Vec<_> =
            of_mail.into_iter().map(|renewed| (hostname.clone(), renewed)).collect();
        // DNS knows no key of the others, so theirs is a new one each time.
        let further = match how {
            Renewal::IfDue | Renewal::AtOnce => web::names(spec),
            Renewal::WithNewKey => Vec::new(),
        };
        for name in further {
            let at_once = matches!(how, Renewal::AtOnce);
            let Some(renewed) = tls.renew_further(&self.host, &name.name, at_once)? else {
                continue;
            };
            // An optional name need not be published.
            let is_missed = name.is_needed || !matches!(renewed, Renewed::Blocked(_));
            all.extend(is_missed.then_some((name.name, renewed)));
        }
        if all.is_empty() {
            let path = tls.certificate.value.display();
            let message = format!("no authority issues {path} to mailprov");
            return Err(CommandError::usage(message).hinted(
                "Have the program renew it that made it; or write `tls: acme` in mail.yml, and \
                 run mailprov apply.",
            ));
        }
        Ok(all)
    }
}
