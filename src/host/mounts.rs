//! Finds disks that should be mounted and are not.

use std::path::{Path, PathBuf};

use super::{Error, Host, Result};

/// The mounts of each boot (fstab(5)).
const FSTAB: &str = "/etc/fstab";

/// The folder of an administrator's mount units (systemd.mount(5)).
const UNITS: &str = "/etc/systemd/system";

/// The current mounts (proc_pid_mountinfo(5)).
const MOUNTED: &str = "/proc/self/mountinfo";

impl Host {
    /// Refuses a folder that fstab or a mount unit puts on a disk that is not
    /// mounted. The files on that disk would be invisible and count as missing.
    ///
    /// # Errors
    ///
    /// Fails if a disk is missing.
    pub(crate) fn refuse_unmounted(&self, path: &Path) -> Result<()> {
        if self.is_tree() {
            return Ok(());
        }
        let asked = self.mounts_asked_for(path)?;
        if asked.is_empty() {
            return Ok(());
        }
        let mounted = self.lines(MOUNTED, |fields| fields.get(4).map(unescaped))?;
        match asked.into_iter().find(|(mount, _)| !mounted.contains(mount)) {
            Some((mount, asked_by)) => Err(Error::Other(format!(
                "nothing is mounted at {0}, as {1} asks for, so that {2} would be an empty \
                 directory; mount it first (mount {0})",
                mount.display(),
                asked_by.display(),
                path.display()
            ))),
            None => Ok(()),
        }
    }

    /// Returns the configured mount points at `path` or above it, each with the
    /// file that configures it.
    fn mounts_asked_for(&self, path: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
        let is_comment = |fields: &[&str]| fields.first().is_some_and(|it| it.starts_with('#'));
        let in_fstab = self.lines(FSTAB, |fields| match is_comment(fields) {
            true => None,
            false => fields.get(1).map(unescaped),
        })?;
        let root = Path::new("/");
        let above = in_fstab.into_iter().filter(|mount| mount != root && path.starts_with(mount));
        let mut asked: Vec<_> = above.map(|mount| (mount, FSTAB.into())).collect();
        for folder in path.ancestors().filter(|folder| *folder != root) {
            let unit = Path::new(UNITS).join(unit_name(folder));
            if self.exists(&unit)? {
                asked.push((folder.to_owned(), unit));
            }
        }
        Ok(asked)
    }

    /// Parses a file of fields line by line.
    fn lines<T>(&self, file: &str, read: impl Fn(&[&str]) -> Option<T>) -> Result<Vec<T>> {
        let content = self.read(Path::new(file))?;
        let text = content.map(|it| it.text().into_owned());
        let text = text.unwrap_or_default();
        let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        Ok(lines.filter_map(|fields| read(&fields)).collect())
    }
}

/// Decodes the escapes of both files for characters that would end a field.
fn unescaped(field: &&str) -> PathBuf {
    const ESCAPES: [(&str, &str); 4] =
        [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    let plain =
        ESCAPES.iter().fold((*field).to_owned(), |text, (it, as_is)| text.replace(it, as_is));
    Path::new(&plain).components().collect()
}

/// Returns the name of the unit that mounts a path (systemd-escape(1)).
fn unit_name(path: &Path) -> String {
    let text = path.to_string_lossy();
    let escaped = text.trim_matches('/').bytes().enumerate().map(|(index, byte)| match byte {
        b'/' => "-".to_owned(),
        b'.' if index > 0 => ".".to_owned(),
        b':' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    });
    escaped.collect::<String>() + ".mount"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_and_named_as_systemd_does() {
        assert_eq!(unescaped(&"/srv/my\\040disk/"), Path::new("/srv/my disk"));
        assert_eq!(unit_name(Path::new("/var/vmail")), "var-vmail.mount");
        assert_eq!(unit_name(Path::new("/srv/big-disk.1")), "srv-big\\x2ddisk.1.mount");
    }
}
