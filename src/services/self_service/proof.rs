//! Asks Dovecot whether a password is right, by the protocol of its own login processes
//! (doc/auth-protocol.txt there). The service is none of those that people read and send
//! mail by, so app passwords, which open only these, open nothing here. A wrong password is
//! answered after Dovecot's usual two seconds.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::time::Duration;

use base64ct::{Base64, Encoding};

use crate::probe::call_local;
use crate::secret::Secret;

/// Where Dovecot's own processes ask. Only root and they may.
const SOCKET: &str = "/run/dovecot/auth-client";

/// Where Dovecot is told of changes.
const MASTER: &str = "/run/dovecot/auth-master";

/// As whom the program asks.
const SERVICE: &str = "mailprov-password";

/// Longer than Dovecot makes anybody wait.
const PATIENCE: Duration = Duration::from_secs(40);

/// More than it ever says.
const MOST_BYTES: u64 = 64 * 1024;

/// Returns the login that a name and a password open, in Dovecot's spelling.
pub(super) fn login(name: &str, password: &Secret<Vec<u8>>) -> io::Result<Option<String>> {
    let stream = call_local(Path::new(SOCKET), PATIENCE)?;
    ask(&stream, &stream, name, password)
}

fn ask(
    answers: impl Read,
    mut questions: impl Write,
    name: &str,
    password: &Secret<Vec<u8>>,
) -> io::Result<Option<String>> {
    // A NUL would shift the parts of the answer (RFC 4616, 2).
    if name.contains('\0') || password.expose().contains(&0) {
        return Ok(None);
    }
    let response = [b"\0", name.as_bytes(), b"\0", password.expose()].concat();
    // The parameter of the answer is the last one.
    let text = format!(
        "VERSION\t1\t1\nCPID\t{}\nAUTH\t1\tPLAIN\tservice={SERVICE}\tsecured\tresp={}\n",
        std::process::id(),
        Base64::encode_string(&response)
    );
    questions.write_all(text.as_bytes())?;
    let unexpected = || io::Error::other("Dovecot says nothing about the password");
    for line in BufReader::new(answers.take(MOST_BYTES)).lines() {
        let line = line?;
        let mut words = line.split('\t');
        let (word, id) = (words.next().unwrap_or_default(), words.next());
        match word {
            "OK" if id == Some("1") => {
                let user = words.find_map(|word| word.strip_prefix("user="));
                return user.map(|user| Some(user.to_owned())).ok_or_else(unexpected);
            }
            "FAIL" if id == Some("1") => {
                let is_temporary = |word: &str| word == "temp" || word == "code=temp_fail";
                return match words.any(is_temporary) {
                    true => Err(io::Error::other("Dovecot cannot check passwords now")),
                    false => Ok(None),
                };
            }
            "CONT" => return Err(unexpected()),
            _ => {}
        }
    }
    Err(unexpected())
}

/// Clears Dovecot's cache of a login. By default there is none; `extra:` can set one up
/// (`auth_cache_size`).
pub(super) fn forget(login: &str) -> io::Result<()> {
    let stream = call_local(Path::new(MASTER), PATIENCE)?;
    let mut questions = &stream;
    let mut answers = BufReader::new((&stream).take(MOST_BYTES)).lines();
    // It names its version first, which has to be ours.
    let version = answers.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))?;
    questions.write_all(format!("{version}\nCACHE-FLUSH\t1\t{login}\n").as_bytes())?;
    for line in answers {
        if line?.starts_with("OK\t1") {
            return Ok(());
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t9\nCUID\t1\nDONE\n";

    fn asked(answer: &str, name: &str, password: &[u8]) -> (io::Result<Option<String>>, String) {
        let mut questions = Vec::new();
        let text = format!("{HELLO}{answer}");
        let password = Secret::new(password.to_vec());
        let answer = ask(text.as_bytes(), &mut questions, name, &password);
        (answer, String::from_utf8(questions).unwrap())
    }

    #[test]
    fn the_login_is_the_one_that_dovecot_names() {
        let (answer, questions) = asked("OK\t1\tuser=thomas\t\n", "Thomas@example.org", b"a b");
        assert_eq!(answer.unwrap().as_deref(), Some("thomas"));
        let end = "service=mailprov-password\tsecured\tresp=AFRob21hc0BleGFtcGxlLm9yZwBhIGI=\n";
        assert!(questions.ends_with(end), "{questions}");
    }

    #[test]
    fn a_wrong_password_is_told_from_a_dovecot_that_cannot_tell() {
        let wrong = |answer, password: &[u8]| asked(answer, "thomas", password).0;
        assert_eq!(wrong("FAIL\t1\tuser=thomas\n", b"x").unwrap(), None);
        assert!(wrong("FAIL\t1\tuser=thomas\tcode=temp_fail\n", b"x").is_err());
        assert!(wrong("FAIL\t1\tuser=thomas\ttemp\n", b"x").is_err());
        assert!(wrong("OK\t1\n", b"x").is_err() && wrong("", b"x").is_err());
        assert!(wrong("OK\t2\tuser=anna\n", b"x").is_err());
        // Dovecot is not asked about a text that cannot be a password.
        assert_eq!(wrong("OK\t1\tuser=thomas\n", b"x\0y").unwrap(), None);
        assert_eq!(asked("OK\t1\tuser=anna\n", "x\0anna", b"x").0.unwrap(), None);
    }
}
