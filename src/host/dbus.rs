//! Calls systemd over its private socket, in the D-Bus protocol, to read a
//! property of a unit or to reload it. Starting `systemctl` takes longer than
//! all other reads of a plan; the D-Bus libraries bring a runtime along, for
//! one message each way
//! (<https://dbus.freedesktop.org/doc/dbus-specification.html>).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// The socket on which systemd itself listens, without a bus. Only root may use it.
const SOCKET: &str = "/run/systemd/private";

/// The path of systemd's manager object; the units are below it.
const MANAGER: &str = "/org/freedesktop/systemd1";

const PATIENCE: Duration = Duration::from_secs(2);

/// The limit of an answer in bytes. The values in question are short.
const LONGEST: u64 = 64 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// A number; a boolean is 0 or 1.
    Number(u64),
    List(Vec<Value>),
}

impl Value {
    /// Returns the text, or an empty one for any other type.
    pub(super) fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            _ => String::new(),
        }
    }

    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
}

/// The message types, and the codes of header fields, in D-Bus.
const CALL: u8 = 1;
const RETURN: u8 = 2;
const SIGNAL: u8 = 4;
const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const SIGNATURE: u8 = 8;

#[derive(Debug)]
pub(super) struct Bus(BufReader<UnixStream>);

impl Bus {
    /// Connects.
    ///
    /// # Errors
    ///
    /// Fails if systemd does not answer on this socket.
    pub(super) fn open() -> io::Result<Self> {
        let mut stream = UnixStream::connect(SOCKET)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let user = nix::unistd::geteuid().to_string();
        let user: String = user.bytes().map(|byte| format!("{byte:02x}")).collect();
        stream.write_all(format!("\0AUTH EXTERNAL {user}\r\nBEGIN\r\n").as_bytes())?;
        let mut bus = Self(BufReader::new(stream));
        let mut line = Vec::new();
        bus.0.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
        // systemd would not read a message that is sent before this.
        if line.starts_with(b"OK ") { Ok(bus) } else { Err(odd()) }
    }

    /// Reads a property of a unit; `interface` is `Unit` or `Service`
    /// (org.freedesktop.systemd1(5)).
    ///
    /// # Errors
    ///
    /// Fails if systemd refuses or does not answer. The connection is then unusable.
    pub(super) fn property(
        &mut self,
        unit: &str,
        interface: &str,
        name: &str,
    ) -> io::Result<Value> {
        let path = format!("{MANAGER}/unit/{}", escaped(unit));
        let interface = format!("org.freedesktop.systemd1.{interface}");
        let get = call(&path, "org.freedesktop.DBus.Properties", "Get", [&interface, name]);
        value(&self.ask(&get)?)
    }

    /// Starts a job that reloads a unit. The property `Job` of the unit shows its progress.
    pub(super) fn reload(&mut self, unit: &str) -> io::Result<()> {
        let interface = "org.freedesktop.systemd1.Manager";
        self.ask(&call(MANAGER, interface, "ReloadUnit", [unit, "replace"])).map(drop)
    }

    fn ask(&mut self, call: &[u8]) -> io::Result<Vec<u8>> {
        self.0.get_mut().write_all(call)?;
        answer(&mut self.0)
    }
}

/// Encodes the call of a method with two text arguments.
fn call(path: &str, interface: &str, member: &str, arguments: [&str; 2]) -> Vec<u8> {
    let mut body = Vec::new();
    arguments.iter().for_each(|argument| text(&mut body, argument));
    let mut fields = Vec::new();
    for (code, kind, value) in [
        (PATH, b'o', path),
        (INTERFACE, b's', interface),
        (MEMBER, b's', member),
        (SIGNATURE, b'g', "ss"),
    ] {
        pad(&mut fields, 8);
        fields.extend([code, 1, kind, 0]);
        match kind {
            b'g' => signature(&mut fields, value),
            _ => text(&mut fields, value),
        }
    }
    let mut message = vec![b'l', CALL, 0, 1];
    number(&mut message, body.len());
    number(&mut message, 1);
    number(&mut message, fields.len());
    message.extend(fields);
    pad(&mut message, 8);
    message.extend(body);
    message
}

/// Reads the body of the answer. Skips signals, which systemd sends to every
/// client of this socket when a unit changes.
fn answer(from: &mut impl Read) -> io::Result<Vec<u8>> {
    const MOST_SIGNALS: usize = 1000;
    for _ in 0..MOST_SIGNALS {
        match message(from)? {
            (SIGNAL, _) => {}
            (RETURN, body) => return Ok(body),
            _ => break,
        }
    }
    Err(odd())
}

