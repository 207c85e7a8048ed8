//! Nothing broken goes live: all files of a service are staged, as they will
//! be, and judged by the service's own checker before one of them is changed.

use std::path::Path;

use super::complaint::{self, Staged};
use crate::host::{Command, Error, Host, Ownership, Result};
use crate::resource::{Check, filled};

/// Where the files are staged, each under its own path. For root's eyes only,
/// and not on a disk: planning leaves no trace on it.
const STAGES: &str = "/run/mailprov";

/// How the name of such a folder begins; it ends with the number of a process.
const STAGE: &str = "stage-";

/// What an argument of a checker writes for the folder of the staged files.
const PLACEHOLDER: &str = "{stage}";

/// Checkers with the files that they judge.
#[derive(Debug, Clone)]
pub(super) struct StagedCheck {
    pub(super) checks: Vec<Check>,
    pub(super) files: Vec<Staged>,
}

/// Removes the stages of processes that are no more.
pub(super) fn remove_stages(host: &Host) -> Result<()> {
    let stages = Path::new(STAGES);
    for name in host.list(stages)? {
        let process = name.strip_prefix(STAGE).and_then(|number| number.parse().ok());
        if let Some(process) = process
            && host.process(process)?.is_none()
        {
            host.remove_tree(&stages.join(name))?;
        }
    }
    Ok(())
}

impl StagedCheck {
    /// Stages the files and runs the checkers. An exit code other than 0 means that
    /// they are not good; of a strict one, so does a single word on standard error.
    pub(super) fn run(&self, host: &Host) -> Result<()> {
        // One's own: somebody may plan while another applies.
        let stage = Path::new(STAGES).join(format!("{STAGE}{}", std::process::id()));
        host.remove_tree(&stage)?;
        let result = self.run_on(host, &stage);
        host.remove_tree(&stage)?;
        result
    }

    fn run_on(&self, host: &Host, stage: &Path) -> Result<()> {
        let root = Ownership::of_root(0o600);
        let shown = stage.display().to_string();
        for Staged { path, content, .. } in &self.files {
            let path = stage.join(path.strip_prefix("/").unwrap_or(path));
            host.make_private_directories(path.parent().unwrap_or(stage))?;
            host.put_file(&path, &filled(host, content)?, &root)?;
            // Postfix's programs wait up to two seconds for a file that was written just now.
            host.make_old(&path)?;
        }
        let command = |check: &Check| {
            host.command(check.argv.iter().map(|word| word.replace(PLACEHOLDER, &shown)))
        };
        let commands: Vec<Command> = self.checks.iter().map(command).collect();
        let all = self.checks.iter().zip(&commands).zip(Command::capture_all(&commands));
        for ((check, command), captured) in all {
            let captured = captured?;
            let is_quiet = captured.stderr.trim().is_empty();
            if captured.success() && (is_quiet || !check.strict) {
                continue;
            }
            // Standard output may hold what is configured, secrets included, so it is not shown.
            let said = captured.stderr.replace(&shown, "");
            let said = complaint::shown(&said, &self.files, &check.argv, check.strict);
            return Err(Error::Other(format!(
                "`{}` does not accept the new configuration:\n{}",
                command.to_string().replace(&shown, ""),
                said
            )));
        }
        Ok(())
    }
}
