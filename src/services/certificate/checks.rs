//! Checks the certificate of each port: that it is the one on disk, complete,
//! for the right name, and valid for some time.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::finding::{Finding, Rule, Verdict, rules};
use crate::host::now;
use crate::probe::{self, Error, Tls};
use crate::resource::{covers, read_certificate, read_der};
use crate::services::checking::{
    Certificate, Check, Here, Identity, Port, Quick, SEE_PORTS, Server, unanswered,
};

/// The length of a day, in seconds.
const DAY: i64 = 86_400;

/// The remaining seconds below which the finding is a warning, at most.
const SOON: i64 = 21 * DAY;

/// The remaining seconds below which no ACME client will renew in time, at most.
const LAST: i64 = 7 * DAY;

/// The lifetime of which [`SOON`] and [`LAST`] are parts; of a shorter one the parts are
/// shorter. Certificates are renewed when a third of their life is left.
const LIFE: i64 = 90 * DAY;

const RENEW: &str = "On the host, see what to do: mailprov check --only tls";

pub(super) static CHECKS: &[&Check] = &[&CHECK];

static CHECK: Check = Check {
    rule: Rule {
        id: "tls",
        title: "The certificate",
        reason: "Mail programs refuse a server whose certificate they cannot trust.",
    },
    rules: &[RULES],
    uses_ports: true,
    explains: true,
    here: Here::Alone(|site| Ok(certificates(&site.server))),
    outside: Some(|outside| Ok(certificates(outside.server()?))),
    quick: Some(Quick::Alone(certificates)),
};

rules! {
    FILE = "tls.file", "The certificate in {}", "Without it no port can offer TLS.";
    NAME = "tls.name", "The certificate's name",
        "Mail programs refuse a certificate for another name.";
    DAYS = "tls.days", "The certificate's days", "Mail programs refuse an expired certificate.";
    CHAIN = "tls.chain", "The certificate's chain",
        "Mail programs know the root authority only, so the server must send the rest.";
    KEY = "tls.key", "The certificate's key", "With the key, another server can pose as this one.";
    SERVED = "tls.served", "The certificate on port {}",
        "Mail programs see the certificate that a port serves, not the one on disk.";
}

/// Checks the certificate on disk, if the server is this host, and that of each port.
fn certificates(server: &Server) -> Vec<Finding> {
    let Identity::OnDisk(certificate) = &server.identity else { return from_afar(server) };
    let Certificate { path, pem, renewal, exposed, .. } = certificate;
    let on_disk: Vec<CertificateDer<'_>> =
        CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect();
    let Some((names, (from, to))) = read_certificate(pem) else {
        let finding = Finding::about(&FILE, path);
        return vec![finding.wrong("there is none that can be read", "See more: mailprov plan")];
    };
    let renew = *renewal;
    let name = Finding::of(&NAME);
    let mut findings = vec![match covers(&names, &server.hostname) {
        true => name.seen(names.join(", ")),
        false => name.wrong(
            format!("it is for {}, not for {}", names.join(", "), server.hostname),
            "Get one for this name, or change `hostname` in mail.yml.",
        ),
    }];
    findings.push(lifetime(Finding::of(&DAYS), seconds(), from, to, renew));
    let key = Finding::of(&KEY);
    let key = match exposed {
        None => key.seen("only root may read it"),
        Some(seen) => {
            let path = seen.split(' ').next().unwrap_or_default();
            key.wrong(seen, format!("chown root: {path}; chmod 0600 {path}; then renew it."))
        }
    };
    let bad = findings.iter().find(|it| it.verdict == Verdict::Wrong).map(Finding::as_cause);
    let chain = complete(server, certificate);
    // Mail programs refuse the certificate for a reason that is already reported.
    let follows = bad.filter(|_| chain.verdict == Verdict::Wrong);
    findings.push(Finding { follows, ..chain });
    findings.push(key);
    findings.extend(on_each_port(server, &|port| {
        of_shown(certificate, port, port.shown(server), &on_disk)
    }));
    findings
}

fn on_each_port(server: &Server, look: &(dyn Fn(Port) -> Finding + Sync)) -> Vec<Finding> {
    let (ports, _) = server.ports();
    std::thread::scope(|scope| {
        let look = |port: Port| scope.spawn(move || look(port).on([port.number]));
        let asked: Vec<_> = ports.into_iter().map(look).collect();
        asked.into_iter().filter_map(|it| it.join().ok()).collect()
    })
}

/// Checks each port as a mail program does that trusts this machine's authorities.
fn from_afar(server: &Server) -> Vec<Finding> {
    on_each_port(server, &|port| {
        let finding = Finding::about(&SERVED, port.number);
        let chain = match port.shown(server) {
            Ok(chain) => chain,
            Err(error) => {
                return unanswered(finding, &error, SEE_PORTS);
            }
        };
        let Some((names, (from, to))) = chain.first().and_then(|it| read_der(it)) else {
            return finding.wrong("it cannot be read", RENEW);
        };
        if !covers(&names, &server.hostname) {
            let facts = format!("it is for {}, not for {}", names.join(", "), server.hostname);
            return finding.wrong(facts, RENEW);
        }
        let days = lifetime(finding.clone(), seconds(), from, to, RENEW);
        if days.verdict == Verdict::Wrong {
            return days;
        }
        if let Identity::SelfSigned = server.identity {
            let facts = format!("{}; self-signed, as mail.yml says", days.facts);
            return Finding { facts, ..days };
        }
        match server.tls().and_then(|tls| port.shown_to(server, &tls)) {
            Ok(_) => days,
            Err(Error::Tls(rustls::Error::InvalidCertificate(reason))) => {
                finding.wrong(refusal(&reason), RENEW)
            }
            Err(error) => unanswered(finding, &error, RENEW),
        }
    })
}

