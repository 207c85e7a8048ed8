//! The command lines that mailprov tells people to run next: each works as it is
//! printed.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{CommandFactory, Parser};
use mailprov::cli::{Apply, Cli, Command as Cmd};
use mailprov::reach::{Reach, as_path};

/// Reads a line as a shell does.
fn words(line: &str) -> Vec<String> {
    let script = format!("printf '%s\\0' {line}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.strip_suffix('\0').unwrap().split('\0').map(Into::into).collect()
}

fn parsed(line: &str) -> Cli {
    Cli::try_parse_from(words(line)).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// Paths and options that a shell or a parser could misread.
const ODD: [&str; 6] = ["plain", "my key", "o'brien;$(id)", "-dash", "~/x*", "a\"b\\c`d`"];

#[test]
fn a_command_line_means_what_was_given() {
    let every = |odd: &str| Reach {
        on: vec!["root@192.0.2.1:2222".into(), "me@[2001:db8::1]".into()],
        sudo: true,
        identity: Some(odd.into()),
        options: vec![format!("ProxyCommand={odd}"), odd.into()],
        playbook: Some(odd.into()),
        root: None,
    };
    let reaches = ODD.iter().flat_map(|odd| {
        let all = every(odd);
        [
            all.clone(),
            Reach { root: Some((*odd).into()), ..Reach::default() },
            Reach { sudo: false, options: Vec::new(), ..all.clone() },
            Reach { identity: None, playbook: None, ..all },
        ]
    });
    for reach in reaches {
        for odd in ODD {
            let path = as_path(odd);
            for command in [
                &["plan"][..],
                &["apply", &path],
                &["apply", &path, "--plan", &path],
                &["check"],
                &["history"],
                &["account", "list", "--mail", &path],
                &["account", "passwd", "o'brien", "--mail", &path],
                &["alias", "remove", "a&b@example.org"],
                &["plan", "--out", "FILE"],
            ] {
                let cli = parsed(&reach.command(command));
                assert_eq!(cli.global.reach(), reach);
                if let Cmd::Apply(Apply { mail, plan, .. }) = cli.command {
                    assert_eq!(mail.mail, Some(PathBuf::from(&path)));
                    assert!(plan.is_none_or(|plan| plan == Path::new(&path)));
                }
            }
            let cli = parsed(&reach.bootstrap("debian@192.0.2.1:22", Some(odd), true));
            assert_eq!(cli.global.reach(), Reach { on: Vec::new(), sudo: true, ..reach.clone() });
            let Cmd::Bootstrap(bootstrap) = cli.command else { panic!() };
            assert_eq!(bootstrap.mail.mail, Some(PathBuf::from(&path)));
            let cli = parsed(&reach.from_here().command(&["check", &path, "--from-here"]));
            assert!(cli.global.ssh.on.is_empty());
        }
    }
}

/// Finds the command lines that stand in texts: what follows `mailprov `, up to
/// the first sign that belongs to none.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let code: Vec<_> = code.lines().filter(|line| !line.trim_start().starts_with("//!")).collect();
    let code = code.join("\n").replace("\\\n", "");
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_./@,=".contains(c);
    let found = code.match_indices("mailprov ").map(|(at, mark)| {
        let rest = &code[at + mark.len()..];
        let words = rest.split(' ').filter(|word| !word.is_empty());
        words
            .map(|word| word.trim_end_matches('.'))
            .take_while(|word| word.chars().all(is_part))
            .map(Into::into)
            .collect()
    });
    found.filter(|words: &Vec<String>| !words.is_empty()).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_option_in_a_text_is_one_of_its_command() {
    let cli = Cli::command();
    let global: Vec<_> = cli.get_arguments().filter_map(|it| it.get_long()).collect();
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut seen = 0;
    let mut wrong = Vec::new();
    for file in files {
        for line in command_lines(&fs::read_to_string(&file).unwrap()) {
            let Some(mut command) = cli.find_subcommand(&line[0]) else { continue };
            let mut rest = &line[1..];
            if let Some(inner) = rest.first().and_then(|name| command.find_subcommand(name)) {
                (command, rest) = (inner, &rest[1..]);
            }
            let own: Vec<_> = command.get_arguments().filter_map(|it| it.get_long()).collect();
            for option in rest.iter().filter_map(|word| word.strip_prefix("--")) {
                let option = option.split('=').next().unwrap();
                seen += 1;
                if !option.is_empty() && !own.contains(&option) && !global.contains(&option) {
                    wrong.push(format!("{}: {}", file.display(), line.join(" ")));
                }
            }
        }
    }
    assert!(seen > 2, "only {seen} options were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
