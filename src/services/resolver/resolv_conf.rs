//! What `/etc/resolv.conf` was before it led to the host's own resolver: a link, a
//! file, or nothing. The file that leads there keeps it in comments, where a person sees
//! it. So the latest one counts, also if a program other than mailprov wrote it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::host::{Entry, Error, Host, Result};

const PATH: &str = "/etc/resolv.conf";

/// How a file of ours begins.
const OURS: &str = "# Written by mailprov";

/// Begins the line that has the target of a former link.
const LINK: &str = "#> ";

/// Begins each line of a former file.
const LINE: &str = "#| ";

/// What stays of a former file beside its resolvers (resolv.conf(5)).
const KEPT: [&str; 4] = ["domain", "search", "sortlist", "options"];

/// The facts of the resolver.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct ResolvConf {
    /// Whether the file is mailprov's now.
    ours: bool,
    /// The target of the former link.
    link: Option<PathBuf>,
    /// The lines of the former file; none if there was none.
    lines: Vec<String>,
    /// Those lines of it, or of the file that the link led to, that name no resolver.
    kept: Vec<String>,
    /// Whether dhclient would overwrite it.
    dhclient: bool,
    /// Whether dhcpcd would.
    dhcpcd: bool,
}

pub(super) fn facts(host: &Host) -> Result<serde_json::Value> {
    let path = Path::new(PATH);
    let found = match host.entry(path)? {
        Some(Entry::File { content, .. }) => ResolvConf::of(&content.text()),
        Some(Entry::Link { target }) => {
            let content = host.read(path)?;
            let text = content.as_ref().map(|content| content.text()).unwrap_or_default();
            ResolvConf { link: Some(target), kept: kept(text.lines()), ..ResolvConf::default() }
        }
        _ => ResolvConf::default(),
    };
    let found = ResolvConf {
        dhclient: host.exists(Path::new("/etc/dhcp/dhclient-enter-hooks.d"))?,
        dhcpcd: host.exists(Path::new("/usr/lib/dhcpcd/dhcpcd-run-hooks"))?,
        ..found
    };
    serde_json::to_value(found).map_err(Error::encoding)
}

impl ResolvConf {
    fn of(text: &str) -> Self {
        if !text.starts_with(OURS) {
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let kept = kept(text.lines());
            return Self { lines, kept, ..Self::default() };
        }
        let link = text.lines().find_map(|line| line.strip_prefix(LINK)).map(PathBuf::from);
        // An empty line has lost its space if an editor took it.
        let line = |line: &str| {
            let line = line.strip_prefix(LINE.trim_end())?;
            Some(line.strip_prefix(' ').unwrap_or(line).to_owned())
        };
        let lines = text.lines().filter_map(line).collect();
        Self { ours: true, link, lines, kept: kept(text.lines()), ..Self::default() }
    }
}

fn kept<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<String> {
    let is_kept =
        |line: &&str| line.split_whitespace().next().is_some_and(|word| KEPT.contains(&word));
    lines.filter(is_kept).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use minijinja::syntax::SyntaxConfig;
    use minijinja::value::Serde;
    use minijinja::{Environment, Value, context};

    use super::*;

    const TEMPLATE: &str = include_str!("../../../playbooks/postmaster/resolver/etc/resolv.conf");

    /// Writes the file that leads to the host's own resolver.
    fn written(facts: &serde_json::Value) -> String {
        let mut templates = Environment::new();
        // As those of playbooks.
        let mut syntax = SyntaxConfig::builder();
        syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
        templates.set_syntax(syntax.build().unwrap());
        let facts = context! { resolver => Value::from(Serde(facts)) };
        templates.render_str(TEMPLATE, context! { facts }).unwrap()
    }

    fn on_a_host(prepare: impl FnOnce(&Path)) -> (serde_json::Value, Arc<tempfile::TempDir>) {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir(tree.path().join("etc")).unwrap();
        prepare(&tree.path().join("etc/resolv.conf"));
        (facts(&Host::open(tree.path()).unwrap()).unwrap(), Arc::new(tree))
    }

    #[test]
    fn the_former_file_is_known_once_ours_is_written() {
        let file = "# by dhclient\nnameserver 192.0.2.1\n\n search lan\noptions edns0\n";
        for (before, kept) in [(file, vec![" search lan", "options edns0"]), ("", vec![])] {
            let (first, tree) = on_a_host(|path| std::fs::write(path, before).unwrap());
            assert_eq!(first["ours"], false);
            assert_eq!(first["kept"], serde_json::json!(kept));
            let lines: Vec<&str> = before.lines().collect();
            assert_eq!(first["lines"], serde_json::json!(lines));
            let text = written(&first);
            let servers = text.lines().filter(|line| line.starts_with("nameserver"));
            assert_eq!(servers.collect::<Vec<_>>(), ["nameserver 127.0.0.1"], "{text}");
            std::fs::write(tree.path().join("etc/resolv.conf"), &text).unwrap();
            let second = facts(&Host::open(tree.path()).unwrap()).unwrap();
            assert_eq!(second["ours"], true);
            assert_eq!(written(&second), text);
            for what in ["link", "lines", "kept"] {
                assert_eq!(second[what], first[what], "{text}");
            }
        }
    }

    #[test]
    fn a_link_is_known_with_what_its_file_said() {
        let target = "../run/systemd/resolve/stub-resolv.conf";
        let (first, tree) = on_a_host(|path| {
            let stub = path.with_file_name(target);
            std::fs::create_dir_all(stub.parent().unwrap()).unwrap();
            std::fs::write(&stub, "nameserver 127.0.0.53\nsearch lan\n").unwrap();
            std::os::unix::fs::symlink(target, path).unwrap();
        });
        assert_eq!(first["link"], target);
        assert_eq!(first["kept"], serde_json::json!(["search lan"]));
        let path = tree.path().join("etc/resolv.conf");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, written(&first)).unwrap();
        let second = facts(&Host::open(tree.path()).unwrap()).unwrap();
        assert_eq!((&second["link"], &second["kept"]), (&first["link"], &first["kept"]));
        assert_eq!(second["lines"], serde_json::json!([]));
    }
}
