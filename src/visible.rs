//! Text of others, made harmless: it is shown as it came, and commands nothing.

/// Shows text of a stranger's, a server's or a file's: what would command the
/// terminal or hide from the reader (control characters, marks that turn or hide
/// what follows) becomes `\u{…}`, and each byte that is no UTF-8 becomes `\x…`. A
/// line break is one of these, so what comes out is one line.
pub fn visible(text: impl AsRef<[u8]>) -> String {
    let mut shown = String::new();
    for chunk in text.as_ref().utf8_chunks() {
        for c in chunk.valid().chars() {
            match is_seen(c) {
                true => shown.push(c),
                false => shown.extend(c.escape_default()),
            }
        }
        for byte in chunk.invalid() {
            shown += &format!("\\x{byte:02x}");
        }
    }
    shown
}

/// The same of each line of a text.
pub fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// Tells whether a character shows as itself and changes nothing around it. Those
/// that do not are the controls (Unicode's Cc) and, of its format characters, the
/// ones that have no place outside of running text: soft hyphen, zero-width
/// signs, directional marks, tags.
fn is_seen(c: char) -> bool {
    let is_format = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    !c.is_control() && !is_format
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_commands_hides_or_is_no_text_is_spelled_out() {
        assert_eq!(visible("Grüße, 世界 ✓"), "Grüße, 世界 ✓");
        assert_eq!(visible("a\x1b]0;b\x07\tc\r\n"), r"a\u{1b}]0;b\u{7}\tc\r\n");
        assert_eq!(
            visible("\u{9b}2J\u{202e}x\u{200b}\u{e0041}"),
            r"\u{9b}2J\u{202e}x\u{200b}\u{e0041}"
        );
        assert_eq!(visible(b"caf\xe9 \xff\xfe"), r"caf\xe9 \xff\xfe");
        assert_eq!(visible_lines("a\nb\x1b\n"), "a\nb\\u{1b}\n");
    }
}
