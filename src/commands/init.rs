//! `mailprov init`: writes a first mail.yml.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::{CommandError, Exit, here, password};
use crate::app;
use crate::cli::{self, Global};
use crate::diagnostic::Source;
use crate::host::Host;
use crate::local;
use crate::mail::{Domain, Files, Hostname, Invalid, LocalPart};
use crate::reach::as_path;
use crate::report::Report;

/// How many answers to a question may be invalid.
const TRIES: usize = 3;

/// The path of the schema of mail.yml in the Debian package.
const SCHEMA: &str = "/usr/share/mailprov/mail.schema.json";

struct Answers {
    hostname: Hostname,
    domains: Vec<Domain>,
    account: LocalPart,
    self_signed: bool,
}

pub(super) fn run(
    global: &Global,
    options: &cli::Init,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let path = &options.mail;
    // Fail before the first question if the file exists.
    match local::look(path) {
        Ok(_) => return Err(there_already(path)),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(app::unreadable(path, &error));
        }
        Err(_) => {}
    }
    let missing = missing(options);
    if !missing.is_empty() && !report.can_ask() {
        let message =
            format!("there is no terminal to ask on, and missing: {}", missing.join(", "));
        return Err(CommandError::usage(message).hinted("Pass them."));
    }
    let hostname = hostname(options, report)?;
    let answers = Answers {
        domains: domains(options, &hostname, report)?,
        hostname,
        account: account(options, report)?,
        self_signed: self_signed(options, &missing, report)?,
    };
    let question = format!("Password of `{}`:", answers.account);
    let password = password::choose(&options.password, &password::Asked::Here(&question), report)?;
    let hash = password.hash().map_err(password::refused)?;
    let schema = local::look(Path::new(SCHEMA)).is_ok().then_some(SCHEMA);
    let text = answers.text(hash.secret().expose(), schema);
    let source = Arc::new(Source { name: path.display().to_string(), text });
    let spec = app::parse(&source, &Files::beside(app::folder(path)))?;
    local::write_new_private(path, &source.text).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => there_already(path),
        _ => CommandError::failed(format!("could not write {}", path.display())).because(error),
    })?;
    let file = path.display().to_string();
    let plan = report.reach().command(&["plan", &as_path(&file)]);
    let next = match here::elsewhere(global, &spec, report.can_ask(), report) {
        None => format!("Next: {plan}"),
        Some(elsewhere) => format!(
            "{}\nNext: {}\n(On the server itself: {plan})",
            elsewhere.says(),
            elsewhere.bootstrap(path, report)
        ),
    };
    report.note(&format!("Written: {file}\n{next}\n"));
    Ok(Exit::Done)
}

fn there_already(path: &Path) -> CommandError {
    CommandError::failed(format!("{} is there already", path.display()))
        .hinted("Edit it, or name another file: mailprov init FILE")
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
    let proposal = Host::own_name().filter(|name| is_of_the_world(name));
    answer(options.hostname.as_deref(), question, proposal, report, Hostname::parse)
}

/// Returns whether a machine's name can be that of a public server, not one of
/// a local network (RFC 6761, RFC 6762).
fn is_of_the_world(name: &str) -> bool {
    const OWN: [&str; 12] = [
        "local",
        "localdomain",
        "localhost",
        "lan",
        "home",
        "internal",
        "intranet",
        "corp",
        "private",
        "arpa",
        "test",
        "invalid",
    ];
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.') && !OWN.contains(&last) && Hostname::parse(name).is_ok()
}

/// Proposes the domain of a hostname.
fn domain_of(hostname: &Hostname) -> String {
    let name = hostname.to_string();
    match name.split_once('.') {
        Some((_, domain)) if domain.contains('.') => domain.to_owned(),
        _ => name,
    }
}

fn domains(
    options: &cli::Init,
    hostname: &Hostname,
    report: &mut Report,
) -> Result<Vec<Domain>, CommandError> {
    let parse = |text: &str| -> Result<Vec<Domain>, Invalid> {
        let words = text.split([',', ' ']).filter(|word| !word.is_empty());
        let domains: Vec<Domain> = words.map(Domain::parse).collect::<Result<_, _>>()?;
        match domains.iter().find(|domain| is_file_name(&domain.to_string())) {
            _ if domains.is_empty() => Err(Invalid::new("no domain", "name at least one")),
            Some(file) => {
                let help = "name the file before the options: mailprov init FILE --hostname …";
                Err(Invalid::new(format!("`{file}` is a file's name, not a domain"), help))
            }
            None => Ok(domains),
        }
    };
    let given = (!options.domains.is_empty()).then(|| options.domains.join(" "));
    let question = "The domains whose mail is kept here, such as example.org, example.net:";
    answer(given.as_deref(), question, Some(domain_of(hostname)), report, parse)
}

