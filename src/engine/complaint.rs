//! Redacts the output of a checker. A checker runs as root and may quote files
//! that only root may read, so only words that occur in the staged files, or
//! that checkers themselves use, are shown.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::host::Content;

/// A file in the stage.
#[derive(Debug, Clone)]
pub(super) struct Staged {
    /// The path that it is staged for.
    pub(super) path: PathBuf,
    pub(super) content: Content,
    pub(super) is_secret: bool,
}

impl Staged {
    pub(super) fn new(path: &Path, content: &Content, is_secret: bool) -> Self {
        Self { path: path.to_owned(), content: content.clone(), is_secret }
    }
}

/// Stands for a hidden word.
const HIDDEN: &str = "…";

/// Shorter words of a secret file occur in any text, and are not hidden.
const SHORTEST: usize = 4;

/// The words of Postfix's and Dovecot's own messages.
const WORDS: &str = "a add allowed already an and any are argument as at attribute bad be because \
    before begin block boolean but by can cannot certificate character characters command config \
    configuration conflicting could couldn't created database days default denied deprecated \
    description did directory disabled does doesn't domain don't doveconf dovecot duplicate empty \
    enabled end entry equal error errors etc exist expand expected expecting expects extra failed \
    fatal field file files filter first for found from garbage given global greater group have \
    host hours id if ignoring in include included inet inside integer into invalid ip is isn't it \
    key keyword known last least leave length less line list listener lookup main.cf mask \
    master.cf max maximum message min minimum minutes missing mode more multiple must name named \
    names near negative nested net network no node non-numeric not nothing number numeric obsolete \
    of on one only open or out output overriding panic parameter parse parser passdb path pattern \
    permission plugin port postconf postfix postmap prefix private process protocol protocols \
    pseudo range read reading recipient remove removed renamed replace replaced required root \
    second seconds section see sender server service services set setting settings should size \
    socket specified ssl start statement string such suffix support supported symbol syntax table \
    text than that the there this time to token too top-level transport trying twice type unable \
    undefined unexpected unit unix unknown unrecognized unsupported unterminated unused use used \
    user userdb uses using valid value values var variable version warning was weeks when with \
    without wrong you";

/// Returns the redacted output of a checker, line by line, each with the line
/// of the file that it is about.
pub(super) fn shown(said: &str, files: &[Staged], command: &[String], strict: bool) -> String {
    let open: Vec<&Staged> = files.iter().filter(|file| !file.is_secret).collect();
    let known = strict.then(|| known(&open, files, command));
    let line = |line: &str| {
        let words = match &known {
            Some(known) => only(line, known),
            None => without_secrets(line, files),
        };
        format!("    {words}{}", source(line, &open).unwrap_or_default())
    };
    said.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Collects the words that may be shown.
fn known(open: &[&Staged], files: &[Staged], command: &[String]) -> HashSet<String> {
    let texts = open.iter().map(|file| String::from_utf8_lossy(file.content.bytes()).into_owned());
    let paths = files.iter().map(|file| file.path.display().to_string());
    let all = texts.chain(paths).chain(command.iter().cloned()).chain([WORDS.to_owned()]);
    all.flat_map(|text| pieces(&text).map(|(_, word)| word.to_lowercase()).collect::<Vec<_>>())
        .collect()
}

/// Reduces a line to known words and the number after `line`.
fn only(line: &str, known: &HashSet<String>) -> String {
    let (mut text, mut at, mut before) = (String::new(), 0, String::new());
    for (start, word) in pieces(line) {
        let lower = word.to_lowercase();
        let is_place = before == "line" && word.bytes().all(|b| b.is_ascii_digit());
        // The full stop at the end of a sentence may also belong to a path.
        let is_known = known.contains(&lower) || known.contains(lower.trim_end_matches('.'));
        text += &line[at..start];
        text += if is_known || is_place { word } else { HIDDEN };
        at = start + word.len();
        before = lower;
    }
    text + &line[at..]
}

/// Hides the words of a line that occur in secret files only.
fn without_secrets(line: &str, files: &[Staged]) -> String {
    let (secret, open): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.is_secret);
    let is_in = |files: &[&Staged], word: &str| {
        files.iter().any(|file| String::from_utf8_lossy(file.content.bytes()).contains(word))
    };
    let (mut text, mut at) = (String::new(), 0);
    for (start, word) in pieces(line) {
        let hidden = word.len() >= SHORTEST && is_in(&secret, word) && !is_in(&open, word);
        text += &line[at..start];
        text += if hidden { HIDDEN } else { word };
        at = start + word.len();
    }
    text + &line[at..]
}

/// Splits a text into words and separators, each word with its offset.
fn pieces(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_of_word = |c: char| c.is_alphanumeric() || "_.-/'".contains(c);
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(is_of_word)?;
        let word = &rest[start..];
        let word = &word[..word.find(|c| !is_of_word(c)).unwrap_or(word.len())];
        let at = text.len() - rest.len() + start;
        rest = &rest[start + word.len()..];
        Some((at, word))
    })
}

/// Returns the line of a file that a complaint is about, unless the file is
/// secret. The stage is removed, so the user could not look it up.
fn source(complaint: &str, open: &[&Staged]) -> Option<String> {
    let found = open.iter().find_map(|file| {
        let (_, rest) = complaint.split_once(&*file.path.to_string_lossy())?;
        let (_, rest) = rest.split_once("line ")?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        let number = digits.parse::<usize>().ok()?.checked_sub(1)?;
        let text = String::from_utf8_lossy(file.content.bytes()).into_owned();
        text.lines().nth(number).map(|line| line.trim().to_owned())
    })?;
    Some(format!("\n    that line is: {found}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::host::Content;

    fn files() -> Vec<Staged> {
        let staged = |path: &str, text: &str, is_secret| {
            Staged::new(Path::new(path), &Content::new(text.as_bytes()), is_secret)
        };
        vec![
            staged("/etc/dovecot/dovecot.conf", "protocols = imap\nnonsense = yes\n", false),
            staged("/etc/dovecot/users", "anna:{PLAIN}hunter2secret:1\n", true),
            staged("/etc/ssl/private/x.key", "-----BEGIN\nMIIabcdef/ghi+jkl\n", true),
        ]
    }

    #[test]
    fn a_complaint_shows_setting_file_and_line_and_nothing_that_it_quotes() {
        let said = "doveconf: Fatal: Error in configuration file /etc/dovecot/dovecot.conf line 2: \
                    Unknown setting: nonsense\n\
                    doveconf: Error: protocols: Unknown protocol: root:$6$Xy.z/Q:19000:0:99999\n\
                    /etc/dovecot/users line 1: anna:{PLAIN}hunter2secret: MIIabcdef/ghi+jkl tops3cret";
        let text = shown(said, &files(), &["doveconf".into(), "-n".into()], true);
        for word in [
            "dovecot.conf line 2: Unknown setting: nonsense",
            "that line is: nonsense = yes",
            "protocols: Unknown protocol: root:",
        ] {
            assert!(text.contains(word), "{word}: {text}");
        }
        for word in ["Xy", "19000", "anna", "hunter2", "MII", "jkl", "tops3cret"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }

    #[test]
    fn a_checker_of_a_persons_own_is_quoted_but_for_secrets() {
        let said = "nginx: [emerg] unknown directive \"zap\" in /etc/nginx/x:3 hunter2secret";
        let text = shown(said, &files(), &[], false);
        assert_eq!(text.trim(), said.replace("hunter2secret", HIDDEN));
    }
}
