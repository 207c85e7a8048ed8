//! Parses the reasons in a configuration file: the comment above a setting.

use super::File;

/// A setting with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The name; for a service in master.cf with its type, `smtp inet`.
    pub name: String,
    /// The path of its file.
    pub file: String,
    /// The line number, from 1.
    pub line: usize,
    /// All its lines, unchanged.
    pub text: String,
    /// The comment above it, joined to one text.
    pub reason: String,
    /// The section of the file.
    pub section: String,
}

impl Setting {
    /// Returns the part after the name.
    pub fn value(&self) -> String {
        let text = self.text.split_once('=').map_or("", |(_, value)| value);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Returns whether it is inside another setting.
    pub(super) fn is_inner(&self) -> bool {
        self.name.contains('/')
    }

    /// Returns whether a person can mean this setting by `name`.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.name.split(' ').next() == Some(name)
    }
}

/// Returns the first comment of a file, which gives its purpose.
pub fn header(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix('#'));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned() + "\n").collect()
}

/// Returns the settings of a file, each with the comment above it. Consecutive
/// settings share one comment.
pub fn settings(file: &File) -> Vec<Setting> {
    let mut found: Vec<Setting> = Vec::new();
    let (mut section, mut reason, mut inner) = (String::new(), String::new(), String::new());
    let mut after_setting = true;
    for (index, line) in file.text.lines().enumerate() {
        let words = line.trim_start();
        if words.is_empty() {
            reason.clear();
        } else if let Some(title) = line.strip_prefix("## ") {
            section = title.to_owned();
        } else if let Some(title) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            // A section of a systemd unit.
            section = title.to_owned();
            reason.clear();
        } else if let Some(comment) = words.strip_prefix('#') {
            let reason = if line.starts_with(' ') { &mut inner } else { &mut reason };
            if after_setting {
                reason.clear();
            }
            *reason = format!("{reason} {}", comment.trim()).trim().to_owned();
            after_setting = false;
        } else if line.starts_with([' ', '}']) {
            // An indented line continues the setting above; in Dovecot's files it is a setting too.
            after_setting = true;
            let own = found.iter().rposition(|setting| !setting.is_inner());
            if let Some(own) = own {
                found[own].text += &format!("\n{line}");
                let above = found[own].reason.clone();
                if let Some((name, _)) = words.split_once(" = ") {
                    let reason = if inner.is_empty() { above } else { inner.clone() };
                    found.push(Setting {
                        name: format!("{}/{name}", found[own].name),
                        file: file.path.clone(),
                        line: index + 1,
                        text: words.to_owned(),
                        reason,
                        section: section.clone(),
                    });
                }
                if words == "}" {
                    inner.clear();
                }
            }
        } else {
            after_setting = true;
            inner.clear();
            found.push(Setting {
                name: name(line),
                file: file.path.clone(),
                line: index + 1,
                text: line.to_owned(),
                reason: reason.clone(),
                section: section.clone(),
            });
        }
    }
    found
}

/// Returns the name of a setting: the part before the `=`, the part before the
/// brace of a block, or the first two words of a service in master.cf.
fn name(line: &str) -> String {
    if let Some((name, _)) = line.split_once('=')
        && !name.contains('{')
    {
        return name.trim().to_owned();
    }
    if let Some((name, _)) = line.split_once('{') {
        return name.trim().to_owned();
    }
    line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Setting> {
        let file = File { path: "/f".into(), step: "f".into(), text: text.into() };
        settings(&file)
    }

    #[test]
    fn the_comment_above_is_the_reason_of_all_settings_right_below() {
        let found = read(
            "# head\n\n## Part\n\n# Why\n# so.\na = 1\nb =\n  x,\n  y\n# Other.\nc = {\n\nd = 2\n",
        );
        let told: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.reason.as_str())).collect();
        assert_eq!(told, [("a", "Why so."), ("b", "Why so."), ("c", "Other."), ("d", "")]);
        assert_eq!((found[1].value(), found[1].line), ("x, y".into(), 8));
        assert_eq!(found[0].section, "Part");
    }

    #[test]
    fn the_sections_of_a_unit_are_no_settings() {
        let found = read("# head\n\n[Timer]\n# Why.\nOnCalendar=daily\n");
        let [setting] = &found[..] else { panic!("{found:#?}") };
        assert_eq!((&*setting.name, &*setting.section), ("OnCalendar", "Timer"));
        assert_eq!((&*setting.reason, setting.value()), ("Why.", "daily".into()));
    }

    #[test]
    fn services_and_blocks_are_settings_too() {
        let found = read(
            "# 25\nsmtp  inet n - y\n  -o a=b\n\n# S\nservice x {\n  # I\n  mode = 1\n  k = 2\n}\n",
        );
        let told: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.reason.as_str())).collect();
        assert_eq!(
            told,
            [
                ("smtp inet", "25"),
                ("service x", "S"),
                ("service x/mode", "I"),
                ("service x/k", "I")
            ]
        );
        assert!(found[0].is_called("smtp") && found[0].text.ends_with("a=b"));
    }
}
