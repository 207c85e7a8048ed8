//! The page itself. It works without scripts, at any width.

use std::fmt::Write;

/// The message above the form.
pub(super) enum Message<'a> {
    Done(&'a str),
    Error(&'a str),
}

/// The page, with places for the message and the address.
const PAGE: &str = include_str!("page.html");

/// Returns the page with the form.
pub(super) fn form(address: &str, message: Option<Message<'_>>) -> String {
    let message = match message {
        Some(Message::Done(sentence)) => format!(
            "<p class=\"message\" role=\"status\"><strong>{}</strong> Your phone and your mail \
             programs will ask for the new one.</p>",
            escaped(sentence)
        ),
        Some(Message::Error(sentence)) => {
            format!("<p class=\"message error\" role=\"alert\">{}</p>", escaped(sentence))
        }
        None => String::new(),
    };
    filled(&message, address)
}

/// Returns the page of a request that is not for it.
pub(super) fn refused(status: &str) -> String {
    let status = escaped(status);
    format!("<!DOCTYPE html>\n<html lang=\"en\"><title>{status}</title><p>{status}</p></html>\n")
}

fn filled(message: &str, address: &str) -> String {
    let (begin, rest) = PAGE.split_once("«message»").unwrap_or((PAGE, ""));
    let (middle, end) = rest.split_once("«address»").unwrap_or((rest, ""));
    let mut page = String::new();
    let _ = write!(page, "{begin}{message}{middle}{}{end}", escaped(address));
    page
}

/// Escapes a text for an element or an attribute in quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_text_stays_text_and_no_password_comes_back() {
        let page = form("\"><script>", Some(Message::Error("<b>&")));
        assert!(page.contains("value=\"&quot;&gt;&lt;script&gt;\""), "{page}");
        assert!(page.contains("role=\"alert\">&lt;b&gt;&amp;</p>"), "{page}");
        assert!(!page.contains('«') && page.ends_with("</html>\n"));
        assert_eq!(page.matches("type=\"password\"").count(), 3);
        assert_eq!(page.matches(" value=").count(), 1);
        let page = form("«message»", None);
        assert!(page.contains("value=\"«message»\"") && !page.contains("class=\"message"));
    }
}
