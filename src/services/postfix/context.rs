//! The variables of Postfix's templates: the largest mail, whether mail shows its
//! client, and the lookup tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::value::Serde;
use minijinja::{Value, context};

use crate::mail::Mailboxes;
use crate::services::context::{Inputs, List, Variables};

pub(super) fn variables(inputs: &Inputs) -> Variables {
    let tables = &inputs.tables;
    let list = |length, element| Value::from_object(List::new(tables, length, element));
    vec![
        ("message_size", inputs.spec.services.postfix.message_size.bytes().into()),
        ("hide_client", inputs.spec.services.postfix.hide_client.into()),
        (
            "mailboxes_table",
            list(tables.mailboxes.len(), |tables, index| {
                Some(tables.mailboxes.get(index)?.to_string().into())
            }),
        ),
        (
            "aliases",
            list(tables.aliases.len(), |tables, index| {
                let alias = tables.aliases.get(index)?;
                Some(
                    context! { address => Serde(&alias.pattern), targets => Serde(&alias.targets) },
                )
            }),
        ),
        (
            "senders",
            list(tables.senders.len(), |tables, index| {
                let sender = tables.senders.get(index)?;
                Some(
                    context! { address => Serde(&sender.pattern), logins => Serde(&sender.logins) },
                )
            }),
        ),
        ("people", people(inputs)),
    ]
}

/// Returns where mail goes that a program on the host sends to a bare name.
fn people(inputs: &Inputs) -> Value {
    let directory = &inputs.spec.directory;
    let mut people = BTreeMap::new();
    for (account, mailbox) in inputs.mailboxes.iter() {
        // A shared mailbox is addressed by its first address, which may be forwarded.
        let address = directory.addresses(*account).next();
        let address = address.filter(|_| directory.mailboxes == Mailboxes::Shared);
        // Mail for `root` goes to `system_mail`.
        if mailbox.local() != "root" && !people.contains_key(mailbox.local()) {
            let address = address.as_ref().unwrap_or(mailbox).to_string();
            people.insert(mailbox.local().to_owned(), address);
        }
    }
    Value::make_object_map(
        Arc::new(people),
        |people| Box::new(people.keys().map(Value::from)),
        |people, name| people.get(name.as_str()?).map(Value::from),
    )
}
