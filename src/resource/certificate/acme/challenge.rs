//! The proof that a host has a name, by HTTP (RFC 8555, 8.3): an authority asks port 80
//! of the name for a word that only the owner of the account knows. The program answers
//! itself, or leaves the answer to a web server that holds the port.

#![expect(clippy::disallowed_methods, reason = "the authority asks here, and so does the host")]

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::look::PORT;
use crate::host::{Content, Host, Ownership};
use crate::visible::visible;

const PATH: &str = "/.well-known/acme-challenge/";

/// How long a client may take for its request, and a server for its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest request that is read. Those of authorities have a tenth of it.
const LONGEST: usize = 4096;

/// How many are answered at the same time. An authority asks from five places or so; the
/// rest is for strangers who keep connections open.
const MOST: usize = 256;

/// How often the end is looked for.
const TICK: Duration = Duration::from_millis(20);

/// Answers on port 80 as long as it exists.
#[derive(Debug)]
pub(super) struct Responder {
    shared: Arc<Shared>,
    #[cfg(test)]
    at: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

/// The answers in a folder that a web server shows at port 80, as long as it exists.
#[derive(Debug)]
pub(super) struct Webroot<'h> {
    host: &'h Host,
    folder: &'h Path,
    answers: Vec<PathBuf>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The answers by the tokens that authorities ask for.
    answers: Mutex<HashMap<String, String>>,
    asking: AtomicUsize,
    is_over: AtomicBool,
}

impl Responder {
    /// Listens on port 80 of all addresses.
    pub(super) fn open() -> io::Result<Self> {
        Self::at(PORT)
    }

    fn at(port: u16) -> io::Result<Self> {
        // Takes IPv4, too. A kernel may have no IPv6.
        let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))
            .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))?;
        listener.set_nonblocking(true)?;
        #[cfg(test)]
        let at = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let thread = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || serve(&listener, &shared))
        };
        Ok(Self {
            shared,
            #[cfg(test)]
            at,
            thread: Some(thread),
        })
    }

    /// Answers a token from now on.
    pub(super) fn answer(&self, token: &str, answer: &str) {
        let mut answers = self.shared.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(token.into(), answer.into());
    }
}

impl<'h> Webroot<'h> {
    /// Returns the folder without an answer in it.
    pub(super) fn new(host: &'h Host, folder: &'h Path) -> Self {
        Self { host, folder, answers: Vec::new() }
    }

    /// Answers a token from now on.
    ///
    /// # Errors
    ///
    /// Fails if the answer cannot be written, and if the token is no name of a file
    /// (RFC 8555, 8.3: it is base64url).
    pub(super) fn answer(&mut self, token: &str, answer: &str) -> Result<(), String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if token.is_empty() || !token.chars().all(is_plain) {
            return Err("the authority asks for a word that is no base64url".into());
        }
        let path = self.folder.join(token);
        self.answers.push(path.clone());
        self.host
            .put_new_file(&path, &Content::new(answer), &Ownership::of_root(0o644))
            .map_err(|error| error.to_string())
    }
}

impl Drop for Webroot<'_> {
    fn drop(&mut self) {
        for path in &self.answers {
            // What stays proves nothing to an authority.
            let _ = self.host.remove(path);
        }
    }
}

/// Asks for the token at each address of a name, as an authority will.
///
/// # Errors
///
/// Returns where another answer comes, or none.
pub(super) fn is_reached(
    name: &str,
    addresses: impl IntoIterator<Item = IpAddr>,
    token: &str,
    answer: &str,
) -> Result<(), String> {
    let sockets = addresses.into_iter().map(|ip| SocketAddr::new(ip, PORT));
    sockets.into_iter().try_for_each(|at| is_reached_at(name, at, token, answer))
}

fn is_reached_at(name: &str, at: SocketAddr, token: &str, answer: &str) -> Result<(), String> {
    match fetch(at, name, token) {
        Ok(body) if body.trim_end() == answer => Ok(()),
        Ok(_) => Err(format!("another server than this one answers at {at}")),
        Err(error) => Err(format!("{at} does not answer: {}", visible(error.to_string()))),
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.is_over.load(Ordering::Relaxed) {
        match listener.accept() {
            // One over the limit is dropped.
            Ok((stream, _)) if shared.asking.load(Ordering::Relaxed) < MOST => {
                shared.asking.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(shared);
                thread::spawn(move || {
                    // It went away; the authority will say so.
                    let _ = respond(stream, &shared.answers);
                    shared.asking.fetch_sub(1, Ordering::Relaxed);
                });
            }
            Ok(_) => {}
            Err(_) => thread::sleep(TICK),
        }
    }
}

fn respond(mut stream: TcpStream, answers: &Mutex<HashMap<String, String>>) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut chunk = [0; 512];
    while !request.windows(4).any(|it| it == b"\r\n\r\n") {
        // A client that sends a byte at a time has no more time than another.
        let left = end.saturating_duration_since(Instant::now()).max(TICK);
        stream.set_read_timeout(Some(left))?;
        let length = stream.read(&mut chunk)?;
        if length == 0 || request.len() > LONGEST || Instant::now() > end {
            return Ok(());
        }
        request.extend_from_slice(&chunk[..length]);
    }
    let line = String::from_utf8_lossy(&request);
    let mut words = line.split_ascii_whitespace();
    let token = (words.next() == Some("GET")).then(|| words.next()?.strip_prefix(PATH)).flatten();
    let answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, body) = match token.and_then(|token| answers.get(token)) {
        Some(answer) => ("200 OK", answer.clone()),
        None => ("404 Not Found", "There is nothing here.\n".into()),
    };
    drop(answers);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(&[head, body].concat().into_bytes())
}

/// Asks a server for a token. Returns the body of its answer.
fn fetch(at: SocketAddr, name: &str, token: &str) -> Result<String, ureq::Error> {
    let config = ureq::Agent::config_builder()
        // The host itself is asked.
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build();
    let asked = config.new_agent().get(format!("http://{at}{PATH}{token}")).header("Host", name);
    let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    asked.call()?.body_mut().with_config().limit(limit).read_to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_answered_to_all_who_ask_for_it_and_nothing_else_is() {
        let responder = Responder::at(0).unwrap();
        responder.answer("token", "token.thumb");
        let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), responder.at.port());
        let reached = |token, answer| is_reached_at("a.example", at, token, answer);
        assert_eq!(reached("token", "token.thumb"), Ok(()));
        assert!(reached("other", "token.thumb").unwrap_err().contains("another server"));
        drop(responder);
        assert!(fetch(at, "a.example", "token").is_err());
    }

    #[test]
    fn silence_and_endless_requests_keep_nobody_else_waiting() {
        let responder = Responder::at(0).unwrap();
        responder.answer("token", "token.thumb");
        let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), responder.at.port());
        let silent: Vec<_> = (0..8).map(|_| TcpStream::connect(at).unwrap()).collect();
        let mut endless = TcpStream::connect(at).unwrap();
        let _ = endless.write_all(&[b'a'; 3 * LONGEST]);
        assert_eq!(fetch(at, "a.example", "token").unwrap(), "token.thumb");
        drop(silent);
    }
}
