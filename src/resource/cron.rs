//! `cron`: runs a program on a schedule, by an entry of its own in
//! `/etc/cron.d` (crontab(5)). cron passes its lines to a shell, so arguments
//! are quoted to reach the program as written.

use serde::{Deserialize, Serialize};

use super::attributes::{ABSENT, ARGV, is_true, name, section};
use super::command::argv;
use super::file::{File, reject_unknown_name};
use super::kind::Declaration;
use super::{Assets, Key, Overlay, Target};
use crate::host::Result;
use crate::yaml::{Decoder, KeySpec, Node, Section, ValueType};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cron {
    file: File,
    /// The user that runs the program; `None` where the entry is removed.
    user: Option<String>,
}

const FIELDS: Section = section(
    &[
        KeySpec::new("name", ValueType::Text, "The entry's name: letters, digits, `_` and `-`."),
        KeySpec::new(
            "schedule",
            ValueType::Text,
            "When it runs, as in crontab(5): minute, hour, day of the month, month, day of the \
             week; or `@daily` and the like.",
        ),
        KeySpec::new("argv", ARGV, "The program and its arguments. No shell changes them."),
        KeySpec::new("user", ValueType::Text, "The user it runs as.").or("`root`"),
        ABSENT,
    ],
    &["name"],
);

impl Declaration for Cron {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "cron",
        ValueType::Section(&FIELDS),
        "A program runs by a schedule of cron, whose package is another step.",
    )];

    fn decode(_: &str, node: &Node, _: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &FIELDS)?;
        let entry = fields.require("name", &node.span, decoder)?;
        let name = decoder.line(&entry.value)?;
        // cron ignores files with a dot in their name (cron(8)).
        let is_fine = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        if name.is_empty() || !name.chars().all(is_fine) {
            let help = "letters, digits, `_` and `-`; cron reads no file of another name";
            decoder.error(&entry.value.span, "this is not a name of an entry", help);
            return None;
        }
        let path = format!("/etc/cron.d/{name}").into();
        if is_true(&fields, "absent", decoder) {
            return Some(Self { file: File::absent(path), user: None });
        }
        let user = match fields.get("user") {
            Some(entry) => self::name(&entry.value, decoder)?,
            None => "root".into(),
        };
        let schedule = fields.require("schedule", &node.span, decoder);
        let schedule = schedule.and_then(|entry| schedule_of(&entry.value, decoder));
        let program = fields.require("argv", &node.span, decoder).and_then(|entry| {
            let argv = argv(&entry.value, decoder)?;
            if argv.iter().any(|word| word.contains(['\n', '\r'])) {
                let help = "put it into a script, and run that";
                decoder.error(&entry.value.span, "cron has no argument of several lines", help);
                return None;
            }
            Some(argv)
        });
        let words: Vec<_> = program?.iter().map(|word| quoted(word)).collect();
        let text = format!(
            "# Written by mailprov: changes are overwritten.\n{} {user} {}\n",
            schedule?,
            words.join(" ")
        );
        Some(Self { file: File::of_root(path, &text, 0o644), user: Some(user) })
    }

    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        if let Some(user) = &self.user {
            reject_unknown_name(overlay, "user", user, &Key::User(user.clone()))?;
        }
        self.file.targets(overlay)
    }

    fn key(&self) -> Option<Key> {
        self.file.key()
    }

    fn found_by(_: &str) -> Option<&'static [&'static str]> {
        Some(&["name"])
    }
}

