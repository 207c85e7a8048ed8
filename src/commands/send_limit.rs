//! `mailprov send-limit`: answers Postfix. spawn(8) starts it for each mail of a person,
//! who waits for it, with a socket of Postfix's as standard input and output.

use std::env;
use std::io;

use super::Exit;
use crate::services::send_limit;

/// Answers Postfix, if it asks. The command line is not parsed for that: to make all of
/// its commands takes longer than the answer.
pub fn answer_postfix() -> Option<Exit> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != "send-limit" || arguments.next().is_some() {
        return None;
    }
    // Postfix takes every word for an answer, so nothing else is said.
    Some(match send_limit::answer(io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    })
}
