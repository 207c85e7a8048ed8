//! Reads `extra:`: settings that `mail.yml` has no key for.

use std::collections::HashMap;

use crate::mail::{Invalid, Spanned, spanned};
use crate::services::SpecReader;
use crate::yaml::{Decoder, Entry, Fields, KeySpec, Node, Section, ValueType, printable};

pub(super) const KEYS: &[KeySpec] = &[KeySpec::new(
    "extra",
    ValueType::Section(&SECTION),
    "Settings that this file has no word for; checked by Postfix and Dovecot before they \
         are put in place.",
)
.or("none")];

const SECTION: Section = Section {
    keys: &[
        KeySpec::new(
            "postfix",
            ValueType::Map(&ValueType::Text),
            "Parameters of `main.cf` and their values. One that mailprov sets itself is replaced.",
        )
        .or("none"),
        KeySpec::new(
            "postfix_master",
            ValueType::List(&ValueType::Text),
            "Services of Postfix, each a line of `master.cf` with its options (`-o name=value`) \
             behind it. One that mailprov sets itself is replaced.",
        )
        .or("none"),
        KeySpec::new("dovecot", ValueType::Text, "Text for the end of `dovecot.conf`.").or("none"),
        KeySpec::new(
            "rspamd",
            ValueType::Text,
            "Text for `rspamd.conf.local`, where the spam filter runs. Its sections are merged \
             with those of mailprov.",
        )
        .or("none"),
    ],
    required: &[],
    one_of: &[],
    together: &[],
};

/// Settings that are appended unchanged. The checkers of Postfix and Dovecot validate them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Postfix parameters and their values, in the order written.
    pub postfix: Vec<(Spanned<String>, String)>,
    /// Entries of `master.cf`, in the order written.
    pub postfix_master: Vec<Spanned<MasterEntry>>,
    /// Lines of Dovecot configuration.
    pub dovecot: Option<Spanned<String>>,
    /// Lines of rspamd configuration.
    pub rspamd: Option<Spanned<String>>,
}

/// One service of Postfix: a line of `master.cf` (see `man 5 master`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterEntry {
    /// The whole line, with single spaces between fields.
    pub line: String,
    /// Name and type, which are unique: `smtp inet`, also for `25 inet`.
    pub service: String,
}

impl MasterEntry {
    /// Parses a line.
    ///
    /// # Errors
    ///
    /// Returns which field Postfix could not read.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        const FORM: &str = "write `service type private unpriv chroot wakeup maxproc command`, such \
                            as `policy unix - n n - 0 spawn user=nobody argv=/usr/local/bin/policy`";
        let no = |what: String, help: &str| {
            Err(Invalid::new(format!("`{}` {what}", printable(text)), help))
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [name, kind, private, unprivileged, chroot, wakeup, maxproc, command, ..] = fields[..]
        else {
            return no(format!("has {} of the 8 fields of a service", fields.len()), FORM);
        };
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric() || "[/".contains(c))
            || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-:[]/".contains(c))
        {
            return no(format!("begins with `{}`, no name of a service", printable(name)), FORM);
        }
        if !["inet", "unix", "fifo", "pass", "unix-dgram"].contains(&kind) {
            let what = format!("has the type `{}`", printable(kind));
            return no(what, "a type is `inet`, `unix`, `unix-dgram`, `fifo` or `pass`");
        }
        let flags = [("private", private), ("unpriv", unprivileged), ("chroot", chroot)];
        if let Some((field, flag)) = flags.iter().find(|(_, flag)| !["-", "y", "n"].contains(flag))
        {
            let what = format!("has `{}` in the field {field}", printable(flag));
            return no(what, "write `y`, `n` or `-`");
        }
        let is_number = |text: &str| text == "-" || text.parse::<u32>().is_ok();
        if !is_number(wakeup.strip_suffix('?').unwrap_or(wakeup)) || !is_number(maxproc) {
            let what = "has no number in the fields wakeup and maxproc".to_owned();
            return no(what, "write a number, after that of wakeup perhaps a `?`, or `-`");
        }
        if !command.starts_with(|c: char| c.is_ascii_alphabetic())
            || !command.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
        {
            let what = format!("has the command `{}`", printable(command));
            return no(what, "write the name of a program of Postfix's, such as `smtpd` or `pipe`");
        }
        let service = match (name, kind) {
            ("25", "inet") => "smtp",
            ("587", "inet") => "submission",
            ("465" | "smtps" | "ssmtp", "inet") => "submissions",
            (name, _) => name,
        };
        Ok(Self { line: fields.join(" "), service: format!("{service} {kind}") })
    }

    /// Returns the port of a network service, if it is given as a number.
    pub fn port(&self) -> Option<u16> {
        let name = self.service.strip_suffix(" inet")?;
        name.rsplit(':').next()?.parse().ok()
    }
}

