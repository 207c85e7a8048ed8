//! Queries the resolver of this host over UDP, and over TCP if an answer does not fit.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, Rtype, ToName};
use domain::rdata::{A, Aaaa, Mx, Ptr, Txt};

use crate::host::Host;
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
}

impl Resolver {
    /// Reads the resolvers from `/etc/resolv.conf`.
    pub(crate) fn of(host: &Host) -> Self {
        let content = host.read(Path::new("/etc/resolv.conf")).ok().flatten();
        let text = content.map(|it| String::from_utf8_lossy(it.bytes()).into_owned());
        Self { servers: servers(&text.unwrap_or_default()) }
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
        let query = query(name, kind).ok_or("there are no random numbers")?;
        let mut why = "this host has no resolver (/etc/resolv.conf)".to_owned();
        for server in self.servers.iter().cycle().take(self.servers.len() * TRIES) {
            let answer = match exchange(*server, &query) {
                Ok(answer) => answer,
                Err(error) => {
                    why = format!("{server} does not answer: {}", crate::local::reason(&error));
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

fn query(name: &Name<Vec<u8>>, kind: Rtype) -> Option<Message<Vec<u8>>> {
    let number = super::random().ok()?;
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_id(u16::from_str_radix(&number.expose()[..4], 16).ok()?);
    message.header_mut().set_rd(true);
    let mut message = message.question();
    message.push((name, kind)).ok()?;
    Some(message.into_message())
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
    let answer = answer_to(query, buffer)?;
    if answer.header().tc() { by_tcp(server, query) } else { Ok(answer) }
}

fn by_tcp(server: SocketAddr, query: &Message<Vec<u8>>) -> std::io::Result<Message<Vec<u8>>> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let question = query.as_slice();
    let length = u16::try_from(question.len()).unwrap_or(u16::MAX).to_be_bytes();
    stream.write_all(&[&length[..], question].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut buffer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut buffer)?;
    answer_to(query, buffer)
}

fn answer_to(query: &Message<Vec<u8>>, bytes: Vec<u8>) -> std::io::Result<Message<Vec<u8>>> {
    let odd = || std::io::Error::other("that is no answer to what was asked");
    let answer = Message::from_octets(bytes).map_err(|_| odd())?;
    if answer.is_answer(query) { Ok(answer) } else { Err(odd()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolvers_are_read_as_the_system_reads_them() {
        let text = "# x\nsearch example.org\nnameserver 192.0.2.1\nnameserver ::1\nnameserver x\n";
        let expected: Vec<SocketAddr> =
            vec!["192.0.2.1:53".parse().unwrap(), "[::1]:53".parse().unwrap()];
        assert_eq!(servers(text), expected);
    }

    #[test]
    fn nobody_to_ask_is_no_answer() {
        let error = Resolver { servers: Vec::new() }.mx("example.org").unwrap_err();
        assert!(error.contains("no resolver"), "{error}");
    }

    #[test]
    fn what_was_not_asked_is_no_answer() {
        let asked = query(&parse("a.example").unwrap(), Rtype::MX).unwrap();
        let mut other = query(&parse("b.example").unwrap(), Rtype::MX).unwrap().into_octets();
        other[0..2].copy_from_slice(&asked.as_slice()[0..2]);
        other[2] |= 0x80;
        assert!(answer_to(&asked, other).is_err());
        let mut same = asked.as_slice().to_vec();
        same[2] |= 0x80;
        assert!(answer_to(&asked, same).is_ok());
        assert!(answer_to(&asked, vec![1, 2, 3]).is_err());
    }
}
