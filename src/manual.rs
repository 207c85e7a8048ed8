//! Generates the manual pages: for each command, from its help text and its
//! section of `manual/commands.md`; and from the documents about file formats.
//! Converts Markdown to man(7).

use std::fmt::Write;

use clap::{Arg, ArgAction, Command};

pub(crate) struct Page {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The sections about files, guarantees and the like of each command, and its examples.
const COMMANDS: &str = include_str!("manual/commands.md");

/// The pages about file formats, in section 5.
const FORMATS: [&str; 3] = [
    include_str!("manual/mail.yml.md"),
    include_str!("manual/json.md"),
    include_str!("../playbooks/README.md"),
];

/// The sections of mailprov(1) that every page repeats.
const SHARED: [&str; 2] = ["Environment", "Exit status"];

/// The files of a command whose section names none.
const FILES: &str = "`/etc/mailprov/mail.yml`, `/var/lib/mailprov/`: see `mailprov`(1).";

/// Returns the pages of a command and its subcommands, its own first, then those about formats.
pub(crate) fn pages(command: &Command) -> Vec<Page> {
    let mut command = command.clone().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add(&command, None, &mut pages);
    pages.extend(FORMATS.iter().map(|document| format_page(document)));
    pages
}

/// Returns the examples of each command, as its help shows them: command lines
/// are indented, and follow their explanation at once.
pub(crate) fn examples() -> impl Iterator<Item = (&'static str, String)> {
    COMMANDS.split("\n## ").filter_map(|part| {
        let (typed, text) = part.split_once('\n')?;
        let (_, text) = text.split_once("\n### Examples\n\n")?;
        let text = text.split("\n### ").next()?.trim_end();
        let help =
            text.replace("\n\n    ", "\n    ").replace('\n', "\n  ").replace("\n  \n", "\n\n");
        Some((typed, format!("Examples:\n  {help}")))
    })
}

fn add(command: &Command, parent: Option<&str>, pages: &mut Vec<Page>) {
    pages.push(command_page(command, parent));
    let name = name(command);
    for below in visible(command) {
        add(below, Some(&name), pages);
    }
}

/// Returns the subcommands that are not hidden.
fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|below| !below.is_hide_set())
}

/// Returns the name of a command's page: `mailprov-account-add`.
fn name(command: &Command) -> String {
    command.get_display_name().unwrap_or(command.get_name()).to_owned()
}

fn command_page(command: &Command, parent: Option<&str>) -> Page {
    let name = name(command);
    let typed = command.get_bin_name().unwrap_or(&name);
    let (about, mut sections) = section_of(COMMANDS, typed).unwrap_or_default();
    let listed = take(&mut sections, "See also").unwrap_or_default();
    let files = take(&mut sections, "Files").unwrap_or(FILES);
    let examples = take(&mut sections, "Examples").unwrap_or_default();
    let (_, root) = section_of(COMMANDS, "mailprov").unwrap_or_default();
    let short = command.get_about().map(ToString::to_string).unwrap_or_default();
    let long = command.get_long_about().map(ToString::to_string);

    let mut text = title(&name, "1");
    text += &format!(".SH NAME\n{} \\- {}\n", inline(&name), inline(&short));
    text += &format!(".SH SYNOPSIS\n{}", synopsis(command, typed));
    text += &section("Description", &long.unwrap_or(short + "."));
    text += &body(about);
    if visible(command).next().is_some() {
        text += ".SH COMMANDS\n";
        for below in visible(command) {
            let page = self::name(below);
            let about = below.get_about().map(ToString::to_string).unwrap_or_default();
            text += &format!(".TP\n{}\n{}.\n", inline(&format!("`{page}`(1)")), inline(&about));
        }
    }
    text += ".SH OPTIONS\n";
    let (global, own): (Vec<&Arg>, Vec<&Arg>) =
        arguments(command).partition(|argument| argument.is_global_set());
    let (common, own): (Vec<&Arg>, Vec<&Arg>) = own.into_iter().partition(|it| is_common(it));
    let (operands, options): (Vec<&Arg>, Vec<&Arg>) =
        own.into_iter().partition(|argument| argument.is_positional());
    text.extend([operands, options, global, common].concat().into_iter().map(option));
    for (heading, under) in sections.iter().filter(|(heading, _)| !SHARED.contains(heading)) {
        text += &section(heading, under);
    }
    text += &section("Examples", examples);
    text += &section("Files", files);
    for (heading, under) in root.iter().filter(|(heading, _)| SHARED.contains(heading)) {
        text += &section(heading, under);
    }
    text += &section("See also", &see_also(command, parent, listed));
    Page { name: format!("{name}.1"), text: without_empty_paragraphs(&text) }
}

fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| !argument.is_hide_set())
}

/// Returns whether clap adds this option to every command.
fn is_common(argument: &Arg) -> bool {
    matches!(argument.get_id().as_str(), "help" | "version")
}

/// Returns the value names of an argument, as in a synopsis.
fn values(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let names: Vec<String> = names.iter().map(|name| format!("*{name}*")).collect();
    names.join(" ")
}