pub(super) fn read(reader: &mut SpecReader<'_>) -> Settings {
    let decoder = &mut *reader.decoder;
    let entry = reader.fields.get("extra");
    let fields = entry.and_then(|entry| decoder.fields(&entry.value, &SECTION));
    let Some(fields) = fields else {
        return Settings::default();
    };
    let dovecot = lines(decoder, &fields, "dovecot");
    if let (Some(text), Some(entry)) = (&dovecot, fields.get("dovecot")) {
        refuse_readers(decoder, &text.value, &entry.value);
    }
    let rspamd = lines(decoder, &fields, "rspamd");
    let postfix = fields.get("postfix").and_then(|entry| decoder.entries(&entry.value));
    let postfix = postfix.unwrap_or_default();
    let postfix = postfix.into_iter().filter_map(|entry| parameter(decoder, entry)).collect();
    let postfix_master = master(decoder, &fields);
    Settings { postfix, postfix_master, dovecot, rspamd }
}

/// Reads lines in a program's own language.
fn lines(decoder: &mut Decoder, fields: &Fields<'_>, program: &str) -> Option<Spanned<String>> {
    let entry = fields.get(program)?;
    let text = decoder.text(&entry.value)?;
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        let help = format!("write lines of its configuration after `{program}: |`");
        decoder.error(&entry.key.span, "a control character in the text", &help);
    }
    Some(Spanned::new(text.to_owned(), entry.value.span.clone()))
}

fn master(decoder: &mut Decoder, fields: &Fields<'_>) -> Vec<Spanned<MasterEntry>> {
    let items = fields.get("postfix_master").and_then(|entry| decoder.list(&entry.value));
    let mut seen = HashMap::new();
    let mut entries = Vec::new();
    for item in items.unwrap_or_default() {
        let Some(entry) = spanned::value(decoder, item, MasterEntry::parse) else {
            continue;
        };
        if let Some(first) = seen.insert(entry.value.service.clone(), entry.span.clone()) {
            let message = format!("the service `{}` is listed twice", entry.value.service);
            let help = format!("the other is on line {}: keep one", decoder.line_of(&first));
            decoder.error(&entry.span, message, &help);
        }
        entries.push(entry);
    }
    entries
}

/// The constructs with which Dovecot's configuration reads files and the
/// environment (config-parser.c and var-expand of 2.3 and 2.4), each with an
/// alternative. Dovecot reads them as root, and quotes their content in its
/// errors.
const READERS: [(&str, &str); 4] = [
    ("<", "write the value itself; a certificate and its key belong into `tls`, one for all names"),
    ("!include", "write the lines of that file here"),
    ("$ENV:", "write the value itself: Dovecot's environment is not yours"),
    ("%{env", "write the value itself: Dovecot's environment is not yours"),
];

/// Rejects constructs that read a file or the environment.
fn refuse_readers(decoder: &mut Decoder, text: &str, node: &Node) {
    let mut number = 0;
    for line in text.lines() {
        number += 1;
        let Some((sign, help)) = reader(line, text, number) else { continue };
        let message = format!("`{sign}` in `extra.dovecot` reads what is not in mail.yml");
        // The line as written in mail.yml, if it can be found there.
        let written = decoder.source().text.get(node.span.clone()).unwrap_or_default();
        let place = written.find(line.trim()).map_or(node.span.clone(), |at| {
            node.span.start + at..node.span.start + at + line.trim().len()
        });
        decoder.error(&place, message, help);
    }
}

