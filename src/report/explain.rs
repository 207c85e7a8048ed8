//! Prints the answers of `explain`.

use serde_json::json;

use super::Report;
use super::style::Style;
use crate::explain::{File, Setting, Way};
use crate::wrap::wrap;
use crate::yaml::KeySpec;

impl Report {
    pub(crate) fn ways(&mut self, ways: &[Way]) {
        let style = self.style();
        for way in ways {
            let stops =
                way.stops.iter().map(|stop| json!({"name": stop.name, "about": stop.about}));
            let stops: Vec<_> = stops.collect();
            self.told(
                json!({"event": "way", "title": way.title, "stops": stops}),
                &drawn(way, style),
            );
        }
    }

    /// Shows settings with their reasons.
    pub(crate) fn settings(&mut self, settings: &[&Setting]) {
        let style = self.style();
        for setting in settings {
            let text = format!(
                "{}\n{}\n{}\n\n",
                style.faint(&format!("{}:{}", setting.file, setting.line)),
                self.filled(&setting.reason),
                indented(&setting.text)
            );
            let line = json!({
                "event": "setting", "name": setting.name, "file": setting.file,
                "line": setting.line, "text": setting.text, "reason": setting.reason,
            });
            self.told(line, &text);
        }
    }

    pub(crate) fn key(&mut self, way: &str, key: &KeySpec) {
        let heading = self.style().faint(&format!("mail.yml: {way}"));
        let text = format!("{heading}\n{}\n\n", self.filled(&key.description()));
        let line = json!({"event": "key", "name": way, "about": key.about, "default": key.default});
        self.told(line, &text);
    }

    /// Shows the purpose of a file, and its settings.
    pub(crate) fn file(&mut self, file: &File, header: &str, settings: &[Setting]) {
        let style = self.style();
        let mut text =
            format!("{}  {}\n\n{header}\n", style.heading(&file.path), style.faint(&file.step));
        let mut section = "";
        for setting in settings.iter().filter(|setting| !setting.name.contains('/')) {
            if setting.section != section {
                section = &setting.section;
                text += &format!("{}\n", style.heading(section));
            }
            text += &format!("  {}\n", setting.name);
        }
        let names: Vec<_> = settings.iter().map(|setting| &setting.name).collect();
        let line = json!({
            "event": "file", "path": file.path, "step": file.step, "about": header,
            "settings": names,
        });
        self.told(line, &text);
    }

    /// Fits a text, of one long line or several short ones, to the width of the
    /// terminal, or of a mail if there is none.
    fn filled(&self, text: &str) -> String {
        let words: Vec<_> = text.split_whitespace().collect();
        wrap(&words.join(" "), self.view().width.or(Some(78)))
    }

    /// Prints to programs or to people, but not to both.
    fn told(&mut self, line: serde_json::Value, text: &str) {
        match self.screen.json {
            true => self.emit(line),
            false => self.out(text),
        }
    }
}

/// Draws a path from top to bottom.
fn drawn(way: &Way, style: Style) -> String {
    let width = way.stops.iter().map(|stop| stop.name.chars().count()).max().unwrap_or(0);
    let mut text = format!("{}\n", style.heading(&way.title));
    for (index, stop) in way.stops.iter().enumerate() {
        let arrow = if index == 0 { "  " } else { "→ " };
        text += &format!("  {arrow}{:width$}  {}\n", stop.name, style.faint(&stop.about));
    }
    text + "\n"
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
