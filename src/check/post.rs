//! A mail there and back: in by each door, out by each protocol, and deleted.

use super::{Account, Reader, RoundTrip, Server, unanswered};
use crate::finding::Finding;
use crate::probe::{Error, Result};

const IN: &str = "This is how mail from the world arrives.";
const SENT: &str = "This is how people send.";
const OUT: &str = "This is how people read.";
const GONE: &str = "What a check sends must not pile up in somebody's mailbox.";

const BY_25: &str = "A stranger's mail goes in at port 25";
const BY_465: &str = "An account's mail goes in at port 465";

const QUEUE: &str = "See where it waits: mailq; and why: journalctl -u 'postfix*' -u dovecot";

/// Sends a mail by port 25 and one by port 465, reads both and deletes them.
pub fn post(server: &Server, account: &Account) -> Vec<Finding> {
    let exchange = match RoundTrip::with(server) {
        Ok(exchange) => exchange,
        Err(error) => return vec![of(Finding::ok("A mail there and back", IN), Err(error), QUEUE)],
    };
    let readers: &[(Reader, &str, u16)] = match (server.imap, server.pop3) {
        (true, true) => &[(Reader::Imap, "IMAP", 993), (Reader::Pop3, "POP3", 995)],
        (true, false) => &[(Reader::Imap, "IMAP", 993)],
        _ => &[(Reader::Pop3, "POP3", 995)],
    };
    // A mail that cannot be read back and deleted is not sent.
    let (first, name, port) = readers[0];
    if let Err(error) = exchange.knock(port) {
        let door = |what: &str, why, port| {
            let finding = Finding::ok(what, why).on([port]);
            match exchange.knock(port) {
                Ok(()) => finding
                    .not_checked("no mail is sent that could not be read back and deleted", QUEUE)
                    .on([readers[0].2]),
                Err(error) => unanswered(finding, &error, QUEUE),
            }
        };
        let out = Finding::ok(format!("They come out by {name}"), OUT).on([port]);
        return vec![door(BY_25, IN, 25), door(BY_465, SENT, 465), unanswered(out, &error, QUEUE)];
    }
    let mut quiet = |_: &str, _: &str| {};
    let delivered = exchange.deliver(&account.address, &mut quiet);
    let submitted = exchange.submit(account, &account.address, &mut quiet);
    let sent = usize::from(delivered.is_ok()) + usize::from(submitted.is_ok());
    let log = "mailprov apply; then see what Postfix says: journalctl -u 'postfix*'";
    let mut findings = vec![
        of(Finding::ok(BY_25, IN).on([25]), delivered, log),
        of(Finding::ok(BY_465, SENT).on([465]), submitted, log),
    ];
    if sent == 0 {
        return findings;
    }
    let mut late = false;
    for (by, name, port) in readers {
        let read = exchange.read(account, *by, sent, &|| false).map(drop);
        late = matches!(read, Err(Error::NotDelivered { .. }));
        let out = Finding::ok(format!("They come out by {name}"), OUT).on([*port]);
        findings.push(of(out, read, QUEUE));
        if late {
            // Nor would it come by the other one.
            break;
        }
    }
    let removed = exchange.remove(account, first);
    if late && removed.is_ok() {
        // What is still under way is not.
        return findings;
    }
    let remedy = format!("Delete the mails of mailprov.invalid from {} by hand.", account.address);
    let gone = Finding::ok("They are deleted again", GONE).on([port]);
    findings.push(of(gone, removed, &remedy));
    findings
}

fn of(finding: Finding, outcome: Result<()>, remedy: &str) -> Finding {
    match outcome {
        Ok(()) => finding,
        Err(error) => unanswered(finding, &error, remedy),
    }
}