/// Reads a message and returns its type and body.
fn message(from: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let head = take(from, 16)?;
    let (body, fields) = (number_at(&head, 4)?, number_at(&head, 12)?);
    if head[0] != b'l' || body.max(fields) as u64 > LONGEST {
        return Err(odd());
    }
    take(from, fields.next_multiple_of(8))?;
    Ok((head[1], take(from, body)?))
}

/// Decodes a variant: a value with its type.
fn value(body: &[u8]) -> io::Result<Value> {
    let length = body.first().copied().map(usize::from).ok_or_else(odd)?;
    let types = body.get(1..=length).ok_or_else(odd)?;
    // The type signature ends with a zero.
    Reader { bytes: body, at: length + 2 }.value(&mut &*types)
}

/// A message body and the position of the reader in it.
struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    /// Decodes a value of the first type in `types`, and removes that type.
    fn value(&mut self, types: &mut &[u8]) -> io::Result<Value> {
        let (kind, rest) = types.split_first().ok_or_else(odd)?;
        *types = rest;
        Ok(match kind {
            b's' | b'o' => {
                let length = self.number::<4>()?;
                let text = self.take(length)?.to_vec();
                // The terminating zero.
                self.take(1)?;
                Value::Text(String::from_utf8(text).map_err(|_| odd())?)
            }
            b'b' | b'u' | b'i' => Value::Number(self.number::<4>()?),
            b't' | b'x' => Value::Number(self.number::<8>()?),
            b'a' => {
                let length = self.number::<4>()?;
                let element = *types;
                skip(types)?;
                if matches!(element.first(), Some(b't' | b'x' | b'(')) {
                    self.align(8);
                }
                let end = self.at as u64 + length;
                let mut list = Vec::new();
                while (self.at as u64) < end {
                    list.push(self.value(&mut &*element)?);
                }
                Value::List(list)
            }
            b'(' => {
                self.align(8);
                let mut list = Vec::new();
                while types.first() != Some(&b')') {
                    list.push(self.value(types)?);
                }
                *types = &types[1..];
                Value::List(list)
            }
            _ => return Err(odd()),
        })
    }

    fn number<const SIZE: usize>(&mut self) -> io::Result<u64> {
        self.align(SIZE);
        let bytes = self.take(SIZE as u64)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn take(&mut self, length: u64) -> io::Result<&[u8]> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let taken = self.bytes.get(self.at..end.ok_or_else(odd)?).ok_or_else(odd)?;
        self.at += taken.len();
        Ok(taken)
    }

    fn align(&mut self, to: usize) {
        self.at = self.at.next_multiple_of(to);
    }
}

/// Skips the first type of a signature.
fn skip(types: &mut &[u8]) -> io::Result<()> {
    let mut open = 0;
    loop {
        let (kind, rest) = types.split_first().ok_or_else(odd)?;
        *types = rest;
        match kind {
            b'a' => continue,
            b'(' => open += 1,
            b')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Ok(());
        }
    }
}

fn number_at(bytes: &[u8], at: usize) -> io::Result<usize> {
    let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    let number: [u8; 4] = bytes.ok_or_else(odd)?;
    Ok(u32::from_le_bytes(number) as usize)
}

