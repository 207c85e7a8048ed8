//! The listening unix sockets of this host, from the kernel's list, so that no
//! daemon has to be called, and thereby started, to find out.

use std::path::Path;

const UNIX: &str = "/proc/net/unix";

/// `__SO_ACCEPTCON`, the flag of a listening unix socket, as the list shows it.
const ACCEPTS: &str = "00010000";

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
        drop(listeners);
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
        assert_eq!(host.unheard(&all, MAX).unwrap(), missing, "nobody listens");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        assert_eq!(host.unheard(&all, MAX).unwrap(), missing, "a file");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn lines_of_the_list_are_read_as_the_kernel_writes_them() {
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
