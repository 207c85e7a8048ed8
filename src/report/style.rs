//! Styles of text: colours, widths and levels of detail.

use anstyle::{AnsiColor, Style as Ansi};

/// Marks text with colours, if enabled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    colour: bool,
}

impl Style {
    pub(super) const fn new(colour: bool) -> Self {
        Self { colour }
    }

    pub(super) const fn is_on(self) -> bool {
        self.colour
    }

    pub(super) fn added(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    pub(super) fn changed(self, text: &str) -> String {
        self.paint(AnsiColor::Yellow.on_default(), text)
    }

    pub(super) fn removed(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    /// Marks an error.
    pub(super) fn bad(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    pub(super) fn heading(self, text: &str) -> String {
        self.paint(Ansi::new().bold(), text)
    }

    /// Marks less important text.
    pub(super) fn faint(self, text: &str) -> String {
        self.paint(Ansi::new().dimmed(), text)
    }

    /// Marks the changed words in an added or removed line.
    pub(super) fn emphasised(self, text: &str, added: bool) -> String {
        let colour = if added { AnsiColor::Green } else { AnsiColor::Red };
        self.paint(colour.on_default().bold().underline(), text)
    }

    fn paint(self, style: Ansi, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// The presentation of a plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub(super) style: Style,
    /// The width of the terminal, if it is one.
    pub(super) width: Option<usize>,
    /// Whether to show all lines of all files, each below the name of its step.
    pub(super) whole: bool,
}

impl View {
    /// Returns the same view with all lines.
    pub(super) fn whole(self) -> Self {
        Self { whole: true, ..self }
    }
}
