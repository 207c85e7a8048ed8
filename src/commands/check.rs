//! `mailprov check`: the live service, proven.

use std::net::IpAddr;
use std::path::Path;

use super::load::{Loaded, Wanted, load};
use super::{Exit, Stop, dns};
use crate::check::{self, Certificate, Part, Probe, Server};
use crate::cli::{self, Global};
use crate::engine::Lock;
use crate::finding::{Finding, Verdict};
use crate::host::{Host, Unit};
use crate::mail::Spec;
use crate::report::Report;
use crate::resource::{Key, differences};

/// Where Debian keeps the authorities that it knows.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Looks at each part, and ends with 1 where one is not as it must be.
pub(super) fn run(
    global: &Global,
    options: &cli::Check,
    wanted: Wanted<'_>,
    report: &mut Report,
) -> Result<Exit, Stop> {
    let loaded = load(global, wanted, report)?;
    if loaded.host.is_tree() {
        let message = "nothing runs in a tree, so there is nothing to check";
        return Err(Stop::new(Exit::Usage, message, "Leave --root out."));
    }
    if !Host::is_root() {
        let message = "only root may look at all of this";
        return Err(Stop::new(Exit::NeedsRoot, message, "Run it with sudo."));
    }
    let Some(spec) = loaded.spec() else { return Err(super::load::no_mail_yml()) };
    // What is being changed is not as it should be yet.
    let _lock = Lock::take(&loaded.host, "check")?;
    let subject = Subject::new(&loaded, spec)?;
    let parts = Part::ALL.iter().filter(|it| options.only.is_empty() || options.only.contains(it));
    let mut all = Vec::new();
    let mut probe = None;
    for &part in parts {
        if part.needs_account() && probe.is_none() {
            probe = Some(subject.probe());
        }
        let findings = match &probe {
            Some(Err(why)) if part.needs_account() => {
                let finding = Finding::ok(format!("The {part} of an account"), "People use it.");
                let remedy = "mailprov apply; then check again.";
                vec![finding.not_checked(why.clone(), remedy)]
            }
            Some(Ok(probe)) if part.needs_account() => subject.of_account(part, probe),
            _ => subject.look(part, report)?,
        };
        report.findings(part.name(), &findings);
        all.extend(findings);
    }
    drop(probe);
    report.checked(&all, &loaded.subject());
    let is_well = all.iter().all(|finding| finding.verdict != Verdict::Wrong);
    Ok(if is_well { Exit::Done } else { Exit::Failed })
}

/// What is looked at.
struct Subject<'l> {
    loaded: &'l Loaded,
    spec: &'l Spec,
    server: Server,
}

impl<'l> Subject<'l> {
    fn new(loaded: &'l Loaded, spec: &'l Spec) -> Result<Self, Stop> {
        let read = |path: &Path| -> Result<Option<Vec<u8>>, Stop> {
            Ok(loaded.host.read(path)?.map(|content| content.bytes().to_vec()))
        };
        let certificate = Certificate {
            path: spec.tls.certificate.value.display().to_string(),
            pem: read(&spec.tls.certificate.value)?.unwrap_or_default(),
            self_signed: spec.tls.self_signed,
            authorities: read(Path::new(AUTHORITIES))?,
        };
        let server = Server {
            addresses: check::reachable(Host::addresses()?),
            hostname: spec.hostname.value.to_string(),
            imap: spec.services.imap,
            pop3: spec.services.pop3,
            certificate,
        };
        Ok(Self { loaded, spec, server })
    }

    /// Makes a password for the time of the check.
    fn probe(&self) -> Result<Probe<'l>, String> {
        let why = "the mail of every account is passed on, so none can be read back here";
        let inbox = self.spec.directory.inbox().ok_or(why)?;
        Probe::make(&self.loaded.host, &inbox, &self.server.addresses)
    }

    fn of_account(&self, part: Part, probe: &Probe<'_>) -> Vec<Finding> {
        match part {
            Part::Login => check::login(&self.server, &probe.account),
            Part::Mail => check::post(&self.server, &probe.account),
            _ => {
                let inbox = self.spec.directory.inbox();
                let of_another = inbox.and_then(|inbox| inbox.of_another);
                check::spoofing(&self.server, &probe.account, of_another.as_deref())
            }
        }
    }

    fn look(&self, part: Part, report: &mut Report) -> Result<Vec<Finding>, Stop> {
        let (host, server) = (&self.loaded.host, &self.server);
        Ok(match part {
            Part::Configuration => self.configuration(report)?,
            Part::Ports => check::ports(server),
            Part::Tls => check::certificates(server),
            Part::Relay => check::relay(server, self.spec.directory.domains[0].as_str()),
            Part::Queue => check::queue(host),
            Part::Disk => check::disk(host, self.spec.message_size.bytes()),
            Part::Clock => check::clock(host),
            Part::Log => check::log(host, &self.units(report)?),
            Part::Dns => check::dns(&dns::wanted(self.spec)?, &check::Resolver::of(host)),
            Part::Outward => vec![check::outward(self.loaded.has_relay())],
            Part::Login | Part::Mail | Part::Spoofing => Vec::new(),
        })
    }

    /// Compares the host with what mail.yml says, services on their own.
    fn configuration(&self, report: &mut Report) -> Result<Vec<Finding>, Stop> {
        let plan = self.loaded.compare(report)?;
        let apply = "See it: mailprov plan. Make it so: mailprov apply";
        let mut findings: Vec<Finding> = Vec::new();
        let services = self.loaded.services(report)?;
        for service in &services {
            let why = "What a service does not run with, does not count, whatever the files say.";
            let what = format!("{} runs, with what is on disk", service.name);
            let change = plan.changes.iter().find(|change| match &change.key {
                Key::Service(key) => key.unit == *service,
                _ => false,
            });
            let finding = Finding::ok(what, why);
            findings.push(match change {
                None => finding,
                Some(it) => {
                    finding.wrong(differences(&it.key, &it.before, &it.after).join("; "), apply)
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
            false => finding.wrong(keys.join(", "), apply),
        });
        Ok(findings)
    }

    fn units(&self, report: &mut Report) -> Result<Vec<Unit>, Stop> {
        self.loaded.services(report)
    }
}

/// Addresses are asked of the host, and so may be missing.
pub(super) fn addresses() -> Result<Vec<IpAddr>, Stop> {
    Ok(check::reachable(Host::addresses()?))
}
