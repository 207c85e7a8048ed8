//! Webmail: Debian's Roundcube with SQLite, in a PHP of its own that reaches neither the
//! mailboxes nor what mailprov keeps. The web server shows it at the host name.

mod checks;
mod facts;
mod journeys;

use minijinja::{Value, context};

use super::checking::{Check, Daemon};
use super::context::{Inputs, Variables};
use super::{Configured, Service, SpecReader};
use crate::explain::{ServerFiles, Way};
use crate::host::{self, Host};
use crate::yaml::{KeySpec, Scalar, ValueType};

/// The name of the service, of its facts, and of its variable.
const NAME: &str = "webmail";

/// The files of Roundcube that its pages need, besides its one program: a regular
/// expression that nginx and Apache both know.
const SHOWN: &str = r"(?:plugins|program|skins)/(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*\.(?:css|eot|gif|html|ico|jpe?g|js|json|map|mp3|pdf|png|svg|tiff?|ttf|webp|woff2?)";

/// The webmail, in the list of services.
pub struct Webmail;

impl Configured for Webmail {
    const KEYS: &'static [KeySpec] = &[KeySpec::new(
        "webmail",
        ValueType::Boolean,
        "`true`: people read and write mail in a browser, at `https://HOSTNAME/` (Roundcube). \
         Security updates are then installed by themselves (unattended-upgrades). `false`: they \
         do not; their contacts stay.",
    )
    .or("`false`")];
    type Settings = bool;

    fn read(reader: &mut SpecReader<'_>) -> Option<bool> {
        let Some(entry) = reader.fields.get("webmail") else { return Some(false) };
        let is_on = reader.decoder.boolean(&entry.value)?;
        if is_on && !has_imap(reader) {
            let help = "leave out `imap: false`: the webmail reads mail by IMAP";
            reader.decoder.error(&entry.key.span, "`webmail` without IMAP", help);
            return None;
        }
        Some(is_on)
    }
}

/// Returns whether mail.yml leaves IMAP on, as far as it says so in a valid way.
fn has_imap(reader: &SpecReader<'_>) -> bool {
    let services = reader.fields.get("services");
    let imap = services.and_then(|entry| entry.value.get("imap"));
    imap.and_then(|value| value.as_scalar().and_then(Scalar::boolean)) != Some(false)
}

impl Service for Webmail {
    fn name(&self) -> &'static str {
        NAME
    }

    fn facts(&self, host: &Host) -> host::Result<serde_json::Value> {
        facts::facts(host)
    }

    fn checks(&self) -> &'static [&'static Check] {
        checks::CHECKS
    }

    fn daemon(&self) -> Option<&'static Daemon> {
        Some(&checks::DAEMON)
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        let is_on = inputs.spec.services.webmail;
        let webmail = if is_on {
            context! { shown => SHOWN }
        } else {
            Value::from(())
        };
        vec![(NAME, webmail)]
    }

    fn journeys(&self, server: &ServerFiles) -> Vec<Way> {
        journeys::ways(server)
    }
}
