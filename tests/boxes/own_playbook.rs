//! A playbook that has nothing to do with mail is kept as well as ours.

use std::fs;
use std::path::Path;

use super::agent::changes;
use crate::over_ssh::{Laptop, let_in, root_at};
use crate::support::{Debian, Output, Suite, wait_for};

/// Where the playbook lies in a box.
const PLAYBOOK: &str = "/root/web-notes/playbook.yml";

/// Copies `tests/playbooks/web-notes` into a box.
fn bring_playbook(debian: &Debian) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/playbooks/web-notes");
    for folder in ["", "templates", "files"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.strip_prefix(&root).unwrap().display();
                debian.write(&format!("/root/web-notes/{name}"), fs::read(&path).unwrap(), 0o644);
            }
        }
    }
}

fn mailprov(debian: &Debian, arguments: &[&str]) -> Output {
    debian.mailprov(&[arguments, &["--playbook", PLAYBOOK]].concat())
}

fn keys(debian: &Debian) -> Vec<String> {
    let plan = changes(&mailprov(debian, &["plan", "--json"]).success());
    plan.into_iter().map(|change| change.key).collect()
}

/// Asks for the page, as a browser that trusts anybody.
fn page(debian: &Debian) -> Option<String> {
    let request = b"GET /index.html HTTP/1.0\r\n\r\n";
    let client = ["timeout", "5", "openssl", "s_client", "-quiet", "-connect", "127.0.0.1:8443"];
    let text = debian.run_with_input(&client, request).stdout();
    text.contains("<title>").then_some(text)
}

#[test]
fn it_converges_stays_and_is_mended() {
    let damages: [(&str, &str, &[&str]); 14] = [
        ("template", "echo >>/srv/notes/index.html", &["file:/srv/notes/index.html"]),
        ("copy", "rm /srv/notes/dot.gif", &["file:/srv/notes/dot.gif"]),
        ("secret", "echo >/srv/notes/word", &["file:/srv/notes/word"]),
        ("empty", "echo >/srv/notes/empty", &["file:/srv/notes/empty"]),
        ("absent", "echo >/etc/motd", &["file:/etc/motd"]),
        ("link", "ln -sfn /tmp /srv/notes/latest", &["file:/srv/notes/latest"]),
        ("link lost", "rm /srv/notes/latest", &["file:/srv/notes/latest"]),
        ("folder", "chmod 0777 /srv/notes", &["file:/srv/notes"]),
        ("token", "rm /srv/notes/token", &["command:openssl rand -out /srv/notes/token 16"]),
        (
            "line",
            "sed -i '/Notes are/d' /etc/issue.net",
            &["command:sed -i $ a Notes are served here. /etc/issue.net"],
        ),
        ("user", "usermod --shell /bin/sh notes", &["user:notes"]),
        ("stopped", "systemctl stop web-notes", &["service:web-notes"]),
        (
            "certificate",
            "rm /etc/ssl/notes.pem",
            &["certificate:/etc/ssl/notes.pem", "service:web-notes"],
        ),
        (
            "unit",
            "sed -i s/8443/8444/ /etc/systemd/system/web-notes.service; systemctl daemon-reload; systemctl restart web-notes",
            &["file:/etc/systemd/system/web-notes.service", "service:web-notes"],
        ),
    ];
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite);
        bring_playbook(&debian);
        let motd = debian.read("/etc/motd");
        let planned = keys(&debian);
        assert!(!planned.contains(&"file:/etc/plan9".to_owned()));
        let output = mailprov(&debian, &["apply", "--yes", "--json"]).success();
        let done: Vec<_> = changes(&output).into_iter().map(|change| change.key).collect();
        assert_eq!(done, planned);
        assert!(
            !output.stdout().contains("open sesame") && !output.stderr().contains("open sesame")
        );
        let title = format!("<title>Notes on debian {}</title>", suite.codename());
        let served = wait_for("the page", || page(&debian));
        assert!(served.contains(&title), "{served}");
        assert_eq!(debian.read("/var/lib/mailprov/originals/etc/motd"), motd);
        let line = "stat -c '%U:%G %a %s' /srv/notes /srv/notes/index.html /srv/notes/word /srv/notes/empty";
        let stat = debian.shell(line).success().stdout();
        let modes: Vec<_> = stat.lines().map(|line| line.rsplit_once(' ').unwrap().0).collect();
        assert_eq!(modes, ["notes:notes 2750", "notes:root 640", "root:root 600", "root:root 644"]);

        let before = debian.snapshot();
        assert!(keys(&debian).is_empty());
        let _ = mailprov(&debian, &["apply", "--yes"]).success();
        before.diff(&debian.snapshot()).assert_empty();

        for (what, line, expected) in damages {
            let _ = debian.shell(line).success();
            assert_eq!(keys(&debian), expected, "{what}");
            let _ = mailprov(&debian, &["apply", "--yes"]).success();
            assert!(keys(&debian).is_empty(), "{what}");
        }
        assert!(wait_for("the page, mended", || page(&debian)).contains(&title));
    }
}

