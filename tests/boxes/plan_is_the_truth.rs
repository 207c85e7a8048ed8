//! What `plan` says, `apply` does: the same set, in the same order, with the
//! same bytes, and after that there is nothing left to say.

use sha2::{Digest as _, Sha256};

use super::agent::{Change, changes, converged, keys_of, mail_yml, nothing_to_do, plan};
use crate::support::{Debian, Kind, Output, Snapshot, Suite};

/// What mailprov writes for itself, and what daemons write.
const NOT_ANNOUNCED: [&str; 5] =
    ["/var/lib/dovecot", "/var/lib/mailprov", "/var/lib/postfix", "/var/log", "/var/spool/postfix"];

/// Asserts that a file, a folder or a link that was announced is there as
/// announced, to the byte.
#[track_caller]
fn assert_as_announced(debian: &Debian, snapshot: &Snapshot, change: &Change) {
    let Some(path) = change.key.strip_prefix("file:") else { return };
    let after = &change.after;
    let entry = snapshot.get(path).unwrap_or_else(|| panic!("{path} is not there"));
    match (&entry.kind, after["state"].as_str().unwrap()) {
        (Kind::Link(target), "link") => {
            assert_eq!(target.to_str(), after["target"].as_str(), "{path}");
            return;
        }
        (Kind::File(digest), "file") => {
            if after["secret"] != true {
                assert_eq!(*digest, after["sha256"], "{path}");
                let content = after["content"].as_str().unwrap();
                assert_eq!(debian.read_text(path), content, "{path}");
                assert_eq!(*digest, hex(&Sha256::digest(content)), "{path}");
            }
            let size = debian.read(path).len();
            assert_eq!(after["size"], size, "{path}");
        }
        (Kind::Directory, "directory") => {}
        (kind, state) => panic!("{path} is {kind:?}, not {state}"),
    }
    assert_eq!(after["mode"], format!("{:04o}", entry.mode), "{path}");
    let owner = debian.run(&["stat", "--format=%U:%G", path]).success().stdout();
    let announced = format!("{}:{}", text(after, "owner"), text(after, "group"));
    assert_eq!(owner.trim(), announced, "{path}");
}

fn text<'v>(value: &'v serde_json::Value, name: &str) -> &'v str {
    value[name].as_str().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Plans and applies, and asserts that one announces what the other does.
/// Returns what was announced, and the box before and after.
#[track_caller]
fn plan_and_apply(debian: &Debian) -> (Vec<Change>, Snapshot, Snapshot) {
    let before = debian.snapshot();
    let planned = changes(&debian.mailprov(&["plan", "--json"]).success());
    before.diff(&debian.snapshot()).assert_empty();
    let output = debian.mailprov(&["apply", "--yes", "--json"]).success();
    assert_same(&planned, &output);
    (planned, before, debian.snapshot())
}

#[track_caller]
fn assert_same(planned: &[Change], output: &Output) {
    assert_eq!(planned, changes(output), "apply announces what plan announced");
    let keys: Vec<_> = planned.iter().map(|change| change.key.clone()).collect();
    for kind in ["started", "finished"] {
        assert_eq!(keys_of(output, kind), keys, "{kind}");
    }
}

/// Asserts that a plan is empty, and that neither it nor another `apply`
/// leaves a trace.
#[track_caller]
fn nothing_happens_any_more(debian: &Debian) {
    let before = debian.snapshot();
    nothing_to_do(debian, "after apply");
    let _ = debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
    let output = debian.mailprov(&["apply", "--yes", "--json"]).success();
    assert!(changes(&output).is_empty());
    let _ = debian.mailprov(&["apply", "--yes"]).success();
    before.diff(&debian.snapshot()).assert_empty();
}

#[test]
fn on_a_fresh_host_every_announced_file_is_there_to_the_byte() {
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite).mail_yml(&mail_yml());
        let _ = debian.mailprov(&["plan", "--detailed-exitcode"]).exits(2);
        let (planned, before, after) = plan_and_apply(&debian);
        for change in &planned {
            assert_as_announced(&debian, &after, change);
        }
        assert_only_announced(&debian, &planned, &before, &after);
        for package in planned.iter().filter_map(|change| change.key.strip_prefix("package:")) {
            let version = ["dpkg-query", "--show", "--showformat=${Version}", package];
            let version = debian.run(&version).success().stdout();
            let change = planned.iter().find(|change| change.key.ends_with(package)).unwrap();
            assert_eq!(change.after["version"], version, "{package}");
        }
        nothing_happens_any_more(&debian);
    }
}

