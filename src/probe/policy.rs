//! Asks a policy service of Postfix (SMTPD_POLICY_README).

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::time::Duration;

use super::{Result, call_local};

const PATIENCE: Duration = Duration::from_secs(10);

/// Longer than any answer.
const LONGEST: u64 = 1000;

/// Asks a question, and returns the first line of the answer; empty if there is none.
pub(crate) fn ask(socket: &Path, question: &str) -> Result<String> {
    let mut stream = call_local(socket, PATIENCE)?;
    stream.write_all(question.as_bytes())?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(LONGEST)).read_until(b'\n', &mut answer)?;
    Ok(String::from_utf8_lossy(&answer).trim_end().to_owned())
}