fn take(from: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn odd() -> io::Error {
    io::Error::other("systemd gave an unexpected answer")
}

/// Escapes the name of a unit for an object path.
fn escaped(unit: &str) -> String {
    let escape = |(index, byte): (usize, u8)| match byte {
        b'0'..=b'9' if index > 0 => char::from(byte).to_string(),
        b'a'..=b'z' | b'A'..=b'Z' => char::from(byte).to_string(),
        _ => format!("_{byte:02x}"),
    };
    unit.bytes().enumerate().map(escape).collect()
}

fn pad(bytes: &mut Vec<u8>, to: usize) {
    bytes.resize(bytes.len().next_multiple_of(to), 0);
}

fn number(bytes: &mut Vec<u8>, number: usize) {
    pad(bytes, 4);
    bytes.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    number(bytes, text.len());
    bytes.extend(text.bytes());
    bytes.push(0);
}

fn signature(bytes: &mut Vec<u8>, signature: &str) {
    bytes.push(u8::try_from(signature.len()).unwrap_or(u8::MAX));
    bytes.extend(signature.bytes());
    bytes.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds an answer with a body of this type and content.
    fn reply(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut message = vec![b'l', kind, 1, 1];
        number(&mut message, body.len());
        number(&mut message, 7);
        number(&mut message, 8);
        message.extend([5, 1, b'u', 0, 1, 0, 0, 0]);
        message.extend(body);
        message
    }

    fn told(mut said: &[u8]) -> io::Result<Value> {
        answer(&mut said).and_then(|body| value(&body))
    }

    #[test]
    fn texts_and_numbers_are_read() {
        let active = reply(RETURN, b"\x01s\0\0\x06\0\0\0active\0");
        assert_eq!(told(&active).unwrap(), Value::Text("active".into()));
        let pid = reply(RETURN, b"\x01u\0\0\x39\x05\0\0");
        assert_eq!(told(&pid).unwrap(), Value::Number(1337));
        let time = reply(RETURN, b"\x01t\0\0\0\0\0\0\0\0\0\0\x01\0\0\0");
        assert_eq!(told(&time).unwrap(), Value::Number(1 << 32));
    }

    #[test]
    fn lists_are_read_whatever_they_hold() {
        let list = |all: &[Value]| Value::List(all.to_vec());
        let text = |text: &str| Value::Text(text.into());
        // Two structures: a path, its arguments, a time.
        let mut body = b"\x07a(sast)\0\0\0\0".to_vec();
        number(&mut body, 56);
        for (program, words) in [("/bin/a", ["a", "-b"]), ("/b", ["b", "c"])] {
            pad(&mut body, 8);
            super::text(&mut body, program);
            number(&mut body, if program == "/b" { 14 } else { 15 });
            words.iter().for_each(|word| super::text(&mut body, word));
            pad(&mut body, 8);
            body.extend(7_u64.to_le_bytes());
        }
        let length = u8::try_from(body.len() - 16).unwrap();
        body[12] = length;
        let command = |program, words: [&str; 2]| {
            list(&[text(program), list(&words.map(text)), Value::Number(7)])
        };
        let wanted = list(&[command("/bin/a", ["a", "-b"]), command("/b", ["b", "c"])]);
        assert_eq!(value(&body).unwrap(), wanted);
        assert_eq!(value(b"\x07a(sast)\0\0\0\0\0\0\0\0").unwrap(), list(&[]));
    }

    #[test]
    fn signals_before_the_answer_are_passed_over() {
        let mut said = reply(SIGNAL, b"\x01s\0\0\x03\0\0\0new\0");
        said.extend(reply(SIGNAL, b""));
        said.extend(reply(RETURN, b"\x01u\0\0\x01\0\0\0"));
        assert_eq!(told(&said).unwrap(), Value::Number(1));
    }

    #[test]
    fn any_other_answer_is_an_error() {
        let whole = reply(RETURN, b"\x01s\0\0\x06\0\0\0active\0");
        for length in 0..whole.len() - 1 {
            let mut cut = whole.clone();
            cut.truncate(length);
            assert!(told(&cut).is_err(), "{length}");
        }
        assert!(told(&reply(3, b"\x01s\0\0\x02\0\0\0no\0")).is_err());
        assert!(told(&reply(RETURN, b"\x01s\0\0\xff\xff\xff\x7factive\0")).is_err());
        for types in ["as", "ay", "a", "aaa", "a(", "(", "(s", "(s)", "v", "x", ""] {
            let mut body = vec![u8::try_from(types.len()).unwrap()];
            body.extend(types.bytes());
            body.resize(12, 1);
            assert!(value(&body).is_err(), "{types}");
        }
        assert!(told(&[0xff; 64]).is_err());
    }

    #[test]
    fn a_call_is_laid_out_as_d_bus_wants_it() {
        assert_eq!(escaped("a-b.path"), "a_2db_2epath");
        let path = b"/org/freedesktop/systemd1/unit/a_2db_2epath\0";
        let interface = "org.freedesktop.systemd1.Unit";
        let question = call(
            std::str::from_utf8(path).unwrap().trim_end_matches('\0'),
            "org.freedesktop.DBus.Properties",
            "Get",
            [interface, "ActiveState"],
        );
        let at = question.windows(path.len()).position(|part| part == path).unwrap();
        // Code, type, length, text.
        assert_eq!(question[at - 8..at], [PATH, 1, b'o', 0, 43, 0, 0, 0]);
        let body = question[4] as usize;
        assert!(
            question[question.len() - body..]
                .starts_with(b"\x1d\0\0\0org.freedesktop.systemd1.Unit\0")
        );
        assert_eq!((question.len() - body) % 8, 0);
    }
}
