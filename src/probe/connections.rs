//! ConnectionCache to a server. Nobody who did not answer once is waited for again: a
//! server that is down is told of soon, however much is asked of it. And who
//! answered is not called only to see that, or which certificate is shown.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::CertificateDer;

use super::{Error, Result, Session, Tls};

/// Whom we called, as far as it shortens later calls. Clones know the same.
#[derive(Debug, Clone, Default)]
pub struct ConnectionCache(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// Who did not answer, and how that showed.
    silent: HashMap<SocketAddr, String>,
    /// Who answered.
    answered: HashSet<SocketAddr>,
    /// Which certificates were shown, the server's own first.
    shown: HashMap<SocketAddr, Vec<CertificateDer<'static>>>,
    /// Ports that are closed on our own side.
    barred: HashMap<u16, String>,
    /// Ports of daemons that do not run.
    dead: HashMap<u16, String>,
}

impl ConnectionCache {
    /// Notes that our own network lets nobody call a port, and `why` we think so:
    /// that says nothing of the server.
    pub(crate) fn block(&self, port: u16, why: impl Into<String>) {
        self.known().barred.insert(port, why.into());
    }

    /// Notes that a port of the server's is closed, and `why` that is known.
    pub(crate) fn mark_down(&self, port: u16, why: impl Into<String>) {
        self.known().dead.insert(port, why.into());
    }

    /// Connects in the clear, from a certain address of this machine's where that
    /// is given.
    ///
    /// # Errors
    ///
    /// As [`ConnectionCache::connect`].
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

    /// Says why a call would be in vain, if that is known.
    fn hindrance(&self, at: SocketAddr) -> Option<Error> {
        let known = self.known();
        if let Some(why) = known.barred.get(&at.port()) {
            return Some(Error::Unreachable(why.clone()));
        }
        let silent = known.silent.get(&at).or_else(|| known.dead.get(&at.port()));
        silent.map(|words| Error::Silent(words.clone()))
    }

    /// Connects, with TLS from the first byte where that is given.
    ///
    /// # Errors
    ///
    /// As [`Session::connect`] and [`Session::connect_tls`]; [`Error::Silent`]
    /// where nobody answered before, [`Error::Unreachable`] where we cannot call.
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
            // Without a word, too: such a server hangs up as late as it can.
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

    /// Connects and goes over to TLS, from the first byte or by the protocol's
    /// word for it.
    ///
    /// # Errors
    ///
    /// As [`ConnectionCache::connect`] and [`Session::start_tls`].
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

    /// Returns the certificates that were shown, whether one trusts them or not,
    /// if somebody has been called.
    pub fn shown(&self, at: SocketAddr) -> Option<Vec<CertificateDer<'static>>> {
        self.known().shown.get(&at).cloned()
    }

    /// Tells whether somebody has been called and answered.
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
    use crate::probe::Smtp;

    #[test]
    fn who_does_not_answer_is_called_once() {
        let connections = ConnectionCache::default();
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let first = connections.connect::<Smtp>(gone, None).unwrap_err();
        assert!(matches!(first, Error::Connect { .. }), "{first:?}");
        // Whoever takes its place is not asked any more.
        let _other = TcpListener::bind(gone).unwrap();
        let second = connections.clone().connect::<Smtp>(gone, None).unwrap_err();
        assert!(matches!(second, Error::Silent(_)), "{second:?}");
        assert_eq!(first.to_string(), second.to_string());
        connections.block(gone.port(), "no way");
        let third = connections.connect::<Smtp>(gone, None).unwrap_err();
        assert!(matches!(third, Error::Unreachable(_)), "{third:?}");
    }

    #[test]
    fn who_answered_is_known() {
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
