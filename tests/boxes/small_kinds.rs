//! The small kinds of resource that change a host in part: a line of a file, an
//! entry of cron's, a source of apt's, a user's groups.

use std::fs;
use std::path::Path;

use super::agent::changes;
use crate::support::{Debian, Output, Suite};

const PLAYBOOK: &str = "\
- name: Make the backup group known
  group: backups
- name: Make the user known
  user: {name: runner, groups: [backups, adm]}
- name: Forbid root to log in
  line: {path: /etc/ssh/sshd_config, match: '^#?PermitRootLogin ', line: PermitRootLogin no}
- name: Clean up each night
  cron: {name: clean-up, schedule: '17 3 * * mon-fri', user: runner, argv: [/usr/bin/touch, 100% of it]}
- name: Make the source known
  apt_source: {name: example, uris: 'file:/srv/repo', suites: ./, key: key.asc}
- name: Install from it
  package: mailprov-example
";

fn mailprov(debian: &Debian, arguments: &[&str]) -> Output {
    debian.mailprov(&[arguments, &["--playbook", "/root/play"]].concat())
}

fn keys(debian: &Debian) -> Vec<String> {
    let plan = changes(&mailprov(debian, &["plan", "--json"]).success());
    plan.into_iter().map(|change| change.key).collect()
}

/// Brings the playbook, and a source of packages with its key.
fn bring(debian: &Debian) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/apt-source");
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let folder = if name == "key.asc" { "/root/play/files" } else { "/srv/repo" };
        debian.write(&format!("{folder}/{name}"), fs::read(&path).unwrap(), 0o644);
    }
    debian.write("/root/play/playbook.yml", PLAYBOOK, 0o644);
    let sshd = "# of others \u{fc}\r\n#PermitRootLogin yes\nPassword hunter2\nPermitRootLogin yes";
    debian.write("/etc/ssh/sshd_config", sshd, 0o640);
    let _ = debian.shell("mkdir -p /etc/cron.d").success();
}

/// Returns what only changes in part, with owner and mode.
fn kept(debian: &Debian) -> String {
    let files = "/etc/ssh/sshd_config /etc/passwd /etc/group";
    debian.shell(&format!("stat -c '%n %U:%G %a' {files}; sha256sum {files}")).success().stdout()
}

#[test]
fn they_converge_are_mended_and_go_back_byte_for_byte() {
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite);
        bring(&debian);
        let first = kept(&debian);
        let plan = mailprov(&debian, &["plan"]).success().to_string();
        assert!(plan.contains("version known once apt's lists are fetched"), "{plan}");
        assert!(plan.contains("+ PermitRootLogin no") && !plan.contains("hunter2"), "{plan}");

        let _ = mailprov(&debian, &["apply", "--yes"]).success();
        assert_eq!(keys(&debian), Vec::<String>::new());
        assert_eq!(
            debian.read_text("/etc/ssh/sshd_config"),
            "# of others \u{fc}\r\nPermitRootLogin no\nPassword hunter2\n"
        );
        assert!(debian.exists("/usr/share/mailprov-example/hello"));
        let groups = debian.run(&["id", "-nG", "runner"]).success().stdout();
        assert!(groups.contains("backups") && groups.contains("adm"), "{groups}");
        let entry = debian.read_text("/etc/cron.d/clean-up");
        assert!(entry.ends_with("17 3 * * mon-fri runner /usr/bin/touch '100''\\%'' of it'\n"));

        let before = debian.snapshot();
        let _ = mailprov(&debian, &["apply", "--yes"]).success();
        before.diff(&debian.snapshot()).assert_empty();

        let damages: [(&str, &[&str]); 4] = [
            (
                "sed -i s/PermitRootLogin.no/PermitRootLogin\\ yes/ /etc/ssh/sshd_config",
                &["line:/etc/ssh/sshd_config: ^#?PermitRootLogin "],
            ),
            ("gpasswd --delete runner adm", &["member:runner of adm"]),
            ("echo >>/etc/cron.d/clean-up", &["file:/etc/cron.d/clean-up"]),
            (
                "echo >>/etc/apt/sources.list.d/example.sources",
                &["file:/etc/apt/sources.list.d/example.sources"],
            ),
        ];
        for (line, expected) in damages {
            let _ = debian.shell(line).success();
            assert_eq!(keys(&debian), expected, "{line}");
            let _ = mailprov(&debian, &["apply", "--yes"]).success();
            assert_eq!(keys(&debian), Vec::<String>::new(), "{line}");
        }

        let _ = debian.mailprov(&["rollback", "1", "--purge", "--yes"]).success();
        assert_eq!(kept(&debian), first);
        assert!(!debian.exists("/etc/cron.d/clean-up"));
        assert!(!debian.exists("/etc/apt/sources.list.d/example.sources"));
        assert!(!debian.exists("/usr/share/mailprov-example/hello"));
    }
}
