//! The first plan of a host that serves mail already: finds what its server
//! does and the new one will not. Once the files of mailprov are in place there
//! is nothing to report.

use std::path::Path;

use crate::command_error::CommandError;
use crate::explain::{File, Loss, Old, losses};
use crate::host::{Entry, Host};

/// The first line of mailprov's files.
const OURS: &str = "# Written by mailprov";

/// The files to read.
const FILES: [&str; 3] = ["/etc/postfix/main.cf", "/etc/postfix/master.cf", "/etc/aliases"];

/// The configuration of Exim, and Exim.
const EXIM: &str = "/etc/exim4/update-exim4.conf.conf";
const EXIM_PROGRAM: &str = "/usr/sbin/exim4";

/// The first file that Dovecot reads.
const DOVECOT: &str = "/etc/dovecot/dovecot.conf";

/// Returns what is lost. `files` renders those of the new server. Files that
/// may not be read are skipped.
pub(crate) fn lost(
    host: &Host,
    files: impl FnOnce() -> Result<Vec<File>, CommandError>,
) -> Result<Vec<Loss>, CommandError> {
    let is_ours = |text: &String| text.contains(OURS);
    let [main_cf, master_cf, aliases] = FILES.map(|path| text(host, path));
    if main_cf.as_ref().is_some_and(is_ours) {
        return Ok(Vec::new());
    }
    let theirs = |text: Option<String>| text.filter(|text| !is_ours(text));
    let dovecot = theirs(text(host, DOVECOT)).and_then(|_| {
        let shown = host.command(["doveconf", "-n"]).capture().ok()?;
        shown.success().then_some(shown.stdout)
    });
    // Exim's configuration stays after it is removed.
    let has_exim = host.package("exim4-config").is_ok_and(|found| found.is_some())
        && host.exists(Path::new(EXIM_PROGRAM)).unwrap_or(false);
    let exim = if has_exim { text(host, EXIM) } else { None };
    if main_cf.is_none() && dovecot.is_none() && aliases.is_none() && exim.is_none() {
        return Ok(Vec::new());
    }
    let host_name = text(host, "/etc/hostname").unwrap_or_default().trim().to_owned();
    let table = |path: &str| text(host, path);
    let old = Old {
        main_cf,
        master_cf: theirs(master_cf),
        aliases: theirs(aliases),
        exim,
        dovecot,
        host_name,
        spool: spool(host),
        table: Some(&table),
    };
    Ok(losses(&old, &files()?))
}

fn text(host: &Host, path: &str) -> Option<String> {
    let content = host.read(Path::new(path)).ok()??;
    Some(String::from_utf8_lossy(content.bytes()).into_owned())
}

/// Returns the files in `/var/mail` that hold mail, with their sizes in bytes.
fn spool(host: &Host) -> Vec<(String, u64)> {
    let folder = Path::new("/var/mail");
    let names = host.list(folder).unwrap_or_default();
    let size = |name: String| {
        let path = folder.join(&name);
        let is_file = matches!(host.is_file(&path), Ok(true))
            && !matches!(host.entry(&path), Ok(Some(Entry::Link { .. })));
        let size = host.stamp(&path).ok()??.size;
        let size = u64::try_from(size).ok().filter(|size| is_file && *size > 0)?;
        Some((name, size))
    };
    names.into_iter().filter_map(size).collect()
}
