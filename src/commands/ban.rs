//! `mailprov ban`: lists and lifts bans, and tells fail2ban which addresses to spare.

use super::{CommandError, Exit};
use crate::cli::{BanCommand, Global};
use crate::host::Host;
use crate::report::Report;
use crate::services::ban::{self, Banned, Guesser};

pub(super) fn run(
    global: &Global,
    command: &BanCommand,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let host = Host::open(&global.root)?;
    if host.is_tree() {
        return Err(CommandError::usage("nothing runs in a tree, so no address is banned there")
            .hinted("Leave --root out."));
    }
    if !Host::is_root() {
        return Err(
            CommandError::needs_root("fail2ban answers only to root").hinted("Run it with sudo.")
        );
    }
    match command {
        BanCommand::List => list(&host, report),
        BanCommand::Lift { address } => lift(&host, *address, report),
        BanCommand::Spares { address } => Ok(match ban::is_exempt(&host, *address)? {
            true => Exit::Done,
            false => Exit::Failed,
        }),
    }
}

fn list(host: &Host, report: &mut Report) -> Result<Exit, CommandError> {
    report.bans(&bans(host)?);
    Ok(Exit::Done)
}

fn lift(host: &Host, guesser: Guesser, report: &mut Report) -> Result<Exit, CommandError> {
    let mut lifted = false;
    for ban in bans(host)?.iter().filter(|ban| ban.guesser == guesser) {
        lifted |= ban::lift(host, ban)?;
    }
    if !lifted {
        return Err(CommandError::failed(format!("{guesser} is not banned"))
            .hinted("See the addresses that are: mailprov ban list"));
    }
    report.lifted(&guesser);
    Ok(Exit::Done)
}

fn bans(host: &Host) -> Result<Vec<Banned>, CommandError> {
    ban::bans(host)?.ok_or_else(|| {
        CommandError::failed("fail2ban does not run on this host with mailprov's part")
            .hinted(
                "No address is shut out. If mail.yml does not say `ban: false`, run mailprov \
                 apply.",
            )
            .hinted("See what fail2ban says: journalctl -u fail2ban")
    })
}
