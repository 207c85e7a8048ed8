//! Checks whether people can change their passwords: at the socket behind all pages, and at
//! the one behind the page without a webmail.

use std::path::Path;

use super::page::SOCKET;
use crate::finding::{Finding, Rule, rules};
use crate::probe;
use crate::services::checking::{Check, Here};

pub(super) static CHECKS: &[&Check] = &[&CHECK];

static CHECK: Check = Check::on_the_host(
    Rule {
        id: "self-service",
        title: "Password changes",
        reason: "People change a password that others know, if they can.",
    },
    &[RULES],
    Here::Alone(|site| Ok(if site.spec.services.self_service { sockets() } else { Vec::new() })),
);

rules! {
    CHANGES = "self-service.changes", "Password changes by people",
        "Without it, only the administrator changes passwords.";
    PAGE = "self-service.page", "The page for passwords",
        "People without a webmail change their password there.";
}

/// Where the web server asks for the page.
const PAGE_SOCKET: &str = "/run/mailprov-password-page.sock";

/// A question at a socket, and how the answer begins.
type Question = (&'static Rule, &'static str, &'static str, &'static str);

const QUESTIONS: [Question; 2] = [
    (&CHANGES, SOCKET, "quit\n", "200 "),
    (&PAGE, PAGE_SOCKET, "HEAD /password HTTP/1.0\r\n\r\n", "HTTP/1.1 200 "),
];

const REMEDY: &str = "Have mailprov in /usr/local/bin or /usr/bin, and run mailprov apply. See: \
                      journalctl -u 'mailprov-password*'";

fn sockets() -> Vec<Finding> {
    let ask = |(rule, socket, question, wanted): Question| {
        let finding = Finding::of(rule);
        match probe::ask(Path::new(socket), question) {
            Ok(answer) if answer.starts_with(wanted) => finding,
            Ok(answer) => finding.wrong(format!("{socket} says `{answer}`"), REMEDY),
            Err(error) => finding.wrong(format!("{socket}: {error}"), REMEDY),
        }
    };
    QUESTIONS.map(ask).into()
}
