//! A ManageSieve client (RFC 5804): people's filters are written by it.

use super::line_stream::{LineStream, Session};
use super::{Error, Result, Tls};
use crate::secret::Secret;
use crate::visible::visible;

/// A session, from the greeting on.
#[derive(Debug)]
pub struct ManageSieve {
    stream: LineStream,
    /// What the server can do as things are.
    capabilities: Vec<Vec<Word>>,
}

/// A word of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    /// Without quotes, such as `OK`.
    Atom(String),
    /// A string, quoted or as a literal.
    Text(Vec<u8>),
}

/// A script on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredScript {
    /// Its name.
    pub name: String,
    /// Whether it is the one that runs.
    pub is_active: bool,
}

impl Session for ManageSieve {
    fn greeted(stream: LineStream) -> Result<Self> {
        let mut sieve = Self { stream, capabilities: Vec::new() };
        sieve.capabilities = sieve.answer("the connection")?;
        Ok(sieve)
    }

    /// The server says anew what it can do once there is TLS.
    fn start_tls(&mut self, tls: &Tls) -> Result<()> {
        self.command("STARTTLS", "STARTTLS")?;
        self.stream.start_tls(tls)?;
        self.capabilities = self.answer("STARTTLS")?;
        Ok(())
    }

    fn stream(&self) -> &LineStream {
        &self.stream
    }
}

impl ManageSieve {
    /// Returns the words of a capability, such as the extensions of `SIEVE`; none
    /// where the server does not name it.
    pub fn capability(&self, name: &str) -> Option<Vec<String>> {
        let line = self.capabilities.iter().find(|line| match line.first() {
            Some(Word::Text(text)) => text.eq_ignore_ascii_case(name.as_bytes()),
            _ => false,
        })?;
        let words = line.get(1).map(Word::shown).unwrap_or_default();
        Some(words.split_whitespace().map(str::to_owned).collect())
    }

    /// Logs in; user and password may hold anything.
    ///
    /// # Errors
    ///
    /// Fails if the connection breaks, and if the server refuses the password.
    pub fn login(&mut self, user: &str, password: &Secret<String>) -> Result<()> {
        let words = super::sasl_plain(user, password);
        let line = Secret::new(format!("AUTHENTICATE \"PLAIN\" \"{}\"", words.expose()));
        self.command("the login", line.expose()).map(drop)
    }

    /// Tells whether a password would be taken by SASL. None is sent.
    ///
    /// # Errors
    ///
    /// Fails if the connection breaks, and if the server refuses.
    pub fn begin_authenticate(&mut self) -> Result<bool> {
        self.stream.send("AUTHENTICATE \"PLAIN\"")?;
        let first = self.words()?;
        if matches!(first.first(), Some(Word::Text(_))) {
            self.stream.send("\"*\"")?;
            let _ = self.answer("AUTHENTICATE");
            return Ok(true);
        }
        match status(&first) {
            Some(true) => Ok(true),
            Some(false) => Ok(false),
            None => Err(Error::odd("ManageSieve", shown(&first))),
        }
    }

    /// Has a script judged, and not stored.
    ///
    /// # Errors
    ///
    /// Fails if the connection breaks, and if the server refuses the script.
    pub fn check_script(&mut self, script: &str) -> Result<()> {
        self.with_literal("CHECKSCRIPT", "CHECKSCRIPT", script)
    }

    /// Stores a script.
    ///
    /// # Errors
    ///
    /// As [`ManageSieve::check_script`].
    pub fn put_script(&mut self, name: &str, script: &str) -> Result<()> {
        self.with_literal("PUTSCRIPT", &format!("PUTSCRIPT {}", quoted(name)), script)
    }

    /// Has a script run on each mail; with an empty name, none.
    ///
    /// # Errors
    ///
    /// Also where there is no such script.
    pub fn set_active(&mut self, name: &str) -> Result<()> {
        self.command("SETACTIVE", &format!("SETACTIVE {}", quoted(name))).map(drop)
    }

    /// Returns the scripts that are stored.
    ///
    /// # Errors
    ///
    /// Fails if the connection breaks, and if the server refuses.
    pub fn list_scripts(&mut self) -> Result<Vec<StoredScript>> {
        let lines = self.command("LISTSCRIPTS", "LISTSCRIPTS")?;
        let script = |line: &Vec<Word>| match &line[..] {
            [name @ Word::Text(_), rest @ ..] => {
                let is_active = rest.iter().any(|word| word.is("ACTIVE"));
                Ok(StoredScript { name: name.shown(), is_active })
            }
            _ => Err(Error::odd("ManageSieve", shown(line))),
        };
        lines.iter().map(script).collect()
    }

