//! Coloured text as data. Only the side with the terminal makes escape
//! sequences, and only from this.

use anstyle::{AnsiColor, Effects, Style};
use serde::{Deserialize, Serialize};

use crate::visible::visible_text;

/// A text as a sequence of spans.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Styled(Vec<Span>);

/// A text in one style.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    text: String,
    #[serde(default, skip_serializing_if = "Look::is_plain")]
    look: Look,
}

/// The style of a text. No style can hide text: there is no background, no
/// black and no white.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Look {
    colour: Option<Colour>,
    bright: bool,
    bold: bool,
    faint: bool,
    underlined: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Colour {
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
}

impl Styled {
    /// Makes an unstyled text. Escape sequences in it are text.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self(vec![Span { text: text.into(), look: Look::default() }])
    }

    /// Parses a text with the SGR sequences of our own styles (ECMA-48,
    /// 8.3.117). Other sequences are text.
    pub(crate) fn read(text: &str) -> Self {
        let mut spans = Vec::new();
        let (mut look, mut rest, mut piece) = (Look::default(), text, String::new());
        while let Some(at) = rest.find("\u{1b}[") {
            let (before, sequence) = (&rest[..at], &rest[at + 2..]);
            let is_parameter = |c: char| c.is_ascii_digit() || c == ';';
            let end = sequence.find(|c| !is_parameter(c)).unwrap_or(sequence.len());
            piece.push_str(before);
            match sequence[end..].strip_prefix('m') {
                Some(after) => {
                    push(&mut spans, &mut piece, look);
                    look = look.after(&sequence[..end]);
                    rest = after;
                }
                None => {
                    piece.push_str("\u{1b}[");
                    rest = sequence;
                }
            }
        }
        piece.push_str(rest);
        push(&mut spans, &mut piece, look);
        Self(spans)
    }

    /// Renders it for a terminal, or for a file without `colour`. Escapes
    /// control characters in the text.
    pub(crate) fn shown(&self, colour: bool) -> String {
        let shown = |span: &Span| {
            let text = visible_text(&span.text);
            match colour && !span.look.is_plain() {
                true => format!("{0}{text}{0:#}", span.look.style()),
                false => text,
            }
        };
        self.0.iter().map(shown).collect()
    }
}

fn push(spans: &mut Vec<Span>, piece: &mut String, look: Look) {
    if !piece.is_empty() {
        spans.push(Span { text: std::mem::take(piece), look });
    }
}

impl Look {
    fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the style after a sequence with these parameters.
    fn after(self, parameters: &str) -> Self {
        parameters.split(';').fold(self, |look, parameter| {
            match parameter.parse().unwrap_or(0_u8) {
                0 => Self::default(),
                1 => Self { bold: true, ..look },
                2 => Self { faint: true, ..look },
                4 => Self { underlined: true, ..look },
                code @ 30..=37 => Self { colour: Colour::of(code - 30), bright: false, ..look },
                code @ 90..=97 => Self { colour: Colour::of(code - 90), bright: true, ..look },
                39 => Self { colour: None, bright: false, ..look },
                _ => look,
            }
        })
    }

    fn style(self) -> Style {
        let effects = [
            (self.bold, Effects::BOLD),
            (self.faint, Effects::DIMMED),
            (self.underlined, Effects::UNDERLINE),
        ];
        let chosen = effects.into_iter().filter(|(is_on, _)| *is_on);
        let effects = chosen.fold(Effects::new(), |all, (_, effect)| all | effect);
        let colour = self.colour.map(|colour| colour.ansi().bright(self.bright).into());
        Style::new().effects(effects).fg_color(colour)
    }
}

impl Colour {
    /// The colours, in the order of their numbers in SGR, where black is 0.
    const ALL: [(Self, AnsiColor); 6] = [
        (Self::Red, AnsiColor::Red),
        (Self::Green, AnsiColor::Green),
        (Self::Yellow, AnsiColor::Yellow),
        (Self::Blue, AnsiColor::Blue),
        (Self::Magenta, AnsiColor::Magenta),
        (Self::Cyan, AnsiColor::Cyan),
    ];

    /// Returns the colour of a number in SGR.
    fn of(number: u8) -> Option<Self> {
        let index = usize::from(number).checked_sub(1)?;
        Self::ALL.get(index).map(|(colour, _)| *colour)
    }

    fn ansi(self) -> AnsiColor {
        Self::ALL[self as usize].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_styles_come_out_as_they_went_in() {
        let red = AnsiColor::Red.on_default().bold().underline();
        let blue = AnsiColor::BrightBlue.on_default();
        let faint = Style::new().dimmed();
        let text = format!("a {red}b{red:#}{blue}c{blue:#}\n{faint}d{faint:#}");
        assert_eq!(Styled::read(&text).shown(true), text);
        assert_eq!(Styled::read(&text).shown(false), "a bc\nd");
        let line = serde_json::to_string(&Styled::read(&text)).unwrap();
        assert!(!line.contains("u001b"), "{line}");
        assert_eq!(serde_json::from_str::<Styled>(&line).unwrap(), Styled::read(&text));
    }

    #[test]
    fn no_other_sequence_reaches_the_terminal() {
        for text in [
            "\u{1b}]0;title\u{7}",
            "\u{1b}]52;c;ZXZpbA==\u{1b}\\",
            "\u{1b}[2J\u{1b}[H",
            "\u{9b}2J\u{9d}0;x\u{9c}",
            "\u{1b}[8mhidden",
            "\u{1b}[30;40mhidden",
            "\u{1b}[38;2;0;0;0mhidden",
            "\u{1b}c",
            "\u{1b}[3",
            "\u{202e}txt.exe\rok",
        ] {
            for colour in [true, false] {
                let shown = Styled::read(text).shown(colour);
                assert!(!shown.contains(|c: char| c.is_control() || c == '\u{202e}'), "{shown:?}");
                let plain = Styled::plain(text).shown(colour);
                assert!(!plain.contains(|c: char| c.is_control() || c == '\u{202e}'), "{plain:?}");
            }
        }
    }
}
