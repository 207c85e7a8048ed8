//! A mail.yml to begin with.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use crate::app::{folder, parse, unreadable};
use crate::command_error::CommandError;
use crate::diagnostic::Source;
use crate::host::Host;
use crate::local;
use crate::mail::{Domain, Files, Hostname, Invalid, LocalPart, PasswordHash};
use crate::services::Spec;

/// The path of the schema of mail.yml in the Debian package.
const SCHEMA: &str = "/usr/share/mailprov/mail.schema.json";

/// The contents of a new mail.yml.
pub(crate) struct NewMailYml {
    pub(crate) hostname: Hostname,
    pub(crate) domains: Vec<Domain>,
    pub(crate) account: LocalPart,
    pub(crate) self_signed: bool,
}

impl NewMailYml {
    /// Fails if something exists at `path`.
    pub(crate) fn refuse_present(path: &Path) -> Result<(), CommandError> {
        match local::look(path) {
            Ok(_) => Err(present(path)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                Err(unreadable(path, &error))
            }
            Err(_) => Ok(()),
        }
    }

    /// Writes it to a file that is not there yet, and returns what it says.
    pub(crate) fn write(&self, path: &Path, hash: &PasswordHash) -> Result<Spec, CommandError> {
        let schema = local::look(Path::new(SCHEMA)).is_ok().then_some(SCHEMA);
        let text = self.text(hash.secret().expose(), schema);
        let source = Arc::new(Source { name: path.display().to_string(), text });
        let spec = parse(&source, &Files::beside(folder(path)))?;
        local::write_new(path, &source.text, 0o600).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => present(path),
            _ => CommandError::not_written(path, error),
        })?;
        Ok(spec)
    }

    /// Proposes the server's name.
    pub(crate) fn proposed_hostname() -> Option<String> {
        Host::own_name().filter(|name| is_of_the_world(name))
    }

    /// Proposes the domain of a hostname.
    pub(crate) fn proposed_domain(hostname: &Hostname) -> String {
        let name = hostname.to_string();
        match name.split_once('.') {
            Some((_, domain)) if domain.contains('.') => domain.to_owned(),
            _ => name,
        }
    }

    /// Proposes the name of the first account.
    pub(crate) fn proposed_account() -> Option<String> {
        let users = ["SUDO_USER", "USER", "LOGNAME"].into_iter();
        users
            .filter_map(|name| std::env::var(name).ok())
            .find(|name| name != "root" && LocalPart::plain(name).is_ok())
    }

    /// Reads domains, with commas or spaces between them.
    pub(crate) fn read_domains(text: &str) -> Result<Vec<Domain>, Invalid> {
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
    }

    /// Formats the file. Editors complete it if it names a schema.
    fn text(&self, hash: &str, schema: Option<&str>) -> String {
        let Self { hostname, domains, account, self_signed } = self;
        let domains: Vec<_> = domains.iter().map(ToString::to_string).collect();
        let (first, domains) = (&domains[0], domains.join(", "));
        let tls = match self_signed {
            true => {
                "\
# A certificate of its own making, which mail programs warn about. `acme` gets one
# that they know.
tls: self_signed
"
            }
            false => {
                "\
# The certificate: from Let's Encrypt, renewed by itself. The host name must lead
# to this host, and port 80 must be free and open to the world.
tls: acme

# Mail programs set themselves up, and people find their settings on a page of this
# host. Needs port 443, and the records that `mailprov dns` prints.
# web: true

# People read and write mail in a browser, at the host's name. Needs port 443.
# webmail: true
"
            }
        };
        let schema = schema.map_or_else(String::new, |path| {
            format!("# yaml-language-server: $schema=file://{path}\n")
        });
        format!(
            "\
{schema}# This mail server. `mailprov plan` shows the changes, `mailprov apply`
# makes them.

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

fn present(path: &Path) -> CommandError {
    CommandError::failed(format!("{} is there already", path.display()))
        .hinted("Edit it, or name another file: mailprov init FILE")
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

fn is_file_name(text: &str) -> bool {
    text.ends_with(".yml") || text.ends_with(".yaml")
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
        let of = |name| NewMailYml::proposed_domain(&Hostname::parse(name).unwrap());
        assert_eq!([of("mail.example.org"), of("example.org")], ["example.org", "example.org"]);
    }

    #[test]
    fn a_new_file_is_valid_and_ends_with_a_line_break() {
        for (hostname, domain, account) in
            [("mail.example.org", "example.org", "thomas"), ("m.example", "münchen.example", "no")]
        {
            for (self_signed, schema) in [(true, Some(SCHEMA)), (false, None)] {
                let answers = NewMailYml {
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
                assert_eq!(spec.services.certificate.is_self_signed(), self_signed);
                assert_eq!(spec.directory.accounts[0].name.value.to_string(), account);
            }
        }
    }
}
