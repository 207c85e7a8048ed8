//! The watch: compares the server with mail.yml and checks it at fixed times,
//! and mails the problems.

use minijinja::Value;

use super::{Configured, Inputs, Service, SpecReader, Variables};
use crate::mail::spanned;
use crate::yaml::{KeySpec, ValueType};

/// The watch, in the list of services.
pub struct Watch;

/// The intervals between runs of `mailprov watch`, in systemd's words (systemd.time(7)).
const INTERVALS: [&str; 3] = ["hourly", "daily", "weekly"];

impl Configured for Watch {
    const KEYS: &'static [KeySpec] = &[KeySpec::new(
        "watch",
        ValueType::OneOf(&INTERVALS),
        "`daily` (or `hourly`, `weekly`): so often the server is looked at as by `mailprov \
         plan` and `mailprov check`, and `system_mail` gets a mail if something is off. If \
         all is well there is none.",
    )
    .or("never")];
    type Settings = Option<&'static str>;

    fn read(reader: &mut SpecReader<'_>) -> Option<Self::Settings> {
        let help = "write `daily`, `hourly` or `weekly`; leave it out for never";
        let entry = reader.fields.get("watch");
        Some(entry.and_then(|entry| spanned::one_of(reader.decoder, entry, &INTERVALS, help)))
    }
}

impl Service for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        vec![("watch", Value::from(inputs.spec.services.watch))]
    }
}
