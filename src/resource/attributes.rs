//! The fields that several kinds share: paths, names, modes, contents.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::host::{Content, Ownership};
use crate::yaml::{Decoder, Fields, KeySpec, Node, Section, Style, ValueType};

pub(super) const ABSENT: KeySpec =
    KeySpec::new("absent", ValueType::Boolean, "`true`: it is removed.").or("`false`");
pub(super) const PATH: KeySpec = KeySpec::new("path", ValueType::Text, "The absolute path.");
pub(super) const OWNER: KeySpec =
    KeySpec::new("owner", ValueType::Text, "The user it belongs to.").or("`root` for a new one");
pub(super) const GROUP_OF: KeySpec =
    KeySpec::new("group", ValueType::Text, "The group it belongs to.").or("`root` for a new one");
pub(super) const MODE: KeySpec =
    KeySpec::new("mode", ValueType::Text, "Who may do what, in octal and in quotes.");
pub(super) const TEXTS: ValueType = ValueType::List(&ValueType::Text);
pub(super) const ARGV: ValueType = ValueType::NonEmptyList(&ValueType::Text);

/// Describes a section whose keys do not depend on each other.
pub(super) const fn section(
    keys: &'static [KeySpec],
    required: &'static [&'static str],
) -> Section {
    Section { keys, required, one_of: &[], together: &[] }
}

/// The templates and files of a playbook.
pub(crate) trait Assets {
    /// Renders a template of the playbook. Errors are reported at the step that
    /// names it.
    fn template(&self, name: &str) -> Result<Vec<u8>, AssetError>;

    /// Reads a file of the playbook. Errors are reported at the step that names
    /// it.
    fn file(&self, name: &str) -> Result<Vec<u8>, AssetError>;

    /// Returns the host's default type of lookup table.
    fn table_type(&self) -> &str;
}

/// A template or file that cannot be read.
#[derive(Debug)]
pub(crate) enum AssetError {
    /// The name is wrong; reported at the step.
    Name { message: String, help: String },
    /// The template is wrong; reported at the place in it.
    Template(Box<crate::diagnostic::Diagnostic>),
}

/// The owner, group and mode, as far as a step declares them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct DeclaredOwnership {
    owner: Option<String>,
    group: Option<String>,
    mode: Option<u32>,
}

impl DeclaredOwnership {
    pub(super) fn decode(fields: &Fields<'_>, decoder: &mut Decoder) -> Self {
        Self {
            owner: fields.get("owner").and_then(|entry| name(&entry.value, decoder)),
            group: fields.get("group").and_then(|entry| name(&entry.value, decoder)),
            mode: fields.get("mode").and_then(|entry| mode(&entry.value, decoder)),
        }
    }

    /// Declares root as owner and group, and the mode.
    pub(super) fn of_root(mode: u32) -> Self {
        let root = || Some("root".to_owned());
        Self { owner: root(), group: root(), mode: Some(mode) }
    }

    /// Completes the declaration by the current state, else by root and `mode`.
    pub(super) fn complete(&self, actual: Option<&Ownership>, mode: u32) -> Ownership {
        let mut complete = actual.cloned().unwrap_or_else(|| Ownership::of_root(mode));
        complete.owner = self.owner.clone().unwrap_or(complete.owner);
        complete.group = self.group.clone().unwrap_or(complete.group);
        complete.mode = self.mode.unwrap_or(complete.mode);
        complete
    }
}

/// Returns whether a field is present and true.
pub(super) fn is_true(fields: &Fields<'_>, key: &str, decoder: &mut Decoder) -> bool {
    fields.get(key).is_some_and(|entry| decoder.boolean(&entry.value) == Some(true))
}

/// Reads an absolute `path` without `..`.
pub(super) fn path(node: &Node, decoder: &mut Decoder) -> Option<PathBuf> {
    let text = decoder.line(node)?;
    let path = Path::new(text);
    let climbs = path.components().any(|part| part == std::path::Component::ParentDir);
    if path.is_absolute() && !climbs {
        return Some(path.components().collect());
    }
    decoder.error(&node.span, "the path is not absolute", "begin it with `/`, and use no `..`");
    None
}

/// Reads a system name (user, group, service, package).
pub(super) fn name(node: &Node, decoder: &mut Decoder) -> Option<String> {
    let text = decoder.line(node)?;
    let fine = |c: char| c.is_ascii_alphanumeric() || "._+-@:#\\".contains(c);
    let first = text.chars().next();
    if text.chars().all(fine) && first.is_some_and(|c| c != '-' && c != '.') {
        return Some(text.into());
    }
    decoder.error(&node.span, "this is not a name", "letters, digits, `.`, `_`, `+` and `-`");
    None
}

/// Reads the number of a user or a group.
pub(super) fn number(node: &Node, decoder: &mut Decoder) -> Option<u32> {
    // A template that is the whole value renders to a string, so `integer` would refuse it.
    let text = decoder.line(node)?;
    let number = text.parse().ok().filter(|number| *number < u32::MAX);
    if number.is_none() {
        decoder.error(&node.span, "this is not a user or group number", "write decimal digits");
    }
    number
}

/// Reads permission bits in octal.
fn mode(node: &Node, decoder: &mut Decoder) -> Option<u32> {
    let text = decoder.line(node)?;
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let octal = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o7777);
    let plain = node.as_scalar().is_some_and(|scalar| scalar.style == Style::Plain);
    // A plain 644 is decimal in YAML, so require a leading zero.
    if plain && !text.starts_with('0') {
        let help = format!("write it in octal, in quotes: \"0{text}\"");
        decoder.error(&node.span, format!("the mode {text} is a decimal number"), &help);
        return None;
    }
    if octal.is_none() || !(3..=5).contains(&digits.len()) {
        decoder.error(&node.span, "this is not a mode", "write it in octal, such as \"0644\"");
        return None;
    }
    octal
}

/// Reads the content of a file from `content`, `template` or `copy`.
pub(super) fn content(
    fields: &Fields<'_>,
    assets: &dyn Assets,
    decoder: &mut Decoder,
) -> Option<Option<Content>> {
    let given: Vec<_> =
        ["content", "template", "copy"].iter().filter_map(|name| fields.get(name)).collect();
    match given[..] {
        [] => Some(None),
        [entry] => {
            let text = match entry.key.text.as_str() {
                "content" => decoder.text(&entry.value)?,
                _ => decoder.line(&entry.value)?,
            };
            let bytes = match entry.key.text.as_str() {
                "content" => Ok(text.as_bytes().to_vec()),
                "template" => assets.template(text),
                _ => assets.file(text),
            };
            match bytes {
                Ok(bytes) => Some(Some(Content::new(bytes))),
                Err(AssetError::Name { message, help }) => {
                    decoder.error(&entry.value.span, message, &help);
                    None
                }
                Err(AssetError::Template(diagnostic)) => {
                    decoder.report(*diagnostic);
                    None
                }
            }
        }
        [_, second, ..] => {
            let message = "a file has one of `content`, `template` and `copy`";
            decoder.error(&second.key.span, message, "remove all but one");
            None
        }
    }
}
