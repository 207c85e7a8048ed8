//! An IMAP client (RFC 3501) for reading and removing mail.

use super::line_stream::{LineStream, Session};
use super::{Error, Result, Tls};
use crate::secret::Secret;
use crate::visible::visible;

/// A session, from the greeting on.
#[derive(Debug)]
pub struct Imap {
    stream: LineStream,
    commands: u32,
}

/// An untagged response, such as `* 3 EXISTS`.
#[derive(Debug, Default)]
struct Response {
    /// The line without `* ` and without its literals.
    words: String,
    literals: Vec<Vec<u8>>,
}

impl Session for Imap {
    fn greeted(mut stream: LineStream) -> Result<Self> {
        let words = stream.words()?;
        let is = |status| words.strip_prefix("* ").is_some_and(|rest| begins(rest, status));
        if is("OK") || is("PREAUTH") {
            return Ok(Self { stream, commands: 0 });
        }
        match is("BYE") {
            true => Err(Error::refused("the connection", words)),
            false => Err(Error::odd("IMAP", words)),
        }
    }

    fn start_tls(&mut self, tls: &Tls) -> Result<()> {
        self.command("STARTTLS", "STARTTLS")?;
        self.stream.start_tls(tls)
    }

    fn stream(&self) -> &LineStream {
        &self.stream
    }
}

impl Imap {
    /// Logs in. User and password may contain any character. A wrong password is refused.
    pub fn login(&mut self, user: &str, password: &Secret<String>) -> Result<()> {
        const ASKED: &str = "the login";
        let tag = self.send("AUTHENTICATE PLAIN")?;
        let words = self.stream.line()?;
        if !words.starts_with(b"+") {
            self.responses(ASKED, &tag, Some(words))?;
            return Err(Error::odd("IMAP", "OK before there was a password"));
        }
        self.stream.send(super::sasl_plain(user, password).expose())?;
        self.responses(ASKED, &tag, None).map(drop)
    }

    /// Returns the current capabilities of the server, in upper case.
    pub fn capabilities(&mut self) -> Result<Vec<String>> {
        let responses = self.command("CAPABILITY", "CAPABILITY")?;
        let words = responses.iter().filter_map(|it| it.words.strip_prefix("CAPABILITY "));
        Ok(words.flat_map(|it| it.split(' ').map(str::to_uppercase).collect::<Vec<_>>()).collect())
    }