fn takes_values(argument: &Arg) -> bool {
    argument.get_action().takes_values()
}

/// Formats the command line with the command's own options.
fn synopsis(command: &Command, typed: &str) -> String {
    let mut line = format!("`{typed}`");
    let own = arguments(command).filter(|it| !it.is_global_set() && !is_common(it));
    let (operands, options): (Vec<&Arg>, Vec<&Arg>) = own.partition(|it| it.is_positional());
    for argument in options.into_iter().chain(operands) {
        let many = matches!(argument.get_action(), ArgAction::Append)
            || argument.get_num_args().is_some_and(|range| range.max_values() > 1);
        let value = if takes_values(argument) { values(argument) } else { String::new() };
        let text = match argument.get_long() {
            Some(long) => format!("`--{long}` {value}").trim_end().to_owned(),
            None => value,
        };
        let text = if argument.is_required_set() { text } else { format!("[{text}]") };
        line += &format!(" {text}{}", if many { "..." } else { "" });
    }
    if visible(command).next().is_some() {
        line += " [*OPTION*]... *COMMAND*";
    }
    inline(&line) + "\n"
}

/// Formats an entry of the list of options.
fn option(argument: &Arg) -> String {
    let short = argument.get_short().map(|short| format!("`-{short}`"));
    let long = argument.get_long().map(|long| format!("`--{long}`"));
    let mut tag = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    if takes_values(argument) {
        tag = format!("{tag} {}", values(argument)).trim_start().to_owned();
    }
    let help = argument.get_long_help().or(argument.get_help());
    let mut help = help.map(ToString::to_string).unwrap_or_default();
    if !help.ends_with('.') {
        help += ".";
    }
    if takes_values(argument) && !argument.is_hide_default_value_set() {
        let defaults = argument.get_default_values().iter();
        let defaults: Vec<_> = defaults.map(|value| format!("`{}`", value.display())).collect();
        if !defaults.is_empty() {
            help += &format!(" Default: {}.", defaults.join(", "));
        }
    }
    let paragraphs: Vec<String> =
        help.split("\n\n").map(|text| inline(&text.replace('\n', " "))).collect();
    format!(".TP\n{}\n{}\n", inline(&tag), paragraphs.join("\n.IP\n"))
}

/// Lists the related pages.
fn see_also(command: &Command, parent: Option<&str>, listed: &str) -> String {
    let mut pages: Vec<String> = Vec::new();
    pages.extend(parent.map(|parent| format!("`{parent}`(1)")));
    pages.extend(parent.filter(|it| *it != "mailprov").map(|_| "`mailprov`(1)".to_owned()));
    pages.extend(listed.trim().split(", ").filter(|it| !it.is_empty()).map(str::to_owned));
    let reads_mail = command.get_arguments().any(|it| it.get_id() == "mail");
    if reads_mail || parent.is_none() {
        pages.push("`mail.yml`(5)".to_owned());
    }
    if parent.is_none() {
        pages.extend(["`mailprov-playbook`(5)".to_owned(), "`mailprov-json`(5)".to_owned()]);
    }
    let mut seen = Vec::new();
    pages.retain(|page| {
        !seen.contains(page) && {
            seen.push(page.clone());
            true
        }
    });
    pages.join(", ")
}

fn title(page: &str, number: &str) -> String {
    let (page, version) = (page.to_uppercase(), env!("CARGO_PKG_VERSION"));
    format!(
        ".TH \"{page}\" \"{number}\" \"\" \"mailprov {version}\" \"mailprov manual\"\n.nh\n.ad l\n"
    )
}

/// Makes a page from a document that begins with `# NAME(5): title`.
fn format_page(document: &str) -> Page {
    let (first, rest) = document.split_once('\n').unwrap_or_default();
    let (name, about) = first.trim_start_matches("# ").split_once("(5): ").unwrap_or_default();
    let mut text = title(name, "5");
    let _ = writeln!(text, ".SH NAME\n{} \\- {}", inline(name), inline(about));
    text += &body(rest);
    Page { name: format!("{name}.5"), text: without_empty_paragraphs(&text) }
}

/// Returns the text below a heading of a document, and its subsections.
fn section_of<'a>(document: &'a str, name: &str) -> Option<(&'a str, Vec<(&'a str, &'a str)>)> {
    let mut all = document.split("\n## ").skip(1).filter_map(|part| part.split_once('\n'));
    let (_, text) = all.find(|(heading, _)| *heading == name)?;
    let mut parts = text.split("\n### ");
    let about = parts.next().unwrap_or_default();
    Some((about, parts.filter_map(|part| part.split_once('\n')).collect()))
}

fn take<'a>(sections: &mut Vec<(&'a str, &'a str)>, heading: &str) -> Option<&'a str> {
    let place = sections.iter().position(|(it, _)| *it == heading)?;
    Some(sections.remove(place).1)
}