    /// Returns the text of a script.
    ///
    /// # Errors
    ///
    /// Also where there is no such script.
    pub fn get_script(&mut self, name: &str) -> Result<Vec<u8>> {
        let lines = self.command("GETSCRIPT", &format!("GETSCRIPT {}", quoted(name)))?;
        match lines.into_iter().flatten().next() {
            Some(Word::Text(text)) => Ok(text),
            _ => Err(Error::odd("ManageSieve", "GETSCRIPT without a script")),
        }
    }

    /// Removes a script. The active one stays.
    ///
    /// # Errors
    ///
    /// Also where there is no such script.
    pub fn delete_script(&mut self, name: &str) -> Result<()> {
        self.command("DELETESCRIPT", &format!("DELETESCRIPT {}", quoted(name))).map(drop)
    }

    /// Says goodbye.
    ///
    /// # Errors
    ///
    /// Fails if the connection breaks, and if the server refuses.
    pub fn logout(mut self) -> Result<()> {
        self.command("LOGOUT", "LOGOUT").map(drop)
    }

    /// Sends a line and returns the lines of the answer before its last one.
    fn command(&mut self, asked: &str, line: &str) -> Result<Vec<Vec<Word>>> {
        self.stream.send(line)?;
        self.answer(asked)
    }

    /// Sends a command that ends with a text of any kind.
    fn with_literal(&mut self, asked: &str, command: &str, text: &str) -> Result<()> {
        if command.chars().any(char::is_control) {
            return Err(Error::Unsendable);
        }
        let line = format!("{command} {{{}+}}\r\n{text}\r\n", text.len());
        self.stream.send_bytes(line.as_bytes())?;
        self.answer(asked).map(drop)
    }

    /// Reads lines up to the one that says how it went.
    fn answer(&mut self, asked: &str) -> Result<Vec<Vec<Word>>> {
        let mut lines = Vec::new();
        loop {
            let words = self.words()?;
            match status(&words) {
                Some(true) => return Ok(lines),
                Some(false) => return Err(Error::refused(asked, shown(&words))),
                None if matches!(words.first(), Some(Word::Text(_))) => lines.push(words),
                None => return Err(Error::odd("ManageSieve", shown(&words))),
            }
        }
    }

    /// Reads a line with the literals in it.
    fn words(&mut self) -> Result<Vec<Word>> {
        let mut words = Vec::new();
        loop {
            let line = self.stream.line()?;
            let odd = || Error::odd("ManageSieve", visible(&line));
            let Some(length) = split(&line, &mut words).ok_or_else(odd)? else {
                return Ok(words);
            };
            words.push(Word::Text(self.stream.bytes(length)?));
        }
    }
}

impl Word {
    fn is(&self, atom: &str) -> bool {
        matches!(self, Self::Atom(word) if word.eq_ignore_ascii_case(atom))
    }

    fn shown(&self) -> String {
        match self {
            Self::Atom(word) => word.clone(),
            Self::Text(text) => visible(text),
        }
    }
}

/// Tells whether a line says yes or no, if it says how it went.
fn status(words: &[Word]) -> Option<bool> {
    let first = words.first()?;
    if first.is("OK") {
        return Some(true);
    }
    (first.is("NO") || first.is("BYE")).then_some(false)
}

fn shown(words: &[Word]) -> String {
    words.iter().map(Word::shown).collect::<Vec<_>>().join(" ")
}

/// Splits a line into words. Returns the length of the literal that it ends with,
/// if it does; nothing at all where it is none of the protocol's.
fn split(line: &[u8], words: &mut Vec<Word>) -> Option<Option<u64>> {
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        match rest.first() {
            None => return Some(None),
            Some(b'"') => {
                let (text, after) = unquoted(&rest[1..])?;
                words.push(Word::Text(text));
                rest = after;
            }
            Some(b'{') => {
                let digits = rest[1..].strip_suffix(b"}")?;
                let digits = digits.strip_suffix(b"+").unwrap_or(digits);
                return Some(Some(std::str::from_utf8(digits).ok()?.parse().ok()?));
            }
            Some(_) => {
                let is_end = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'"';
                let end = rest.iter().position(is_end).unwrap_or(rest.len());
                let (atom, after) = rest.split_at(end);
                words.push(Word::Atom(visible(atom)));
                rest = after;
            }
        }
    }
}

