//! `mailprov explain`: explains the ways of mail through the server, and the
//! reasons of its settings.

use std::collections::BTreeMap;
use std::path::Path;

use super::{CommandError, Exit, load};
use crate::app::demo::EXAMPLE;
use crate::app::{Context, MailSource};
use crate::cli::Global;
use crate::explain::{self, File, ServerFiles, Setting, Way};
use crate::report::Report;
use crate::services;
use crate::yaml::suggest;

/// Explains the server, a setting, a file, a port or a key of mail.yml.
pub(super) fn run(
    global: &Global,
    what: Option<&str>,
    wanted: MailSource<'_>,
    svg: Option<&Path>,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let loaded = load(global, wanted, report)?;
    let files = loaded.files()?;
    let ways = services::journeys(&ServerFiles::of(&files, loaded.mailbox()));
    if let Some(path) = svg {
        let picture = explain::svg(&loaded.subject(), &ways);
        report.save(path, picture).map_err(|error| CommandError::not_written(path, error))?;
        return Ok(Exit::Done);
    }
    let Some(what) = what else {
        report.ways(&ways);
        return Ok(Exit::Done);
    };
    let settings: Vec<Setting> = files.iter().flat_map(explain::settings).collect();
    if what.parse::<u16>().is_ok() {
        return port(what, &ways, &settings, report);
    }
    let is_meant = |file: &&File| file.path == what || file.path.rsplit('/').next() == Some(what);
    if let Some(file) = files.iter().find(is_meant) {
        let inside: Vec<Setting> =
            settings.into_iter().filter(|setting| setting.file == file.path).collect();
        report.file(file, &explain::header(&file.text), &inside);
        return Ok(Exit::Done);
    }
    let meant: Vec<&Setting> = settings.iter().filter(|it| it.is_called(what)).collect();
    let inner = |it: &&Setting| it.name.rsplit('/').next() == Some(what);
    let meant = if meant.is_empty() { settings.iter().filter(inner).collect() } else { meant };
    let keys = services::keys();
    let is_key = |way: &str| way == what || way.rsplit('.').next() == Some(what);
    for (way, key) in keys.iter().filter(|(way, _)| is_key(way)) {
        report.key(way, key);
    }
    if meant.is_empty() && !keys.iter().any(|(way, _)| is_key(way)) {
        let known = settings.iter().map(|setting| setting.name.as_str());
        let known = known.chain(keys.iter().map(|(_, key)| key.name));
        let advice = match suggest(what, known) {
            Some(known) => format!("Did you mean `{known}`?"),
            None => "Settings that are not in the files are at their defaults: man 5 postconf, \
                     doveconf -a"
                .to_owned(),
        };
        let message = format!("there is no setting, file, port or key of mail.yml `{what}`");
        return Err(CommandError::usage(message).hinted(advice));
    }
    report.settings(&meant);
    Ok(Exit::Done)
}

/// Explains the purpose of a port.
fn port(
    number: &str,
    ways: &[Way],
    settings: &[Setting],
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let leads_in = |way: &&Way| ports_of(way).any(|port| port == number);
    let ways: Vec<Way> = ways.iter().filter(leads_in).cloned().collect();
    if ways.is_empty() {
        let message = format!("nothing of this mail server listens on port {number}");
        let advice = "`mailprov explain` shows all ports that are open.";
        return Err(CommandError::usage(message).hinted(advice));
    }
    report.ways(&ways);
    let lead = format!("{number}:");
    report.settings(&settings.iter().filter(|it| it.reason.starts_with(&lead)).collect::<Vec<_>>());
    Ok(Exit::Done)
}

/// Returns the subjects: settings, files by name and by path, ports and keys of
/// mail.yml, each with its origin. If mail.yml cannot be read, as before a
/// `sudo`, returns those of a usual one, or none.
pub(super) fn known(global: &Global, mail: Option<&Path>) -> BTreeMap<String, String> {
    let no_files = BTreeMap::new();
    let path = Path::new("mail.yml");
    let usual = MailSource::Draft { path, text: EXAMPLE, files: &no_files };
    let rendered = [MailSource::Here(mail), usual].into_iter().find_map(|wanted| {
        let loaded = Context::load(global, wanted).ok()?;
        let files = loaded.files().ok()?;
        Some((services::journeys(&ServerFiles::of(&files, loaded.mailbox())), files))
    });
    let (ways, files) = rendered.unwrap_or_default();
    let mut known: BTreeMap<String, String> =
        services::keys().into_iter().map(|(way, _)| (way, "mail.yml".to_owned())).collect();
    for file in &files {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        // The lines of a table are addresses, which mail.yml has already.
        let has_settings = file.path.ends_with(".cf") || file.path.ends_with(".conf");
        for setting in explain::settings(file).into_iter().filter(|_| has_settings) {
            // Nested settings go by their own name, others by the first word.
            let inner = setting.name.rsplit('/').next().unwrap_or_default();
            let word = inner.split(' ').next().unwrap_or_default();
            known.insert(word.to_owned(), name.to_owned());
        }
        known.insert(name.to_owned(), file.path.clone());
        known.insert(file.path.clone(), file.step.clone());
    }
    for way in &ways {
        known.extend(ports_of(way).map(|port| (port.to_owned(), way.title.clone())));
    }
    known
}

/// Returns the ports at which a way begins. One may be of some names only: `443 of NAME`.
fn ports_of(way: &Way) -> impl Iterator<Item = &str> {
    let ports = way.stops.first().and_then(|stop| stop.name.strip_prefix("port "));
    let ports = ports.into_iter().flat_map(|ports| ports.split(", "));
    ports.filter_map(|port| port.split(' ').next())
}
