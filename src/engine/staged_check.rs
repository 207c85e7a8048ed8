//! Stages all files of a service, as they will be, and has the service's own
//! checker judge them before one of them is changed.

use std::path::Path;

use super::complaint::{self, Staged};
use crate::host::{Command, Error, Host, Ownership, Result};
use crate::resource::{Check, filled};

/// The folder of the stages, each file under its own path. Only root may read
/// it. It is not on a disk, so planning leaves no trace there.
const STAGES: &str = "/run/mailprov";

/// The prefix of a stage's name; the rest is the number of a process.
const STAGE: &str = "stage-";

/// The placeholder for the stage in the arguments of a checker.
const PLACEHOLDER: &str = "{stage}";

/// Checkers with the files that they judge.
#[derive(Debug, Clone)]
pub(super) struct StagedCheck {
    pub(super) checks: Vec<Check>,
    pub(super) files: Vec<Staged>,
}

/// Removes the stages of processes that have ended.
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
    /// Stages the files and runs the checkers. A checker rejects them by an
    /// exit code other than 0, or, if it is strict, by any output on standard
    /// error.
    pub(super) fn run(&self, host: &Host) -> Result<()> {
        // A stage per process, since one may plan while another applies.
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
            // Postfix's programs wait up to two seconds for a file that was just written.
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
            // Standard output may hold the configuration, secrets included, so it is not shown.
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
