//! Connections to a server, with a memory of earlier results. A port that did
//! not answer once is not tried again, so checks of a dead server finish soon.
//! A port that answered is not called again only to see whether it answers or
//! which certificate it shows.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::CertificateDer;

use super::{Error, Result, Session, Tls};

/// The results of earlier connections. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct ConnectionCache(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// The ports that did not answer, with the error.
    silent: HashMap<SocketAddr, String>,
    answered: HashSet<SocketAddr>,
    /// The certificates that were shown, the server's own first.
    shown: HashMap<SocketAddr, Vec<CertificateDer<'static>>>,
    /// The ports that this machine's network blocks, with the reason.
    barred: HashMap<u16, String>,
    /// The ports of daemons that do not run, with the reason.
    dead: HashMap<u16, String>,
}

impl ConnectionCache {
    /// Records that this machine's network blocks a port, and `why` this is
    /// assumed. It says nothing about the server.
    pub(crate) fn block(&self, port: u16, why: impl Into<String>) {
        self.known().barred.insert(port, why.into());
    }

    /// Records that a port of the server is closed, and `why` this is known.
    pub(crate) fn mark_down(&self, port: u16, why: impl Into<String>) {
        self.known().dead.insert(port, why.into());
    }

    /// Connects without TLS, from a given address of this machine if there is one.
    pub(crate) fn connect_from<S: Session>(
        &self,
        from: Option<IpAddr>,
        at: SocketAddr,
    ) -> Result<S> {
        match from {
            Some(from) if self.hindrance(at).is_none() => S::connect_from(from, at),
            _ => self.connect(at, None),
        }
    }

    /// Returns the error of a connection that is known to fail.
    fn hindrance(&self, at: SocketAddr) -> Option<Error> {
        let known = self.known();
        if let Some(why) = known.barred.get(&at.port()) {
            return Some(Error::Unreachable(why.clone()));
        }
        let silent = known.silent.get(&at).or_else(|| known.dead.get(&at.port()));
        silent.map(|words| Error::Silent(words.clone()))
    }

    /// Connects, with TLS from the first byte if `tls` is given.
    ///
    /// # Errors
    ///
    /// Fails as `Session::connect` and `Session::connect_tls` do; with
    /// [`Error::Silent`] if the port did not answer before, and with
    /// [`Error::Unreachable`] if this machine cannot call it.
    pub fn connect<S: Session>(&self, at: SocketAddr, tls: Option<&Tls>) -> Result<S> {
        if let Some(error) = self.hindrance(at) {
            return Err(error);
        }
        let session = match tls {
            Some(tls) => S::connect_tls(at, tls),
            None => S::connect(at),
        };
        match &session {
            Err(Error::Connect { source, .. })
                if source.kind() == ErrorKind::NetworkUnreachable =>
            {
                Err(Error::Unreachable(format!("this machine has no way to {}", at.ip())))
            }
            // Such a server may also hang up without a greeting, as late as it can.
            Err(error @ (Error::Connect { .. } | Error::TooSlow | Error::Closed)) => {
                self.known().silent.insert(at, error.to_string());
                session
            }
            Ok(_) => {
                self.known().answered.insert(at);
                session
            }
            _ => session,
        }
    }

    /// Connects with TLS, from the first byte or by STARTTLS.
    pub(crate) fn secure<S: Session>(
        &self,
        at: SocketAddr,
        implicit_tls: bool,
        tls: &Tls,
    ) -> Result<S> {
        let mut session: S = self.connect(at, implicit_tls.then_some(tls))?;
        if !implicit_tls {
            session.start_tls(tls)?;
        }
        self.known().shown.insert(at, session.stream().chain());
        Ok(session)
    }

    /// Returns the certificates that the port showed, verified or not, if there was a connection.
    pub fn shown(&self, at: SocketAddr) -> Option<Vec<CertificateDer<'static>>> {
        self.known().shown.get(&at).cloned()
    }

    pub(crate) fn has_answered(&self, at: SocketAddr) -> bool {
        self.known().answered.contains(&at)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;
    use crate::host::closed::close;
    use crate::probe::Smtp;

    #[test]
    fn a_silent_server_is_called_once() {
        let connections = ConnectionCache::default();
        let gone = close(TcpListener::bind("127.0.0.1:0").unwrap());
        let first = connections.connect::<Smtp>(gone, None).unwrap_err();
        assert!(matches!(first, Error::Connect { .. }), "{first:?}");
        // A server that takes its place is not called any more.
        let _other = TcpListener::bind(gone).unwrap();
        let second = connections.clone().connect::<Smtp>(gone, None).unwrap_err();
        assert!(matches!(second, Error::Silent(_)), "{second:?}");
        assert_eq!(first.to_string(), second.to_string());
        connections.block(gone.port(), "no way");
        let third = connections.connect::<Smtp>(gone, None).unwrap_err();
        assert!(matches!(third, Error::Unreachable(_)), "{third:?}");
    }

    #[test]
    fn a_server_that_answered_is_known() {
        let connections = ConnectionCache::default();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = server.local_addr().unwrap();
        let greeting = std::thread::spawn(move || {
            server.accept().unwrap().0.write_all(b"220 server.example ESMTP\r\n").unwrap();
        });
        assert!(!connections.has_answered(at));
        let _ = connections.connect::<Smtp>(at, None).unwrap();
        greeting.join().unwrap();
        assert!(connections.clone().has_answered(at));
    }
}
