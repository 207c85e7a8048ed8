//! An IMAP client.

use std::io;
use std::net::TcpStream;

use super::Tls;
use super::wire::Wire;

/// A session, from the greeting on.
#[derive(Debug)]
pub struct Imap {
    wire: Wire,
    commands: u32,
}

/// A server's answer to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// `OK`, `NO` or `BAD`.
    pub status: String,
    /// The words after the status.
    pub text: String,
    /// What the server said before that.
    pub untagged: Vec<Untagged>,
}

/// A response without a tag, such as `* 3 EXISTS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untagged {
    /// The line without `* `, and without its literals.
    pub text: String,
    /// The literals in it, in order.
    pub literals: Vec<Vec<u8>>,
}

impl Reply {
    /// Tells whether the server did what it was asked.
    pub fn is_ok(&self) -> bool {
        self.status == "OK"
    }

    /// Returns an error where the server said no.
    pub fn ok(self) -> io::Result<Self> {
        if self.is_ok() {
            return Ok(self);
        }
        Err(io::Error::other(format!("{} {}", self.status, self.text)))
    }

    /// Returns what follows `keyword` in each response that begins with it.
    pub fn responses(&self, keyword: &str) -> Vec<String> {
        let words = |response: &Untagged| {
            response.text.strip_prefix(keyword).map(|rest| rest.trim_start().to_owned())
        };
        self.untagged.iter().filter_map(words).collect()
    }
}

impl Imap {
    /// Reads the greeting of a server that speaks in the clear first.
    pub fn connect(stream: TcpStream) -> io::Result<Self> {
        Self::greeted(Wire::plain(stream)?)
    }

    /// Reads the greeting of a server that speaks TLS at once.
    pub fn connect_tls(stream: TcpStream, tls: &Tls) -> io::Result<Self> {
        Self::greeted(Wire::tls(stream, tls)?)
    }

    /// Connects and goes over to TLS.
    pub fn connect_starttls(stream: TcpStream, tls: &Tls) -> io::Result<Self> {
        let mut imap = Self::connect(stream)?;
        imap.starttls(tls)?;
        Ok(imap)
    }

    fn greeted(mut wire: Wire) -> io::Result<Self> {
        let greeting = wire.read_line()?;
        if !greeting.starts_with("* OK") {
            return Err(io::Error::other(greeting));
        }
        Ok(Self { wire, commands: 0 })
    }

    /// Returns the connection, to learn about its TLS.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Goes over to TLS.
    pub fn starttls(&mut self, tls: &Tls) -> io::Result<()> {
        self.command("STARTTLS")?.ok()?;
        self.wire.start_tls(tls)
    }

    /// Returns what the server can do.
    pub fn capabilities(&mut self) -> io::Result<Vec<String>> {
        let words = self.command("CAPABILITY")?.ok()?.responses("CAPABILITY").join(" ");
        Ok(words.split(' ').map(str::to_owned).collect())
    }

    /// Logs in; name and password may hold anything.
    pub fn login(&mut self, user: &str, password: &str) -> io::Result<Reply> {
        self.command_with(&[
            Part::Text("LOGIN "),
            Part::Literal(user.as_bytes()),
            Part::Text(" "),
            Part::Literal(password.as_bytes()),
        ])
    }