/// Splits a line after its opening quote into the quoted string and the rest.
fn unquoted(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut text = Vec::new();
    let mut at = 0;
    loop {
        match line.get(at)? {
            b'"' => return Some((text, &line[at + 1..])),
            b'\\' => {
                text.push(*line.get(at + 1)?);
                at += 2;
            }
            byte => {
                text.push(*byte);
                at += 1;
            }
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::fake_server;

    const GREETING: &[u8] = b"\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n\
        \"SIEVE\" \"fileinto vacation\"\r\n\"SASL\" \"\"\r\n\"STARTTLS\"\r\nOK \"ready\"\r\n";

    fn sieve(answers: &[u8]) -> ManageSieve {
        ManageSieve::connect(fake_server(&[GREETING, answers])).unwrap()
    }

    #[test]
    fn the_greeting_tells_the_capabilities() {
        let sieve = sieve(b"");
        assert_eq!(sieve.capability("sieve").unwrap(), ["fileinto", "vacation"]);
        assert_eq!(sieve.capability("SASL").unwrap(), [""; 0]);
        assert_eq!(sieve.capability("STARTTLS").unwrap(), [""; 0]);
        assert!(sieve.capability("NOTIFY").is_none());
    }

    #[test]
    fn scripts_are_stored_listed_fetched_and_removed() {
        let mut sieve = sieve(
            b"OK\r\nOK (WARNINGS) {5}\r\nhmm\r\n\r\nOK\r\n\"a \\\"b\\\"\" ACTIVE\r\n{3}\r\nc\r\n\r\n\
              OK \"done\"\r\n{7}\r\nkeep;\r\n\r\nOK\r\nNO (ACTIVE) \"it runs\"\r\nOK\r\n",
        );
        sieve.check_script("keep;").unwrap();
        sieve.put_script("a \"b\"", "keep;").unwrap();
        sieve.set_active("a \"b\"").unwrap();
        let script = |name: &str, is_active| StoredScript { name: name.to_owned(), is_active };
        let scripts = sieve.list_scripts().unwrap();
        assert_eq!(scripts[0], script("a \"b\"", true));
        assert!(!scripts[1].is_active && scripts.len() == 2);
        assert_eq!(sieve.get_script("c").unwrap(), b"keep;\r\n");
        let error = sieve.delete_script("c").unwrap_err();
        assert_eq!(error.to_string(), "DELETESCRIPT was refused: NO (ACTIVE) it runs");
        sieve.logout().unwrap();
    }

    #[test]
    fn a_no_is_an_error_that_shows_no_password() {
        let wrong = b"NO \"Authentication failed.\"\r\n";
        let error = sieve(wrong).login("me", &Secret::new("hunter2".to_owned())).unwrap_err();
        assert_eq!(error.to_string(), "the login was refused: NO Authentication failed.");
        let mut sieve = sieve(b"NO {9}\r\nline 1: x\r\n");
        let error = sieve.check_script("x").unwrap_err();
        assert_eq!(error.to_string(), "CHECKSCRIPT was refused: NO line 1: x");
        assert!(matches!(sieve.put_script("a\r\nLOGOUT", ""), Err(Error::Unsendable)));
    }

    #[test]
    fn whether_a_password_is_asked_for_is_told() {
        assert!(!sieve(b"NO (ENCRYPT-NEEDED) \"TLS first\"\r\n").begin_authenticate().unwrap());
        assert!(sieve(b"\"\"\r\nNO \"stopped\"\r\n").begin_authenticate().unwrap());
        assert!(sieve(b"{0}\r\n\r\nNO\r\n").begin_authenticate().unwrap());
        assert!(sieve(b"OK\r\n").begin_authenticate().unwrap());
    }

    #[test]
    fn odd_answers_are_errors() {
        for odd in [&b"+OK\r\n"[..], b"\"open\r\n", b"{x}\r\n", b"{3\r\n", b"\r\n", b"ACTIVE\r\n"] {
            let error = sieve(odd).list_scripts().unwrap_err();
            assert!(matches!(error, Error::Odd { .. }), "{odd:?}: {error:?}");
        }
        assert!(matches!(sieve(b"{99999999}\r\n").get_script("a"), Err(Error::TooLong)));
        assert!(matches!(sieve(b"{9}\r\nhalf").get_script("a"), Err(Error::Closed)));
        assert!(matches!(
            ManageSieve::connect(fake_server(&[b"BYE \"too many\"\r\n"])),
            Err(Error::Refused { .. })
        ));
    }
}
