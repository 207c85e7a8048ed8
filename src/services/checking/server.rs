//! The server that is checked, and its ports.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use rustls::pki_types::CertificateDer;

use super::super::extra::Ports;
use super::super::{Settings, Spec, ports};
use crate::finding::Rule;
use crate::host::{self, Host, reachable};
use crate::probe::{
    ConnectionCache, Error, Imap, ManageSieve, OURSELVES, Pop3, Result, Session, Smtp, Tls,
    authorities,
};
use crate::resource::exposed_key;

/// A mail server and its expected properties.
#[derive(Debug, Clone)]
pub struct Server {
    /// The addresses at which other hosts reach it. The loopback address is no
    /// substitute, since clients there may relay.
    pub addresses: Vec<IpAddr>,
    /// The fully qualified host name.
    pub hostname: String,
    /// The ports of its services, each with whether it should answer.
    pub(crate) ports: Vec<(Port, bool)>,
    /// The ports that `extra:` of mail.yml opens and closes.
    pub extra: Ports,
    /// The means to recognize it.
    pub identity: Identity,
    /// The time limit for the delivery of a mail.
    pub delivery: Duration,
    /// The results of earlier connections.
    pub connections: ConnectionCache,
}

/// The means to recognize a server.
#[derive(Debug, Clone)]
pub enum Identity {
    /// The certificate on disk, since the server is this host.
    OnDisk(Certificate),
    /// A certificate for its name from one of these authorities.
    Vouched(Vec<CertificateDer<'static>>),
    /// None: its certificate is self-signed, as mail.yml says, and not on this machine's disk.
    SelfSigned,
}

/// The certificate on the disk.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The path of the file.
    pub path: String,
    /// The content of the file, PEM.
    pub pem: Vec<u8>,
    /// The users that can read its key besides root, if there are any.
    pub exposed: Option<String>,
    /// Whether it is self-signed, as mail.yml says.
    pub self_signed: bool,
    /// How to renew it.
    pub renewal: &'static str,
    /// Why the authority that is to issue it has not done so, if it is so.
    pub awaited: Option<(String, String)>,
    /// The authorities that this host trusts, PEM, if it has any.
    pub authorities: Option<Vec<u8>>,
}

/// A port that a service may serve.
#[derive(Debug, Clone, Copy)]
pub struct Port {
    /// The port number.
    pub number: u16,
    /// The protocol spoken there.
    pub protocol: Protocol,
    /// Whether TLS begins with the first byte.
    pub implicit_tls: bool,
    /// The rule that it answers.
    pub rule: &'static Rule,
    /// Whether mail.yml asks for it.
    pub is_on: fn(&Settings) -> bool,
}

/// The protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Protocol {
    Smtp,
    Imap,
    Pop3,
    /// ManageSieve.
    ManageSieve,
}

/// Debian's file of trusted authorities.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

impl Server {
    /// Returns the server on a host, with the addresses at which others reach it.
    pub fn on(host: &Host, spec: &Spec) -> host::Result<Self> {
        let read = |path: &Path| -> host::Result<Option<Vec<u8>>> {
            Ok(host.read(path)?.map(|content| content.bytes().to_vec()))
        };
        let tls = spec.services.certificate.on(host);
        let certificate = Certificate {
            path: tls.certificate.value.display().to_string(),
            pem: read(&tls.certificate.value)?.unwrap_or_default(),
            exposed: exposed_key(host, &tls.key.value)?,
            awaited: tls.awaited(host)?.map(|it| (it.why, it.remedy)),
            self_signed: tls.is_self_signed(),
            renewal: tls.renewal(),
            authorities: read(Path::new(AUTHORITIES))?,
        };
        let mut addresses = reachable(Host::addresses()?);
        if !host.speaks_ipv6()? {
            addresses.retain(IpAddr::is_ipv4);
        }
        // The mail goes from one process of the host to another.
        let delivery = Duration::from_secs(15);
        Ok(Self::of(spec, addresses, Identity::OnDisk(certificate), delivery))
    }

    /// Returns the server at the addresses that this machine resolves.
    pub(crate) fn from_outside(spec: &Spec) -> Self {
        let identity = match spec.services.certificate.is_self_signed() {
            true => Identity::SelfSigned,
            false => Identity::Vouched(authorities()),
        };
        let addresses = Host::addresses_of(&spec.hostname.value.to_string());
        Self::of(spec, addresses, identity, Duration::from_secs(60))
    }

    /// Returns the server at an address, with a certificate of these authorities.
    pub(crate) fn at_address(
        address: IpAddr,
        spec: &Spec,
        authorities: Vec<CertificateDer<'static>>,
    ) -> Self {
        let identity = Identity::Vouched(authorities);
        Self::of(spec, vec![address], identity, Duration::from_secs(60))
    }

    fn of(spec: &Spec, addresses: Vec<IpAddr>, identity: Identity, delivery: Duration) -> Self {
        Self {
            addresses,
            hostname: spec.hostname.value.to_string(),
            ports: ports().map(|port| (*port, (port.is_on)(&spec.services))).collect(),
            extra: spec.services.changed_ports(),
            identity,
            delivery,
            connections: ConnectionCache::default(),
        }
    }

