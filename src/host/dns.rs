//! DNS over a stream, and the question whether a resolver of this host looks up and
//! proves a name (DNSSEC) that it can wherever it has a way to the world.

use std::io::{self, Read, Write};

use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, Rtype};

/// The port of DNS.
pub(super) const PORT: u16 = 53;

/// Makes a query for records of a name.
pub(crate) fn query(name: &Name<Vec<u8>>, kind: Rtype, number: u16) -> Option<Message<Vec<u8>>> {
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_id(number);
    message.header_mut().set_rd(true);
    // Asks to be told whether the answer is proven (RFC 6840, 5.7).
    message.header_mut().set_ad(true);
    let mut message = message.question();
    message.push((name, kind)).ok()?;
    Some(message.into_message())
}

/// Sends a query through a stream and reads the answer.
pub(crate) fn exchange(
    stream: &mut (impl Read + Write),
    query: &Message<Vec<u8>>,
) -> io::Result<Message<Vec<u8>>> {
    answer_to(query, send(stream, query.as_slice())?)
}

/// Sends a message through a stream and reads the next one, each after its length
/// (RFC 1035, 4.2.2).
pub(crate) fn send(stream: &mut (impl Read + Write), message: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
    stream.write_all(&[&length[..], message].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// Reads the answer to a query.
pub(crate) fn answer_to(query: &Message<Vec<u8>>, bytes: Vec<u8>) -> io::Result<Message<Vec<u8>>> {
    let odd = || io::Error::other("that is no answer to what was asked");
    let answer = Message::from_octets(bytes).map_err(|_| odd())?;
    if answer.is_answer(query) { Ok(answer) } else { Err(odd()) }
}

/// Asks for the servers of the root. Fails unless the resolver knows them, and with
/// proof.
pub(super) fn ask(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let query = query(&Name::root_vec(), Rtype::NS, 1);
    let query = query.ok_or_else(|| io::Error::other("the query is too long"))?;
    judge(&exchange(stream, &query)?).map_err(io::Error::other)
}

fn judge(answer: &Message<Vec<u8>>) -> Result<(), &'static str> {
    match answer.header().rcode() {
        Rcode::SERVFAIL => {
            Err("it cannot look up or prove a name (SERVFAIL): does this host reach other name \
                 servers by port 53, UDP and TCP, and is its clock right?")
        }
        Rcode::NOERROR if answer.header_counts().ancount() > 0 => match answer.header().ad() {
            true => Ok(()),
            false => Err("it does not prove what it answers (DNSSEC)"),
        },
        _ => Err("it does not know the servers of the root"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::thread;

    use super::*;

    /// The answer to a query: the query itself with other flags and so many answers,
    /// which nothing reads.
    fn answer(query: &[u8], flags: [u8; 2], answers: u8) -> Vec<u8> {
        [&query[..2], &flags, &[0, 1, 0, answers], &query[8..]].concat()
    }

    fn root() -> Message<Vec<u8>> {
        query(&Name::root_vec(), Rtype::NS, 1).unwrap()
    }

    #[test]
    fn only_a_proven_answer_counts() {
        let of = |flags, answers| {
            let query = root();
            judge(&answer_to(&query, answer(query.as_slice(), flags, answers)).unwrap())
        };
        assert_eq!(of([0x81, 0xa0], 13), Ok(()));
        for (flags, answers, why) in [
            ([0x81, 0x80], 13, "prove"),
            ([0x81, 0xa0], 0, "root"),
            ([0x81, 0xa3], 1, "root"),
            ([0x81, 0x82], 0, "SERVFAIL"),
        ] {
            let wrong = of(flags, answers).unwrap_err();
            assert!(wrong.contains(why), "{wrong}");
        }
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        let name = |text| Name::vec_from_str(text).unwrap();
        let asked = query(&name("a.example"), Rtype::MX, 7).unwrap();
        let same = answer(asked.as_slice(), [0x81, 0x80], 0);
        assert!(answer_to(&asked, same).is_ok());
        let other = query(&name("b.example"), Rtype::MX, 7).unwrap();
        assert!(answer_to(&asked, answer(other.as_slice(), [0x81, 0x80], 0)).is_err());
        let late = query(&name("a.example"), Rtype::MX, 8).unwrap();
        assert!(answer_to(&asked, answer(late.as_slice(), [0x81, 0x80], 0)).is_err());
        assert!(answer_to(&asked, asked.as_slice().to_vec()).is_err());
        assert!(answer_to(&asked, vec![1, 2, 3]).is_err());
    }

    #[test]
    fn an_answer_comes_with_its_length() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = vec![0; 2 + root().as_slice().len()];
            stream.read_exact(&mut asked).unwrap();
            let answer = answer(&asked[2..], [0x81, 0xa0], 1);
            stream.write_all(&[&asked[..2], &answer].concat()).unwrap();
        });
        ask(&mut client).unwrap();
        server.join().unwrap();
        // It hung up.
        assert!(ask(&mut client).is_err());
    }
}
