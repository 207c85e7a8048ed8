//! Nothing broken goes live: all files of a service are staged, as they will
//! be, and judged by the service's own checker before one of them is changed.

use std::path::{Path, PathBuf};

use super::{Change, complaint};
use crate::host::{Command, Content, Error, Host, Ownership, Result};
use crate::resource::{Blob, Check, Overlay, Resource, filled};

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
    checks: Vec<Check>,
    files: Vec<Staged>,
}

/// A file as it is staged.
#[derive(Debug, Clone)]
pub(super) struct Staged {
    /// Where it will be.
    pub(super) path: PathBuf,
    /// What will be in it.
    pub(super) content: Content,
    /// Whether that must not be shown.
    pub(super) is_secret: bool,
}

impl Staged {
    /// Makes it.
    pub(super) fn new(path: &Path, content: &Content, is_secret: bool) -> Self {
        Self { path: path.to_owned(), content: content.clone(), is_secret }
    }
}

/// Runs a service's checks where its program and all that it reads are there
/// already; else hangs them before the first change to its files.
pub(super) fn stage(
    resource: &Resource,
    overlay: &Overlay<'_>,
    changes: &mut [Change],
) -> Result<()> {
    let Some((checks, loads)) = resource.staged_checks() else { return Ok(()) };
    let is_one = |change: &Change| {
        loads.contains(&change.key) && change.key.path().is_some() && change.after.blob().is_some()
    };
    let first = changes.iter().position(is_one);
    let (Some(first), false) = (first, checks.is_empty()) else { return Ok(()) };
    let mut files = Vec::new();
    let mut all_there = true;
    for (key, path) in loads.iter().filter_map(|key| Some((key, key.path()?))) {
        match overlay.planned(key) {
            Some(state) => {
                all_there &= state.blob().is_none_or(Blob::is_known);
                files
                    .extend(state.blob().map(|blob| Staged::new(path, &blob.content, blob.secret)));
            }
            None => match overlay.content(path) {
                // What no step declares, such as a key, is not for us to show.
                Ok(Some(content)) => files.push(Staged::new(path, &content, true)),
                Ok(None) => all_there = false,
                Err(error) if error.is_permission_denied() => all_there = false,
                Err(error) => return Err(error),
            },
        }
    }
    let staged = StagedCheck { checks: checks.to_vec(), files };
    let packages_come = changes.iter().any(|change| change.key.has_side_effects());
    if all_there && !packages_come && Host::is_root() {
        return staged.run(overlay.host());
    }
    changes[first].checks.push(staged);
    Ok(())
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
