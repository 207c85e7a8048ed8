//! The file with what each account has sent: a line for each, its numbers of a fixed
//! width, so that a line changes in its place. Two programs that write at a time wait
//! for each other. A power cut may lose the mails of the last seconds, and no more.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::bucket::Bucket;
use crate::host::{self, Error, Host};

/// The file, as in the playbook. It belongs to the user that Postfix starts the program as.
pub(super) const FILE: &str = "/var/lib/mailprov-send-limit";

/// Room for a hundred thousand accounts. Names are of accounts that have logged in.
const MOST_BYTES: u64 = 32 * 1024 * 1024;

/// Dovecot's names are shorter.
const LONGEST_NAME: usize = 320;

/// The numbers of a line and their widths.
const NUMBERS: usize = 5;
const WIDTH: usize = 20;
const PREFIX: usize = NUMBERS * (WIDTH + 1);

/// Has the bucket of an account changed, and writes it back.
pub(super) fn change<R>(
    host: &Host,
    account: &str,
    change: impl FnOnce(&mut Bucket) -> R,
) -> host::Result<R> {
    let path = Path::new(FILE);
    let mut file = host.open_lock(path)?;
    change_in(&mut file, account, change).map_err(|error| Error::io("write", path, error))
}

fn change_in<R>(
    file: &mut File,
    account: &str,
    change: impl FnOnce(&mut Bucket) -> R,
) -> io::Result<R> {
    // Held until the file is closed.
    file.lock()?;
    let mut bytes = Vec::new();
    Read::by_ref(file).take(MOST_BYTES).read_to_end(&mut bytes)?;
    let name = name_of(account)?;
    let mut begin = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if let Some((mut bucket, _)) = read(line).filter(|(_, of)| *of == name.as_bytes()) {
            let result = change(&mut bucket);
            file.write_all_at(write(&bucket, &name).as_bytes(), begin)?;
            return Ok(result);
        }
        begin += line.len() as u64;
    }
    let mut bucket = Bucket::default();
    let result = change(&mut bucket);
    let is_torn = bytes.last().is_some_and(|byte| *byte != b'\n');
    let line = format!("{}{}", if is_torn { "\n" } else { "" }, write(&bucket, &name));
    if begin + line.len() as u64 > MOST_BYTES {
        return Err(io::Error::other("it is full"));
    }
    file.write_all_at(line.as_bytes(), begin)?;
    Ok(result)
}

/// Returns all accounts with their buckets.
pub(super) fn all(text: &[u8]) -> impl Iterator<Item = (String, Bucket)> {
    let lines = text.split_inclusive(|byte| *byte == b'\n').filter_map(read);
    lines.map(|(bucket, name)| (String::from_utf8_lossy(name).into_owned(), bucket))
}

/// Returns a name as a word of one line.
fn name_of(account: &str) -> io::Result<String> {
    let mut name = String::new();
    for byte in account.bytes() {
        match byte {
            b'%' => name += "%25",
            b'!'..=b'~' => name.push(byte.into()),
            _ => name += &format!("%{byte:02x}"),
        }
    }
    match name.len() {
        1..=LONGEST_NAME => Ok(name),
        _ => Err(io::Error::other("no account has a name of that length")),
    }
}

fn write(bucket: &Bucket, name: &str) -> String {
    let Bucket { level, at, refused_at, refused, noticed_at } = bucket;
    let numbers = [level, at, refused_at, refused, noticed_at];
    let mut line: String = numbers.iter().map(|number| format!("{number:0WIDTH$} ")).collect();
    line += name;
    line.push('\n');
    line
}

/// Reads a line; `None` if it is none of ours, such as a torn one.
fn read(line: &[u8]) -> Option<(Bucket, &[u8])> {
    let (prefix, name) = line.strip_suffix(b"\n")?.split_at_checked(PREFIX)?;
    let prefix = std::str::from_utf8(prefix).ok()?;
    let mut numbers = prefix.split_terminator(' ').map(|number| match number.len() {
        WIDTH => number.parse().ok(),
        _ => None,
    });
    let mut next = || numbers.next().flatten();
    let bucket = Bucket {
        level: next()?,
        at: next()?,
        refused_at: next()?,
        refused: next()?,
        noticed_at: next()?,
    };
    (!name.is_empty()).then_some((bucket, name))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Seek, Write};
    use std::thread;

    use super::*;

    fn level(bucket: &mut Bucket) -> u64 {
        bucket.level += 1;
        bucket.level
    }

    #[test]
    fn each_account_has_a_line_that_changes_in_its_place() {
        let mut file = tempfile::tempfile().unwrap();
        let mut change = |account: &str| {
            file.rewind().unwrap();
            change_in(&mut file, account, level).unwrap()
        };
        assert_eq!([change("thomas"), change("anna"), change("thomas")], [1, 1, 2]);
        assert_eq!([change("thoma"), change("a b\n%"), change("a b\n%")], [1, 1, 2]);
        let mut text = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut text).unwrap();
        let found: Vec<_> = all(&text).map(|(name, bucket)| (name, bucket.level)).collect();
        let names = [("thomas", 2), ("anna", 1), ("thoma", 1), ("a%20b%0a%25", 2)];
        assert_eq!(found, names.map(|(name, level)| (name.to_owned(), level)));
        let whole = Bucket { level: u64::MAX, at: 1, refused_at: 2, refused: 3, noticed_at: 4 };
        assert_eq!(read(write(&whole, "x").as_bytes()), Some((whole, &b"x"[..])));
        assert!(change_in(&mut file, "", level).is_err());
        assert!(change_in(&mut file, &"x".repeat(400), level).is_err());
    }

    #[test]
    fn a_damaged_line_is_left_alone_and_spoils_no_other() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"nonsense\n\n0 0 0 0 0 anna\n\xff\n00000").unwrap();
        for wanted in 1..4 {
            file.rewind().unwrap();
            assert_eq!(change_in(&mut file, "anna", level).unwrap(), wanted);
        }
    }

    #[test]
    fn programs_that_write_at_a_time_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sent");
        fs::write(&path, "").unwrap();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for account in ["thomas", "anna"].iter().cycle().take(50) {
                        let file = File::options().read(true).write(true).open(&path);
                        change_in(&mut file.unwrap(), account, level).unwrap();
                    }
                });
            }
        });
        let text = fs::read(&path).unwrap();
        let levels: Vec<_> = all(&text).map(|(_, bucket)| bucket.level).collect();
        assert_eq!(levels, [200, 200]);
    }
}