/// Asserts that what changed on a fresh box is announced, belongs to a package
/// or was made by one while it was installed.
#[track_caller]
fn assert_only_announced(debian: &Debian, planned: &[Change], before: &Snapshot, after: &Snapshot) {
    /// What dpkg, apt, debconf and the scripts of these packages write.
    const MADE_BY_SCRIPTS: &[&str] = &[
        "/etc/alternatives",
        "/etc/ca-certificates.conf",
        "/etc/dovecot/conf.d",
        "/etc/dovecot/dovecot-dict-auth.conf.ext",
        "/etc/dovecot/dovecot-dict-sql.conf.ext",
        "/etc/dovecot/dovecot-oauth2.conf.ext",
        "/etc/dovecot/dovecot-sql.conf.ext",
        "/etc/dovecot/private",
        "/etc/group",
        "/etc/group-",
        "/etc/gshadow",
        "/etc/gshadow-",
        "/etc/passwd",
        "/etc/passwd-",
        "/etc/shadow",
        "/etc/shadow-",
        "/etc/subgid",
        "/etc/subuid",
        "/etc/ld.so.cache",
        "/etc/mailname",
        "/etc/networks",
        "/etc/postfix/dynamicmaps.cf",
        "/etc/postfix/main.cf.proto",
        "/etc/postfix/makedefs.out",
        "/etc/postfix/master.cf.proto",
        "/etc/rc*.d",
        "/etc/ssl/certs",
        "/etc/ssl/private/mailprov.key",
        "/etc/ssl/private/ssl-cert-snakeoil.key",
        "/etc/systemd/system",
        "/usr/bin/mt",
        "/usr/lib/python3",
        "/usr/share",
        "/var/cache",
        "/var/lib",
    ];
    let listed = debian.shell("dpkg -L $(dpkg-query -W -f '${Package}\\n')").success().stdout();
    let files: std::collections::HashSet<_> = listed.lines().map(real).collect();
    let announced: Vec<_> = planned
        .iter()
        .filter_map(|change| change.key.split_once(':'))
        .map(|(_, name)| name)
        .collect();
    let diff = before.diff(after).without(&NOT_ANNOUNCED).without_folder_times(after);
    let unannounced: Vec<_> = diff
        .paths()
        .into_iter()
        .map(|path| path.to_str().unwrap())
        .filter(|path| {
            // A compiled table lies beside its source, a key beside its certificate.
            let is_announced = announced.iter().any(|name| {
                let is_script = name.ends_with(".sieve") && path.ends_with(".svbin");
                path == name
                    || path.strip_prefix(name) == Some(".db")
                    || (is_script && name.strip_suffix("sieve") == path.strip_suffix("svbin"))
                    || (name.ends_with(".pem") && folder(name) == folder(path))
                    || (name.ends_with(".pem") && folder(name) == *path)
            });
            let by_script = MADE_BY_SCRIPTS.iter().any(|made| match made.split_once('*') {
                Some((start, _)) => path.starts_with(start),
                None => path
                    .strip_prefix(made)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            });
            !is_announced && !by_script && !files.contains(&real(path))
        })
        .collect();
    assert!(unannounced.is_empty(), "{unannounced:#?}");
}

/// Returns a path as it is after the merge of `/lib` into `/usr/lib`.
fn real(path: &str) -> String {
    match ["/bin/", "/sbin/", "/lib/", "/lib64/"].iter().any(|top| path.starts_with(top)) {
        true => format!("/usr{path}"),
        false => path.to_owned(),
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[test]
fn on_a_drifted_host_exactly_what_is_announced_changes() {
    // On Debian 12 postfix.service is but a front: stopping it comes back before the daemon is gone.
    let drift = "set -e
        echo '# by hand' >>/etc/postfix/main.cf
        chmod 0600 /etc/dovecot/dovecot.conf
        rm /etc/postfix/virtual.db
        chown root:root /var/vmail
        systemctl stop postfix 'postfix@*'";
    for suite in Suite::ALL {
        let debian = converged(suite);
        let _ = debian.shell(drift).success();
        let (planned, before, after) = plan_and_apply(&debian);
        let keys: Vec<_> = planned.iter().map(|change| change.key.as_str()).collect();
        let expected = [
            "file:/var/vmail",
            "file:/etc/dovecot/dovecot.conf",
            "file:/etc/postfix/main.cf",
            "table:/etc/postfix/virtual",
            "service:dovecot",
            "service:postfix",
        ];
        assert_eq!(keys, expected);
        for change in &planned {
            assert_as_announced(&debian, &after, change);
        }
        let diff = before.diff(&after).without(&NOT_ANNOUNCED).without_folder_times(&after);
        let changed: Vec<_> = diff.paths().iter().map(|path| path.to_str().unwrap()).collect();
        let expected = [
            "/etc/dovecot/dovecot.conf",
            "/etc/postfix/main.cf",
            "/etc/postfix/virtual.db",
            "/var/vmail",
        ];
        assert_eq!(changed, expected, "{diff}");
        nothing_happens_any_more(&debian);
    }
}

#[test]
fn on_a_converged_host_nothing_is_announced_and_nothing_touched() {
    for suite in Suite::ALL {
        let mut debian = converged(suite);
        nothing_happens_any_more(&debian);
        debian.reboot();
        nothing_happens_any_more(&debian);
    }
}

#[test]
fn an_ordinary_user_sees_what_may_be_seen_and_is_told_what_not() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        let _ = debian.shell("cp /etc/mailprov/mail.yml /tmp/mail.yml; chmod 644 /tmp/mail.yml");
        let _ = debian.shell("echo '# by hand' >>/etc/postfix/main.cf").success();
        let nobody = |arguments: &[&str]| {
            let start = ["runuser", "-u", "nobody", "--", "mailprov"];
            debian.run(&[&start[..], arguments].concat())
        };
        let before = debian.snapshot();
        let output = nobody(&["plan", "/tmp/mail.yml"]).success();
        let text = output.stdout();
        assert!(text.contains("file:/etc/postfix/main.cf"), "{output}");
        assert!(text.contains("- # by hand"), "{output}");
        assert!(text.contains("could not be compared: run this as root to see all"), "{output}");
        assert!(text.contains("/etc/dovecot/users"), "{output}");
        let output = nobody(&["plan", "--json", "/tmp/mail.yml"]).success();
        let unseen = super::agent::events(&output).into_iter().filter(|it| it["event"] == "unseen");
        assert!(unseen.count() > 0, "{output}");
        let output = nobody(&["apply", "--yes", "/tmp/mail.yml"]).exits(77);
        assert!(output.stderr().contains("only root"), "{output}");
        before.diff(&debian.snapshot()).assert_empty();
        assert!(!plan(&debian).is_empty());
    }
}
