//! The server that is looked at, on the host itself.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::super::{CommandError, dns};
use crate::app::Context;
use crate::check::{self, Certificate, Identity, Login, Part, Server, TemporaryLogin};
use crate::finding::Finding;
use crate::host::{Host, Unit};
use crate::probe::{self, ConnectionCache};
use crate::resource::{Key, exposed_key};
use crate::services::Spec;

/// Where Debian keeps the authorities that it knows.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// How long a mail may take from one process of this host to another.
const DELIVERY: Duration = Duration::from_secs(15);

const APPLY: &str = "See it: mailprov plan. Make it so: mailprov apply";

const RUNS: &str = "What a service does not run with, does not count, whatever the files say.";

fn runs(service: &Unit) -> String {
    format!("{} runs, with what is on disk", service.name)
}

/// The ports that are closed while a service does not run. Postfix lets nobody log
/// in without Dovecot.
fn ports_of(service: &Unit) -> &'static [u16] {
    match service.name.as_str() {
        "dovecot" => &[110, 143, 465, 587, 993, 995],
        "postfix" => &[25, 465, 587],
        _ => &[],
    }
}

/// What is looked at.
pub(super) struct Subject<'l> {
    loaded: &'l Context,
    spec: &'l Spec,
    /// How it is called.
    pub(super) server: Server,
}

impl<'l> Subject<'l> {
    pub(super) fn new(loaded: &'l Context, spec: &'l Spec) -> Result<Self, CommandError> {
        let read = |path: &Path| -> Result<Option<Vec<u8>>, CommandError> {
            Ok(loaded.host.read(path)?.map(|content| content.bytes().to_vec()))
        };
        let certificate = Certificate {
            path: spec.services.certificate.certificate.value.display().to_string(),
            pem: read(&spec.services.certificate.certificate.value)?.unwrap_or_default(),
            exposed: exposed_key(&loaded.host, &spec.services.certificate.key.value)?,
            self_signed: spec.services.certificate.self_signed,
            authorities: read(Path::new(AUTHORITIES))?,
        };
        let mut addresses = check::reachable(Host::addresses()?);
        if !loaded.host.speaks_ipv6()? {
            addresses.retain(IpAddr::is_ipv4);
        }
        let server = Server {
            addresses,
            hostname: spec.hostname.value.to_string(),
            imap: spec.services.dovecot.imap,
            pop3: spec.services.dovecot.pop3,
            extra: spec.services.extra.ports(),
            identity: Identity::OnDisk(certificate),
            delivery: DELIVERY,
            connections: ConnectionCache::default(),
        };
        Ok(Self { loaded, spec, server })
    }

