//! Queries the resolver of this host over UDP, and over TCP if an answer does not fit.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use domain::base::iana::Rcode;
use domain::base::{Message, Name, Rtype, ToName, UnknownRecordData};
use domain::rdata::{A, Aaaa, Cname, Mx, Ns, Ptr, Srv, Txt};

use crate::host::{Host, dns};
use crate::secret::random_bytes;
use crate::visible::visible;

/// The time limit of an answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// The number of attempts, since packets can be lost.
const TRIES: usize = 2;

/// The records, of which there can be none, or the reason why there is no answer.
pub(crate) type Found<T> = std::result::Result<Vec<T>, String>;

/// The resolvers of this host.
#[derive(Debug)]
pub(crate) struct Resolver {
    servers: Vec<SocketAddr>,
    /// Why those that did not answer are asked no more: else each of a check's many
    /// questions would wait for them.
    silent: RefCell<HashMap<SocketAddr, String>>,
}

impl Resolver {
    /// Reads the resolvers from `/etc/resolv.conf`.
    pub(crate) fn of(host: &Host) -> Self {
        let content = host.read(Path::new("/etc/resolv.conf")).ok().flatten();
        let text = content.map(|it| String::from_utf8_lossy(it.bytes()).into_owned());
        Self::new(servers(&text.unwrap_or_default()))
    }

    /// Returns the one at an address.
    pub(crate) fn at(address: IpAddr) -> Self {
        Self::new(vec![SocketAddr::new(address, 53)])
    }

    fn new(servers: Vec<SocketAddr>) -> Self {
        Self { servers, silent: RefCell::default() }
    }

    /// Asks for the servers of the root, which each resolver knows. Returns whether
    /// there are some, and proof of it (DNSSEC).
    ///
    /// # Errors
    ///
    /// Returns why there is no answer.
    pub(crate) fn proves_the_root(&self) -> Result<bool, String> {
        let proofs = self.ask(&Name::root_vec(), Rtype::NS, |message| {
            let records = message.answer().ok()?.limit_to_in::<Ns<_>>();
            Some(records.map(|_| message.header().ad()).collect())
        })?;
        Ok(!proofs.is_empty() && proofs.into_iter().all(|is_proven| is_proven))
    }

    /// Returns the mail servers of a domain with their preference, in lower case.
    pub(crate) fn mx(&self, name: &str) -> Found<(u16, String)> {
        self.ask(&parse(name)?, Rtype::MX, |message| {
            let records = message.answer().ok()?.limit_to_in::<Mx<_>>();
            records
                .map(|it| it.ok().map(|it| (it.data().preference(), plain(it.data().exchange()))))
                .collect()
        })
    }

    /// Returns the text records of a name, the strings of each joined.
    pub(crate) fn txt(&self, name: &str) -> Found<String> {
        self.ask(&parse(name)?, Rtype::TXT, |message| {
            let records = message.answer().ok()?.limit_to_in::<Txt<_>>();
            let text = |it: &Txt<&[u8]>| visible(it.text::<Vec<u8>>());
            records.map(|it| it.ok().map(|it| text(it.data()))).collect()
        })
    }

    /// Returns the servers of a service (SRV), such as `0 1 993 mail.example.org`, in lower
    /// case.
    pub(crate) fn srv(&self, name: &str) -> Found<String> {
        self.ask(&parse(name)?, Rtype::SRV, |message| {
            let records = message.answer().ok()?.limit_to_in::<Srv<_>>();
            let text = |it: &Srv<_>| {
                format!("{} {} {} {}", it.priority(), it.weight(), it.port(), plain(it.target()))
            };
            records.map(|it| it.ok().map(|it| text(it.data()))).collect()
        })
    }

    /// Returns the name that a name is an alias of (CNAME), in lower case.
    pub(crate) fn aliased(&self, name: &str) -> Found<String> {
        self.ask(&parse(name)?, Rtype::CNAME, |message| {
            let records = message.answer().ok()?.limit_to_in::<Cname<_>>();
            records.map(|it| it.ok().map(|it| plain(it.data().cname()))).collect()
        })
    }

    /// Returns the records of a server's key (TLSA), such as `3 1 1 0a…`, each with whether
    /// there is proof of it (DNSSEC).
    pub(crate) fn tlsa(&self, name: &str) -> Found<(String, bool)> {
        self.ask(&parse(name)?, Rtype::TLSA, |message| {
            let records = message.answer().ok()?.limit_to_in::<UnknownRecordData<_>>();
            let of_keys = records.filter(|it| !matches!(it, Ok(it) if it.rtype() != Rtype::TLSA));
            // RFC 6698, 2.1.
            let text = |data: &[u8]| match data {
                [usage, selector, kind, key @ ..] => {
                    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
                    Some(format!("{usage} {selector} {kind} {key}"))
                }
                _ => None,
            };
            of_keys.map(|it| Some((text(it.ok()?.data().data())?, message.header().ad()))).collect()
        })
    }