    /// Opens a mailbox and returns how many messages it holds.
    pub fn select(&mut self, mailbox: &str) -> io::Result<u32> {
        let reply = self.command(&format!("SELECT {}", quoted(mailbox)))?.ok()?;
        let exists = reply.untagged.iter().find_map(|line| line.text.strip_suffix(" EXISTS"));
        exists
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| io::Error::other("a mailbox without EXISTS"))
    }

    /// Returns the numbers of the messages that fit, such as `ALL` or
    /// `SUBJECT "x"`.
    pub fn search(&mut self, criteria: &str) -> io::Result<Vec<u32>> {
        self.numbers(&format!("SEARCH {criteria}"), "SEARCH")
    }

    /// Returns the numbers of all messages in an order, such as `REVERSE SIZE`.
    pub fn sort(&mut self, order: &str) -> io::Result<Vec<u32>> {
        self.numbers(&format!("SORT ({order}) UTF-8 ALL"), "SORT")
    }

    /// Fetches a whole message and leaves it unread.
    pub fn fetch(&mut self, number: u32) -> io::Result<Vec<u8>> {
        // In parts, since a connection takes answers up to a limit.
        const PART: usize = 8 * 1024 * 1024;
        let mut message = Vec::new();
        loop {
            let part = format!("FETCH {number} BODY.PEEK[]<{}.{PART}>", message.len());
            let reply = self.command(&part)?.ok()?;
            let mut literals = reply.untagged.into_iter().flat_map(|line| line.literals);
            let part = literals.next().unwrap_or_default();
            message.extend(&part);
            match part.len() {
                _ if message.is_empty() => {
                    return Err(io::Error::other(format!("no message {number}")));
                }
                PART => {}
                _ => return Ok(message),
            }
        }
    }

    /// Opens a mailbox and fetches all of its messages.
    pub fn messages(&mut self, mailbox: &str) -> io::Result<Vec<Vec<u8>>> {
        let count = self.select(mailbox)?;
        (1..=count).map(|number| self.fetch(number)).collect()
    }

    /// Lays a message into a mailbox.
    pub fn append(&mut self, mailbox: &str, message: &[u8]) -> io::Result<Reply> {
        let command = format!("APPEND {} ", quoted(mailbox));
        self.command_with(&[Part::Text(&command), Part::Literal(message)])
    }

    /// Returns all mailboxes, each with its flags in front.
    pub fn list(&mut self) -> io::Result<Vec<String>> {
        Ok(self.command("LIST \"\" \"*\" RETURN (SPECIAL-USE)")?.ok()?.responses("LIST"))
    }

    /// Returns the mailboxes that are subscribed to.
    pub fn lsub(&mut self) -> io::Result<Vec<String>> {
        Ok(self.command("LSUB \"\" \"*\"")?.ok()?.responses("LSUB"))
    }

    /// Moves a message to another mailbox.
    pub fn move_to(&mut self, number: u32, mailbox: &str) -> io::Result<Reply> {
        self.command(&format!("MOVE {number} {}", quoted(mailbox)))
    }

    /// Removes a message.
    pub fn delete(&mut self, number: u32) -> io::Result<Reply> {
        self.command(&format!("STORE {number} +FLAGS.SILENT (\\Deleted)"))?.ok()?;
        self.command("EXPUNGE")
    }

    /// Returns the quota of the inbox as the server tells it.
    pub fn quota(&mut self) -> io::Result<Vec<String>> {
        Ok(self.command("GETQUOTAROOT INBOX")?.ok()?.responses("QUOTA "))
    }

    /// Waits in `IDLE` until the server speaks of something by itself, once
    /// `meanwhile` is done; returns what it said.
    pub fn idle(&mut self, meanwhile: impl FnOnce()) -> io::Result<String> {
        let tag = self.tag();
        self.wire.write(format!("{tag} IDLE\r\n").as_bytes())?;
        self.continuation()?;
        meanwhile();
        let news = loop {
            let line = self.wire.read_line()?;
            if !line.starts_with("* OK") {
                break line;
            }
        };
        self.wire.write(b"DONE\r\n")?;
        self.reply(&tag)?.ok()?;
        Ok(news)
    }

    /// Says goodbye.
    pub fn logout(mut self) -> io::Result<Reply> {
        self.command("LOGOUT")
    }

    /// Sends a command and returns the answer.
    pub fn command(&mut self, command: &str) -> io::Result<Reply> {
        self.command_with(&[Part::Text(command)])
    }

    fn command_with(&mut self, parts: &[Part<'_>]) -> io::Result<Reply> {
        let tag = self.tag();
        self.wire.write(format!("{tag} ").as_bytes())?;
        for part in parts {
            match part {
                Part::Text(text) => self.wire.write(text.as_bytes())?,
                Part::Literal(bytes) => {
                    self.wire.write(format!("{{{}}}\r\n", bytes.len()).as_bytes())?;
                    let line = self.wire.read_line()?;
                    if !line.starts_with('+') {
                        return self.reply_from(&tag, line);
                    }
                    self.wire.write(bytes)?;
                }
            }
        }
        self.wire.write(b"\r\n")?;
        self.reply(&tag)
    }

    fn numbers(&mut self, command: &str, keyword: &str) -> io::Result<Vec<u32>> {
        let reply = self.command(command)?.ok()?;
        let numbers = reply.responses(keyword).join(" ");
        Ok(numbers.split_whitespace().filter_map(|number| number.parse().ok()).collect())
    }

    fn tag(&mut self) -> String {
        self.commands += 1;
        format!("t{}", self.commands)
    }

    fn continuation(&mut self) -> io::Result<()> {
        let line = self.wire.read_line()?;
        if line.starts_with('+') { Ok(()) } else { Err(io::Error::other(line)) }
    }

    fn reply(&mut self, tag: &str) -> io::Result<Reply> {
        let line = self.wire.read_line()?;
        self.reply_from(tag, line)
    }

    /// Reads an answer of which the first line is read already.
    fn reply_from(&mut self, tag: &str, mut line: String) -> io::Result<Reply> {
        let mut untagged = Vec::new();
        loop {
            if let Some(rest) = line.strip_prefix("* ") {
                untagged.push(self.untagged(rest.to_owned())?);
            } else {
                let rest = line.strip_prefix(tag).map(str::trim_start);
                let (status, text) = rest
                    .and_then(|rest| rest.split_once(' '))
                    .ok_or_else(|| io::Error::other(format!("not an answer: {line}")))?;
                return Ok(Reply { status: status.to_owned(), text: text.to_owned(), untagged });
            }
            line = self.wire.read_line()?;
        }
    }

    /// Completes a response with the literals that its lines announce.
    fn untagged(&mut self, mut text: String) -> io::Result<Untagged> {
        let mut literals = Vec::new();
        while let Some(length) = announced_literal(&text) {
            literals.push(self.wire.read_exact(length)?);
            text += &self.wire.read_line()?;
        }
        Ok(Untagged { text, literals })
    }
}

/// A piece of a command.
enum Part<'a> {
    Text(&'a str),
    Literal(&'a [u8]),
}

/// Returns the length in `{LENGTH}` at the end of a line.
fn announced_literal(line: &str) -> Option<u64> {
    line.strip_suffix('}')?.rsplit_once('{')?.1.parse().ok()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
