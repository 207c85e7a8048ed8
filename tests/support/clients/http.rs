//! A browser's side of HTTP, one page a connection.

use std::io;
use std::net::TcpStream;

use super::{Tls, Wire};

/// What a web server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub status: u16,
    /// The headers as they came, with the names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Page {
    /// Fetches a page, over TLS if there is one to trust.
    pub fn fetch(stream: TcpStream, tls: Option<&Tls>, host: &str, path: &str) -> io::Result<Self> {
        Self::ask(stream, tls, &format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n"))
    }

    /// Sends a form, of fields that are encoded already.
    pub fn send(
        stream: TcpStream,
        tls: &Tls,
        host: &str,
        path: &str,
        form: &str,
    ) -> io::Result<Self> {
        let length = form.len();
        let kind = "Content-Type: application/x-www-form-urlencoded";
        let head = format!("POST {path} HTTP/1.0\r\nHost: {host}\r\n{kind}\r\n");
        let text = format!("{head}Content-Length: {length}\r\n\r\n{form}");
        Self::ask(stream, Some(tls), &text)
    }

    /// Returns the answer to a request, over TLS if there is one to trust.
    pub fn ask(stream: TcpStream, tls: Option<&Tls>, request: &str) -> io::Result<Self> {
        let mut wire = match tls {
            Some(tls) => Wire::tls(stream, tls)?,
            None => Wire::plain(stream)?,
        };
        wire.write(request.as_bytes())?;
        let first = wire.read_line()?;
        let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(first))?;
        let mut headers = Vec::new();
        while let Some((name, value)) = wire.read_line()?.split_once(':') {
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let mut page = Self { status, headers, body: String::new() };
        let length = page.header("content-length").and_then(|it| it.parse().ok());
        let body = match length {
            Some(length) => wire.read_exact(length)?,
            None => wire.read_to_the_end()?,
        };
        page.body = String::from_utf8(body).map_err(io::Error::other)?;
        Ok(page)
    }

    /// Returns a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name)?;
        Some(&found.1)
    }
}