/// The names of common schedules.
const NAMES: [&str; 8] =
    ["@reboot", "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// The fields of a schedule: name, lowest and highest number, and the names of
/// the numbers from the lowest on.
const PARTS: [(&str, u32, u32, &[&str]); 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of the month", 1, 31, &[]),
    (
        "month",
        1,
        12,
        &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    ),
    ("day of the week", 0, 7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

fn schedule_of(node: &Node, decoder: &mut Decoder) -> Option<String> {
    let text = decoder.line(node)?;
    if NAMES.contains(&text) {
        return Some(text.into());
    }
    let parts: Vec<_> = text.split_whitespace().collect();
    if parts.len() != PARTS.len() {
        let help = format!(
            "minute, hour, day of the month, month and day of the week, such as `17 3 * * *`; or \
             one of {}",
            NAMES.join(", ")
        );
        decoder.error(&node.span, "a schedule of cron has five parts", &help);
        return None;
    }
    for (part, (what, first, last, names)) in parts.iter().zip(PARTS) {
        if !part.split(',').all(|item| is_item(item, first, last, names)) {
            let help = format!("`*`, numbers from {first} to {last}, or ranges, such as `*/5`");
            decoder.error(&node.span, format!("`{part}` does not fit as the {what}"), &help);
            return None;
        }
    }
    Some(parts.join(" "))
}

/// Returns whether this is a number, name, range or star, with or without a
/// step.
fn is_item(item: &str, first: u32, last: u32, names: &[&str]) -> bool {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (item, None),
    };
    let number = |text: &str| match names.iter().position(|name| text.eq_ignore_ascii_case(name)) {
        Some(index) => Some(first + u32::try_from(index).ok()?),
        None if text.chars().all(|c| c.is_ascii_digit()) => text.parse().ok(),
        None => None,
    };
    let is_in = |number: &u32| (first..=last).contains(number);
    let is_range = range == "*"
        || match range.split_once('-') {
            Some((from, to)) => match (number(from).filter(is_in), number(to).filter(is_in)) {
                (Some(from), Some(to)) => from <= to,
                _ => false,
            },
            None => step.is_none() && number(range).is_some_and(|number| is_in(&number)),
        };
    let is_step = |step: &str| {
        step.chars().all(|c| c.is_ascii_digit()) && step.parse().is_ok_and(|it: u32| it > 0)
    };
    is_range && step.is_none_or(is_step)
}

/// Quotes an argument for the shell, and for cron, which ends the line at a
/// percent sign without a backslash.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:,+@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', "'\\''").replace('%', "''\\%''"))
}

#[cfg(test)]
mod tests {
    use super::{PARTS, is_item, quoted};

    #[test]
    fn a_part_of_a_schedule_is_judged_as_cron_does() {
        let is_fine = |part: usize, item: &str| {
            let (_, first, last, names) = PARTS[part];
            is_item(item, first, last, names)
        };
        for (part, item) in [
            (0, "*"),
            (0, "*/5"),
            (0, "0"),
            (0, "59"),
            (1, "8-18/2"),
            (2, "31"),
            (3, "Jan"),
            (3, "jan-mar"),
            (4, "7"),
            (4, "sat"),
        ] {
            assert!(is_fine(part, item), "{part} {item}");
        }
        for (part, item) in [
            (0, "60"),
            (0, ""),
            (0, "-1"),
            (0, "*/0"),
            (0, "5/2"),
            (0, "+5"),
            (1, "24"),
            (1, "18-8"),
            (2, "0"),
            (3, "13"),
            (4, "8"),
            (4, "someday"),
        ] {
            assert!(!is_fine(part, item), "{part} {item}");
        }
    }

    #[test]
    fn the_shell_gets_the_arguments_as_they_are_written() {
        for word in ["", "a b", "it's", "$HOME", "100%", "`id`", "\\%", "a'%'b", "--plain=/x"] {
            // A percent sign after a backslash stands for itself, in quotes too (cron(8)).
            let mut line = String::new();
            let mut escaped = false;
            for c in quoted(word).chars() {
                assert!(c != '%' || escaped, "{word}: the line ends at a percent sign");
                if escaped && c == '%' {
                    line.pop();
                }
                line.push(c);
                escaped = !escaped && c == '\\';
            }
            let script = format!("printf %s {line}");
            let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word, "{line}");
        }
    }
}
