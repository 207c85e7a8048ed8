//! The name server of a test's network.

use std::collections::HashMap;
use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::debian::Debian;
use super::network::{Addresses, Network};
use super::wait::wait_for;

const A: u16 = 1;
const PTR: u16 = 12;
const MX: u16 = 15;
const TXT: u16 = 16;
const AAAA: u16 = 28;

/// Names and what they lead to.
#[derive(Debug, Default)]
pub struct Zone {
    /// Per lower-case name, types with their data as they go over the wire.
    records: HashMap<String, Vec<(u16, Vec<u8>)>>,
}

impl Zone {
    /// Gives a host name both addresses of a box.
    #[must_use]
    pub fn host(mut self, name: &str, addresses: Addresses) -> Self {
        self.add(name, A, addresses.v4.octets().to_vec());
        self.add(name, AAAA, addresses.v6.octets().to_vec());
        self
    }

    /// Sends a domain's mail to a host.
    #[must_use]
    pub fn mx(mut self, domain: &str, host: &str) -> Self {
        let preference = 10_u16.to_be_bytes();
        self.add(domain, MX, [&preference[..], &encode(host)].concat());
        self
    }

    /// Gives a name a text of at most 255 bytes.
    #[must_use]
    pub fn text(mut self, name: &str, text: &str) -> Self {
        let length = [u8::try_from(text.len()).unwrap()];
        self.add(name, TXT, [&length[..], text.as_bytes()].concat());
        self
    }

    /// Lets both addresses of a box lead back to a name.
    #[must_use]
    pub fn back(mut self, addresses: Addresses, name: &str) -> Self {
        let [a, b, c, d] = addresses.v4.octets();
        self.add(&format!("{d}.{c}.{b}.{a}.in-addr.arpa"), PTR, encode(name));
        let digits = addresses.v6.octets().into_iter().rev();
        let digits =
            digits.flat_map(|byte| [format!("{:x}", byte & 15), format!("{:x}", byte >> 4)]);
        let digits = digits.collect::<Vec<_>>().join(".");
        self.add(&format!("{digits}.ip6.arpa"), PTR, encode(name));
        self
    }

    /// Answers on the test's own address in a network until the result is
    /// dropped, and makes these boxes ask there.
    pub fn serve(self, network: &Network, boxes: &[&Debian]) -> Dns {
        let address = Network::client().v4;
        // A process that another thread is just starting holds the last one's socket for a moment.
        let bind = || network.enter(|| UdpSocket::bind((address, 53))).ok();
        let socket = wait_for("the port of the name server", bind);
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        for debian in boxes {
            debian.write("/etc/resolv.conf", format!("nameserver {address}\n"), 0o644);
        }
        let over = Arc::new(AtomicBool::new(false));
        let server = {
            let over = Arc::clone(&over);
            thread::spawn(move || self.answer_until(&over, &socket))
        };
        Dns { over, server: Some(server) }
    }

    fn add(&mut self, name: &str, kind: u16, data: Vec<u8>) {
        self.records.entry(name.to_lowercase()).or_default().push((kind, data));
    }

    fn answer_until(&self, over: &AtomicBool, socket: &UdpSocket) {
        let mut buffer = [0; 1500];
        while !over.load(Ordering::Relaxed) {
            match socket.recv_from(&mut buffer) {
                Ok((length, asker)) => {
                    if let Some(answer) = self.answer(&buffer[..length]) {
                        socket.send_to(&answer, asker).unwrap();
                    }
                }
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}"),
            }
        }
    }

    /// Returns the answer to a question; `None` where it is none.
    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        let (name, end) = decode(query)?;
        let question = query.get(12..end + 4)?;
        let kind = u16::from_be_bytes([query[end], query[end + 1]]);
        let known = self.records.get(&name);
        let answers: Vec<_> =
            known.into_iter().flatten().filter(|record| record.0 == kind).collect();

        let no_such_name = u8::from(known.is_none()) * 3;
        let count = u8::try_from(answers.len()).unwrap();
        let mut answer = vec![query[0], query[1], 0x85, 0x80 | no_such_name];
        answer.extend([0, 1, 0, count, 0, 0, 0, 0]);
        answer.extend(question);
        for (kind, data) in answers {
            // The name asked for, class IN, a minute to live.
            answer.extend([0xc0, 12]);
            answer.extend(kind.to_be_bytes());
            answer.extend([0, 1, 0, 0, 0, 60]);
            answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            answer.extend(data);
        }
        Some(answer)
    }
}

/// A running name server.
#[derive(Debug)]
pub struct Dns {
    over: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(server) = self.server.take() {
            let ended = server.join();
            assert!(ended.is_ok() || thread::panicking(), "the name server broke down");
        }
    }
}

/// Returns a name as labels with their lengths.
fn encode(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// Returns the name that a query asks for and where its labels end.
fn decode(query: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), 12);
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        let label = query.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        at += length;
    }
}
