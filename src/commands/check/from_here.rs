//! `check --from-here`: what the world sees of the server, from this machine,
//! without root and without a login there.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::load;
use super::super::{CommandError, Exit, dns, password};
use super::{exit, is_running, parts};
use crate::app::{MailSource, no_mail_yml};
use crate::check::{self, Account, Causes, Identity, Login, Part, Server};
use crate::cli::{self, Global};
use crate::finding::Finding;
use crate::host::Host;
use crate::mail::CheckAccount;
use crate::probe::{self, ConnectionCache, Resolver, Smtp};
use crate::report::Report;
use crate::services::Spec;

/// How long a mail may take from the door to the mailbox.
const DELIVERY: Duration = Duration::from_secs(60);

const ONLY_THERE: &str = "only the host knows: mailprov check, there or with --on";
const NO_LOGIN: &str = "nobody logs in: --login NAME";

/// Looks at what can be seen from here, and ends with 1 where something is
/// wrong.
pub(super) fn run(
    global: &Global,
    options: &cli::Check,
    wanted: MailSource<'_>,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let loaded = load(global, wanted, report)?;
    is_running(&loaded)?;
    let spec = loaded.spec().ok_or_else(no_mail_yml)?;
    if options.login.is_none() && options.password.is_given() {
        let message = "there is a password and nobody whose it is";
        return Err(CommandError::usage(message).hinted("Add --login NAME."));
    }
    let person = match &options.login {
        Some(login) => Some(Person::ask(spec, login, &options.password, report)?),
        None => None,
    };
    let outside = Outside { spec, server: server(spec), person };
    let wanted = parts(&options.only);
    if wanted.iter().any(uses_port_25) {
        look_for_a_bar(&outside.server);
    }
    let (mut all, mut unseen) = (Vec::new(), Vec::new());
    let mut causes = Causes::default();
    for part in wanted {
        match outside.look(part, &loaded.host) {
            Ok(mut findings) => {
                causes.trace(part, &mut findings);
                report.findings(part.name(), &findings);
                all.extend(findings);
            }
            Err(why) => unseen.push((part.name(), why)),
        }
    }
    let unseen = report.unseen(&unseen);
    all.extend(unseen);
    report.checked(&all, &loaded.subject());
    Ok(exit(&all))
}

/// Who logs in.
struct Person {
    account: Account,
    /// An address that belongs to others, if there is one.
    of_another: Option<String>,
}

impl Person {
    /// Finds out what the login stands for, and asks for the password.
    fn ask(
        spec: &Spec,
        login: &str,
        from: &cli::PasswordFrom,
        report: &mut Report,
    ) -> Result<Self, CommandError> {
        let found = spec.directory.inbox_of(login);
        let CheckAccount { address, of_another, .. } = found.ok_or_else(|| {
            let message = format!("no account with the login `{login}` keeps its mail here");
            CommandError::usage(message).hinted("`mailprov account list` lists the accounts.")
        })?;
        let password = password::existing(from, &format!("Password of {login}:"), report)?;
        let (login, address) = (login.to_owned(), address.to_string());
        Ok(Self { account: Account { login, address, password }, of_another })
    }
}

/// The server as the world sees it.
struct Outside<'s> {
    spec: &'s Spec,
    server: Server,
    person: Option<Person>,
}

/// Returns whom to call, by what DNS or /etc/hosts says here.
pub(super) fn server(spec: &Spec) -> Server {
    let hostname = spec.hostname.value.to_string();
    Server {
        addresses: Host::addresses_of(&hostname),
        hostname,
        imap: spec.services.dovecot.imap,
        pop3: spec.services.dovecot.pop3,
        extra: spec.services.extra.ports(),
        identity: match spec.services.certificate.self_signed {
            true => Identity::SelfSigned,
            false => Identity::Vouched(probe::authorities()),
        },
        delivery: DELIVERY,
        connections: ConnectionCache::default(),
    }
}

fn uses_port_25(part: &Part) -> bool {
    matches!(part, Part::Ports | Part::Tls | Part::Login | Part::Mail | Part::Relay)
}

/// Many networks let nobody out by port 25, which would look like a server that
/// is down.
pub(super) fn look_for_a_bar(server: &Server) {
    let connections = &server.connections;
    let answers = server.addresses.iter().any(|address| {
        let called = connections.connect::<Smtp>(SocketAddr::new(*address, 25), None);
        !matches!(called, Err(probe::Error::Connect { .. }))
    });
    if !answers && Host::port_25_is_open_outward() == Some(false) {
        connections.block(25, "the network of this machine lets nobody out by port 25");
    }
}

impl Outside<'_> {
    /// Looks at a part, or says why it is not seen from here.
    fn look(&self, part: Part, host: &Host) -> Result<Vec<Finding>, &'static str> {
        let server = &self.server;
        let recipients: Vec<_> =
            self.spec.directory.domains.iter().map(|it| format!("postmaster@{it}")).collect();
        if server.addresses.is_empty() && !matches!(part, Part::Dns) {
            return self.without_address(part);
        }
        Ok(match (part, &self.person) {
            (Part::Ports, _) => check::ports(server),
            (Part::Tls, _) => check::certificates(server),
            (Part::Login, Some(person)) => {
                let mut findings =
                    check::login(server, &person.account, Login::WrongOncePerProtocol);
                findings.push(check::plaintext_auth(server, None));
                findings
            }
            (Part::Login, None) => vec![check::plaintext_auth(server, None)],
            (Part::Mail, Some(person)) => check::post(server, &person.account),
            (Part::Mail, None) => return Err(NO_LOGIN),
            (Part::Relay, _) => {
                let mut findings = check::accepts_local_mail(server, &recipients);
                findings.extend(check::relay(
                    server,
                    self.spec.directory.domains[0].as_str(),
                    None,
                ));
                findings
            }
            (Part::Spoofing, person) => {
                let mut findings = check::without_login(server, &recipients[0]);
                findings.extend(person.iter().flat_map(|person| {
                    check::spoofing(server, &person.account, person.of_another.as_deref())
                }));
                findings
            }
            (Part::Dns, _) => {
                let wanted = dns::wanted_at(self.spec, server.addresses.clone());
                check::dns(&wanted, &Resolver::of(host))
            }
            _ => return Err(ONLY_THERE),
        })
    }

    /// What there is to say where the name leads nowhere.
    fn without_address(&self, part: Part) -> Result<Vec<Finding>, &'static str> {
        match part {
            Part::Ports => {
                let what = format!("The address of {}", self.server.hostname);
                let finding =
                    Finding::ok(what, "Whoever has mail for it looks for it by its name.");
                let remedy = "See what is to be published: mailprov dns, on the host.";
                Ok(vec![finding.wrong("the name leads to none", remedy)])
            }
            Part::Tls | Part::Login | Part::Mail | Part::Relay | Part::Spoofing => {
                Err("the server's name leads to no address")
            }
            _ => Err(ONLY_THERE),
        }
    }
}
