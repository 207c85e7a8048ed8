//! The proof that a host has a name, by DNS (RFC 8555, 8.4): a record that only the
//! owner of the zone can publish. It is put there, and taken away again, by dynamic
//! updates (RFC 2136), which a shared key signs (RFC 8945).

#![expect(clippy::disallowed_methods, reason = "the name server is called here")]

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use domain::base::iana::{Class, Opcode, Rcode, Rtype, TsigRcode};
use domain::base::{Message, MessageBuilder, Name, ToName, Ttl};
use domain::rdata::tsig::Time48;
use domain::rdata::{Ns, Tsig, Txt};
use domain::tsig::{Algorithm, ClientTransaction, Key, KeyName};
use serde::{Deserialize, Serialize};

use crate::host::{Host, dns};
use crate::probe::Resolver;
use crate::secret::random_bytes;
use crate::visible::visible;

/// How long a server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the other servers of a zone may take to have a record.
const SPREADING: Duration = Duration::from_secs(120);

/// The pause between two looks at them.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a record may be kept by resolvers, in seconds.
const TTL: u32 = 60;

/// The algorithms of keys, in the words of name servers.
pub(crate) const ALGORITHMS: [&str; 3] = ["hmac-sha256", "hmac-sha384", "hmac-sha512"];

/// The server that takes updates of a zone, and the key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsUpdate {
    /// Its name or address, and its port.
    pub server: String,
    /// The name of the key.
    pub key: String,
    /// One of [`ALGORITHMS`].
    pub algorithm: String,
    /// The file that holds the secret of the key, in base64.
    pub secret: PathBuf,
}

type Result<T> = std::result::Result<T, String>;

type DnsName = Name<Vec<u8>>;

/// Publishes records, and takes them away when it is dropped.
pub(super) struct Publisher {
    resolver: Resolver,
    /// The server, as mail.yml names it.
    server: String,
    addresses: Vec<SocketAddr>,
    key: Key,
    published: Vec<Record>,
}

/// A text record.
struct Record {
    zone: DnsName,
    owner: DnsName,
    text: String,
}

impl Publisher {
    /// Finds the server, and reads the key.
    pub(super) fn open(host: &Host, update: &DnsUpdate) -> Result<Self> {
        let DnsUpdate { server, key, algorithm, secret } = update;
        let addresses = server.to_socket_addrs().map_err(|error| {
            let why = visible(crate::local::reason(&error));
            format!("the name server {server} cannot be looked up: {why}")
        })?;
        let content = host.read(secret).map_err(|error| error.to_string())?;
        let content = content.ok_or_else(|| format!("there is no {}", secret.display()))?;
        let bad = || format!("{} holds no secret in base64", secret.display());
        let bytes = Base64::decode_vec(content.text().trim()).map_err(|_| bad())?;
        let algorithm = match algorithm.as_str() {
            "hmac-sha384" => Algorithm::Sha384,
            "hmac-sha512" => Algorithm::Sha512,
            _ => Algorithm::Sha256,
        };
        let name = KeyName::from_str(key).map_err(|error| format!("{key}: {error}"))?;
        Ok(Self {
            resolver: Resolver::of(host),
            server: server.clone(),
            addresses: addresses.collect(),
            key: Key::new(algorithm, &bytes, name, None, None).map_err(|_| bad())?,
            published: Vec::new(),
        })
    }

