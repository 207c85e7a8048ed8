//! The variables of Postfix's templates: the largest mail and the lookup tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

use crate::mail::{Address, Mailboxes, Pattern, PostfixTables};
use crate::services::context::{Inputs, List, Variables};

#[derive(Serialize)]
struct Alias<'a> {
    address: &'a Pattern,
    targets: &'a [Address],
}

#[derive(Serialize)]
struct Sender<'a> {
    address: &'a Pattern,
    logins: &'a [Arc<str>],
}

pub(super) fn variables(inputs: &Inputs) -> Variables {
    let tables = &inputs.tables;
    let list = |length, element| Value::from_object(List::new(tables, length, element));
    vec![
        ("message_size", inputs.spec.services.postfix.message_size.bytes().into()),
        ("mailboxes_table", list(tables.mailboxes.len(), mailbox)),
        ("aliases", list(tables.aliases.len(), alias)),
        ("senders", list(tables.senders.len(), sender)),
        ("people", people(inputs)),
    ]
}

fn mailbox(tables: &PostfixTables, index: usize) -> Option<Value> {
    tables.mailboxes.get(index).map(|address| Value::from(address.to_string()))
}

fn alias(tables: &PostfixTables, index: usize) -> Option<Value> {
    let alias = tables.aliases.get(index)?;
    Some(Value::from(Serde(Alias { address: &alias.pattern, targets: &alias.targets })))
}

fn sender(tables: &PostfixTables, index: usize) -> Option<Value> {
    let sender = tables.senders.get(index)?;
    Some(Value::from(Serde(Sender { address: &sender.pattern, logins: &sender.logins })))
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
