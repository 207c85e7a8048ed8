//! Wraps prose to the width of a terminal.

use unicode_width::UnicodeWidthStr;

/// The maximum width; longer lines are hard to read.
const WIDEST: usize = 100;

/// The minimum width; narrower terminals are not wrapped to.
const NARROWEST: usize = 20;

/// The programs in suggested command lines.
const PROGRAMS: [&str; 22] = [
    "apt",
    "apt-get",
    "certbot",
    "chmod",
    "chown",
    "df",
    "doveadm",
    "dpkg",
    "journalctl",
    "ls",
    "mailprov",
    "mount",
    "mv",
    "openssl",
    "postfix",
    "postqueue",
    "postsuper",
    "ssh",
    "ssh-copy-id",
    "ssh-keygen",
    "sudo",
    "systemctl",
];

/// The marks of list items.
const MARKS: [&str; 8] = ["+", "-", "~", "!", "?", "✓", "✗", "…"];

/// Breaks the lines of a text that are wider than `width` between words, or
/// none if the width is unknown, as in a file. Continuation lines are indented
/// like the beginning of their line, after the mark of a list item. Text that
/// people copy is not broken: a word, text in backquotes, and a command line
/// after a colon or in brackets.
pub(crate) fn wrap(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return text.to_owned() };
    let width = width.clamp(NARROWEST, WIDEST);
    let lines: Vec<String> = text.split('\n').map(|line| wrap_line(line, width)).collect();
    lines.join("\n")
}

/// Wraps `text` after `start`; continuation lines are indented to its beginning.
pub(crate) fn behind(start: &str, text: &str, width: Option<usize>) -> String {
    let indent = self::width(start);
    let room = width.and_then(|width| width.checked_sub(indent)).filter(|it| *it >= NARROWEST);
    let below = format!("\n{}", " ".repeat(indent));
    format!("{start}{}", wrap(text, room).replace('\n', &below))
}

/// Returns the columns that a text takes, without styles.
pub(crate) fn width(text: &str) -> usize {
    plain(text).width()
}

fn wrap_line(line: &str, width: usize) -> String {
    if self::width(line) <= width {
        return line.to_owned();
    }
    let body = line.trim_start_matches(' ');
    let mut indent = line.len() - body.len();
    let pieces = pieces(body, indent > 0);
    if pieces.first().is_some_and(|first| MARKS.contains(&plain(first).as_str())) {
        indent += 2;
    }
    let mut text = " ".repeat(line.len() - body.len());
    let mut column = text.len();
    let mut is_first = true;
    for piece in pieces {
        let wide = self::width(piece);
        if !is_first && column + 1 + wide > width {
            text.push('\n');
            text.push_str(&" ".repeat(indent));
            column = indent;
        } else if !is_first {
            text.push(' ');
            column += 1;
        }
        text.push_str(piece);
        column += wide;
        is_first = false;
    }
    text
}

/// Splits a line into pieces that must not be broken.
fn pieces(line: &str, is_indented: bool) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = line;
    // An indented line may be a command line.
    let mut last = if is_indented { ":" } else { "" };
    while !rest.is_empty() {
        let (piece, more) = rest.split_at(end_of_piece(rest, last));
        pieces.push(piece);
        last = piece;
        rest = more.strip_prefix(' ').unwrap_or(more);
    }
    pieces
}

/// Returns the end of the first piece of `text`; `last` is the piece before.
fn end_of_piece(text: &str, last: &str) -> usize {
    let end_of_word = |from: usize| text[from..].find(' ').map_or(text.len(), |at| from + at);
    let word = &text[..end_of_word(0)];
    let bare = plain(word);
    let is_in_brackets = bare.starts_with('(');
    if PROGRAMS.contains(&bare.trim_start_matches('(')) {
        if is_in_brackets {
            return end_of_word(text.find(')').unwrap_or(text.len()));
        }
        if plain(last).ends_with(':') {
            return text.len();
        }
    }
    let opened = text.find('`').filter(|_| word.matches('`').count() % 2 == 1);
    let closed = opened.and_then(|at| Some(at + 1 + text[at + 1..].find('`')?));
    end_of_word(closed.unwrap_or_default())
}

/// Removes the styles (SGR) from a text.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        wrap(text, Some(30))
    }

    #[test]
    fn lines_break_between_words_and_hang_by_their_indentation() {
        assert_eq!(wrap(&"word ".repeat(40), None).lines().count(), 1);
        insta::assert_snapshot!(shown("The quick brown fox jumps over the lazy dog.\n\nNext."), @r"
        The quick brown fox jumps over
        the lazy dog.

        Next.
        ");
        insta::assert_snapshot!(shown(".\n  - one account removed: its mail stays\n      why it is so, in a few words\n"), @r"
        .
          - one account removed: its
            mail stays
              why it is so, in a few
              words
        ");
        // A word that is wider than the terminal is not broken.
        let path = "/etc/letsencrypt/live/mail.example.org/fullchain.pem";
        assert_eq!(shown(&format!("See {path} there.")), format!("See\n{path}\nthere."));
    }

    #[test]
    fn the_last_column_of_a_list_is_wrapped_within_itself() {
        insta::assert_snapshot!(behind("  + user:vmail  ", "uid 5000; group vmail, home /var", Some(36)), @r"
          + user:vmail  uid 5000; group
                        vmail, home /var
        ");
        // There is no room for a column.
        assert_eq!(
            behind("  + user:vmail  ", "uid 5000; group", Some(20)),
            "  + user:vmail  uid 5000; group"
        );
    }

    #[test]
    fn commands_to_copy_stay_whole() {
        insta::assert_snapshot!(shown("The server does not know yet. As root: mailprov apply --plan /root/plan\n(Look first: mailprov plan /root/mail.yml --on root@host)"), @r"
        The server does not know yet.
        As root:
        mailprov apply --plan /root/plan
        (Look first:
        mailprov plan /root/mail.yml --on root@host)
        ");
        insta::assert_snapshot!(shown("Read the plan (mailprov plan --on root@host), then pass `--yes and more`, say."), @r"
        Read the plan
        (mailprov plan --on root@host),
        then pass `--yes and more`,
        say.
        ");
        insta::assert_snapshot!(shown("mailprov is not there yet, and a ` quote is open to the end"), @r"
        mailprov is not there yet, and
        a ` quote is open to the end
        ");
    }

    #[test]
    fn columns_are_counted_not_bytes() {
        // Two columns each; combining marks and styles take none.
        assert_eq!(width("世界"), 4);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(width("\u{1b}[1;31mred\u{1b}[0m"), 3);
        assert_eq!(width("🔑"), 2);
        assert_eq!(
            shown("世界世界世界世界 世界世界世界世界"),
            "世界世界世界世界\n世界世界世界世界"
        );
        let accents = "e\u{301}".repeat(14);
        assert_eq!(shown(&format!("{accents} {accents}")), format!("{accents} {accents}"));
        let red = "\u{1b}[31merror:\u{1b}[0m the twenty-two letters!";
        assert_eq!(shown(red), red);
        assert_eq!(shown(&format!("{red} more")), format!("{red}\nmore"));
    }
}