fn is_file_name(text: &str) -> bool {
    text.ends_with(".yml") || text.ends_with(".yaml")
}

fn account(options: &cli::Init, report: &mut Report) -> Result<LocalPart, CommandError> {
    let question = "The name of the first account, such as thomas:";
    let users = ["SUDO_USER", "USER", "LOGNAME"].into_iter();
    let proposal = users
        .filter_map(|name| std::env::var(name).ok())
        .find(|name| name != "root" && LocalPart::plain(name).is_ok());
    answer(options.account.as_deref(), question, proposal, report, LocalPart::plain)
}

/// Asks for the certificate if other questions are asked too.
fn self_signed(
    options: &cli::Init,
    missing: &[&str],
    report: &mut Report,
) -> Result<bool, CommandError> {
    if options.self_signed || missing.is_empty() || !report.can_ask() {
        return Ok(options.self_signed);
    }
    let parse = |text: &str| match text.to_lowercase().as_str() {
        "1" => Ok(false),
        "2" => Ok(true),
        _ => Err(Invalid::new("this is neither 1 nor 2", "answer 1 or 2")),
    };
    let question = "Certificate: 1 from Let's Encrypt, by certbot; 2 self-signed, to begin with.";
    answer(None, question, Some("1".into()), report, parse)
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

impl Answers {
    /// Formats the file. Editors complete it if it names a schema.
    fn text(&self, hash: &str, schema: Option<&str>) -> String {
        let Self { hostname, domains, account, self_signed } = self;
        let domains: Vec<_> = domains.iter().map(ToString::to_string).collect();
        let (first, domains) = (&domains[0], domains.join(", "));
        let tls = match self_signed {
            true => {
                "\
# A certificate of its own making, which mail programs warn about. Remove the
# line when certbot has made one: certbot certonly --standalone -d "
                    .to_owned()
                    + &format!("{hostname}\ntls: {{self_signed: true}}\n")
            }
            false => format!(
                "\
# The certificate is the one that certbot makes for the host name:
#   certbot certonly --standalone -d {hostname}
# Until there is one:
# tls: {{self_signed: true}}
"
            ),
        };
        let schema = schema.map_or_else(String::new, |path| {
            format!("# yaml-language-server: $schema=file://{path}\n")
        });
        format!(
            "\
{schema}# This mail server. `mailprov plan` shows what is to be done, `mailprov apply`
# does it.

# The server's full name, the one that the MX records point to.
hostname: {hostname}

# The domains whose mail is kept here.
domains: [{domains}]

# The people. Log in as `{account}` or `{account}@{first}`.
# Another one: mailprov account add NAME
accounts:
  {account}:
    password: \"{hash}\"

# Gets the mail for unknown addresses; without it that is refused.
# catch_all: {account}

{tls}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{mail, services};

    #[test]
    fn only_names_that_the_world_can_find_are_proposed() {
        assert!(is_of_the_world("mail.example.org") && is_of_the_world("example.org"));
        for own in ["laptop", "laptop.local", "a.lan", "localhost.localdomain", "a b.org", ""] {
            assert!(!is_of_the_world(own), "{own}");
        }
        let of = |name| domain_of(&Hostname::parse(name).unwrap());
        assert_eq!([of("mail.example.org"), of("example.org")], ["example.org", "example.org"]);
    }

    #[test]
    fn what_is_written_is_valid_and_ends_like_a_text() {
        for (hostname, domain, account) in
            [("mail.example.org", "example.org", "thomas"), ("m.example", "münchen.example", "no")]
        {
            for (self_signed, schema) in [(true, Some(SCHEMA)), (false, None)] {
                let answers = Answers {
                    hostname: Hostname::parse(hostname).unwrap(),
                    domains: vec![Domain::parse(domain).unwrap(), Domain::parse("b.org").unwrap()],
                    account: LocalPart::parse(account).unwrap(),
                    self_signed,
                };
                let hash = mail::Password::parse("hunter22").unwrap().hash().unwrap();
                let text = answers.text(hash.secret().expose(), schema);
                let first = text.lines().next().unwrap_or_default();
                assert_eq!(first.starts_with("# yaml-language-server:"), schema.is_some());
                assert!(text.ends_with('\n') && text.lines().all(|line| line.len() < 130));
                let source = Arc::new(Source { name: "mail.yml".into(), text });
                let spec = services::load(&source, &Files::beside(Path::new(""))).unwrap();
                assert_eq!(spec.services.certificate.self_signed, self_signed);
                assert_eq!(spec.directory.accounts[0].name.value.to_string(), account);
            }
        }
    }
}
