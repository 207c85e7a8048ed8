//! A client's side of HTTP (RFC 9112), for one page a connection.

use std::net::SocketAddr;

use super::{Error, LineStream, Result, Tls};

/// The name of the protocol, in errors.
const PROTOCOL: &str = "HTTP";

/// A page as a server sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FetchedPage {
    /// The status code (RFC 9110, 15), such as 200.
    pub status: u16,
    /// The media type without its parameters, such as `text/plain`; empty if it has none.
    pub media_type: String,
    /// The text.
    pub body: String,
}

impl FetchedPage {
    /// Returns the text.
    ///
    /// # Errors
    ///
    /// Fails if the status is not 200: the server has sent something else.
    pub(crate) fn text(self) -> Result<String> {
        match self.status {
            200 => Ok(self.body),
            status => Err(Error::odd(PROTOCOL, status.to_string())),
        }
    }
}

/// Fetches a page at an address of the server that has the name `host`. Follows no redirect.
///
/// # Errors
///
/// Fails if there is no connection or no valid answer, and if the certificate is not one to
/// trust for the name in `tls`.
pub(crate) fn fetch(address: SocketAddr, tls: &Tls, host: &str, path: &str) -> Result<FetchedPage> {
    let mut stream = LineStream::connect(address)?;
    stream.start_tls(tls)?;
    // Answers to this version come in one piece.
    stream.send(&format!("GET {path} HTTP/1.0"))?;
    stream.send(&format!("Host: {host}"))?;
    stream.send("")?;
    answer(&mut stream)
}

/// Sends a text to a page at an address, without TLS.
///
/// # Errors
///
/// Fails if there is no connection, and if the server does not take the text.
pub(crate) fn post(address: SocketAddr, path: &str, text: &str) -> Result<()> {
    let mut stream = LineStream::connect(address)?;
    let head = format!("POST {path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n", text.len());
    stream.send_bytes(format!("{head}{text}").as_bytes())?;
    answer(&mut stream)?.text().map(drop)
}

fn answer(stream: &mut LineStream) -> Result<FetchedPage> {
    let first = stream.words()?;
    let status =
        first.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
    let status = status.ok_or_else(|| Error::odd(PROTOCOL, first))?;
    let (mut length, mut media_type) = (None, String::new());
    loop {
        let line = stream.words()?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| Error::odd(PROTOCOL, &line))?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.parse().map_err(|_| Error::odd(PROTOCOL, &line))?);
        } else if name.eq_ignore_ascii_case("content-type") {
            media_type = value.split(';').next().unwrap_or(value).trim().to_lowercase();
        }
    }
    // A page that a program makes has no length: it ends with the connection.
    let body = match length {
        Some(length) => stream.bytes(length)?,
        None => stream.until_the_end()?,
    };
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(FetchedPage { status, media_type, body })
}

/// Returns the certificate, DER, that a server shows to a client that asks for `host`.
///
/// # Errors
///
/// Fails if there is no connection, and if the handshake fails.
pub(crate) fn shown_certificate(address: SocketAddr, host: &str) -> Result<Vec<u8>> {
    let mut stream = LineStream::connect(address)?;
    stream.start_tls(&Tls::unverified(host)?)?;
    let first = stream.chain().into_iter().next();
    first.map(|it| it.to_vec()).ok_or(Error::Closed)
}
