//! Makes text from others harmless to print.

/// Escapes text from a stranger, a server or a file: characters that would
/// control the terminal or deceive the reader (control characters, marks that
/// reverse or hide text) become `\u{…}`, and bytes that are not UTF-8 become
/// `\x…`. Line breaks are escaped too, so the result is one line.
pub(crate) fn visible(text: impl AsRef<[u8]>) -> String {
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

/// Escapes each line of a text as [`visible`] does.
pub(crate) fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// Escapes each line of a text of mailprov's own as [`visible`] does, but keeps tabs.
pub(crate) fn visible_text(text: &str) -> String {
    text.split('\t').map(visible_lines).collect::<Vec<_>>().join("\t")
}

/// Escapes such characters in JSON with JSON's own escapes, which keeps the meaning.
pub(crate) fn visible_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match is_seen(c) {
            true => shown.push(c),
            false => {
                let escape = |unit: &mut u16| format!("\\u{unit:04x}");
                shown.extend(c.encode_utf16(&mut [0; 2]).iter_mut().map(escape));
            }
        }
    }
    shown
}

/// Returns whether a character is printed as itself and affects nothing around
/// it. The others are controls (Unicode's Cc), those format characters that
/// belong only in running text (soft hyphen, zero-width characters, directional
/// marks, tags), and other characters with Default_Ignorable_Code_Point
/// (Unicode's DerivedCoreProperties.txt).
fn is_seen(c: char) -> bool {
    let is_format = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !is_format
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_broken_text_are_spelled_out() {
        assert_eq!(visible("Grüße, 世界 ✓"), "Grüße, 世界 ✓");
        assert_eq!(visible("a\x1b]0;b\x07\tc\r\n"), r"a\u{1b}]0;b\u{7}\tc\r\n");
        assert_eq!(
            visible("\u{9b}2J\u{202e}x\u{200b}\u{e0041}"),
            r"\u{9b}2J\u{202e}x\u{200b}\u{e0041}"
        );
        assert_eq!(visible(b"caf\xe9 \xff\xfe"), r"caf\xe9 \xff\xfe");
        assert_eq!(visible_lines("a\nb\x1b\n"), "a\nb\\u{1b}\n");
        assert_eq!(visible_text("a\tb\r\nc"), "a\tb\\r\nc");
    }
    #[test]
    fn json_means_the_same_when_it_is_shown() {
        let value = serde_json::json!({"text": "a\u{202e}b\u{9b}\u{e0041}\u{1b}\n"});
        let shown = visible_json(&value.to_string());
        assert!(shown.is_ascii(), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
