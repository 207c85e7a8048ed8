//! The proof: shows the certificate and what mail programs fetch, sends and receives mail,
//! and tries forbidden deliveries.

use std::net::SocketAddr;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::super::CommandError;
use crate::app::demo::{Demo, failed};
use crate::probe::{self, Tls};
use crate::report::Report;
use crate::resource::issuer;
use crate::sandbox::DemoServer;
use crate::services::checking::{Reader, RoundTrip, Server, domain_of};
use crate::visible::visible;

/// The port of web servers.
const HTTPS: u16 = 443;

/// Sends and reads mail, and tries what the server must refuse. `root` is that of the
/// authority in the box, if there is one.
pub(super) fn show(
    server: &DemoServer,
    demo: &Demo,
    root: Option<&str>,
    stop: &dyn Fn() -> bool,
    report: &mut Report,
) -> Result<(), CommandError> {
    if let Some(root) = root {
        show_certificate(server, demo, root, report)?;
        if demo.spec.services.web.is_some() {
            show_settings(server, demo, root, report)?;
        }
    }
    let exchange = RoundTrip::new(server.address(), demo.tls(server, root)?)?;
    let (sender, reader) = (&demo.sender, &demo.reader);
    report
        .narrate(&format!("\nA stranger's server has mail for {}, on port 25:\n", reader.address));
    exchange.deliver(&reader.address, &mut |asked, answer| report.exchange(asked, answer))?;
    report.narrate("\nA stranger would like mail for another stranger to go through here:\n");
    exchange.relay(&reader.address, &mut |asked, answer| report.exchange(asked, answer))?;
    report.narrate(&format!(
        "\n{} sends from a mail program, on port 465, TLS from the first byte:\n",
        sender.login
    ));
    exchange.submit(sender, &reader.address, &mut |asked, answer| {
        report.exchange(asked, answer);
    })?;
    let by = match demo.by {
        Reader::Imap => "IMAP on port 993",
        Reader::Pop3 => "POP3 on port 995",
    };
    report.narrate(&format!("\n{} reads both mails, by {by}:\n", reader.login));
    let mails = exchange.read(reader, demo.by, 2, stop)?;
    mails.iter().for_each(|mail| report.quote(mail));
    Ok(())
}

/// Shows who issued the certificate, and that each port has one that can be verified.
fn show_certificate(
    server: &DemoServer,
    demo: &Demo,
    root: &str,
    report: &mut Report,
) -> Result<(), CommandError> {
    let hostname = &demo.spec.hostname.value;
    let roots = CertificateDer::pem_slice_iter(root.as_bytes()).flatten().collect();
    let server = Server::at_address(server.address(), &demo.spec, roots);
    let tls = server.tls()?;
    let mut issuers = Vec::new();
    let mut numbers = Vec::new();
    let mut ports = server.ports().0;
    ports.sort_by_key(|port| port.number);
    for port in ports {
        let shown = port.shown_to(&server, &tls)?;
        issuers.extend(shown.first().and_then(|own| issuer(own)));
        numbers.push(port.number.to_string());
    }
    issuers.dedup();
    report.narrate(&format!(
        "\nThe authority in the box, a toy that no other machine trusts, has issued a certificate \
         for {hostname}. All ports for mail show it:\n"
    ));
    report.exchange(&numbers.join(" "), &issuers.join(", "));
    Ok(())
}

/// Fetches the settings for an address as Thunderbird does, and shows the servers in them.
fn show_settings(
    server: &DemoServer,
    demo: &Demo,
    root: &str,
    report: &mut Report,
) -> Result<(), CommandError> {
    let address = &demo.reader.address;
    let host = format!("autoconfig.{}", domain_of(address));
    let path = "/mail/config-v1.1.xml";
    let tls = Tls::trusting(root.as_bytes(), &host)?;
    let at = SocketAddr::new(server.address(), HTTPS);
    let page = probe::fetch(at, &tls, &host, path)?.text()?;
    report.narrate(&format!(
        "\nA mail program is told {address}, and finds its settings at https://{host}{path}:\n"
    ));
    let servers: Vec<_> = page.split("Server type=\"").skip(1).map(settings).collect();
    if servers.is_empty() {
        return Err(failed(format!("https://{host}{path} names no server")));
    }
    for (server, how) in servers {
        report.exchange(&server, &how);
    }
    Ok(())
}

/// Returns the name and port of a server in the settings, and how it is reached.
fn settings(server: &str) -> (String, String) {
    let of = |tag: &str| {
        let (_, rest) = server.split_once(&format!("<{tag}>")).unwrap_or_default();
        visible(rest.split('<').next().unwrap_or_default())
    };
    let protocol = visible(server.split('"').next().unwrap_or_default()).to_uppercase();
    let at = format!("{}:{}", of("hostname"), of("port"));
    (at, format!("{protocol}, {}", of("socketType")))
}
