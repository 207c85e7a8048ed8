//! Reads a request (RFC 9112): for the page itself, or what a person typed into it.
//! Anything else is refused, and nothing is read without a limit.

use std::io::{self, BufRead, BufReader, Read};
use std::net::IpAddr;

use percent_encoding::percent_decode;

/// The path of the page.
const PATH: &str = "/password";

const MOST_HEADERS: usize = 64;
const MOST_BYTES_OF_HEADERS: u64 = 16 * 1024;
const MOST_BYTES_OF_FORM: u64 = 8 * 1024;

/// The page that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    Show {
        is_head: bool,
    },
    Send {
        form: Form,
        client: Option<IpAddr>,
    },
    /// The status of the answer.
    Refused(&'static str),
}

/// The fields that a person filled in.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) address: String,
    pub(super) current: String,
    pub(super) new: String,
    pub(super) again: String,
}

impl Form {
    pub(super) fn fields(&self) -> [&str; 4] {
        [&self.address, &self.current, &self.new, &self.again]
    }

    /// Reads the fields (application/x-www-form-urlencoded). A text that is not UTF-8 is no form.
    fn parse(body: &[u8]) -> Option<Self> {
        let mut form = Self::default();
        for pair in body.split(|byte| *byte == b'&') {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let name = decoded(parts.next().unwrap_or_default())?;
            let value = decoded(parts.next().unwrap_or_default())?;
            match name.as_str() {
                "address" => form.address = value,
                "current" => form.current = value,
                "new" => form.new = value,
                "again" => form.again = value,
                _ => {}
            }
        }
        Some(form)
    }
}

/// Leaves out what a person typed.
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("«form»")
    }
}

fn decoded(bytes: &[u8]) -> Option<String> {
    let spaced: Vec<u8> =
        bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}

/// Reads one request.
pub(super) fn read(input: impl Read) -> io::Result<Request> {
    const BAD: Request = Request::Refused("400 Bad Request");

    let mut input = BufReader::new(input);
    let Some(head) = read_head(&mut input)? else { return Ok(BAD) };
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    if !matches!(parsed.parse(&head), Ok(httparse::Status::Complete(_))) {
        return Ok(BAD);
    }
    let path = parsed.path.unwrap_or_default().split('?').next().unwrap_or_default();
    if path != PATH {
        return Ok(Request::Refused("404 Not Found"));
    }
    match parsed.method {
        Some("GET") => return Ok(Request::Show { is_head: false }),
        Some("HEAD") => return Ok(Request::Show { is_head: true }),
        Some("POST") => {}
        _ => return Ok(Request::Refused("405 Method Not Allowed")),
    }
    let values = |name: &str| {
        let named: Vec<&[u8]> = parsed
            .headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
            .collect();
        named
    };
    // A browser says where a form comes from: the pages of others have none for this.
    let is_foreign = |value: &&[u8]| !matches!(*value, b"same-origin" | b"none");
    if values("sec-fetch-site").iter().any(is_foreign) {
        return Ok(Request::Refused("403 Forbidden"));
    }
    let kind = values("content-type");
    let kind = kind.first().map(|value| String::from_utf8_lossy(value).to_ascii_lowercase());
    let kind = kind.as_deref().and_then(|kind| kind.split(';').next()).unwrap_or_default();
    if kind.trim() != "application/x-www-form-urlencoded" {
        return Ok(Request::Refused("415 Unsupported Media Type"));
    }
    let lengths = values("content-length");
    let length = match (&lengths[..], values("transfer-encoding").is_empty()) {
        ([length], true) => std::str::from_utf8(length).ok().and_then(|text| text.parse().ok()),
        _ => return Ok(Request::Refused("411 Length Required")),
    };
    let Some(length) = length else { return Ok(BAD) };
    if length > MOST_BYTES_OF_FORM {
        return Ok(Request::Refused("413 Content Too Large"));
    }
    let client = client(&values("x-forwarded-for"));
    let mut body = Vec::new();
    let read = input.take(length).read_to_end(&mut body)?;
    Ok(match Form::parse(&body) {
        Some(form) if read as u64 == length => Request::Send { form, client },
        _ => BAD,
    })
}

/// Returns the address that the web server adds last; what stands before it is the client's.
fn client(values: &[&[u8]]) -> Option<IpAddr> {
    let last = std::str::from_utf8(values.last()?).ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

/// Reads all lines to the empty one; `None` if there are too many, or no such line.
fn read_head(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    let mut input = input.take(MOST_BYTES_OF_HEADERS);
    loop {
        let begin = head.len();
        input.read_until(b'\n', &mut head)?;
        match &head[begin..] {
            b"\r\n" | b"\n" => return Ok(Some(head)),
            line if line.ends_with(b"\n") => {}
            _ => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(headers: &str, body: &str) -> Request {
        let length = body.len();
        let kind = "Content-Type: application/x-www-form-urlencoded; charset=UTF-8";
        let text = format!(
            "POST /password HTTP/1.1\r\n{kind}\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        read(text.as_bytes()).unwrap()
    }

    fn status(text: &str) -> String {
        match read(text.as_bytes()).unwrap() {
            Request::Refused(status) => status[..3].to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_form_is_read_as_a_browser_sends_it() {
        let body =
            "address=thomas%40example.org&current=a+b%26%3D&new=%C3%BC%25%24+%22&again=x&y=z";
        let headers = "X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\nSec-Fetch-Site: same-origin\r\n";
        let Request::Send { form, client } = post(headers, body) else { panic!("no form") };
        assert_eq!(form.fields(), ["thomas@example.org", "a b&=", "ü%$ \"", "x"]);
        assert_eq!(client, Some("192.0.2.7".parse().unwrap()));
        assert!(!format!("{form:?}").contains("thomas"));
    }

    #[test]
    fn only_the_page_and_its_form_are_answered() {
        for (text, wanted) in [
            ("GET /password HTTP/1.0\r\n\r\n", "Show { is_head: false }"),
            ("HEAD /password?x HTTP/1.0\n\n", "Show { is_head: true }"),
            ("GET /password/ HTTP/1.0\r\n\r\n", "404"),
            ("GET /../password HTTP/1.0\r\n\r\n", "404"),
            ("PUT /password HTTP/1.0\r\n\r\n", "405"),
            ("POST /password HTTP/1.0\r\n\r\n", "415"),
            ("", "400"),
            ("nonsense", "400"),
            ("GET /password\r\n\r\n", "400"),
            ("GET /password HTTP/1.0\r\n", "400"),
        ] {
            assert_eq!(status(text), wanted, "{text}");
        }
        let kind = "POST /password HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n";
        for (headers, wanted) in [
            ("", "411"),
            ("Content-Length: 1\r\nContent-Length: 2\r\n", "411"),
            ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "411"),
            ("Content-Length: x\r\n", "400"),
            ("Content-Length: -1\r\n", "400"),
            ("Content-Length: 9000\r\n", "413"),
            ("Content-Length: 5\r\n", "400"),
            ("Content-Length: 3\r\nSec-Fetch-Site: cross-site\r\n", "403"),
        ] {
            assert_eq!(status(&format!("{kind}{headers}\r\na=b")), wanted, "{headers}");
        }
        assert_eq!(post("", "new=%ff"), Request::Refused("400 Bad Request"));
        let long = format!("GET /password HTTP/1.0\r\nX: {}\r\n\r\n", "x".repeat(20_000));
        assert_eq!(status(&long), "400");
        let many = format!("GET /password HTTP/1.0\r\n{}\r\n", "X: y\r\n".repeat(100));
        assert_eq!(status(&many), "400");
    }
}
