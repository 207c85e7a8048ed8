//! `mailprov init`: writes a first mail.yml.

use super::{CommandError, Exit, elsewhere, password};
use crate::app::mail_yml::NewMailYml;
use crate::cli::{self, Global};
use crate::mail::{Domain, Hostname, Invalid, LocalPart};
use crate::reach::as_path;
use crate::report::Report;

/// How many answers to a question may be invalid.
const TRIES: usize = 3;

pub(super) fn run(
    global: &Global,
    options: &cli::Init,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let path = &options.mail;
    // Fail before the first question if the file exists.
    NewMailYml::refuse_present(path)?;
    let missing = missing(options);
    if !missing.is_empty() && !report.can_ask() {
        let message =
            format!("there is no terminal to ask on, and missing: {}", missing.join(", "));
        return Err(CommandError::usage(message).hinted("Pass them."));
    }
    let hostname = hostname(options, report)?;
    let new = NewMailYml {
        domains: domains(options, &hostname, report)?,
        hostname,
        account: account(options, report)?,
        self_signed: options.self_signed,
    };
    let question = format!("Password of `{}`:", new.account);
    let password = password::choose(&options.password, &password::Asked::Here(&question), report)?;
    let hash = password.hash().map_err(password::refused)?;
    let spec = new.write(path, &hash)?;
    let file = path.display().to_string();
    let plan = report.reach().command(&["plan", &as_path(&file)]);
    let next = match elsewhere(global, &spec, report.can_ask(), report) {
        None => format!("Next: {plan}"),
        Some(elsewhere) => format!(
            "{}\nNext: {}\n(On the server itself: {plan})",
            elsewhere.says(),
            elsewhere.bootstrap(path, report.reach())
        ),
    };
    report.note(&format!("Written: {file}\n{next}\n"));
    Ok(Exit::Done)
}

/// Names the flags without which a question is asked.
fn missing(options: &cli::Init) -> Vec<&'static str> {
    let password = &options.password;
    let given = [
        (options.hostname.is_some(), "--hostname"),
        (!options.domains.is_empty(), "--domain"),
        (options.account.is_some(), "--account"),
        (password.is_given(), "--password-file or --password-stdin"),
    ];
    given.into_iter().filter(|(given, _)| !given).map(|(_, flag)| flag).collect()
}

fn hostname(options: &cli::Init, report: &mut Report) -> Result<Hostname, CommandError> {
    let question = "The server's full name, such as mail.example.org:";
    let proposal = NewMailYml::proposed_hostname();
    answer(options.hostname.as_deref(), question, proposal, report, Hostname::parse)
}

fn domains(
    options: &cli::Init,
    hostname: &Hostname,
    report: &mut Report,
) -> Result<Vec<Domain>, CommandError> {
    let proposal = NewMailYml::proposed_domain(hostname);
    let given = (!options.domains.is_empty()).then(|| options.domains.join(" "));
    let question = "The domains whose mail is kept here, such as example.org, example.net:";
    answer(given.as_deref(), question, Some(proposal), report, NewMailYml::read_domains)
}

fn account(options: &cli::Init, report: &mut Report) -> Result<LocalPart, CommandError> {
    let question = "The name of the first account, such as thomas:";
    let proposal = NewMailYml::proposed_account();
    answer(options.account.as_deref(), question, proposal, report, LocalPart::plain)
}

/// Returns the given value, or asks until the answer is valid. An empty answer
/// stands for the `proposal`, if there is one.
fn answer<T>(
    given: Option<&str>,
    question: &str,
    proposal: Option<String>,
    report: &mut Report,
    parse: impl Fn(&str) -> Result<T, Invalid>,
) -> Result<T, CommandError> {
    if let Some(given) = given {
        return parse(given).map_err(|Invalid { message, help }| {
            CommandError::usage(format!("{message}: {help}"))
        });
    }
    let question = match &proposal {
        Some(proposal) => format!("{question} [{proposal}]"),
        None => question.to_owned(),
    };
    for last in (0..TRIES).rev() {
        let Some(text) = report.ask_here(&question) else { break };
        let text = match &proposal {
            Some(proposal) if text.is_empty() => proposal,
            _ => &text,
        };
        match parse(text) {
            Ok(answer) => return Ok(answer),
            Err(Invalid { message, help }) if last == 0 => {
                let message = format!("{TRIES} answers were wrong, the last one: {message}");
                return Err(CommandError::failed(message).hinted(format!("{help}.")));
            }
            Err(Invalid { message, help }) => report.prompt(&format!("{message}: {help}\n")),
        }
    }
    Err(CommandError::failed("the input ended before the answer"))
}