    /// Finds out whether this machine's network blocks outgoing port 25, as
    /// many do. It would look as if the server were down. If so, port 25 is not
    /// called.
    pub(crate) fn detect_blocked_port_25(&self) {
        let answers = self.addresses.iter().any(|address| {
            let called = self.connections.connect::<Smtp>(SocketAddr::new(*address, 25), None);
            !matches!(called, Err(Error::Connect { .. }))
        });
        if !answers && Host::port_25_is_open_outward() == Some(false) {
            self.connections.block(25, "the network of this machine blocks port 25");
        }
    }

    /// Returns the ports that should answer, and those that should not.
    pub fn ports(&self) -> (Vec<Port>, Vec<Port>) {
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        for (port, is_on) in &self.ports {
            match *is_on && !self.extra.closed.contains(&port.number) {
                true => wanted.push(*port),
                false if self.extra.opened.contains(&port.number) => {}
                false => unwanted.push(*port),
            }
        }
        (wanted, unwanted)
    }

    /// Tells whether mail.yml asks for a protocol.
    pub(crate) fn speaks(&self, protocol: Protocol) -> bool {
        self.ports.iter().any(|(port, is_on)| *is_on && port.protocol == protocol)
    }

    /// Returns whether the server is this host.
    pub(crate) fn is_here(&self) -> bool {
        matches!(self.identity, Identity::OnDisk(_))
    }

    /// Returns the address for checks that need only one.
    pub fn address(&self) -> IpAddr {
        self.addresses.first().copied().unwrap_or(Ipv4Addr::LOCALHOST.into())
    }

    /// Returns the TLS settings that recognize the server.
    ///
    /// # Errors
    ///
    /// Fails if there is nothing to recognize it by.
    pub fn tls(&self) -> Result<Tls> {
        match &self.identity {
            Identity::OnDisk(certificate) => Tls::pinned(&certificate.pem, &self.hostname),
            Identity::Vouched(authorities) if authorities.is_empty() => {
                let why = "this machine knows no certificate authorities (install ca-certificates)";
                Err(Error::Unreachable(why.into()))
            }
            Identity::Vouched(authorities) => {
                Tls::trusting_what_can_be_read(authorities.iter().cloned(), &self.hostname)
            }
            Identity::SelfSigned => {
                let why = "its certificate is self-signed and cannot be verified from here, so no \
                           password and no mail is sent";
                Err(Error::Unreachable(why.into()))
            }
        }
    }

    /// Connects to one of its ports without TLS.
    pub(crate) fn call<S: Session>(&self, port: u16) -> Result<S> {
        self.connections.connect(SocketAddr::new(self.address(), port), None)
    }

    /// Connects to one of its ports with TLS.
    pub(crate) fn secure<S: Session>(&self, port: Port, tls: &Tls) -> Result<S> {
        self.connections.secure(self.at(port), port.implicit_tls, tls)
    }

    /// Connects to a submission port.
    pub(crate) fn submission(&self, port: Port, tls: &Tls) -> Result<Smtp> {
        let mut smtp: Smtp = self.secure(port, tls)?;
        smtp.ehlo(OURSELVES)?;
        Ok(smtp)
    }

    fn at(&self, port: Port) -> SocketAddr {
        SocketAddr::new(self.address(), port.number)
    }
}

impl Protocol {
    /// Returns the name that Dovecot has for it, where Dovecot serves it.
    pub fn of_dovecot(self) -> Option<&'static str> {
        match self {
            Self::Smtp => None,
            Self::Imap => Some("imap"),
            Self::Pop3 => Some("pop3"),
            Self::ManageSieve => Some("sieve"),
        }
    }
}

impl Port {
    /// Reads the greeting, after the TLS handshake if that comes first, unless
    /// an earlier connection has done so.
    pub(crate) fn greets(
        self,
        connections: &ConnectionCache,
        address: IpAddr,
        tls: &Tls,
    ) -> Result<()> {
        let at = SocketAddr::new(address, self.number);
        if connections.has_answered(at) {
            return Ok(());
        }
        let tls = self.implicit_tls.then_some(tls);
        match self.protocol {
            Protocol::Smtp => connections.connect::<Smtp>(at, tls).map(drop),
            Protocol::Imap => connections.connect::<Imap>(at, tls).map(drop),
            Protocol::Pop3 => connections.connect::<Pop3>(at, tls).map(drop),
            Protocol::ManageSieve => connections.connect::<ManageSieve>(at, tls).map(drop),
        }
    }

    /// Returns the certificates that the port shows, without verifying them.
    pub(crate) fn shown(self, server: &Server) -> Result<Vec<CertificateDer<'static>>> {
        match server.connections.shown(server.at(self)) {
            Some(shown) => Ok(shown),
            None => self.shown_to(server, &Tls::unverified(&server.hostname)?),
        }
    }

    /// Returns the certificates that the port shows, after verifying them.
    pub(crate) fn shown_to(
        self,
        server: &Server,
        tls: &Tls,
    ) -> Result<Vec<CertificateDer<'static>>> {
        Ok(match self.protocol {
            Protocol::Smtp => server.secure::<Smtp>(self, tls)?.stream().chain(),
            Protocol::Imap => server.secure::<Imap>(self, tls)?.stream().chain(),
            Protocol::Pop3 => server.secure::<Pop3>(self, tls)?.stream().chain(),
            Protocol::ManageSieve => server.secure::<ManageSieve>(self, tls)?.stream().chain(),
        })
    }
}

/// Names the address family.
pub(crate) fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}
