//! The server that is looked at, and its ports.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rustls::pki_types::CertificateDer;

use super::exchange::OURSELVES;
use super::{Imap, Pop3, Result, Session, Smtp, Tls};

/// A mail server as it should be.
#[derive(Debug, Clone)]
pub struct Server {
    /// The addresses by which others reach it. Its loopback will not do: whoever
    /// comes by that may relay.
    pub addresses: Vec<IpAddr>,
    /// Its full name.
    pub hostname: String,
    /// Whether people read by IMAP.
    pub imap: bool,
    /// Whether people read by POP3.
    pub pop3: bool,
    /// Where its certificate is, with the chain.
    pub certificate: Certificate,
}

/// The certificate on the disk.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Where it is.
    pub path: String,
    /// What is there, PEM.
    pub pem: Vec<u8>,
    /// Whether nobody vouches for it, and nobody should.
    pub self_signed: bool,
    /// The authorities that this host knows, PEM; none where it knows none.
    pub authorities: Option<Vec<u8>>,
}

/// A port of a mail server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// What is spoken there.
    pub protocol: Protocol,
    /// Whether TLS begins with the first byte.
    pub at_once: bool,
    /// What it is there for.
    pub purpose: &'static str,
}

/// What is spoken at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// SMTP.
    Smtp,
    /// IMAP.
    Imap,
    /// POP3.
    Pop3,
}

/// All ports that a mail server may have.
const PORTS: [Port; 7] = [
    port(25, Protocol::Smtp, false, "other servers bring mail here"),
    port(465, Protocol::Smtp, true, "people send mail here"),
    port(587, Protocol::Smtp, false, "people send mail here"),
    port(993, Protocol::Imap, true, "people read mail here"),
    port(143, Protocol::Imap, false, "people read mail here"),
    port(995, Protocol::Pop3, true, "people fetch mail here"),
    port(110, Protocol::Pop3, false, "people fetch mail here"),
];

const fn port(number: u16, protocol: Protocol, at_once: bool, purpose: &'static str) -> Port {
    Port { number, protocol, at_once, purpose }
}

impl Server {
    /// Returns the ports that answer, and those that should not.
    pub fn ports(&self) -> (Vec<Port>, Vec<Port>) {
        PORTS.into_iter().partition(|port| match port.protocol {
            Protocol::Smtp => true,
            Protocol::Imap => self.imap,
            Protocol::Pop3 => self.pop3,
        })
    }

    /// Returns the address that it is spoken to by where one is enough.
    pub fn address(&self) -> IpAddr {
        self.addresses.first().copied().unwrap_or(Ipv4Addr::LOCALHOST.into())
    }

    /// Returns whom to take for it.
    ///
    /// # Errors
    ///
    /// Fails where there is no certificate to know it by.
    pub fn tls(&self) -> Result<Tls> {
        Tls::showing(&self.certificate.pem, &self.hostname)
    }
}

impl Port {
    /// Waits for the greeting, in TLS where that comes first.
    pub(super) fn greets(self, address: IpAddr, tls: &Tls) -> Result<()> {
        let at = SocketAddr::new(address, self.number);
        match (self.protocol, self.at_once) {
            (Protocol::Smtp, false) => Smtp::connect(at).map(drop),
            (Protocol::Smtp, true) => Smtp::connect_tls(at, tls).map(drop),
            (Protocol::Imap, false) => Imap::connect(at).map(drop),
            (Protocol::Imap, true) => Imap::connect_tls(at, tls).map(drop),
            (Protocol::Pop3, false) => Pop3::connect(at).map(drop),
            (Protocol::Pop3, true) => Pop3::connect_tls(at, tls).map(drop),
        }
    }

    /// Goes over to TLS and returns the certificates that are shown.
    pub(super) fn chain(self, address: IpAddr, tls: &Tls) -> Result<Vec<CertificateDer<'static>>> {
        let at = SocketAddr::new(address, self.number);
        match self.protocol {
            Protocol::Smtp if self.at_once => Ok(Smtp::connect_tls(at, tls)?.wire().chain()),
            Protocol::Smtp => {
                let mut smtp = Smtp::connect(at)?;
                smtp.ehlo(OURSELVES)?;
                smtp.starttls(tls)?;
                Ok(smtp.wire().chain())
            }
            Protocol::Imap if self.at_once => Ok(Imap::connect_tls(at, tls)?.wire().chain()),
            Protocol::Imap => {
                let mut imap = Imap::connect(at)?;
                imap.starttls(tls)?;
                Ok(imap.wire().chain())
            }
            Protocol::Pop3 if self.at_once => Ok(Pop3::connect_tls(at, tls)?.wire().chain()),
            Protocol::Pop3 => {
                let mut pop3 = Pop3::connect(at)?;
                pop3.stls(tls)?;
                Ok(pop3.wire().chain())
            }
        }
    }
}

/// Says how an address is spoken to.
pub(super) fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

/// Returns the addresses by which the world comes, if there are such: a private
/// one beside them is a bridge's or a tunnel's.
pub fn reachable(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let public: Vec<_> = addresses.iter().copied().filter(|it| is_public(*it)).collect();
    if public.is_empty() { addresses } else { public }
}

/// Tells whether an address is one that the world can send to.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => {
            let is_shared = it.octets()[0] == 100 && it.octets()[1] & 0xc0 == 64;
            !it.is_private() && !is_shared
        }
        IpAddr::V6(it) => !it.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_beside_a_public_address_does_not_count() {
        let of = |all: &[&str]| reachable(all.iter().map(|it| it.parse().unwrap()).collect());
        assert_eq!(of(&["172.17.0.1", "203.0.113.25", "fd00::1", "100.64.0.1"]).len(), 1);
        assert_eq!(of(&["10.0.0.2", "fd00::2"]).len(), 2);
    }
}