/// Explains why a mail program refuses a certificate.
fn refusal(reason: &rustls::CertificateError) -> String {
    match reason {
        rustls::CertificateError::UnknownIssuer => {
            "it is signed by no authority that this machine knows: it is self-signed, or the \
             server does not send the rest of the chain"
                .into()
        }
        reason => format!("a mail program refuses it ({reason:?})"),
    }
}

fn seconds() -> i64 {
    now() / 1_000_000_000
}

fn lifetime(finding: Finding, now: i64, from: i64, to: i64, renew: &str) -> Finding {
    let left = to - now;
    let words = in_words(left.abs());
    let part = |most: i64| most.min((to - from) / (LIFE / DAY) * (most / DAY));
    if from > now {
        finding.wrong("it is not valid yet", "Look at the clock of this host (timedatectl).")
    } else if left < 0 {
        finding.wrong(format!("it expired {words} ago"), renew)
    } else if left < part(LAST) {
        finding.wrong(format!("{words} left"), renew)
    } else if left < part(SOON) {
        finding.warning(format!("{words} left"), renew)
    } else {
        finding.seen(format!("{words} left"))
    }
}

/// Returns a span of time, rounded down.
fn in_words(seconds: i64) -> String {
    match seconds {
        ..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / DAY),
    }
}

/// Verifies the chain as a mail program does that trusts this host's authorities.
fn complete(server: &Server, certificate: &Certificate) -> Finding {
    let finding = Finding::of(&CHAIN);
    if certificate.self_signed {
        return finding.seen("self-signed, as mail.yml says; mail programs will ask about it");
    }
    if let Some((why, remedy)) = &certificate.awaited {
        return finding.wrong(format!("self-signed for now: {why}"), remedy);
    }
    let Some(authorities) = &certificate.authorities else {
        return finding.not_checked(
            "this host knows no authorities",
            "Install them: apt-get install ca-certificates",
        );
    };
    let authorities = CertificateDer::pem_slice_iter(authorities).filter_map(Result::ok);
    let verified = Tls::trusting_what_can_be_read(authorities, &server.hostname)
        .and_then(|tls| port_for_chain(server).shown_to(server, &tls));
    match verified {
        Ok(chain) => {
            finding.seen(format!("{} certificates, signed by a known authority", chain.len()))
        }
        Err(Error::Tls(rustls::Error::InvalidCertificate(reason))) => finding.wrong(
            format!("a mail program that knows what this host knows refuses it ({reason:?})"),
            format!(
                "{} must hold the whole chain (of certbot's files that is fullchain.pem). If the \
                 authority is your own, add its root to this host: update-ca-certificates",
                certificate.path
            ),
        ),
        Err(error) => finding.not_checked(error.to_string(), SEE_PORTS),
    }
}

/// Returns the port to verify the chain at. All ports show the same chain, or a
/// finding says that they do not.
fn port_for_chain(server: &Server) -> Port {
    let (ports, _) = server.ports();
    ports[0]
}

fn of_shown(
    certificate: &Certificate,
    port: Port,
    shown: probe::Result<Vec<CertificateDer<'static>>>,
    on_disk: &[CertificateDer<'_>],
) -> Finding {
    let finding = Finding::about(&SERVED, port.number);
    match shown {
        Ok(chain) if chain == on_disk => finding.seen("the one on disk"),
        Ok(chain) if chain.first() == on_disk.first() => finding.wrong(
            format!("it serves {} certificates, {} are on disk", chain.len(), on_disk.len()),
            "Have the services load it: mailprov apply",
        ),
        Ok(_) => finding.wrong(
            format!("it is not the one in {}", certificate.path),
            "Have the services load it: mailprov apply",
        ),
        Err(error) => finding.wrong(
            error.to_string(),
            "Run mailprov apply, then look at the log: journalctl -u dovecot -u 'postfix*'",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_weeks_are_a_warning_and_the_last_one_is_wrong() {
        let of = |days: i64| {
            let now = 200 * DAY;
            lifetime(Finding::of(&DAYS), now, now - (90 - days) * DAY, now + days * DAY, "renew")
                .verdict
        };
        assert_eq!(
            [of(21), of(20), of(7), of(6), of(-1)],
            [Verdict::Ok, Verdict::Warning, Verdict::Warning, Verdict::Wrong, Verdict::Wrong]
        );
        assert_eq!(
            lifetime(Finding::of(&DAYS), 1000, 2000, 1_000_000_000, "renew").verdict,
            Verdict::Wrong
        );
    }
}
