//! Nothing broken goes live: all files of a service are staged, as they will
//! be, and judged by the service's own checker before one of them is changed.

use std::path::{Path, PathBuf};

use super::Change;
use crate::host::{Command, Content, Error, Host, Ownership, Result};
use crate::resource::{Check, Key, Resource, State, View};

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
    files: Vec<(PathBuf, Content)>,
}

/// Runs a service's checks where its program and all that it reads are there
/// already; else hangs them before the first change to its files.
pub(super) fn stage(resource: &Resource, view: &View<'_>, changes: &mut [Change]) -> Result<()> {
    let Resource::Service(service) = resource else { return Ok(()) };
    let is_loaded = |change: &Change| service.loads().contains(&change.key);
    let is_file = |change: &Change| matches!(change.after, State::File { .. });
    let first = changes.iter().position(|change| is_loaded(change) && is_file(change));
    let (Some(first), false) = (first, resource.checks().is_empty()) else { return Ok(()) };
    let mut files = Vec::new();
    let mut all_there = true;
    for key in service.loads() {
        let Key::File(path) = key else { continue };
        match view.planned(key) {
            Some(State::File { blob, .. }) => files.push((path.clone(), blob.content.clone())),
            Some(_) => {}
            None => match view.host().read(path) {
                Ok(Some(content)) => files.push((path.clone(), content)),
                Ok(None) => all_there = false,
                Err(error) if error.is_permission_denied() => all_there = false,
                Err(error) => return Err(error),
            },
        }
    }
    let staged = StagedCheck { checks: resource.checks().to_vec(), files };
    let packages_come = changes.iter().any(|change| change.key.reaches_further());
    if all_there && !packages_come && Host::is_root() {
        return staged.run(view.host());
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
    /// Stages the files and runs the checkers. An exit code other than 0 and
    /// a single word on standard error both mean that they are not good.
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
        for (path, content) in &self.files {
            let path = stage.join(path.strip_prefix("/").unwrap_or(path));
            host.make_private_directories(path.parent().unwrap_or(stage))?;
            host.put_file(&path, content, &root)?;
            // Postfix's programs wait up to two seconds for a file that was written just now.
            host.make_old(&path)?;
        }
        let command = |check: &Check| {
            host.command(check.argv.iter().map(|word| word.replace(PLACEHOLDER, &shown)))
        };
        let commands: Vec<Command> = self.checks.iter().map(command).collect();
        for (command, captured) in commands.iter().zip(Command::capture_all(&commands)) {
            let captured = captured?;
            if captured.success() && captured.stderr.trim().is_empty() {
                continue;
            }
            // Standard output may hold what is configured, secrets included, so it is not shown.
            let complaint = captured.stderr.replace(&shown, "");
            let lines: Vec<_> = complaint.lines().map(|line| self.with_source(line)).collect();
            return Err(Error::Other(format!(
                "`{}` does not accept the new configuration:\n{}",
                command.to_string().replace(&shown, ""),
                lines.join("\n")
            )));
        }
        Ok(())
    }

    /// Adds to a line of a complaint the line of the file that it is about,
    /// since that file is gone again when somebody would look.
    fn with_source(&self, complaint: &str) -> String {
        let about = self.files.iter().find_map(|(path, content)| {
            let (_, rest) = complaint.split_once(&*path.to_string_lossy())?;
            let (_, rest) = rest.split_once("line ")?;
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
            let text = String::from_utf8_lossy(content.bytes()).into_owned();
            let line = text.lines().nth(digits.parse::<usize>().ok()?.checked_sub(1)?)?;
            Some(format!("\n    that line is: {}", line.trim()))
        });
        format!("    {complaint}{}", about.unwrap_or_default())
    }
}