/// Finds the construct with which a line reads something.
fn reader(line: &str, text: &str, number: usize) -> Option<(&'static str, &'static str)> {
    let line = without_comment(line.trim());
    let before = number.checked_sub(2).and_then(|before| text.lines().nth(before));
    let continues = before.is_some_and(|before| before.trim_end().ends_with('\\'));
    READERS.into_iter().find(|(sign, _)| match *sign {
        "<" => statements(line).iter().any(|statement| {
            let value = match statement.split_once('=') {
                Some((_, value)) => value,
                // The line above is `key = \` or `key \`.
                None if continues => statement,
                None => return false,
            };
            value.trim_start().trim_start_matches('=').trim_start().starts_with('<')
        }),
        "!include" => statements(line)
            .iter()
            .any(|statement| statement.trim_start().trim_start_matches('"').starts_with(sign)),
        _ => line.to_lowercase().contains(&sign.to_lowercase()),
    })
}

/// Splits a line where sections begin and end. The braces of `%{…}` do not count.
fn statements(line: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = line;
    while let Some(start) = rest.find("%{") {
        plain += &rest[..start];
        plain.push('%');
        rest = rest[start..].find('}').map_or("", |end| &rest[start + end + 1..]);
    }
    plain += rest;
    plain.split(['{', '}']).map(str::to_owned).collect()
}

/// Removes a comment: everything from a `#` outside of quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    for (at, sign) in line.char_indices() {
        match quote {
            None if sign == '#' => return &line[..at],
            None if sign == '"' || sign == '\'' => quote = Some(sign),
            Some(open) if open == sign => quote = None,
            _ => {}
        }
    }
    line
}

fn parameter(decoder: &mut Decoder, entry: &Entry) -> Option<(Spanned<String>, String)> {
    let name = spanned::key(decoder, &entry.key, parse_name);
    let value = match entry.value.as_scalar() {
        Some(scalar) if scalar.is_null() => {
            let help = "write the value after the `:`, or `\"\"` for an empty one";
            let message = format!("`{}` has no value", decoder.written(&entry.key.span));
            decoder.error(&entry.key.span, message, help);
            None
        }
        _ => decoder.line(&entry.value),
    };
    Some((name?, value?.to_owned()))
}

fn parse_name(text: &str) -> Result<String, Invalid> {
    // Parameters of services contain `-` and `.`, such as `policyd-spf_time_limit`.
    let fits = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    if fits {
        return Ok(text.to_owned());
    }
    Err(Invalid::new(
        format!("`{}` is not the name of a Postfix parameter", printable(text)),
        "a name is made of letters, digits and `_`, such as `smtpd_client_connection_rate_limit`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&'static str> {
        let lines = text.lines().enumerate();
        lines.filter_map(|(index, line)| reader(line, text, index + 1)).map(|(sign, _)| sign).next()
    }

    #[test]
    fn settings_that_read_files_or_the_environment_are_found() {
        for (text, sign) in [
            ("ssl_key = </etc/ssl/private/x.key", "<"),
            ("protocols=</etc/shadow", "<"),
            ("protocols =  \t<  /etc/shadow", "<"),
            ("service x { key = </etc/shadow }", "<"),
            ("protocols = \\\n  </etc/shadow", "<"),
            ("protocols \\\n  = </etc/shadow", "<"),
            ("!include /etc/shadow", "!include"),
            ("  !include_try conf.d/*.conf", "!include"),
            ("service x { !include /etc/shadow", "!include"),
            ("a = $ENV:HOME", "$ENV:"),
            ("a = b $env:HOME", "$ENV:"),
            ("a = %{env:HOME}", "%{env"),
        ] {
            assert_eq!(found(text), Some(sign), "{text}");
        }
        for text in [
            "login_log_format_elements = user=<%{user}> method=%{mechanism} rip=%{remote_ip} <%{x}>",
            "login_log_format_elements = user=<%u> %r <%k>",
            "mail_plugins = $mail_plugins quota",
            "# protocols = </etc/shadow",
            "service auth {vsz_limit = 1M}",
            "a = \"# b\"",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
