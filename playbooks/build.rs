//! Lists the files of the folders beside it, each of which is a playbook, for
//! `src/playbook/embedded.rs`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let folder = folder.join("playbooks");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut text = String::from("&[\n");
    for playbook in sorted(&folder)?.iter().filter(|path| path.is_dir()) {
        let name = playbook.file_name().unwrap_or_default();
        let _ = writeln!(text, "Embedded {{ name: {name:?}, files: &[");
        list(playbook, playbook, &mut text)?;
        text.push_str("] },\n");
    }
    text.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("playbooks.rs"), text)
}

fn list(folder: &Path, playbook: &Path, text: &mut String) -> io::Result<()> {
    for path in sorted(folder)? {
        if path.is_dir() {
            list(&path, playbook, text)?;
        } else {
            let name = path.strip_prefix(playbook).unwrap_or(&path);
            let _ = writeln!(text, "({name:?}, include_str!({path:?})),");
        }
    }
    Ok(())
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = paths.collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
