//! Finds the processes that hold a TCP port of this host, by way of the inodes of their sockets.

use std::fmt;
use std::path::{Path, PathBuf};

use super::listening::listeners;
use super::sock_diag::Listener;
use super::{Endpoint, Host, Result, dns};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    pub pid: u32,
    pub name: String,
    /// The path of its program, if that still exists.
    pub program: Option<PathBuf>,
    /// The systemd unit of the process.
    pub unit: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.pid)
    }
}

impl Host {
    /// Returns the processes that listen on the TCP port of an endpoint, at any
    /// address unless it names one, or `None` if nothing listens. The list is empty
    /// if no visible process does, as with one in another container.
    pub(crate) fn holders(&self, endpoint: &Endpoint) -> Result<Option<Vec<Holder>>> {
        let is_held = |listener: &Listener| match endpoint {
            Endpoint::Port(port) => listener.port == *port,
            Endpoint::Resolver(ip) => listener.is_at(*ip, dns::PORT),
            Endpoint::Socket(_) => false,
        };
        let on_port = listeners().into_iter().filter(is_held);
        let sockets: Vec<u64> = on_port.map(|listener| listener.inode).collect();
        if sockets.is_empty() {
            return Ok(None);
        }
        let mut holders = Vec::new();
        for name in self.list(Path::new("/proc"))? {
            let Ok(pid) = name.parse::<u32>() else { continue };
            let folder = PathBuf::from(format!("/proc/{pid}/fd"));
            // The process may have ended.
            let open = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            let mut targets = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
            if targets.any(|target| inode(&target).is_some_and(|it| sockets.contains(&it))) {
                holders.push(holder(pid));
            }
        }
        holders.sort_by_key(|holder: &Holder| holder.pid);
        Ok(Some(holders))
    }
}

/// Parses the inode of a socket from the link in `/proc/PID/fd` (proc(5)).
fn inode(target: &Path) -> Option<u64> {
    target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

fn holder(pid: u32) -> Holder {
    let text = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}"));
    let name = text("comm").map_or("a process".into(), |name| name.trim().to_owned());
    let program = std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    let unit = text("cgroup").ok().and_then(|groups| unit(&groups));
    Holder { pid, name, program: program.filter(|path| path.exists()), unit }
}

/// Returns the unit whose control group contains a process (proc(5), cgroups(7)).
fn unit(groups: &str) -> Option<String> {
    let paths = groups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let mut names = paths.flat_map(|path| path.rsplit('/'));
    names.find(|name| name.ends_with(".service")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::host::closed::close;

    #[test]
    fn a_port_that_a_process_listens_on_is_known_with_that_process() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = Host::open(Path::new("/")).unwrap();
        let holders = host.holders(&Endpoint::Port(port)).unwrap().unwrap();
        assert_eq!(holders.iter().map(|it| it.pid).collect::<Vec<_>>(), [std::process::id()]);
        close(listener);
        assert_eq!(host.holders(&Endpoint::Port(port)).unwrap(), None);
    }

    #[test]
    fn the_unit_of_a_process_is_known() {
        let groups = "0::/system.slice/exim4.service\n";
        assert_eq!(unit(groups).as_deref(), Some("exim4.service"));
        assert_eq!(unit("0::/user.slice/user-0.slice/session-1.scope\n"), None);
    }
}
