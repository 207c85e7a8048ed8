//! Arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use mailprov::cli::Cli;
use mailprov::commands::{self, Exit};

fn main() -> ExitCode {
    if let Some(exit) = commands::complete() {
        return ExitCode::from(exit as u8);
    }
    let exit = match Cli::try_parse() {
        Ok(cli) => commands::run(&cli),
        Err(error) => {
            // Nobody listens where printing fails.
            let _ = error.print();
            match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
                _ => Exit::Usage,
            }
        }
    };
    ExitCode::from(exit as u8)
}
