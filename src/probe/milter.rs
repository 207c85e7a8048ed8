//! Asks a mail filter whether it works, as Postfix does when it connects
//! (milter protocol, option negotiation).

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The time limit of an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The command of a negotiation, and of its answer.
const NEGOTIATE: u8 = b'O';

/// Version 6, and all that a filter may ask for.
const OFFER: [u32; 3] = [6, 0x1ff, 0x001f_ffff];

/// Negotiates with the filter at a socket.
///
/// # Errors
///
/// Returns why it does not answer.
pub(crate) fn ask_milter(socket: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let offer = OFFER.iter().flat_map(|number| number.to_be_bytes());
    let packet: Vec<u8> = std::iter::once(NEGOTIATE).chain(offer).collect();
    let length = u32::try_from(packet.len()).unwrap_or_default().to_be_bytes();
    stream.write_all(&[&length[..], &packet].concat())?;
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    match head[4] {
        NEGOTIATE => Ok(()),
        _ => Err(io::Error::other("it does not speak the protocol of mail filters")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    #[test]
    fn a_filter_is_known_by_its_answer() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        assert!(ask_milter(&socket).is_err());
        let listener = UnixListener::bind(&socket).unwrap();
        let filter = thread::spawn(move || {
            for answer in [&b"\0\0\0\x0dO\0\0\0\x06\0\0\0\0\0\0\0\0"[..], b"220 hello\r\n", b""] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut offer = [0; 17];
                stream.read_exact(&mut offer).unwrap();
                assert_eq!(offer[..9], *b"\0\0\0\x0dO\0\0\0\x06");
                stream.write_all(answer).unwrap();
            }
        });
        let answers = [(); 3].map(|()| ask_milter(&socket).is_ok());
        filter.join().unwrap();
        assert_eq!(answers, [true, false, false]);
    }
}
