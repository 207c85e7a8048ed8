//! Finds the lines of an `/etc/aliases` that will be lost.

use super::{Loss, New, quoted, words};

/// The names that are aliases of root or postmaster on every Debian.
const ROLES: [&str; 2] = ["root", "postmaster"];

pub(super) fn losses(text: &str, new: &New<'_>) -> Vec<Loss> {
    let coming = entries(new.text("/etc/aliases"));
    let known = new.addresses();
    let domain = new.domains()[0];
    let mut losses = Vec::new();
    for (name, targets) in entries(text) {
        let same = coming.iter().any(|(other, to)| *other == name && *to == targets);
        let is_person = |target: &str| !ROLES.contains(&target);
        if same || !targets.split(", ").any(is_person) {
            continue;
        }
        let what = format!("Mail for `{name}` on this machine goes to {targets} (/etc/aliases)");
        if name == "root" {
            let first = targets.split(", ").next().unwrap_or_default();
            losses.push(Loss::new(what, format!("system_mail: {}", quoted(first))));
            continue;
        }
        let address = format!("{name}@{domain}");
        if known.contains(address.as_str()) || coming.iter().any(|(other, _)| *other == name) {
            continue;
        }
        let is_program =
            targets.contains('|') || targets.contains(":include:") || targets.contains('/');
        let keep = match is_program {
            true => {
                "mail.yml has no word for programs, files and lists; give it an account, and let \
                     a program read that by IMAP"
                    .to_owned()
            }
            false => format!("forwards: {{{address}: [{targets}]}}"),
        };
        losses.push(Loss::new(what, keep));
    }
    losses
}

/// Parses the aliases: names and targets (man 5 aliases).
fn entries(text: &str) -> Vec<(String, String)> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        match lines.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => last.push_str(line),
            _ => lines.push(line.to_owned()),
        }
    }
    let entry = |line: &String| {
        let (name, targets) = line.split_once(':')?;
        let targets = words(targets, &[',']);
        let name = name.trim().trim_matches('"').to_lowercase();
        (!targets.is_empty()).then(|| (name, targets.join(", ")))
    };
    lines.iter().filter_map(entry).collect()
}
