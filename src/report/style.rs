//! Colours, or none; wide or narrow, whole or short.

use anstyle::{AnsiColor, Style as Ansi};

/// Marks text as what it is, in colours where they are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    colour: bool,
}

impl Style {
    pub(super) const fn new(colour: bool) -> Self {
        Self { colour }
    }

    /// What comes.
    pub(super) fn added(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// What changes.
    pub(super) fn changed(self, text: &str) -> String {
        self.paint(AnsiColor::Yellow.on_default(), text)
    }

    /// What goes.
    pub(super) fn removed(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    /// What is wrong.
    pub(super) fn bad(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    pub(super) fn heading(self, text: &str) -> String {
        self.paint(Ansi::new().bold(), text)
    }

    /// What matters less.
    pub(super) fn faint(self, text: &str) -> String {
        self.paint(Ansi::new().dimmed(), text)
    }

    /// The words of a line that went or came.
    pub(super) fn emphasised(self, text: &str, added: bool) -> String {
        let colour = if added { AnsiColor::Green } else { AnsiColor::Red };
        self.paint(colour.on_default().bold().underline(), text)
    }

    fn paint(self, style: Ansi, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// How a plan is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub(super) style: Style,
    /// How wide the terminal is, if it is one.
    pub(super) width: Option<usize>,
    /// Whether all lines of all files are shown, each under the name of its step.
    pub(super) whole: bool,
}

impl View {
    /// The same with all lines.
    pub(super) fn whole(self) -> Self {
        Self { whole: true, ..self }
    }
}
