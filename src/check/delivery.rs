//! Sends mail through each port, reads it over each protocol, and deletes it.

use crate::finding::{Finding, Rule, rules};
use crate::probe::{Error, Result};
use crate::services::checking::{
    Account, Check, Here, Protocol, Reader, RoundTrip, Server, unanswered,
};

pub(super) static CHECK: Check = Check {
    rule: Rule {
        id: "mail",
        title: "A mail there and back",
        reason: "This is what the server is for.",
    },
    rules: &[RULES],
    uses_ports: true,
    explains: false,
    here: Here::LoggedIn(|site, account| Ok(there_and_back(&site.server, account))),
    outside: Some(|outside| {
        let server = outside.server()?;
        let person = outside.person.as_ref().ok_or("needs a login: --login NAME")?;
        Ok(there_and_back(server, &person.account))
    }),
    quick: None,
};

rules! {
    RECEIVED = "mail.received", "A test mail by port 25",
        "This is how mail from other servers arrives.";
    SENT = "mail.sent", "A test mail by port 465", "This is how mail programs send.";
    READ = "mail.read", "Reading the test mails by {}", "This is how mail programs read.";
    DELETED = "mail.deleted", "Deleting the test mails",
        "Test mails must not pile up in a person's mailbox.";
}

const QUEUE: &str = "See where it waits: mailq; and why: journalctl -u 'postfix*' -u dovecot";

/// Sends a mail over port 25 and one over port 465, reads and deletes both.
fn there_and_back(server: &Server, account: &Account) -> Vec<Finding> {
    let exchange = match RoundTrip::with(server) {
        Ok(exchange) => exchange,
        Err(error) => return vec![judged(Finding::of(&CHECK.rule), Err(error), QUEUE)],
    };
    let readers: &[(Reader, &str, u16)] =
        match (server.speaks(Protocol::Imap), server.speaks(Protocol::Pop3)) {
            (true, true) => &[(Reader::Imap, "IMAP", 993), (Reader::Pop3, "POP3", 995)],
            (true, false) => &[(Reader::Imap, "IMAP", 993)],
            _ => &[(Reader::Pop3, "POP3", 995)],
        };
    // No mail is sent that could not be read back and deleted.
    let (first, name, port) = readers[0];
    if let Err(error) = exchange.knock(port) {
        let door = |rule, port| {
            let finding = Finding::of(rule).on([port]);
            match exchange.knock(port) {
                Ok(()) => finding
                    .not_checked(
                        "no test mail was sent, as it could not be read back and deleted",
                        QUEUE,
                    )
                    .on([readers[0].2]),
                Err(error) => unanswered(finding, &error, QUEUE),
            }
        };
        let out = Finding::about(&READ, name).on([port]);
        return vec![door(&RECEIVED, 25), door(&SENT, 465), unanswered(out, &error, QUEUE)];
    }
    let mut quiet = |_: &str, _: &str| {};
    let delivered = exchange.deliver(&account.address, &mut quiet);
    let submitted = exchange.submit(account, &account.address, &mut quiet);
    let sent = usize::from(delivered.is_ok()) + usize::from(submitted.is_ok());
    let log = "Run mailprov apply, then see what Postfix says: journalctl -u 'postfix*'";
    let mut findings = vec![
        judged(Finding::of(&RECEIVED).on([25]), delivered, log),
        judged(Finding::of(&SENT).on([465]), submitted, log),
    ];
    if sent == 0 {
        return findings;
    }
    let mut late = false;
    for (by, name, port) in readers {
        let read = exchange.read(account, *by, sent, &|| false).map(drop);
        late = matches!(read, Err(Error::NotDelivered { .. }));
        let out = Finding::about(&READ, name).on([*port]);
        findings.push(judged(out, read, QUEUE));
        if late {
            // The other reader would not find it either.
            break;
        }
    }
    let removed = exchange.remove(account, first);
    if late && removed.is_ok() {
        // A mail that is still on its way cannot be deleted.
        return findings;
    }
    let remedy = format!("Delete the mails of mailprov.invalid from {} by hand.", account.address);
    findings.push(judged(Finding::of(&DELETED).on([port]), removed, &remedy));
    findings
}

fn judged(finding: Finding, outcome: Result<()>, remedy: &str) -> Finding {
    match outcome {
        Ok(()) => finding,
        Err(error) => unanswered(finding, &error, remedy),
    }
}
