//! A server for unit tests that sends a fixed script, whatever it receives.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

/// Starts a server for one connection and returns its address. It sends the
/// pieces in order, with a pause between two, and hangs up.
pub(crate) fn fake_server(pieces: &[&[u8]]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
    thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        for piece in pieces {
            if stream.write_all(&piece).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        // Closing the socket with unread data would reset the connection.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    });
    address
}