    /// Returns the addresses of a host.
    ///
    /// # Errors
    ///
    /// Returns why there is no answer.
    pub(crate) fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        let name = parse(name)?;
        let mut found = self.ask(&name, Rtype::A, |message| {
            let records = message.answer().ok()?.limit_to_in::<A>();
            records.map(|it| it.ok().map(|it| IpAddr::V4(it.data().addr()))).collect()
        })?;
        found.extend(self.ask(&name, Rtype::AAAA, |message| {
            let records = message.answer().ok()?.limit_to_in::<Aaaa>();
            records.map(|it| it.ok().map(|it| IpAddr::V6(it.data().addr()))).collect()
        })?);
        Ok(found)
    }

    /// Returns the names of an address (PTR), in lower case.
    pub(crate) fn names(&self, address: IpAddr) -> Found<String> {
        let name = Name::<Vec<u8>>::reverse_from_addr(address).map_err(|e| e.to_string())?;
        self.ask(&name, Rtype::PTR, |message| {
            let records = message.answer().ok()?.limit_to_in::<Ptr<_>>();
            records.map(|it| it.ok().map(|it| plain(it.data().ptrdname()))).collect()
        })
    }

    fn ask<T>(
        &self,
        name: &Name<Vec<u8>>,
        kind: Rtype,
        read: impl Fn(&Message<Vec<u8>>) -> Option<Vec<T>>,
    ) -> Found<T> {
        let number = random_bytes().ok_or("there are no random numbers")?;
        let query = dns::query(name, kind, u16::from_be_bytes(number)).ok_or("it is too long")?;
        let mut why = "this host has no resolver (/etc/resolv.conf)".to_owned();
        let mut unanswered = HashSet::new();
        for server in self.servers.iter().cycle().take(self.servers.len() * TRIES) {
            if let Some(silence) = self.silent.borrow().get(server) {
                why.clone_from(silence);
                continue;
            }
            let answer = match exchange(*server, &query) {
                Ok(answer) => answer,
                Err(error) => {
                    why = format!("{server} does not answer: {}", crate::local::reason(&error));
                    if !unanswered.insert(*server) {
                        self.silent.borrow_mut().insert(*server, why.clone());
                    }
                    continue;
                }
            };
            match answer.header().rcode() {
                Rcode::NXDOMAIN => return Ok(Vec::new()),
                Rcode::NOERROR => {
                    let odd = || format!("{server} gives an answer that cannot be read");
                    return read(&answer).ok_or_else(odd);
                }
                code => why = format!("{server} answers {code}"),
            }
        }
        Err(why)
    }
}

/// Parses the `nameserver` lines of resolv.conf(5).
fn servers(text: &str) -> Vec<SocketAddr> {
    let addresses = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()?.parse::<IpAddr>().ok())?
    });
    addresses.map(|address| SocketAddr::new(address, 53)).collect()
}

fn parse(name: &str) -> Result<Name<Vec<u8>>, String> {
    Name::vec_from_str(name).map_err(|error| format!("{name}: {error}"))
}

/// Returns a name without the final dot.
fn plain(name: &impl ToName) -> String {
    let name: Name<Vec<u8>> = name.to_name();
    visible(name.to_string().to_lowercase())
}

/// Sends a query to a server. Ignores answers to other queries.
fn exchange(server: SocketAddr, query: &Message<Vec<u8>>) -> std::io::Result<Message<Vec<u8>>> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => ([0; 4], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(query.as_slice())?;
    let mut buffer = vec![0; 65_535];
    let length = socket.recv(&mut buffer)?;
    buffer.truncate(length);
    let answer = dns::answer_to(query, buffer)?;
    if !answer.header().tc() {
        return Ok(answer);
    }
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    dns::exchange(&mut stream, query)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::thread;

    use super::*;

    #[test]
    fn resolvers_are_read_as_the_system_reads_them() {
        let text = "# x\nsearch example.org\nnameserver 192.0.2.1\nnameserver ::1\nnameserver x\n";
        let expected: Vec<SocketAddr> =
            vec!["192.0.2.1:53".parse().unwrap(), "[::1]:53".parse().unwrap()];
        assert_eq!(servers(text), expected);
    }

    #[test]
    fn without_a_resolver_there_is_no_answer() {
        let error = Resolver::new(Vec::new()).mx("example.org").unwrap_err();
        assert!(error.contains("no resolver"), "{error}");
    }

    #[test]
    fn a_resolver_that_does_not_answer_is_asked_no_more() {
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let resolver = Resolver::new(vec![server.local_addr().unwrap()]);
        let asked = thread::spawn(move || {
            let mut query = [0; 512];
            let mut tries = 0;
            server.set_read_timeout(Some(PATIENCE)).unwrap();
            while let Ok((_, client)) = server.recv_from(&mut query) {
                server.send_to(b"no answer", client).unwrap();
                tries += 1;
                server.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            }
            tries
        });
        let first = resolver.mx("a.example").unwrap_err();
        assert!(first.contains("does not answer"), "{first}");
        assert_eq!(resolver.txt("b.example").unwrap_err(), first);
        assert_eq!(asked.join().unwrap(), TRIES);
    }
}
