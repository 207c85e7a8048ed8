//! Trees of real Debian releases, built once and kept for all guests.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::{Cache, Error, Result, Watch, machine};
use crate::digest::Digest;
use crate::host::Suite;

/// The packages of a bare server beyond Debian's minimum, and three tools for
/// the tests.
const PACKAGES: &str = "acl,attr,ca-certificates,cron,dbus,iproute2,libnss-systemd,\
                        openssh-server,procps,systemd,systemd-sysv";

/// The shell script that completes a fresh tree.
const CUSTOMIZE: &str = include_str!("customize.sh");

/// The progress messages of mmdebstrap, with ours for them.
const STAGES: [(&str, &str); 5] = [
    ("running apt-get update", "reading the package lists"),
    ("downloading packages", "downloading"),
    ("extracting archives", "unpacking"),
    ("installing", "installing"),
    ("running --customize-hook", "downloading the packages of a mail server"),
];

/// The number of mmdebstrap's last lines that an error shows.
const LINES_SHOWN: usize = 20;

/// A tree of a release, which guests never write to.
#[derive(Debug)]
pub struct Image {
    tree: PathBuf,
}

impl Image {
    /// Returns the path of a release's image.
    fn place(cache: &Cache, suite: Suite) -> PathBuf {
        let recipe = Digest::of(format!("{PACKAGES}{CUSTOMIZE}").as_bytes()).to_string();
        cache.folder().join(format!("{}-{}", suite.codename(), &recipe[..12]))
    }

    /// Returns whether the image of a release is built.
    pub fn is_built(cache: &Cache, suite: Suite) -> bool {
        Self::place(cache, suite).exists()
    }

    /// Returns the image of a release, building it if this recipe has none yet.
    /// Calls `say` with progress.
    pub fn ensure(
        cache: &Cache,
        suite: Suite,
        watch: Watch<'_>,
        say: &mut dyn FnMut(&str),
    ) -> Result<Self> {
        let tree = Self::place(cache, suite);
        let name = tree.file_name().unwrap_or_default().to_string_lossy();
        let _one_builder = cache.lock(&name, watch)?;
        if !tree.exists() {
            build(suite, &tree, watch, say)?;
        }
        Ok(Self { tree })
    }

    /// Returns the path of the tree.
    pub fn tree(&self) -> &Path {
        &self.tree
    }
}

/// Builds a tree under a temporary name, so that an incomplete build is never
/// used as an image.
fn build(suite: Suite, tree: &Path, watch: Watch<'_>, say: &mut dyn FnMut(&str)) -> Result<()> {
    let partial = tree.with_extension("partial");
    remove_tree(&partial)?;
    let mut argv: Vec<String> = vec![
        "--mode=root".into(),
        "--variant=minbase".into(),
        format!("--include={PACKAGES}"),
        "--skip=cleanup/apt".into(),
        "--aptopt=Acquire::Languages \"none\"".into(),
        "--aptopt=Acquire::Check-Valid-Until \"false\"".into(),
        format!("--customize-hook={CUSTOMIZE}"),
        suite.codename().into(),
        partial.display().to_string(),
    ];
    argv.extend(sources(suite)?);
    let built = mmdebstrap(suite, &argv, watch, say);
    if built.is_err() {
        remove_tree(&partial)?;
    }
    built?;
    fs::rename(&partial, tree).map_err(|error| Error::io("rename", &partial, error))
}

fn remove_tree(tree: &Path) -> Result<()> {
    if tree.exists() {
        fs::remove_dir_all(tree).map_err(|error| Error::io("remove", tree, error))?;
    }
    Ok(())
}

/// Runs mmdebstrap in namespaces of its own. When their first process ends, so
/// do all others and all mounts. That first process ends with this program,
/// however that ends.
fn mmdebstrap(
    suite: Suite,
    argv: &[String],
    watch: Watch<'_>,
    say: &mut dyn FnMut(&str),
) -> Result<()> {
    let mut child = Command::new("setpriv")
        .args(["--pdeathsig=KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child=KILL"])
        .args(["--mount-proc", "mmdebstrap"])
        .args(argv)
        .env("PATH", crate::host::PATH)
        .env("LC_ALL", "C.UTF-8")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Error::start("setpriv … mmdebstrap", &error))?;
    let lines = lines_of(child.stderr.take());
    let mut last = Vec::new();
    let mut watched = Ok(());
    loop {
        match lines.recv_timeout(Duration::from_millis(100)) {
            Ok(line) => {
                let words = line.strip_prefix("I: ").unwrap_or_default();
                if let Some((_, stage)) = STAGES.iter().find(|(it, _)| words.starts_with(it)) {
                    say(stage);
                }
                last.push(line);
                last.drain(..last.len().saturating_sub(LINES_SHOWN));
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
        if watched.is_ok() {
            watched = watch();
            if watched.is_err() {
                machine::signal(child.id(), Signal::SIGKILL);
            }
        }
    }
    let status = child.wait().map_err(|error| Error::start("mmdebstrap", &error))?;
    watched?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Build {
        release: format!("Debian {}", suite.release()),
        outcome: status.to_string(),
        words: last.join("\n"),
    })
}

/// Reads lines until all writers of the stream have ended.
fn lines_of(stream: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let Some(stream) = stream else { return };
        for line in BufReader::new(stream).split(b'\n').map_while(std::io::Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Returns the release's apt sources, on the mirrors of this machine if it is a
/// Debian.
fn sources(suite: Suite) -> Result<Vec<String>> {
    let codename = suite.codename();
    let Some(main) = mirror("Debian")? else {
        let signed = format!("deb [signed-by={}]", Suite::KEYRING);
        let (main, security) = (Suite::MIRROR, Suite::SECURITY_MIRROR);
        return Ok(vec![
            format!("{signed} {main} {codename} main"),
            format!("{signed} {main} {codename}-updates main"),
            format!("{signed} {security} {codename}-security main"),
        ]);
    };
    let mut sources =
        vec![format!("deb {main} {codename} main"), format!("deb {main} {codename}-updates main")];
    if let Some(security) = mirror("Debian-Security")? {
        sources.push(format!("deb {security} {codename}-security main"));
    }
    Ok(sources)
}

/// Returns the mirror of this machine for packages of this label.
fn mirror(label: &str) -> Result<Option<String>> {
    let targets = machine::run(&[
        "apt-get",
        "indextargets",
        "--format=$(REPO_URI)",
        "Created-By: Packages",
        "Origin: Debian",
        &format!("Label: {label}"),
    ])?;
    Ok(targets.stdout.lines().next().map(str::to_owned))
}