fn section(heading: &str, under: &str) -> String {
    format!(".SH \"{}\"\n{}", heading.to_uppercase(), body(under))
}

/// Removes each `.PP` right after a heading, where it has no effect and mandoc warns about it.
fn without_empty_paragraphs(text: &str) -> String {
    let mut after_heading = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        if !(after_heading && line == ".PP") {
            kept += line;
            kept.push('\n');
        }
        after_heading = line.starts_with(".SH") || line.starts_with(".SS");
    }
    kept
}

/// Converts Markdown to man(7): headings, paragraphs, lists, code and tables.
fn body(markdown: &str) -> String {
    let mut text = String::new();
    let mut lines = markdown.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() || line.starts_with("<!--") || line.starts_with("# ") {
            continue;
        }
        if line.starts_with("```") {
            text += &code(lines.by_ref().take_while(|line| !line.starts_with("```")));
        } else if line.starts_with("    ") {
            let more = std::iter::from_fn(|| lines.next_if(|line| line.starts_with("    ")));
            text += &code(std::iter::once(line).chain(more).map(|line| line.trim_start()));
        } else if let Some(heading) = line.strip_prefix("## ") {
            let _ = writeln!(text, ".SH \"{}\"", heading.to_uppercase());
        } else if let Some(heading) = line.strip_prefix("### ") {
            let _ = writeln!(text, ".SS \"{}\"", inline(heading));
        } else if line.starts_with('|') {
            let rows = std::iter::from_fn(|| lines.next_if(|line| line.starts_with('|')));
            text += &table(line, rows.skip(1));
        } else if let Some(item) = line.strip_prefix("* ") {
            let _ = writeln!(text, ".IP \\(bu 2\n{}", inline(item));
        } else {
            let _ = writeln!(text, ".PP\n{}", inline(line));
        }
    }
    text
}

fn code<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let lines: String = lines.map(|line| escape(line, true) + "\n").collect();
    format!(".PP\n.RS 4\n.nf\n{lines}.fi\n.RE\n")
}

fn cells(row: &str) -> Vec<String> {
    let row = row.replace("\\|", "\0");
    let row = row.trim().trim_start_matches('|').trim_end_matches('|');
    row.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
}

/// Converts a table to a list: its first column is the terms.
fn table<'a>(head: &str, rows: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    let is_of_keys = cells(head).get(1).is_some_and(|cell| cell == "type");
    for row in rows {
        let mut cells = cells(row).into_iter();
        let mut tag = inline(&cells.next().unwrap_or_default());
        if is_of_keys {
            let kind = cells.next().unwrap_or_default();
            let more = match cells.next().unwrap_or_default().as_str() {
                "" => String::new(),
                "required" => ", required".to_owned(),
                default => format!(", default: {default}"),
            };
            let _ = write!(tag, " ({})", inline(&(kind + &more)));
        }
        let cells: Vec<String> = cells.filter(|cell| !cell.is_empty()).collect();
        let _ = writeln!(text, ".TP\n{tag}\n{}", inline(&cells.join(": ")));
    }
    text
}

/// Converts a line of Markdown to text with fonts.
fn inline(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['`', '[', '*']) {
        let (before, from) = rest.split_at(at);
        text += &escape(before, false);
        let (made, after) = marked(from).unwrap_or_else(|| {
            let (sign, after) = from.split_at(1);
            (escape(sign, false), after)
        });
        text += &made;
        rest = after;
    }
    text += &escape(rest, false);
    if text.is_empty() { "\\&".to_owned() } else { text }
}

/// Converts code, a link or emphasis at the beginning of a text, and returns it
/// with the rest of the text.
fn marked(text: &str) -> Option<(String, &str)> {
    let between = |sign: &str| text.strip_prefix(sign)?.split_once(sign);
    let font = |name: char, text: &str, is_code| format!("\\f{name}{}\\fR", escape(text, is_code));
    if let Some((code, after)) = between("``").or_else(|| between("`")) {
        return Some((font('B', code.trim(), true), after));
    }
    if let Some((strong, after)) = between("**") {
        return Some((font('B', strong, false), after));
    }
    if let Some((stressed, after)) = between("*") {
        return Some((font('I', stressed, false), after));
    }
    let (name, rest) = text.strip_prefix('[')?.split_once("](")?;
    let (link, after) = rest.split_once(')')?;
    let place = match link.contains("://") {
        true => format!(" ({})", escape(link, false)),
        false => String::new(),
    };
    Some((inline(name) + &place, after))
}

/// Escapes a text for man(7). Code keeps its hyphens.
fn escape(text: &str, is_code: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    if text.starts_with(['.', '\'']) {
        escaped += "\\&";
    }
    for sign in text.chars() {
        match sign {
            '\\' => escaped += "\\e",
            '-' if is_code => escaped += "\\-",
            '\'' if is_code => escaped += "\\(aq",
            '`' => escaped += "\\(ga",
            '^' => escaped += "\\(ha",
            '~' => escaped += "\\(ti",
            _ => escaped.push(sign),
        }
    }
    escaped
}