    /// Publishes the proof for a name, and waits until the servers of its zone have it.
    pub(super) fn publish(&mut self, name: &str, proof: &str) -> Result<()> {
        let owner = self.owner(name)?;
        let zone = self.zone(&owner)?;
        let mut servers = self.servers(&zone);
        let shown = owner.to_string();
        let record = Record { zone, owner, text: proof.to_owned() };
        self.update(&record, true)?;
        self.published.push(record);
        let until = Instant::now() + SPREADING;
        loop {
            // One that gives no answer here may give it to the authority.
            servers.retain(|server| {
                let found = Resolver::at(*server).txt(&shown);
                found.is_ok_and(|found| found.iter().all(|it| it != proof))
            });
            if servers.is_empty() || Instant::now() > until {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
    }

    /// Returns the name under which the authority finds the proof. It may be an alias of
    /// one in another zone, where the zone of the host takes no updates.
    fn owner(&self, name: &str) -> Result<DnsName> {
        let name = format!("_acme-challenge.{name}");
        let aliases = self.resolver.aliased(&name).unwrap_or_default();
        let name = aliases.into_iter().next().unwrap_or(name);
        Name::vec_from_str(&name).map_err(|error| format!("{name}: {error}"))
    }

    /// Returns the zone of a name, as the server knows it.
    fn zone(&self, owner: &DnsName) -> Result<DnsName> {
        let answer = self.ask(owner, Rtype::SOA)?;
        let records = answer.answer().and_then(|answer| {
            let below = answer.next_section()?;
            Ok(answer.chain(below.into_iter().flatten()))
        });
        let records = records.map_err(|error| error.to_string())?;
        let zone = records.flatten().find(|record| record.rtype() == Rtype::SOA);
        match zone {
            Some(zone) => Ok(zone.owner().to_name()),
            None => Err(format!("the name server {} has no zone of {owner}", self.server)),
        }
    }

    /// Returns the addresses of the servers of a zone.
    fn servers(&self, zone: &DnsName) -> Vec<IpAddr> {
        let Ok(answer) = self.ask(zone, Rtype::NS) else { return Vec::new() };
        let Ok(records) = answer.answer() else { return Vec::new() };
        let names =
            records.limit_to_in::<Ns<_>>().flatten().map(|it| it.data().nsdname().to_string());
        names.flat_map(|name| self.resolver.addresses(&name).unwrap_or_default()).collect()
    }

    fn ask(&self, name: &DnsName, kind: Rtype) -> Result<Message<Vec<u8>>> {
        let query = dns::query(name, kind, number()?).ok_or("the question is too long")?;
        let answer = self.exchange(query)?;
        match answer.header().rcode() {
            Rcode::NOERROR | Rcode::NXDOMAIN => Ok(answer),
            code => Err(format!(
                "the name server {} answers {code} when it is asked about {name}",
                self.server
            )),
        }
    }

    /// Adds a record, or removes it.
    fn update(&self, record: &Record, is_added: bool) -> Result<()> {
        let too_long = |_| "the update is too long".to_owned();
        let Record { zone, owner, text } = record;
        let mut message = MessageBuilder::new_vec();
        message.header_mut().set_id(number()?);
        message.header_mut().set_opcode(Opcode::UPDATE);
        let mut message = message.question();
        message.push((zone, Rtype::SOA)).map_err(too_long)?;
        let mut message = message.authority();
        let text = Txt::<Vec<u8>>::build_from_slice(text.as_bytes());
        let text = text.map_err(|error| error.to_string())?;
        let (class, ttl) = if is_added { (Class::IN, TTL) } else { (Class::NONE, 0) };
        message.push((owner, class, Ttl::from_secs(ttl), text)).map_err(too_long)?;
        let mut message = message.additional();
        let transaction = ClientTransaction::request(&self.key, &mut message, Time48::now());
        let transaction = transaction.map_err(too_long)?;
        let mut answer = self.exchange(message.into_message())?;
        let (code, fault) = (answer.header().rcode(), fault(&answer));
        let verified = transaction.answer(&mut answer, Time48::now());
        let (server, key) = (&self.server, self.key.name());
        Err(match (code, verified, fault) {
            (Rcode::NOERROR, Ok(()), _) => return Ok(()),
            (Rcode::NOERROR, Err(error), _) => format!(
                "the answer of the name server {server} is not signed as it should: {error}"
            ),
            // Knot says so of a key that is known, too.
            (_, _, Some(TsigRcode::BADKEY)) => format!(
                "the name server {server} does not know the key {key}, or does not let it change \
                 the TXT records of {owner} (BADKEY)"
            ),
            (_, _, Some(TsigRcode::BADSIG)) => {
                format!("the name server {server} has another secret of the key {key} (BADSIG)")
            }
            (_, _, Some(TsigRcode::BADTIME)) => format!(
                "the clocks of this host and of the name server {server} differ too much (BADTIME)"
            ),
            (code, ..) => format!(
                "the name server {server} does not let the key {key} change the TXT records of \
                 {owner} ({code})"
            ),
        })
    }

    /// Sends a message to the first address of the server that answers it.
    fn exchange(&self, message: Message<Vec<u8>>) -> Result<Message<Vec<u8>>> {
        let mut why = "it has no address".to_owned();
        for address in &self.addresses {
            match exchange(*address, &message) {
                Ok(answer) => return Ok(answer),
                Err(error) => why = crate::local::reason(&error),
            }
        }
        Err(format!("the name server {} does not answer: {why}", self.server))
    }
}

/// Sends a message to an address. The answer to an update or a refusal need not repeat
/// the question.
fn exchange(address: SocketAddr, message: &Message<Vec<u8>>) -> io::Result<Message<Vec<u8>>> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let odd = || io::Error::other("that is no answer to what was asked");
    let answer = dns::send(&mut stream, message.as_slice())?;
    let answer = Message::from_octets(answer).map_err(|_| odd())?;
    let is_answer = answer.header().qr() && answer.header().id() == message.header().id();
    if is_answer { Ok(answer) } else { Err(odd()) }
}

/// Returns the fault that a server finds in a signature. Most servers do not sign what
/// they say of it, so it is good for words only.
fn fault(answer: &Message<Vec<u8>>) -> Option<TsigRcode> {
    let record = answer.additional().ok()?.limit_to::<Tsig<_, _>>().last()?.ok()?;
    Some(record.data().error())
}

fn number() -> Result<u16> {
    Ok(u16::from_be_bytes(random_bytes().ok_or("there are no random numbers")?))
}

impl Drop for Publisher {
    fn drop(&mut self) {
        for record in &self.published {
            // A record that stays does no harm.
            let _ = self.update(record, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread::JoinHandle;

    use super::*;
    use crate::host::closed::close;

    /// Answers one message without repeating anything of it, with these flags and one
    /// further record or none.
    fn answer_once(flags: [u8; 2], record: &'static [u8]) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut asked = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut asked).unwrap();
            let count = u8::from(!record.is_empty());
            let length = 12 + u8::try_from(record.len()).unwrap();
            let counts = [0, 0, 0, 0, 0, 0, 0, count];
            stream
                .write_all(&[&[0, length], &asked[..2], &flags, &counts, record].concat())
                .unwrap();
        });
        (address, server)
    }

    fn publisher(addresses: Vec<SocketAddr>) -> Publisher {
        let key = KeyName::from_str("mail-acme").unwrap();
        Publisher {
            resolver: Resolver::at(Ipv4Addr::LOCALHOST.into()),
            server: "ns.example.org:53".into(),
            addresses,
            key: Key::new(Algorithm::Sha256, b"secret", key, None, None).unwrap(),
            published: Vec::new(),
        }
    }

    fn name(text: &str) -> DnsName {
        Name::vec_from_str(text).unwrap()
    }

    #[test]
    fn each_address_of_the_server_is_tried() {
        let closed = close(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let (open, server) = answer_once([0x80, 5], &[]);
        let why = publisher(vec![closed, open]).zone(&name("mail.example.org")).unwrap_err();
        assert!(why.starts_with("the name server ns.example.org:53 answers REFUSED"), "{why}");
        server.join().unwrap();
        let why = publisher(vec![closed]).zone(&name("mail.example.org")).unwrap_err();
        assert!(why.contains("does not answer: Connection refused"), "{why}");
    }

    /// A signature without a key, a time or a digest, and with the fault BADTIME.
    const BADTIME: &[u8] =
        &[0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 18, 0, 0];

    #[test]
    fn an_unsigned_answer_is_good_for_words_only() {
        let (zone, owner) = (name("example.org"), name("_acme-challenge.mail.example.org"));
        let record = Record { zone, owner, text: "proof".into() };
        for (code, signature, words) in [
            (0, &[][..], "not signed as it should: unsigned answer"),
            (5, &[], "not let the key mail-acme change the TXT records of _acme-challenge.mail"),
            (9, BADTIME, "the clocks"),
        ] {
            let (address, server) = answer_once([0xa8, code], signature);
            let why = publisher(vec![address]).update(&record, true).unwrap_err();
            assert!(why.contains(words), "{why}");
            server.join().unwrap();
        }
    }
}
