//! One question to systemd over its own socket, in D-Bus's language: the value
//! of a property of a unit. To start `systemctl` for it takes longer than all
//! that is otherwise looked at; the libraries for D-Bus bring a runtime with
//! them, for what is one message there and one back
//! (<https://dbus.freedesktop.org/doc/dbus-specification.html>).

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Where systemd itself listens, without a bus between; root alone may ask.
const SOCKET: &str = "/run/systemd/private";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest answer that is read: the values asked for are short.
const LONGEST: usize = 64 * 1024;

/// The value of a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(u32),
}

/// Types of messages and codes of their header's fields, as D-Bus numbers them.
const CALL: u8 = 1;
const RETURN: u8 = 2;
const SIGNAL: u8 = 4;
const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const SIGNATURE: u8 = 8;

/// Asks for a property of a unit: `interface` is `Unit` or `Service`
/// (org.freedesktop.systemd1(5)).
///
/// # Errors
///
/// Fails where systemd cannot be asked this way, and where it says no.
pub(super) fn property(unit: &str, interface: &str, name: &str) -> io::Result<Value> {
    let mut stream = UnixStream::connect(SOCKET)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let user = nix::unistd::geteuid().to_string();
    let user: String = user.bytes().map(|byte| format!("{byte:02x}")).collect();
    stream.write_all(format!("\0AUTH EXTERNAL {user}\r\nBEGIN\r\n").as_bytes())?;
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.extend(take(&mut stream, 1)?);
        if line.len() > LONGEST {
            return Err(odd());
        }
    }
    if !line.starts_with(b"OK ") {
        return Err(odd());
    }
    // Sent with the above, it would lie there until something else comes.
    stream.write_all(&question(unit, interface, name))?;
    answer(&mut stream)
}

/// Writes the call of `org.freedesktop.DBus.Properties.Get`.
fn question(unit: &str, interface: &str, name: &str) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, &format!("org.freedesktop.systemd1.{interface}"));
    text(&mut body, name);
    let mut fields = Vec::new();
    for (code, kind, value) in [
        (PATH, b'o', format!("/org/freedesktop/systemd1/unit/{}", escaped(unit))),
        (INTERFACE, b's', "org.freedesktop.DBus.Properties".into()),
        (MEMBER, b's', "Get".into()),
        (SIGNATURE, b'g', "ss".into()),
    ] {
        pad(&mut fields, 8);
        fields.extend([code, 1, kind, 0]);
        match kind {
            b'g' => signature(&mut fields, &value),
            _ => text(&mut fields, &value),
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

/// Reads the answer. Signals may come before it: systemd tells everybody at this
/// socket what becomes of units.
fn answer(from: &mut impl Read) -> io::Result<Value> {
    const MOST_SIGNALS: usize = 1000;
    for _ in 0..MOST_SIGNALS {
        match message(from)? {
            (SIGNAL, _) => {}
            (RETURN, body) => return value(&body),
            _ => break,
        }
    }
    Err(odd())
}

/// Reads a message: its type and its body.
fn message(from: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let head = take(from, 16)?;
    let (body, fields) = (number_at(&head, 4)?, number_at(&head, 12)?);
    if head[0] != b'l' || body > LONGEST || fields > LONGEST {
        return Err(odd());
    }
    take(from, fields.next_multiple_of(8))?;
    Ok((head[1], take(from, body)?))
}

/// Reads a value. Its type, a letter, stands before it between a length and a
/// zero.
fn value(body: &[u8]) -> io::Result<Value> {
    match body.get(..3) {
        Some([1, b's', 0]) => {
            let length = number_at(body, 4)?;
            let text = body.get(8..8 + length).ok_or_else(odd)?;
            String::from_utf8(text.to_vec()).map(Value::Text).map_err(|_| odd())
        }
        Some([1, b'u', 0]) => {
            let number = u32::try_from(number_at(body, 4)?);
            number.map(Value::Number).map_err(|_| odd())
        }
        _ => Err(odd()),
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

/// Writes the name of a unit as a part of a path.
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

    /// A message back, with a body of this type and content.
    fn reply(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut message = vec![b'l', kind, 1, 1];
        number(&mut message, body.len());
        number(&mut message, 7);
        number(&mut message, 8);
        message.extend([5, 1, b'u', 0, 1, 0, 0, 0]);
        message.extend(body);
        message
    }

    #[test]
    fn texts_and_numbers_are_read() {
        let active = reply(RETURN, b"\x01s\0\0\x06\0\0\0active\0");
        assert_eq!(answer(&mut &active[..]).unwrap(), Value::Text("active".into()));
        let pid = reply(RETURN, b"\x01u\0\0\x39\x05\0\0");
        assert_eq!(answer(&mut &pid[..]).unwrap(), Value::Number(1337));
    }

    #[test]
    fn signals_before_the_answer_are_passed_over() {
        let mut said = reply(SIGNAL, b"\x01s\0\0\x03\0\0\0new\0");
        said.extend(reply(SIGNAL, b""));
        said.extend(reply(RETURN, b"\x01u\0\0\x01\0\0\0"));
        assert_eq!(answer(&mut &said[..]).unwrap(), Value::Number(1));
    }

    #[test]
    fn whatever_else_comes_is_an_error() {
        let whole = reply(RETURN, b"\x01s\0\0\x06\0\0\0active\0");
        for length in 0..whole.len() - 1 {
            let mut cut = whole.clone();
            cut.truncate(length);
            assert!(answer(&mut &cut[..]).is_err(), "{length}");
        }
        assert!(answer(&mut &reply(3, b"\x01s\0\0\x02\0\0\0no\0")[..]).is_err());
        assert!(answer(&mut &reply(RETURN, b"\x01s\0\0\xff\xff\xff\x7factive\0")[..]).is_err());
        assert!(answer(&mut &reply(RETURN, b"\x02as\0\0\0\0\0")[..]).is_err());
        assert!(answer(&mut &[0xff; 64][..]).is_err());
    }

    #[test]
    fn a_question_is_laid_out_as_d_bus_wants_it() {
        let question = question("a-b.path", "Unit", "ActiveState");
        let path = b"/org/freedesktop/systemd1/unit/a_2db_2epath\0";
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
