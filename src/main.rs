//! Arguments in, exit code out.

use std::process::ExitCode;

use clap::error::ErrorKind;
use mailprov::cli;
use mailprov::commands::{self, Exit};

fn main() -> ExitCode {
    let asked =
        commands::answer_postfix().or_else(commands::answer_person).or_else(commands::complete);
    let exit = asked.unwrap_or_else(|| match cli::parse() {
        Ok(cli) => commands::run(&cli),
        Err(error) => not_parsed(&error),
    });
    ExitCode::from(exit as u8)
}

/// Prints the help that was asked for, or what is wrong with the command line.
fn not_parsed(error: &clap::Error) -> Exit {
    // Printing fails if the reader is gone, and then there is no one to tell.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
        _ => Exit::Usage,
    }
}