#[test]
fn it_serves_another_host_and_stays_on_the_laptop() {
    for suite in Suite::ALL {
        let host = Debian::fresh(suite);
        let_in(&host);
        let laptop = Laptop::beside(&host);
        bring_playbook(&laptop.debian);
        let at = root_at(&host);
        let there = ["--playbook", "/root/web-notes", "--on", &at];
        let run = |arguments: &[&str]| laptop.mailprov(&[arguments, &there].concat());
        let output = run(&["apply", "--yes"]).success();
        for sent in ["/root/web-notes/templates/index.html ", "→ the playbook of this command"] {
            assert!(output.stderr().contains(sent), "{output}");
        }
        assert!(!output.to_string().contains("open sesame"), "{output}");
        let title = format!("<title>Notes on debian {}</title>", suite.codename());
        assert!(wait_for("the page", || page(&host)).contains(&title));
        let _ = run(&["plan", "--detailed-exitcode"]).exits(0);
        assert!(!host.exists("/root/web-notes"));
        let history = host.mailprov(&["history"]).success();
        assert!(history.stdout().contains("/root/web-notes/playbook.yml"), "{history}");

        // A mistake that only the host can find is shown at its place here.
        laptop.debian.write("/root/web-notes/templates/index.html", "{{ facts.colour }}", 0o644);
        let output = run(&["plan"]).exits(65);
        assert!(output.stderr().contains("templates/index.html:1:4"), "{output}");
    }
}

#[test]
fn it_includes_postmaster_on_another_host() {
    let files = [
        (
            "playbook.yml",
            "vars: {note: one's own}\nsteps:\n\
             - {name: Write a note, file: {path: /srv/note, content: '{{ vars.note }}'}}\n\
             - include: {playbook: postmaster}\n\
             - include: slow\n  vars: {limit: 3}\n\
             - {name: Write another, file: {path: /srv/other, content: '{{ mail.hostname }}'}}\n",
        ),
        (
            "slow/steps.yml",
            "vars: {limit: 1}\nsteps:\n\
             - {name: Write the limit, file: {path: /srv/limit, template: etc/limit}}\n",
        ),
        ("slow/etc/limit", "{{ vars.limit }}\n"),
        ("slow/main.cf.part", "smtpd_junk_command_limit = {{ vars.limit }}\n"),
    ];
    for suite in Suite::ALL {
        let host = crate::agent::converged(suite);
        let_in(&host);
        let laptop = Laptop::beside(&host);
        for (name, text) in files {
            let path = format!("/root/mine/{name}");
            let folder = Path::new(&path).parent().unwrap().display().to_string();
            let _ = laptop.debian.run(&["mkdir", "-p", &folder]).success();
            laptop.debian.write(&path, text, 0o644);
        }
        let at = root_at(&host);
        let there = ["mail.yml", "--playbook", "/root/mine", "--on", &at];
        let run = |arguments: &[&str]| laptop.mailprov(&[arguments, &there].concat());
        let output = run(&["apply", "--yes"]).success();
        // Looked at afterwards, as the mail server that it is.
        assert!(output.stdout().contains(" is well"), "{output}");
        assert_eq!(host.read_text("/srv/note"), "one's own");
        assert_eq!(host.read_text("/srv/limit"), "3\n");
        assert_eq!(host.read_text("/srv/other"), "mail.example.org");
        let limit = host.run(&["postconf", "-h", "smtpd_junk_command_limit"]).success();
        assert_eq!(limit.stdout(), "3\n");
        let _ = run(&["plan", "--detailed-exitcode"]).exits(0);
        // The host does not take it for the playbook of the program.
        let usual = host.mailprov(&["plan", "--detailed-exitcode"]).exits(2);
        assert!(usual.stdout().contains("file:/etc/postfix/main.cf"), "{usual}");

        // A copy of all folders does the same as the original.
        let eject = "mailprov playbook eject /root/copy && \
                     mailprov plan --detailed-exitcode --playbook /root/copy";
        let output = host.shell(eject).exits(2);
        for key in ["file:/etc/postfix/main.cf", "service:postfix"] {
            assert!(output.stdout().contains(key), "{output}");
        }
        assert!(output.stdout().contains("2 changes for "), "{output}");
    }
}
