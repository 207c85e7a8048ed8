//! What `tests/try` shows: a fresh Debian 13, ten lines of `mail.yml`, one
//! command, and mail comes and goes. Seen with `--nocapture`, or where it fails.

use std::env;

use crate::support::{Debian, Imap, Smtp, SmtpReply, Suite, Tls, sha512_crypt, wait_for};

const PASSWORD: &str = "correct horse";

const MAIL_YML: &str = r#"hostname: mail.example.org
domains: [example.org, example.net]
accounts:
  thomas:
    password: "HASH"
    aliases: [info]
  anna:
    password: "HASH"
catch_all: thomas
tls: {self_signed: true}
"#;

#[test]
fn try_it() {
    say("A fresh Debian 13 boots in a box, with nothing on it that has to do with mail.\n");
    let debian = Debian::fresh(Suite::Trixie);
    let mail_yml = MAIL_YML.replace("HASH", &sha512_crypt(PASSWORD));
    say("What it is to be, in /etc/mailprov/mail.yml:\n");
    say(&indented(&mail_yml));
    let debian = debian.mail_yml(&mail_yml);
    show(&debian, &["apply", "--yes"]);
    show(&debian, &["plan", "--detailed-exitcode"]);

    say("A stranger's server has mail for anna, on port 25:");
    let mut stranger = Smtp::connect(debian.connect(25).unwrap()).unwrap();
    let starttls = stranger.ehlo().unwrap().iter().any(|keyword| keyword == "STARTTLS");
    assert!(starttls, "port 25 does not offer TLS");
    let tls = Tls::unverified("mail.example.org");
    said("STARTTLS", stranger.starttls(&tls).unwrap(), 220);
    let _ = stranger.ehlo().unwrap();
    send(&mut stranger, "stranger@elsewhere.example", "From a stranger");

    say("The same stranger would like mail for somebody else to go through here:");
    said("MAIL FROM:<a@elsewhere.example>", stranger.mail("a@elsewhere.example").unwrap(), 250);
    said("RCPT TO:<b@far.example>", stranger.rcpt("b@far.example").unwrap(), 554);
    let _ = stranger.quit();

    say("\nthomas sends from his mail program, on port 465, TLS from the first byte:");
    let mut thomas = Smtp::connect_tls(debian.connect(465).unwrap(), &tls).unwrap();
    let _ = thomas.ehlo().unwrap();
    said("AUTH PLAIN …", thomas.auth_plain("thomas", PASSWORD).unwrap(), 235);
    send(&mut thomas, "thomas@example.org", "From thomas");
    let _ = thomas.quit();

    say("anna reads her mail, by IMAP on port 993:");
    let mut anna = Imap::connect_tls(debian.connect(993).unwrap(), &tls).unwrap();
    anna.login("anna@example.net", PASSWORD).unwrap().ok().unwrap();
    let messages = wait_for("both mails in anna's inbox", || {
        anna.messages("INBOX").ok().filter(|messages| messages.len() == 2)
    });
    for subject in ["From a stranger", "From thomas"] {
        let wanted = format!("Subject: {subject}\r\n");
        let found = messages.iter().map(|bytes| String::from_utf8_lossy(bytes));
        let found = found.filter(|message| message.contains(&wanted)).collect::<Vec<_>>();
        assert_eq!(found.len(), 1, "{wanted}{messages:?}");
        say(&indented(&found[0].replace('\r', "")));
    }
    say("That was it. The box is thrown away now.");
}

/// Sends a mail to anna.
fn send(smtp: &mut Smtp, from: &str, subject: &str) {
    let to = "anna@example.org";
    said(&format!("MAIL FROM:<{from}>"), smtp.mail(from).unwrap(), 250);
    said(&format!("RCPT TO:<{to}>"), smtp.rcpt(to).unwrap(), 250);
    let message = format!("From: <{from}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n\r\nHello!\r\n");
    said("DATA …", smtp.data(message.as_bytes()).unwrap(), 250);
    say("");
}

/// Runs mailprov in the box, on the terminal of whoever watches.
#[track_caller]
fn show(debian: &Debian, arguments: &[&str]) {
    say(&format!("$ mailprov {}", arguments.join(" ")));
    let argv = [&["mailprov"], arguments].concat();
    if is_watched() {
        assert!(debian.run_on_terminal(&argv).success());
    } else {
        let output = debian.run(&argv).success();
        say(&output.stdout());
        say(&output.stderr());
    }
    say("");
}

/// Tells whether the harness leaves the terminal to the tests.
fn is_watched() -> bool {
    env::args().any(|argument| ["--nocapture", "--no-capture"].contains(&argument.as_str()))
}

/// Shows a command with its answer, which is to have this code.
#[track_caller]
fn said(command: &str, reply: SmtpReply, code: u16) {
    let answer = reply.expect_code(code);
    say(&format!("    {command:<42} {}", answer.to_string().replace('\n', " ")));
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

#[expect(clippy::print_stdout, reason = "this is what the test is for")]
fn say(text: &str) {
    println!("{text}");
}
