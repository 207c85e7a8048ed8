//! Which processes hold a TCP port of this host: from the kernel's list of
//! sockets (proc(5), `/proc/net/tcp`) to the processes that have them open.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use super::{Host, Result};

/// The state of a socket that waits for callers (`TCP_LISTEN`).
const LISTENING: &str = "0A";

/// A process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// What its program is called.
    pub name: String,
    /// The file of its program, if that is still there.
    pub program: Option<PathBuf>,
    /// The systemd unit that it belongs to.
    pub unit: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.pid)
    }
}

impl Host {
    /// Returns the processes that listen on a TCP port, whatever the address;
    /// none where nothing listens. A list that is empty: something does, but no
    /// process that can be seen from here, as one in another container.
    pub fn holders(&self, port: u16) -> Result<Option<Vec<Holder>>> {
        let mut sockets = HashSet::new();
        for list in ["/proc/net/tcp", "/proc/net/tcp6"] {
            if let Some(content) = self.read(Path::new(list))? {
                sockets.extend(listening(&String::from_utf8_lossy(content.bytes()), port));
            }
        }
        if sockets.is_empty() {
            return Ok(None);
        }
        let mut holders = Vec::new();
        for name in self.list(Path::new("/proc"))? {
            let Ok(pid) = name.parse::<u32>() else { continue };
            let folder = PathBuf::from(format!("/proc/{pid}/fd"));
            // It may have ended meanwhile.
            let open = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            let mut targets = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
            if targets.any(|target| sockets.contains(&*target.to_string_lossy())) {
                holders.push(holder(pid));
            }
        }
        holders.sort_by_key(|holder: &Holder| holder.pid);
        Ok(Some(holders))
    }
}

/// Returns the sockets that listen on a port, each as a descriptor shows it.
fn listening(list: &str, port: u16) -> Vec<String> {
    let ending = format!(":{port:04X}");
    let socket = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (local, _, state) = (words.next()?, words.next()?, words.next()?);
        let inode = words.nth(5)?;
        (local.ends_with(&ending) && state == LISTENING).then(|| format!("socket:[{inode}]"))
    };
    list.lines().filter_map(socket).collect()
}

fn holder(pid: u32) -> Holder {
    let text = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}"));
    let name = text("comm").map_or("a process".into(), |name| name.trim().to_owned());
    let program = std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    let unit = text("cgroup").ok().and_then(|groups| unit(&groups));
    Holder { pid, name, program: program.filter(|path| path.exists()), unit }
}

/// Returns the unit in whose control group a process is (proc(5), cgroups(7)).
fn unit(groups: &str) -> Option<String> {
    let paths = groups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let mut names = paths.flat_map(|path| path.rsplit('/'));
    names.find(|name| name.ends_with(".service")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_that_a_process_listens_on_is_known_with_that_process() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = Host::open(Path::new("/")).unwrap();
        let holders = host.holders(port).unwrap().unwrap();
        assert_eq!(holders.iter().map(|it| it.pid).collect::<Vec<_>>(), [std::process::id()]);
        drop(listener);
        assert_eq!(host.holders(port).unwrap(), None);
    }

    #[test]
    fn only_what_listens_counts() {
        let list = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
                    uid  timeout inode\n   0: 00000000:0019 00000000:0000 0A 00000000:00000000 \
                    00:00000000 00000000     0        0 4711 1 0 100 0\n   1: 0100007F:0019 \
                    0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n";
        assert_eq!(listening(list, 25), ["socket:[4711]"]);
        assert!(listening(list, 26).is_empty());
        let groups = "0::/system.slice/exim4.service\n";
        assert_eq!(unit(groups).as_deref(), Some("exim4.service"));
        assert_eq!(unit("0::/user.slice/user-0.slice/session-1.scope\n"), None);
    }
}
