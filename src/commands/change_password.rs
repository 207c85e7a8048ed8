//! `mailprov change-password` and `mailprov password-page`: the programs by which people
//! change their own passwords. systemd starts one for each connection to its socket, with the
//! connection as standard input and output.

use std::env;
use std::io;
use std::path::Path;

use super::Exit;
use crate::host::Host;
use crate::services::self_service;

/// Answers a person, if the command line is that of systemd. clap does not know these two
/// commands, so that neither `--help` nor completion offers them.
pub fn answer_person() -> Option<Exit> {
    let mut arguments = env::args_os().skip(1);
    let word = arguments.next()?;
    let is_page = match word.to_str() {
        Some("change-password") => false,
        Some("password-page") => true,
        _ => return None,
    };
    if arguments.next().is_some() {
        return None;
    }
    let Ok(host) = Host::open(Path::new("/")) else { return Some(Exit::Failed) };
    let (input, output) = (io::stdin().lock(), io::stdout().lock());
    let answered = match is_page {
        true => self_service::answer_browser(&host, input, output),
        // Standard error is the journal, which the administrator reads: it names the account.
        false => self_service::answer(&host, input, output, io::stderr().lock()),
    };
    Some(if answered.is_ok() { Exit::Done } else { Exit::Failed })
}
