//! Messages that point into a YAML file or a template: what is wrong, where,
//! and what would be right.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A text that a person wrote, under the name they know it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path as the person gave it, such as `mail.yml`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// One mistake: its place, what is wrong, and the remedy.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// The file the mistake is in.
    pub source: Arc<Source>,
    /// Where in the text, in bytes.
    pub span: Range<usize>,
    /// What is wrong, a lowercase sentence without a full stop.
    pub message: String,
    /// A word or two under the mark, where it says more than the mark alone.
    pub label: Option<String>,
    /// What to write or type instead.
    pub help: Option<String>,
    /// It does not keep a command from its work.
    pub is_warning: bool,
}

impl Diagnostic {
    /// Makes a diagnostic for `span` of `source`, clamped to the text.
    pub fn new(source: &Arc<Source>, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            span: clamp(&source.text, span),
            source: Arc::clone(source),
            message: message.into(),
            label: None,
            help: None,
            is_warning: false,
        }
    }

    /// Adds the words under the mark.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds the remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Makes it a warning.
    #[must_use]
    pub fn warning(self) -> Self {
        Self { is_warning: true, ..self }
    }

    /// Points at the first bytes of a file that are not UTF-8; `None` where all are.
    pub fn not_text(name: &str, bytes: &[u8]) -> Option<Self> {
        let at = std::str::from_utf8(bytes).err()?.valid_up_to();
        let text = String::from_utf8_lossy(bytes).into_owned();
        let source = Arc::new(Source { name: name.into(), text });
        let end = at + char::REPLACEMENT_CHARACTER.len_utf8();
        Some(Self::new(&source, at..end, "this is not UTF-8 text").help("save the file as UTF-8"))
    }

    /// Returns line and column, both counted from 1, the column in characters.
    pub fn position(&self) -> (usize, usize) {
        let before = &self.source.text[..self.span.start];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |text| text.chars().count()) + 1;
        (line, column)
    }

    /// Renders the message with the line it is about and a mark under the
    /// place, as `rustc` does, in colour or plain. Private keys are masked.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        // Only the lines in question: the renderer reads all that it is given, every time.
        let text = without_private_keys(&self.source.text);
        let start = text[..self.span.start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[self.span.end..].find('\n').map_or(text.len(), |at| self.span.end + at + 1);
        let span = self.span.start - start..self.span.end - start;
        let mark = AnnotationKind::Primary.span(span).label(self.label.as_deref());
        let snippet = Snippet::source(&text[start..end])
            .line_start(self.position().0)
            .path(&self.source.name)
            .annotation(mark);
        let level = if self.is_warning { Level::WARNING } else { Level::ERROR };
        let mut group = Group::with_title(level.primary_title(&self.message)).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }
}

/// Replaces every byte of private keys with a `*`: those in PEM up to their end, which
/// may be missing, and those whose first line is missing (PROTOCOL.key of OpenSSH).
/// Lengths and line breaks stay, so all places stay the same.
fn without_private_keys(text: &str) -> Cow<'_, str> {
    const BEGIN: &str = "PRIVATE KEY-----";
    const END: &str = "-----END ";
    const OPENSSH: &str = "b3BlbnNzaC1rZXktdjE";
    let mut keys = Vec::new();
    let mut at = 0;
    while let Some(begin) = text[at..].find(BEGIN) {
        let begin = at + begin + BEGIN.len();
        let end = text[begin..].find(END).map_or(text.len(), |end| begin + end);
        keys.push(begin..end);
        at = text[end..].find(BEGIN).map_or(end, |rest| end + rest + BEGIN.len());
    }
    for (begin, _) in text.match_indices(OPENSSH) {
        let is_end = |c: char| !c.is_ascii_alphanumeric() && !"+/=".contains(c);
        keys.push(begin..text[begin..].find(is_end).map_or(text.len(), |end| begin + end));
    }
    if keys.is_empty() {
        return text.into();
    }
    let mut bytes = text.as_bytes().to_vec();
    for byte in keys.into_iter().flatten() {
        if !matches!(bytes[byte], b'\n' | b'\r') {
            bytes[byte] = b'*';
        }
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// Brings a span inside the text and onto character boundaries.
fn clamp(text: &str, span: Range<usize>) -> Range<usize> {
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(span.start);
    start..boundary(span.end).max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_shows_place_line_mark_and_remedy() {
        let source =
            Arc::new(Source { name: "mail.yml".into(), text: "é: 1\nhostnam: x\n".into() });
        let shown = Diagnostic::new(&source, 6..13, "unknown key `hostnam`")
            .help("did you mean `hostname`?")
            .render(false);
        assert!(shown.contains("mail.yml:2:1"), "{shown}");
        assert!(shown.contains("^^^^^^^"), "{shown}");
        assert!(shown.contains("did you mean `hostname`?"), "{shown}");
    }

    #[test]
    fn private_keys_are_masked_wherever_they_are_cut() {
        let masked = |text| without_private_keys(text).into_owned();
        assert_eq!(masked("a: é\n"), "a: é\n");
        let two = "- -----BEGIN PRIVATE KEY-----\n  MIIé\r\n  -----END PRIVATE KEY-----\nb: c\n- \
                   -----BEGIN RSA PRIVATE KEY-----\\nMII";
        let shown = "- -----BEGIN PRIVATE KEY-----\n*******\r\n**-----END PRIVATE KEY-----\nb: c\n- \
                     -----BEGIN RSA PRIVATE KEY-----*****";
        assert_eq!(masked(two), shown);
        assert_eq!(masked("[b3BlbnNzaC1rZXktdjEAAA+/=, x]"), "[*************************, x]");
        assert_eq!(masked("-----END PRIVATE KEY-----\n"), "-----END PRIVATE KEY-----\n");
    }

    #[test]
    fn a_span_outside_the_text_is_brought_inside() {
        let source = Arc::new(Source { name: "m".into(), text: "é".into() });
        let diagnostic = Diagnostic::new(&source, 1..99, "x");
        assert_eq!(diagnostic.span, 0..2);
        assert_eq!(diagnostic.position(), (1, 1));
        diagnostic.render(true);
    }
}
