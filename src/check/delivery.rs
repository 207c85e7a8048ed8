//! Sends mail through each port, reads it over each protocol, and deletes it.

use crate::finding::{Finding, Rule, rules};
use crate::host::Host;
use crate::probe::{Error, ManageSieve, Result};
use crate::services::checking::{
    Account, Check, Here, PastFilters, Protocol, Reader, RoundTrip, SUBMITTED, Server, unanswered,
};
use crate::services::{RecordInputs, dkim};

pub(super) static CHECK: Check = Check {
    rule: Rule {
        id: "mail",
        title: "A mail there and back",
        reason: "This is what the server is for.",
    },
    rules: &[RULES, dkim::SIGNATURE],
    uses_ports: true,
    explains: false,
    here: Here::LoggedIn(|site, account| {
        let inputs = RecordInputs { spec: site.spec, host: Some(site.host) };
        Ok(there_and_back(&site.server, account, Some((site.host, inputs))))
    }),
    outside: Some(|outside| {
        let server = outside.server()?;
        let person = outside.person.as_ref().ok_or("needs a login: --login NAME")?;
        Ok(there_and_back(server, &person.account, None))
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

const FILTER: &str = "the filter of the account may have put them elsewhere";

/// Sends a mail over port 25 and one over port 465, reads and deletes both. On the
/// server's own host they go past the filter of the account, and the signature of
/// the second one is verified.
fn there_and_back(
    server: &Server,
    account: &Account,
    here: Option<(&Host, RecordInputs<'_>)>,
) -> Vec<Finding> {
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
    let filtered = here.filter(|_| server.speaks(Protocol::ManageSieve));
    let past_filters =
        filtered.and_then(|(host, _)| PastFilters::with(host, exchange.token()).ok());
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
    let signs = |inputs: &RecordInputs<'_>| inputs.spec.services.dkim.is_some();
    let mut signed = here.map(|(_, inputs)| inputs).filter(signs);
    for (by, name, port) in readers {
        let read = exchange.read(account, *by, sent, &|| false);
        if let (Ok(mails), Some(inputs)) = (&read, signed.take()) {
            let mail = mails.iter().find(|mail| mail.contains(SUBMITTED));
            findings.extend(mail.map(|mail| dkim::judge_signature(inputs, mail)));
        }
        let read = read.map(drop);
        late = matches!(read, Err(Error::NotDelivered { .. }));
        let out = Finding::about(&READ, name).on([*port]);
        findings.push(match read {
            Err(error) if late && past_filters.is_none() && has_filter(server, account) => {
                out.not_checked(format!("{error}; {FILTER}"), "Check on the host: mailprov check")
            }
            read => judged(out, read, QUEUE),
        });
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

/// Tells whether the account has a filter of its own.
fn has_filter(server: &Server, account: &Account) -> bool {
    let (ports, _) = server.ports();
    let scripts = || {
        let port = ports.into_iter().find(|it| it.protocol == Protocol::ManageSieve)?;
        let mut sieve = server.secure::<ManageSieve>(port, &server.tls().ok()?).ok()?;
        sieve.login(&account.login, &account.password).ok()?;
        sieve.list_scripts().ok()
    };
    scripts().is_some_and(|scripts| scripts.iter().any(|script| script.is_active))
}

fn judged(finding: Finding, outcome: Result<()>, remedy: &str) -> Finding {
    match outcome {
        Ok(()) => finding,
        Err(error) => unanswered(finding, &error, remedy),
    }
}