    /// Makes a password for the time of the check.
    pub(super) fn probe(&self) -> Result<TemporaryLogin<'l>, String> {
        let why = "the mail of every account is passed on, so none can be read back here";
        let inbox = self.spec.directory.inbox().ok_or(why)?;
        TemporaryLogin::make(&self.loaded.host, &inbox, &self.server.addresses)
    }

    pub(super) fn of_account(&self, part: Part, probe: &TemporaryLogin<'_>) -> Vec<Finding> {
        match part {
            Part::Login => {
                let mut findings =
                    check::login(&self.server, &probe.account, Login::WrongOnEachPort);
                findings.push(check::plaintext_auth(&self.server, Some(&self.loaded.host)));
                findings
            }
            Part::Mail => check::post(&self.server, &probe.account),
            _ => {
                let inbox = self.spec.directory.inbox();
                let of_another = inbox.and_then(|inbox| inbox.of_another);
                let mut findings =
                    check::spoofing(&self.server, &probe.account, of_another.as_deref());
                findings.extend(check::without_login(&self.server, &probe.account.address));
                findings
            }
        }
    }

    pub(super) fn look(&self, part: Part) -> Result<Vec<Finding>, CommandError> {
        let (host, server) = (&self.loaded.host, &self.server);
        Ok(match part {
            Part::Configuration => self.configuration()?,
            Part::Ports => {
                let mut findings = check::ports(server);
                findings.extend(check::rulesets(server));
                findings
            }
            Part::Tls => check::certificates(server),
            Part::Relay => {
                check::relay(server, self.spec.directory.domains[0].as_str(), Some(host))
            }
            Part::Queue => check::queue(host),
            Part::Disk => check::disk(host, self.spec.largest_mail()),
            Part::Clock => check::clock(host),
            Part::Log => check::log(host, &self.units()?),
            Part::Dns => check::dns(&dns::wanted(self.spec)?, &probe::Resolver::of(host)),
            Part::Outward => vec![check::outward(self.loaded.has_relay())],
            Part::Login | Part::Mail | Part::Spoofing => Vec::new(),
        })
    }

    /// Compares the host with what mail.yml says, services on their own.
    pub(super) fn configuration(&self) -> Result<Vec<Finding>, CommandError> {
        let plan = self.loaded.compare()?;
        let mut findings: Vec<Finding> = Vec::new();
        let services = self.loaded.services()?;
        for service in &services {
            let what = runs(service);
            let change = plan.changes.iter().find(|change| match &change.key {
                Key::Service(key) => key.unit == *service,
                _ => false,
            });
            let finding = Finding::ok(what, RUNS);
            findings.push(match change {
                None => finding,
                Some(it) => {
                    let seen = it.key.describe(&it.before, &it.after).join("; ");
                    let ports = if self.is_dead(service)? { ports_of(service) } else { &[] };
                    finding.wrong(seen, APPLY).on(ports.iter().copied())
                }
            });
        }
        let is_shown = |key: &Key| matches!(key, Key::Service(it) if services.contains(&it.unit));
        let others = plan.changes.iter().filter(|change| !is_shown(&change.key));
        let keys: Vec<_> = others.map(|change| change.key.to_string()).collect();
        let finding = Finding::ok(
            "The host is as mail.yml says",
            "What somebody changed by hand is not what you believe it is.",
        );
        findings.push(match keys.is_empty() {
            true => finding,
            false => finding.wrong(keys.join(", "), APPLY),
        });
        let directory = &self.spec.directory;
        let homes = directory.accounts.iter().enumerate().flat_map(|(index, account)| {
            let homes = self.spec.homes(index).into_iter();
            homes.map(|home| (account.name.value.local().as_str(), home.into()))
        });
        findings.extend(check::mailboxes(&self.loaded.host, homes));
        findings.extend(self.open_secrets());
        if !plan.unseen.is_empty() {
            let steps: Vec<_> = plan.unseen.iter().map(|it| it.step.as_str()).collect();
            let finding = Finding::ok("All of the host can be looked at", RUNS);
            findings.push(finding.not_checked(steps.join(", "), "See why: mailprov plan"));
        }
        Ok(findings)
    }

    /// Finds the services that do not run, and has none of their ports called.
    pub(super) fn dead(&self) -> Result<Vec<Finding>, CommandError> {
        let mut findings = Vec::new();
        for service in self.loaded.services()? {
            let ports = ports_of(&service);
            if ports.is_empty() || !self.is_dead(&service)? {
                continue;
            }
            let why = format!("{} does not run", service.name);
            ports.iter().for_each(|port| self.server.connections.mark_down(*port, why.clone()));
            let finding = Finding::ok(runs(&service), RUNS);
            findings.push(finding.wrong(why, APPLY).on(ports.iter().copied()));
        }
        Ok(findings)
    }

    fn is_dead(&self, service: &Unit) -> Result<bool, CommandError> {
        Ok(self.loaded.host.main_process(service)?.is_none())
    }

    /// Says which files with hashes and passwords others may read.
    fn open_secrets(&self) -> Vec<Finding> {
        let why = "A hash that others may read can be tried against words, at leisure.";
        let open = self.loaded.open_secrets().into_iter().map(|(path, who)| {
            let path = path.display();
            let finding = Finding::ok(format!("{path} is for root's eyes only"), why);
            finding.warning(format!("{who} may read it"), format!("chmod 600 {path}"))
        });
        open.collect()
    }

    fn units(&self) -> Result<Vec<Unit>, CommandError> {
        self.loaded.services()
    }
}

/// Addresses are asked of the host, and so may be missing.
pub(in crate::commands) fn addresses() -> Result<Vec<IpAddr>, CommandError> {
    Ok(check::reachable(Host::addresses()?))
}