    /// Returns whether the server evaluates a user name and a password in the
    /// clear, right or wrong. If not, it refuses them unseen (RFC 5530, 3).
    pub(crate) fn login_with_password(
        &mut self,
        user: &str,
        password: &Secret<String>,
    ) -> Result<bool> {
        let line = format!("LOGIN {} {}", quoted(user), quoted(password.expose()));
        match self.command("LOGIN", &line) {
            Ok(_) => Ok(true),
            Err(Error::Refused { words, .. }) => {
                let seen =
                    ["AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "UNAVAILABLE", "EXPIRED"];
                Ok(seen.iter().any(|code| words.contains(&format!("[{code}]"))))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns whether the server accepts AUTHENTICATE. Sends no password.
    pub(crate) fn begin_authenticate(&mut self) -> Result<bool> {
        let tag = self.send("AUTHENTICATE PLAIN")?;
        let line = self.stream.line()?;
        let is_asked = line.starts_with(b"+");
        let first = if is_asked {
            self.stream.send("*")?;
            None
        } else {
            Some(line)
        };
        match self.responses("AUTHENTICATE", &tag, first) {
            Ok(_) => Ok(true),
            Err(Error::Refused { .. }) => Ok(is_asked),
            Err(error) => Err(error),
        }
    }

    /// Opens a mailbox and returns its number of messages.
    pub fn select(&mut self, mailbox: &str) -> Result<u32> {
        let responses = self.command("SELECT", &format!("SELECT {}", quoted(mailbox)))?;
        responses
            .iter()
            .find_map(|response| response.words.strip_suffix(" EXISTS")?.parse().ok())
            .ok_or_else(|| Error::odd("IMAP", "SELECT without EXISTS"))
    }

    /// Opens a mailbox to look into it, and changes nothing there. Returns whether the
    /// server lets us; every account has an INBOX, so there it has to.
    pub(crate) fn examine(&mut self, mailbox: &str) -> Result<bool> {
        match self.command("EXAMINE", &format!("EXAMINE {}", quoted(mailbox))) {
            Err(Error::Refused { .. }) if mailbox != "INBOX" => Ok(false),
            outcome => outcome.map(|_| true),
        }
    }

    /// Returns the mailboxes that can be opened, as the server spells their names.
    pub(crate) fn mailboxes(&mut self) -> Result<Vec<String>> {
        let responses = self.command("LIST", "LIST \"\" \"*\"")?;
        let lists = responses.into_iter().filter(|it| begins(&it.words, "LIST"));
        lists.filter_map(|it| it.mailbox().transpose()).collect()
    }

    /// Returns the numbers of the messages in the open mailbox whose subject contains some words.
    pub(crate) fn search_subject(&mut self, words: &str) -> Result<Vec<u32>> {
        self.search(&format!("SEARCH HEADER Subject {}", quoted(words)))
    }

    fn search(&mut self, line: &str) -> Result<Vec<u32>> {
        let responses = self.command("SEARCH", line)?;
        let mut found = Vec::new();
        for response in &responses {
            let Some(numbers) = response.words.strip_prefix("SEARCH") else { continue };
            for number in numbers.split_whitespace() {
                let odd = |_| Error::odd("IMAP", response.words.clone());
                found.push(number.parse().map_err(odd)?);
            }
        }
        Ok(found)
    }

    /// Fetches a whole message without marking it as read.
    ///
    /// # Errors
    ///
    /// Also fails if there is no such message.
    pub fn fetch(&mut self, number: u32) -> Result<Vec<u8>> {
        let responses = self.command("FETCH", &format!("FETCH {number} BODY.PEEK[]"))?;
        let begin = format!("{number} FETCH ");
        responses
            .into_iter()
            .filter(|response| response.words.starts_with(&begin))
            .find_map(|response| response.literals.into_iter().next())
            .ok_or_else(|| Error::odd("IMAP", "FETCH without the message"))
    }

    /// Deletes a message, and all others that are marked as deleted.
    pub fn delete(&mut self, number: u32) -> Result<()> {
        self.command("STORE", &format!("STORE {number} +FLAGS.SILENT (\\Deleted)"))?;
        self.command("EXPUNGE", "EXPUNGE").map(drop)
    }

    /// Deletes the messages in the open mailbox whose subject contains some
    /// words, and no others (UIDPLUS, RFC 4315).
    pub(crate) fn remove_subject(&mut self, words: &str) -> Result<()> {
        let search = format!("UID SEARCH HEADER Subject {}", quoted(words));
        for number in self.search(&search)? {
            let store = format!("UID STORE {number} +FLAGS.SILENT (\\Deleted)");
            self.command("STORE", &store)?;
            self.command("EXPUNGE", &format!("UID EXPUNGE {number}"))?;
        }
        Ok(())
    }

    /// Logs out.
    pub fn logout(mut self) -> Result<()> {
        self.command("LOGOUT", "LOGOUT").map(drop)
    }

    fn command(&mut self, asked: &str, line: &str) -> Result<Vec<Response>> {
        let tag = self.send(line)?;
        self.responses(asked, &tag, None)
    }

    /// Sends a command and returns its tag.
    fn send(&mut self, line: &str) -> Result<String> {
        self.commands += 1;
        let tag = format!("m{}", self.commands);
        self.stream.send(&format!("{tag} {line}"))?;
        Ok(tag)
    }

    /// Reads a response. Its first line may have been read already.
    fn responses(
        &mut self,
        asked: &str,
        tag: &str,
        mut first: Option<Vec<u8>>,
    ) -> Result<Vec<Response>> {
        let mut responses = Vec::new();
        loop {
            let line = match first.take() {
                Some(line) => line,
                None => self.stream.line()?,
            };
            if let Some(words) = line.strip_prefix(b"* ") {
                responses.push(self.response(words)?);
                continue;
            }
            let words = visible(&line);
            let status = words.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' '));
            return match status {
                Some(status) if begins(status, "OK") => Ok(responses),
                Some(status) if begins(status, "NO") || begins(status, "BAD") => {
                    Err(Error::refused(asked, status))
                }
                _ => Err(Error::odd("IMAP", words)),
            };
        }
    }

    /// Completes a response with the literals that its lines announce.
    fn response(&mut self, line: &[u8]) -> Result<Response> {
        let mut response = Response::default();
        let mut line = line.to_vec();
        loop {
            response.words.push_str(&visible(&line));
            let Some(length) = announced_literal(&line) else { return Ok(response) };
            response.literals.push(self.stream.bytes(length)?);
            line = self.stream.line()?;
        }
    }
}

impl Response {
    /// Returns the name of the mailbox in a response such as
    /// `LIST (\Noselect) "/" "Old mail"`, unless it cannot be opened.
    fn mailbox(mut self) -> Result<Option<String>> {
        let odd = || Error::odd("IMAP", self.words.clone());
        let (flags, rest) = self.words.split_once(") ").ok_or_else(odd)?;
        let flags = flags.to_ascii_lowercase();
        if flags.contains("\\noselect") || flags.contains("\\nonexistent") {
            return Ok(None);
        }
        let (_, name) = rest.split_once(' ').ok_or_else(odd)?;
        if let Some(literal) = self.literals.pop() {
            return Ok(Some(visible(literal)));
        }
        let name = name.strip_prefix('"').and_then(|it| it.strip_suffix('"')).map_or_else(
            || name.to_owned(),
            |quoted| quoted.replace("\\\"", "\"").replace("\\\\", "\\"),
        );
        Ok(Some(name))
    }
}

/// Returns whether a text begins with a word, ignoring case.
fn begins(words: &str, word: &str) -> bool {
    words.split(' ').next().is_some_and(|first| first.eq_ignore_ascii_case(word))
}

/// Returns the length in `{LENGTH}` at the end of a line.
fn announced_literal(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"}")?;
    let digits = &line[line.iter().rposition(|byte| *byte == b'{')? + 1..];
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    // A number that overflows exceeds the limit too.
    is_number
        .then(|| std::str::from_utf8(digits).ok()?.parse().ok())
        .map(|it| it.unwrap_or(u64::MAX))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::fake_server;

    fn imap(answers: &[u8]) -> Imap {
        Imap::connect(fake_server(&[b"* OK ready\r\n", answers])).unwrap()
    }

    #[test]
    fn a_message_is_fetched_whole_with_what_looks_like_an_answer_in_it() {
        let mut imap = imap(
            b"* 2 EXISTS\r\n* 2 FETCH (FLAGS (\\Seen) BODY[] {18}\r\nm1 OK no\r\n* 9\r\n{5})\r\n\
              m1 OK done\r\nm2 ok done\r\n",
        );
        assert_eq!(imap.fetch(2).unwrap(), b"m1 OK no\r\n* 9\r\n{5}");
        assert!(imap.search_subject("x").unwrap().is_empty());
    }

    #[test]
    fn numbers_are_read_wherever_they_stand() {
        let mut imap = imap(
            b"* FLAGS (\\Seen)\r\n* 17 EXISTS\r\n* 0 RECENT\r\nm1 OK [READ-WRITE] done\r\n\
              * SEARCH 2 3\r\n* SEARCH\r\n* SEARCH 5\r\nm2 OK done\r\n* SEARCH two\r\nm3 OK done\r\n",
        );
        assert_eq!(imap.select("INBOX").unwrap(), 17);
        assert_eq!(imap.search_subject("a \"b\"").unwrap(), [2, 3, 5]);
        assert!(matches!(imap.search_subject("x"), Err(Error::Odd { .. })));
    }

    #[test]
    fn mailboxes_are_listed_however_their_names_are_spelt() {
        let mut imap = imap(
            b"* LIST (\\HasNoChildren \\NoInferiors) \"/\" INBOX\r\n\
              * LIST (\\Noselect \\HasChildren) \"/\" Old\r\n\
              * LIST () NIL \"Old/a \\\"b\\\\\"\r\n* LIST () \"/\" {3}\r\nx)y\r\n* OK hi\r\nm1 OK\r\n\
              m2 NO gone\r\nm3 NO gone\r\n* LIST odd\r\nm4 OK\r\n",
        );
        assert_eq!(imap.mailboxes().unwrap(), ["INBOX", "Old/a \"b\\", "x)y"]);
        assert!(!imap.examine("Old").unwrap());
        assert!(matches!(imap.examine("INBOX"), Err(Error::Refused { .. })));
        assert!(matches!(imap.mailboxes(), Err(Error::Odd { .. })));
    }

    #[test]
    fn a_no_is_an_error_that_shows_no_password() {
        let password = Secret::new("hunter2".to_owned());
        let login = |answers: &[u8]| imap(answers).login("me", &password).unwrap_err();
        let error = login(b"+ \r\nm1 NO [AUTHENTICATIONFAILED] wrong\r\n");
        assert_eq!(error.to_string(), "the login was refused: NO [AUTHENTICATIONFAILED] wrong");
        assert!(matches!(login(b"m1 BAD what?\r\n"), Error::Refused { .. }));
        assert!(matches!(login(b"m1 OK come in\r\n"), Error::Odd { .. }));
        assert!(matches!(login(b"+ \r\n* BYE\r\n"), Error::Closed));
    }

    #[test]
    fn odd_answers_are_errors() {
        for odd in [
            &b"m2 OK not mine\r\n"[..],
            b"m1OK\r\n",
            b"\r\n",
            b"*\r\n",
            b"m1 PERHAPS\r\n",
            b"220 mail ESMTP\r\n",
            b"\xff\xff\r\n",
        ] {
            let error = imap(odd).select("INBOX").unwrap_err();
            assert!(matches!(error, Error::Odd { .. }), "{odd:?}: {error:?}");
        }
        let error = imap(b"m1 OK done\r\n").fetch(1).unwrap_err();
        assert!(matches!(error, Error::Odd { .. }), "{error:?}");
        for greeting in [&b"hello\r\n"[..], b"* NO\r\n", b"* \r\n", b"+OK POP3\r\n"] {
            let error = Imap::connect(fake_server(&[greeting])).unwrap_err();
            assert!(matches!(error, Error::Odd { .. }), "{greeting:?}: {error:?}");
        }
        let bye = Imap::connect(fake_server(&[b"* BYE full\r\n"])).unwrap_err();
        assert!(matches!(bye, Error::Refused { .. }), "{bye:?}");
    }

    #[test]
    fn a_literal_is_no_longer_than_we_are_patient() {
        let mut huge = imap(b"* 1 FETCH (BODY[] {99999999999999999999999}\r\n");
        assert!(matches!(huge.fetch(1), Err(Error::TooLong)));
        let mut large = imap(b"* 1 FETCH (BODY[] {99999999999}\r\n");
        assert!(matches!(large.fetch(1), Err(Error::TooLong)));
        let mut cut = imap(b"* 1 FETCH (BODY[] {10}\r\nabc");
        assert!(matches!(cut.fetch(1), Err(Error::Closed)));
        assert_eq!(announced_literal(b"x {}"), None);
        assert_eq!(announced_literal(b"x {-1}"), None);
        assert_eq!(announced_literal(b"}"), None);
        assert_eq!(announced_literal(b"{7}"), Some(7));
    }
}
