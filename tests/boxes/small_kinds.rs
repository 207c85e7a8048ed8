//! The small kinds of resource that change a host in part: a line of a file, an
//! entry of cron's, a source of apt's, a user's groups and SSH keys.

use std::fs;
use std::path::Path;

use super::agent::changes;
use crate::support::{Debian, Output, Suite, wait_for};

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

/// The step for a person who logs in with `keys`.
fn operator(keys: &[&str], more: &str) -> String {
    let keys = keys.iter().map(|key| format!("      - '{}'\n", key.trim())).collect::<String>();
    format!(
        "- name: Let the operator in\n  user:\n    name: olga\n    system: false\n{more}    \
         authorized_keys:\n{keys}"
    )
}

/// Runs a command as olga, over SSH with a key.
fn over_ssh(debian: &Debian, key: &str) -> Output {
    debian.run(&[
        "ssh",
        "-oBatchMode=yes",
        "-oStrictHostKeyChecking=no",
        "-oIdentitiesOnly=yes",
        "-i",
        key,
        "olga@localhost",
        "id -un",
    ])
}

#[test]
fn a_person_logs_in_with_a_declared_key_only() {
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite);
        for name in ["one", "two", "hers"] {
            let file = format!("/root/{name}");
            let _ = debian.run(&["ssh-keygen", "-qtecdsa", "-N", "", "-f", &file]).success();
        }
        let [one, two, hers] =
            ["one", "two", "hers"].map(|name| debian.read_text(&format!("/root/{name}.pub")));
        let play = |step: String| debian.write("/root/play/playbook.yml", step, 0o644);
        wait_for("sshd", || debian.connect(22).ok());

        play(operator(&[&one, &two], ""));
        let _ = mailprov(&debian, &["apply", "--yes"]).success();
        assert_eq!(keys(&debian), [""; 0]);
        for name in ["/root/one", "/root/two"] {
            assert_eq!(over_ssh(&debian, name).success().stdout().trim(), "olga");
        }
        let _ = over_ssh(&debian, "/root/hers").exits(255);
        let owned = debian.shell("cd /home/olga && stat -c '%n %U:%G %a' . .ssh .ssh/*").success();
        assert_eq!(
            owned.stdout(),
            ". olga:olga 700\n.ssh olga:olga 700\n.ssh/authorized_keys olga:olga 600\n"
        );
        assert!(debian.run(&["id", "-u", "olga"]).success().stdout().trim().len() == 4);

        // Her own key stays beside the declared ones, until the list is all there is.
        let file = "/home/olga/.ssh/authorized_keys";
        let _ = debian.shell(&format!("cat /root/hers.pub >>{file}")).success();
        assert_eq!(keys(&debian), [""; 0]);
        play(operator(&[&one], "    exclusive: true\n"));
        let plan = mailprov(&debian, &["plan", "-v"]).success().to_string();
        assert!(!plan.contains(hers.split(' ').nth(1).unwrap()), "{plan}");
        let _ = mailprov(&debian, &["apply", "--yes"]).success();
        assert_eq!(debian.read_text(file), one);
        let _ = over_ssh(&debian, "/root/two").exits(255);
        let _ = debian.mailprov(&["rollback", "2", "--yes"]).success();
        assert_eq!(debian.read_text(file), format!("{one}{two}{hers}"));
        let _ = over_ssh(&debian, "/root/hers").success();

        // A link that she makes leads root nowhere, and root's files do not become hers.
        for planted in [
            "rm -r /home/olga/.ssh && su olga -s /bin/sh -c 'ln -s /root/.ssh /home/olga/.ssh'",
            "rm /home/olga/.ssh && su olga -s /bin/sh -c 'cd; mkdir .ssh; \
             ln -s /etc/shadow .ssh/authorized_keys'",
            "cd /home/olga/.ssh && rm * && cp -p /etc/shadow authorized_keys",
            "cd /home/olga/.ssh && rm * && su olga -s /bin/sh -c 'mkfifo ~/.ssh/authorized_keys'",
        ] {
            let _ = debian.shell(planted).success();
            let shadow = debian.read_text("/etc/shadow");
            let said = mailprov(&debian, &["apply", "--yes"]).exits(1).to_string();
            assert!(said.contains("/home/olga/.ssh"), "{said}");
            assert_eq!(debian.read_text("/etc/shadow"), shadow);
            assert!(!debian.exists("/root/.ssh/authorized_keys"));
        }
        let _ = debian.shell("rm /home/olga/.ssh/*").success();
        let _ = mailprov(&debian, &["apply", "--yes"]).success();
        assert_eq!(debian.read_text(file), one);
    }
}
