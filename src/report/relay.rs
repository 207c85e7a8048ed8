//! Prints the output of other hosts.

use super::style::Style;
use super::{Report, json};
use crate::wire::Frame;

/// The number of findings by verdict that another host reported.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) wrong: u64,
    pub(super) ok: u64,
}

impl Report {
    /// Shows the output of mailprov on `host`. With `several` hosts, each line
    /// begins with the name of its host.
    pub(crate) fn relay(&mut self, frame: &Frame, host: &str, several: bool) {
        let named = |text: &str| match several {
            true => text.lines().map(|line| format!("{host}: {line}\n")).collect(),
            false => text.to_owned(),
        };
        if let Frame::Event(line) = frame
            && line.get("event").is_some_and(|event| event == "checked")
        {
            let count = |key| line.get(key).and_then(serde_json::Value::as_u64);
            self.told = count("wrong").zip(count("ok")).map(|(wrong, ok)| Told { wrong, ok });
        }
        match frame {
            // With --json, everything but JSON lines goes to people.
            Frame::Out(text) if self.screen.json => {
                self.sink.clear();
                self.err(&named(&text.shown(self.screen.err_in_colour)));
            }
            Frame::Out(text) => {
                self.sink.clear();
                self.out(&named(&text.shown(self.screen.out_in_colour)));
            }
            Frame::Page(text) if several => {
                self.out(&named(&text.shown(self.screen.out_in_colour)));
            }
            Frame::Page(text) => {
                self.sink.clear();
                self.page(&text.shown(self.screen.out_in_colour));
            }
            Frame::Err(text) => {
                self.sink.clear();
                self.err(&named(&text.shown(self.screen.err_in_colour)));
            }
            Frame::Event(_) if !self.screen.json => {}
            Frame::Event(line) => self.emit(json::of_host(line.clone(), host)),
            Frame::Progress(at) if !several => self.progress(at.clone()),
            Frame::Progress(at) => {
                let style = Style::new(self.screen.err_in_colour);
                let progress = self.others.entry(host.to_owned()).or_default();
                if let Some(line) = progress.at(at, style, false)
                    && !self.screen.quiet
                {
                    self.err(&named(&line));
                }
            }
            Frame::Ready(_) | Frame::Ask(_) | Frame::Keep(_) | Frame::End(_) => {}
        }
    }

    /// Shows the result of each of several hosts, by exit code.
    pub(crate) fn hosts(&mut self, outcomes: &[(String, u8)]) {
        let style = Style::new(self.screen.err_in_colour);
        let line = |(host, code): &(String, u8)| match code {
            0 => format!("  {} {host}\n", style.added("✓")),
            2 => format!("  {} {host}: there are changes\n", style.changed("~")),
            code => format!("  {} {host}: failed (exit code {code})\n", style.bad("✗")),
        };
        let text: String = outcomes.iter().map(line).collect();
        self.err(&format!("\n{text}"));
    }
}
