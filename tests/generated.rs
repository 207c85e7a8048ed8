//! What is generated from the program's own sources: completions, manual
//! pages, the picture. Needs no box.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use clap::CommandFactory;
use mailprov::cli::Cli;
use mailprov::explain::{File, svg, ways};

fn run(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mailprov")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names of all commands, those within others joined by `-`.
fn commands(command: &clap::Command, name: &str, found: &mut BTreeSet<String>) {
    found.insert(name.to_owned());
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        commands(inner, &format!("{name}-{}", inner.get_name()), found);
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man/man1");
    run(&["man", "--dir", pages.to_str().unwrap()]);
    let mut wanted = BTreeSet::new();
    commands(&Cli::command(), "mailprov", &mut wanted);
    let found: BTreeSet<String> = fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.strip_suffix(".1").unwrap().to_owned())
        .collect();
    assert_eq!(found, wanted);
    assert!(wanted.len() > 15 && wanted.contains("mailprov-account-add"));
    for name in found {
        let page = fs::read_to_string(pages.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS") && page.contains(".TH "), "{name}: {page}");
    }
    assert!(run(&["man"]).contains("Exit codes:"));
}

#[test]
fn bash_completes_commands_and_options() {
    let script = run(&["completions", "bash"]);
    let complete = |words: &str, index: usize| {
        let question = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD={index}; _mailprov mailprov \
             \"${{COMP_WORDS[$COMP_CWORD]}}\" \"\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
        );
        let mut bash = Command::new("bash")
            .args(["--norc", "-s"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        bash.stdin.take().unwrap().write_all(question.as_bytes()).unwrap();
        let output = bash.wait_with_output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete("mailprov acc", 1), ["account"]);
    assert_eq!(complete("mailprov account pas", 2), ["passwd"]);
    assert!(script.contains("-W \"configuration ports tls login"), "{script}");
    assert_eq!(
        complete("mailprov account add --password", 3),
        ["--password-file", "--password-stdin"]
    );
    for (shell, words) in [("zsh", "#compdef mailprov"), ("fish", "complete -c mailprov")] {
        assert!(run(&["completions", shell]).contains(words), "{shell}");
    }
}

fn file(path: &str, text: &str) -> File {
    File { path: path.into(), step: "a step".into(), text: text.into() }
}

/// As little as two servers can be told by.
fn files(protocols: &str, more: &str) -> Vec<File> {
    vec![
        file(
            "/etc/postfix/main.cf",
            &format!(
                "virtual_alias_maps = hash:/etc/postfix/virtual\n\
                 virtual_transport = lmtp:unix:private/it\nsmtpd_sasl_path = private/auth\n{more}"
            ),
        ),
        file(
            "/etc/postfix/master.cf",
            "smtp inet n - y - - smtpd\nsubmissions inet n - y - - smtpd\n",
        ),
        file("/etc/dovecot/dovecot.conf", &format!("protocols = {protocols}\n")),
    ]
}

#[test]
fn only_what_the_files_say_is_on_the_ways() {
    let names = |files: &[File]| -> Vec<String> {
        let ways = ways(files, "/mail");
        ways.into_iter().flat_map(|way| way.stops).map(|stop| stop.name).collect()
    };
    let found = names(&files("imap lmtp", ""));
    for name in ["port 25", "port 465", "port 993, 143", "/var/spool/postfix/private/it", "/mail"] {
        assert!(found.iter().any(|it| it == name), "{name}: {found:?}");
    }
    assert!(!found.iter().any(|it| it.contains("995") || it.contains("pickup")), "{found:?}");
    let found = names(&files("pop3 lmtp", "relayhost = [relay.example]:587\n"));
    assert!(found.contains(&"[relay.example]:587".to_owned()), "{found:?}");
    assert!(found.contains(&"port 995, 110".to_owned()), "{found:?}");
    assert!(!found.contains(&"port 25 of other servers".to_owned()), "{found:?}");
    assert_eq!(names(&[]), Vec::<String>::new());
}

#[test]
fn the_picture_is_xml_and_shows_every_stop() {
    let ways = ways(&files("imap pop3 lmtp", ""), "/var/vmail/NAME/Maildir");
    let picture = svg("mail & <more>", &ways);
    assert!(picture.contains("mail &amp; &lt;more&gt;"));
    for stop in ways.iter().flat_map(|way| &way.stops) {
        assert!(picture.contains(&format!(">{}</text>", stop.name)), "{}", stop.name);
    }
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", "import sys, xml.dom.minidom as xml; xml.parse(sys.stdin.buffer)"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("python3 (see tests/packages.sh)");
    python.stdin.take().unwrap().write_all(picture.as_bytes()).unwrap();
    assert!(python.wait().unwrap().success());
}
