//! The renewal of the certificate, apart from runs.

use super::run::lock;
use super::{Context, no_mail_yml};
use crate::command_error::CommandError;
use crate::services::certificate::Renewed;

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

impl Context {
    /// Renews the certificate if it is due, or orders the first.
    pub(crate) fn renew_certificate(&self, how: Renewal) -> Result<Renewed, CommandError> {
        let spec = self.spec().ok_or_else(no_mail_yml)?;
        if self.host.is_tree() {
            let message = "nothing runs in a tree, so no certificate is ordered for it";
            return Err(CommandError::usage(message).hinted("Leave --root out."));
        }
        let _lock = lock(&self.host, "certificate renew")?;
        let tls = spec.services.certificate.on(&self.host);
        let renewed = match how {
            Renewal::IfDue => tls.renew(&self.host, false)?,
            Renewal::AtOnce => tls.renew(&self.host, true)?,
            Renewal::WithNewKey => tls.renew_with_new_key(&self.host, spec)?,
        };
        renewed.ok_or_else(|| {
            let path = tls.certificate.value.display();
            CommandError::usage(format!("no authority issues {path} to mailprov")).hinted(
                "Have the program renew it that made it; or write `tls: acme` in mail.yml, and \
                 run mailprov apply.",
            )
        })
    }
}
