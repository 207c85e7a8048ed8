//! The listening sockets of this host, from the kernel's lists, so that no
//! daemon has to be called, and thereby started, to find out.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use super::sock_diag::{self, Listener};

/// The lists of TCP sockets (proc_pid_net(5)), for IPv4 and IPv6. A kernel
/// without IPv6 has only the first.
const TCP: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

const UNIX: &str = "/proc/net/unix";

/// The length of a line in the lists of TCP sockets. Listening sockets come
/// first; finding the connected ones takes the kernel milliseconds, so reading
/// stops before them.
const LINE: usize = 150;

/// `TCP_LISTEN`, as the lists show it.
const LISTENS: &str = "0A";

/// `__SO_ACCEPTCON`, the flag of a listening unix socket, as the list shows it.
const ACCEPTS: &str = "00010000";

/// Returns all TCP listeners. A list that cannot be read counts as empty.
pub(super) fn listeners() -> Vec<Listener> {
    sock_diag::listeners().unwrap_or_else(|_| {
        TCP.into_iter().flat_map(|list| read_list(list).unwrap_or_default()).collect()
    })
}

fn read_list(list: &str) -> io::Result<Vec<Listener>> {
    let mut list = BufReader::with_capacity(LINE, File::open(list)?);
    let mut line = String::new();
    // The heading.
    list.read_line(&mut line)?;
    let mut found = Vec::new();
    loop {
        line.clear();
        list.read_line(&mut line)?;
        match listener(&line) {
            Some(listener) => found.push(listener),
            None => return Ok(found),
        }
    }
}

/// Parses a line of a list of TCP sockets. Returns `None` unless it listens.
fn listener(line: &str) -> Option<Listener> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (local, _, state) = (fields.next()?, fields.next()?, fields.next()?);
    let (address, port) = local.rsplit_once(':')?;
    if state != LISTENS {
        return None;
    }
    // 32-bit words in the byte order of the processor.
    let words = (0..address.len() / 8).map(|word| {
        let word = u32::from_str_radix(address.get(8 * word..8 * word + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    });
    let ip = match words.collect::<Option<Vec<_>>>()?[..] {
        [v4] => IpAddr::from(v4),
        [a, b, c, d] => {
            let bytes: [u8; 16] = [a, b, c, d].concat().try_into().ok()?;
            Ipv6Addr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    let (port, inode) = (u16::from_str_radix(port, 16).ok()?, fields.nth(5)?.parse().ok()?);
    Some(Listener { ip, port, inode })
}

/// Returns the kernel's list of unix sockets, or an empty text if it cannot be read.
pub(super) fn unix_sockets() -> String {
    std::fs::read_to_string(UNIX).unwrap_or_default()
}

/// Returns whether a line of the list of unix sockets is a listener at `path`.
/// The list has the path as the daemon gave it to bind(2): relative to its
/// working folder or chroot, it is only the end of `path`.
pub(super) fn is_of(line: &str, path: &Path) -> bool {
    let mut fields = line.split_ascii_whitespace().skip(3);
    let accepts = fields.next() == Some(ACCEPTS);
    let Some(bound) = fields.nth(3) else { return false };
    accepts && path.ends_with(bound.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::host::closed::{close, ends_soon};
    use crate::host::{Endpoint, Greeting, Host};

    /// Later than any socket's time of creation.
    const MAX: i64 = i64::MAX;

    fn greeting(at: Endpoint) -> Greeting {
        Greeting { at, begins: String::new(), secured: crate::host::Secured::No }
    }

    #[test]
    fn ports_are_heard_at_whatever_address() {
        let host = Host::open(Path::new("/")).unwrap();
        let on = |ip: SocketAddr| TcpListener::bind(ip).unwrap();
        let one = on((Ipv4Addr::new(127, 8, 8, 8), 0).into());
        let mut listeners = vec![one];
        if let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
            listeners.push(listener);
        }
        let ports: Vec<u16> = listeners.iter().map(|it| it.local_addr().unwrap().port()).collect();
        let all: Vec<_> = ports.iter().map(|port| greeting(Endpoint::Port(*port))).collect();
        assert_eq!(host.unheard(&all, MAX).unwrap(), []);
        assert!(all.iter().all(|greeting| greeting.at.connect().is_ok()));
        listeners.into_iter().for_each(|listener| _ = close(listener));
        let missing: BTreeSet<_> = host.unheard(&all, MAX).unwrap().into_iter().collect();
        assert_eq!(missing, ports.iter().map(|port| Endpoint::Port(*port)).collect());
        // A UDP socket has a port too, but does not listen on TCP.
        let other = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = Endpoint::Port(other.local_addr().unwrap().port());
        assert_eq!(host.unheard(&[greeting(port.clone())], MAX).unwrap(), [port]);
    }

    #[test]
    fn a_socket_is_heard_only_where_somebody_listens() {
        let host = Host::open(Path::new("/")).unwrap();
        let folder = std::env::temp_dir().join(format!("listening-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("socket");
        let all = [greeting(Endpoint::Socket(path.clone()))];
        let missing = [Endpoint::Socket(path.clone())];
        assert_eq!(host.unheard(&all, MAX).unwrap(), missing, "nothing there");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(host.unheard(&all, MAX).unwrap(), []);
        // The list still has the old name.
        std::fs::rename(&path, folder.join("other")).unwrap();
        std::fs::rename(folder.join("other"), &path).unwrap();
        assert_eq!(host.unheard(&all, MAX).unwrap(), []);
        // So is a socket that another process put in its place.
        std::fs::remove_file(&path).unwrap();
        drop(UnixListener::bind(&path).unwrap());
        assert_eq!(host.unheard(&all, 0).unwrap(), missing, "another one");
        drop(listener);
        assert!(ends_soon(|| host.unheard(&all, MAX).unwrap() == missing), "none listens");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        assert_eq!(host.unheard(&all, MAX).unwrap(), missing, "a file");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn lines_of_the_lists_are_read_as_the_kernel_writes_them() {
        let line = |port, state| {
            format!(
                "   1: 00000000:{port} 00000000:0000 {state} 00000000:00000000 00:00000000 \
                     00000000     0        0 16017 1 0000000000000000 100 0 0 10 0"
            )
        };
        let told = |ip: IpAddr, port| Some(Listener { ip, port, inode: 16017 });
        assert_eq!(listener(&line("01D1", "0A")), told(Ipv4Addr::UNSPECIFIED.into(), 465));
        assert_eq!(listener(&line("01D1", "01")), None);
        let six =
            line("0019", "0A").replace("00000000:0019", "00000000000000000000000001000000:0019");
        assert_eq!(listener(&six), told(Ipv6Addr::LOCALHOST.into(), 25));
        assert_eq!(listener(""), None);
        let socket = |flags, path| {
            format!("0000000000000000: 00000002 00000000 {flags} 0001 01 20637 {path}")
        };
        let path = Path::new("/var/spool/postfix/private/auth");
        for bound in ["/var/spool/postfix/private/auth", "private/auth", "/private/auth"] {
            assert!(is_of(&socket("00010000", bound), path), "{bound}");
        }
        for bound in ["/var/spool/postfix/private/aut", "vate/auth", "@private/auth", "/auth/x"] {
            assert!(!is_of(&socket("00010000", bound), path), "{bound}");
        }
        assert!(!is_of(&socket("00000000", "private/auth"), path));
        assert!(!is_of(&socket("00010000", ""), path));
        assert!(!is_of("Num       RefCount Protocol Flags    Type St Inode Path", path));
    }
}
