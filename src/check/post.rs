//! A mail there and back: in by each door, out by each protocol, and deleted.

use super::{Account, Error, Exchange, Reader, Result, Server, unanswered};
use crate::finding::Finding;

const IN: &str = "This is how mail from the world arrives.";
const SENT: &str = "This is how people send.";
const OUT: &str = "This is how people read.";
const GONE: &str = "What a check sends must not pile up in somebody's mailbox.";

const QUEUE: &str = "See where it waits: mailq; and why: journalctl -u 'postfix*' -u dovecot";

/// Sends a mail by port 25 and one by port 465, reads both and deletes them.
pub fn post(server: &Server, account: &Account) -> Vec<Finding> {
    let exchange = match Exchange::with(server) {
        Ok(exchange) => exchange,
        Err(error) => return vec![of(Finding::ok("A mail there and back", IN), Err(error), QUEUE)],
    };
    let mut quiet = |_: &str, _: &str| {};
    let delivered = exchange.deliver(&account.address, &mut quiet);
    let submitted = exchange.submit(account, &account.address, &mut quiet);
    let sent = usize::from(delivered.is_ok()) + usize::from(submitted.is_ok());
    let log = "mailprov apply; then see what Postfix says: journalctl -u 'postfix*'";
    let mut findings = vec![
        of(Finding::ok("A stranger's mail goes in at port 25", IN), delivered, log),
        of(Finding::ok("An account's mail goes in at port 465", SENT), submitted, log),
    ];
    if sent == 0 {
        return findings;
    }
    let readers: &[(Reader, &str)] = match (server.imap, server.pop3) {
        (true, true) => &[(Reader::Imap, "IMAP"), (Reader::Pop3, "POP3")],
        (true, false) => &[(Reader::Imap, "IMAP")],
        _ => &[(Reader::Pop3, "POP3")],
    };
    let mut late = false;
    for (by, name) in readers {
        let read = exchange.read(account, *by, sent, &|| false).map(drop);
        late = matches!(read, Err(Error::NotDelivered { .. }));
        findings.push(of(Finding::ok(format!("They come out by {name}"), OUT), read, QUEUE));
        if late {
            // Nor would it come by the other one.
            break;
        }
    }
    let removed = exchange.remove(account, readers[0].0);
    if late && removed.is_ok() {
        // What is still under way is not.
        return findings;
    }
    let remedy = format!("Delete the mails of mailprov.invalid from {} by hand.", account.address);
    findings.push(of(Finding::ok("They are deleted again", GONE), removed, &remedy));
    findings
}

fn of(finding: Finding, outcome: Result<()>, remedy: &str) -> Finding {
    match outcome {
        Ok(()) => finding,
        Err(error) => unanswered(finding, &error, remedy),
    }
}
