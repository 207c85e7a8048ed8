//! The files of packages, from dpkg's lists: finds missing files, and the package of a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, fstatat};

use super::{Content, Host, Result};

/// The folder of the lists of each package's files (dpkg-query(1)).
const LISTS: &str = "/var/lib/dpkg/info";

/// The list of files that were diverted for another package.
const DIVERSIONS: &str = "/var/lib/dpkg/diversions";

/// The folders in which a package has a subfolder of its own name.
const HOMES: [&str; 4] = ["/etc", "/usr/share", "/var/lib", "/var/spool"];

/// The folders of programs and their parts. Manuals, translations and the like
/// may be excluded on purpose (`path-exclude` in dpkg.cfg).
const PROGRAMS: [&str; 8] = [
    "/bin/",
    "/lib/",
    "/lib64/",
    "/sbin/",
    "/usr/bin/",
    "/usr/lib/",
    "/usr/libexec/",
    "/usr/sbin/",
];

/// From this number of files in a folder, listing it takes less time than
/// looking at each.
const MANY: usize = 20;

impl Host {
    /// Returns the missing files that an installed package needs: its programs,
    /// the folders of its own name, and its configuration files in its folder
    /// in `/etc`. Other configuration files may have been removed on purpose.
    pub(crate) fn missing_files(&self, package: &str) -> Result<Vec<PathBuf>> {
        self.missing_files.of(package.to_owned(), |package| self.find_missing_files(package))
    }

    fn find_missing_files(&self, package: &str) -> Result<Vec<PathBuf>> {
        let name = package.split('-').next().unwrap_or(package);
        let homes = HOMES.map(|folder| format!("{folder}/{name}"));
        let below_own = format!("/etc/{name}/");
        let is_program = |line: &&str| PROGRAMS.iter().any(|folder| line.starts_with(folder));
        let list = self.package_note(package, "list")?;
        let brought =
            list.lines().filter(|line| is_program(line) || homes.iter().any(|home| home == line));
        let conffiles = self.package_note(package, "conffiles")?;
        let configuration = conffiles.lines().filter(|line| line.starts_with(&below_own));
        let mut by_folder: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (folder, name) in brought.chain(configuration).filter_map(|it| it.rsplit_once('/')) {
            by_folder.entry(folder).or_default().insert(name);
        }
        let mut missing = Vec::new();
        for (folder, mut names) in by_folder {
            if names.len() >= MANY {
                self.strike_present(folder, &mut names);
            }
            let gone = names.into_iter().map(|name| format!("{folder}/{name}"));
            missing.extend(gone.filter(|path| !self.is_there(path)).map(PathBuf::from));
        }
        if !missing.is_empty() {
            let diversions = self.read(Path::new(DIVERSIONS))?.unwrap_or(Content::new([]));
            let diversions = diversions.text();
            missing.retain(|path| !diversions.lines().any(|line| Path::new(line) == path));
        }
        Ok(missing)
    }

    /// Returns the package that installed a file, even if the package was since
    /// removed but not purged.
    pub(crate) fn package_of(&self, path: &Path) -> Result<Option<String>> {
        let path = path.to_string_lossy();
        // The path before /usr was merged (file-hierarchy(7)).
        let short = path.strip_prefix("/usr").unwrap_or(&path);
        for name in self.list(Path::new(LISTS))? {
            let Some(package) = name.strip_suffix(".list") else { continue };
            let Some(list) = self.read(&Path::new(LISTS).join(&name))? else { continue };
            let list = list.text();
            if list.lines().any(|line| line == path || line == short) {
                return Ok(Some(package.split(':').next().unwrap_or(package).to_owned()));
            }
        }
        Ok(None)
    }

    /// Reads a file of dpkg's about a package. Some of their names include the
    /// architecture. Returns an empty text if the package is not installed.
    fn package_note(&self, package: &str, kind: &str) -> Result<String> {
        let native = || self.architecture().map(|it| format!("{package}:{it}.{kind}"));
        for name in [Ok(format!("{package}.{kind}")), native()] {
            if let Some(content) = self.read(&Path::new(LISTS).join(name?))? {
                return Ok(content.text().into_owned());
            }
        }
        Ok(String::new())
    }

    /// Removes from `names` those that a listing of their folder shows. If it
    /// cannot be listed, they are looked at one by one.
    fn strike_present(&self, folder: &str, names: &mut BTreeSet<&str>) {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let folder = folder.trim_start_matches('/');
        let Ok(mut folder) = Dir::openat(&self.root_fd, folder, flags, Mode::empty()) else {
            return;
        };
        for entry in folder.iter().map_while(std::result::Result::ok) {
            if let Ok(name) = entry.file_name().to_str() {
                names.remove(name);
            }
        }
    }

    /// Returns whether a path exists. A path that cannot be examined counts as existing.
    fn is_there(&self, path: &str) -> bool {
        let path = path.trim_start_matches('/');
        let found = fstatat(&self.root_fd, path, AtFlags::AT_SYMLINK_NOFOLLOW);
        !matches!(found, Err(nix::errno::Errno::ENOENT | nix::errno::Errno::ENOTDIR))
    }
}
