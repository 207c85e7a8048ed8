//! Whatever somebody changed on a provisioned host is found, that and nothing
//! else, and mended.

use std::collections::BTreeSet;
use std::path::Path;

use super::agent::{
    self, converged, greeting, mail_yml, managed, mends, nothing_to_do, plan, planned_keys,
};
use crate::support::{Algorithm, Aspect, Authority, Debian, Issued, Pop3, Snapshot, Suite, Tls};

/// What daemons write while they run.
const LIVING: [&str; 6] = [
    "/var/lib/dovecot",
    "/var/lib/mailprov",
    "/var/lib/postfix",
    "/var/log",
    "/var/spool/postfix",
    "/root/other",
];

/// Asserts that a box is as it was but for times and inodes.
#[track_caller]
fn is_as_before(debian: &Debian, before: &Snapshot, what: &str) {
    let diff = before.diff(&debian.snapshot()).without(&LIVING);
    // No two tables of Berkeley DB are the same: each bears a number of its own.
    let is_natural = |path: &Path, aspects: &BTreeSet<Aspect>| {
        let is_table = path.extension().is_some_and(|ending| ending == "db");
        let natural = |aspect| {
            [Aspect::Mtime, Aspect::Inode].contains(aspect)
                || (is_table && *aspect == Aspect::Content)
        };
        aspects.iter().all(natural)
    };
    let left: Vec<_> =
        diff.changes().iter().filter(|(path, aspects)| !is_natural(path, aspects)).collect();
    assert!(left.is_empty(), "{what}: {left:?}");
}

/// Returns the paths of the files among keys.
fn files(keys: &[String]) -> Vec<&str> {
    let files: Vec<_> = keys.iter().filter_map(|key| key.strip_prefix("file:")).collect();
    assert!(files.contains(&"/etc/postfix/main.cf") && files.len() > 7, "{files:?}");
    files
}

/// Does a line of shell for each file, `$f`.
#[track_caller]
fn to_each_file(debian: &Debian, files: &[&str], line: &str) {
    let _ =
        debian.shell(&format!("set -e; for f in {}; do {line}; done", files.join(" "))).success();
}

#[test]
fn leftovers_of_a_debian_upgrade_are_mended() {
    let (old, debian) = (converged(Suite::Bookworm), converged(Suite::Trixie));
    for path in ["/etc/dovecot/dovecot.conf", "/etc/postfix/main.cf"] {
        let _ = debian.run_with_input(&["tee", path], &old.read(path)).success();
    }
    let restart = debian.shell("systemctl restart dovecot; systemctl reload postfix");
    assert!(!debian.shell("systemctl is-active dovecot").is_success(), "{restart}");
    let files = ["file:/etc/dovecot/dovecot.conf", "file:/etc/postfix/main.cf"];
    mends(&debian, "upgraded", &[&files[..], &["service:dovecot", "service:postfix"]].concat());
    assert!(greeting(&debian, 143).starts_with("* OK"));
}

#[test]
fn every_damage_to_a_managed_file_is_found_and_mended() {
    let damages = [
        ("edited", "echo '# by hand' >>$f"),
        ("emptied", "truncate --size=0 $f"),
        ("deleted", "rm $f"),
        ("replaced by a link", "cp $f /tmp/copy; ln -sf /tmp/copy $f"),
        ("replaced by a dangling link", "ln -sf /nowhere/at/all $f"),
        ("replaced by an empty directory", "rm $f; mkdir $f"),
        ("replaced by a FIFO", "rm $f; mkfifo $f"),
    ];
    for suite in Suite::ALL {
        let debian = converged(suite);
        let before = debian.snapshot();
        let managed = managed(&debian);
        for (what, line) in damages {
            to_each_file(&debian, &files(&managed), line);
            let plan = plan(&debian);
            for change in plan.iter().filter(|change| change.key.starts_with("file:")) {
                assert!(change.drift, "{what}: {change:#?}");
            }
            mends(&debian, what, &managed);
            is_as_before(&debian, &before, what);
        }
    }
}

#[test]
fn another_mode_or_owner_of_a_file_is_mended_without_writing_it() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        let before = debian.snapshot();
        let mut metadata = managed(&debian);
        metadata.retain(|key| !key.starts_with("table:"));
        let files = files(&metadata);
        for (what, line) in [("chmod", "chmod 0777 $f"), ("chown", "chown nobody:nogroup $f")] {
            to_each_file(&debian, &files, line);
            mends(&debian, what, &metadata);
            let after = debian.snapshot();
            is_as_before(&debian, &before, what);
            for file in &files {
                assert_eq!(before.get(file), after.get(file), "{what} {file}");
            }
        }
    }
}

#[test]
fn a_directory_with_something_in_it_is_refused_and_nothing_is_lost() {
    let debian = converged(Suite::Trixie);
    let _ = debian
        .shell("rm /etc/postfix/main.cf; mkdir /etc/postfix/main.cf; echo mine >/etc/postfix/main.cf/x")
        .success();
    let before = debian.snapshot();
    for command in [&["plan"][..], &["apply", "--yes"]] {
        let output = debian.mailprov(command).exits(1);
        let text = output.stderr();
        assert!(text.contains("/etc/postfix/main.cf is a directory that is not empty"), "{output}");
        assert!(text.contains("Nothing was changed"), "{output}");
    }
    before.diff(&debian.snapshot()).assert_empty();
}

#[test]
fn other_names_and_attributes_of_a_file_are_kept() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        let before = debian.read("/etc/postfix/main.cf");
        let line = "set -e; cd /etc/postfix; ln main.cf /root/other; echo '# mine' >>/root/other
                    setfacl -m u:nobody:r main.cf; setfattr -n user.note -v kept main.cf";
        let _ = debian.shell(line).success();
        mends(&debian, "hard link", &["file:/etc/postfix/main.cf", "service:postfix"]);
        assert_eq!(debian.read("/etc/postfix/main.cf"), before);
        assert!(debian.read_text("/root/other").ends_with("# mine\n"));
        let list = debian.run(&["getfacl", "-c", "/etc/postfix/main.cf"]).success().stdout();
        assert!(list.contains("user:nobody:r--"), "{list}");
        let note = ["getfattr", "--only-values", "-n", "user.note", "/etc/postfix/main.cf"];
        assert_eq!(debian.run(&note).success().stdout(), "kept");
    }
}

#[test]
fn a_table_that_is_gone_old_or_another_is_compiled_again() {
    let damages = [
        ("deleted", "rm virtual.db"),
        ("older than its source", "touch -d '2001-01-01' virtual.db"),
        ("another", "cp mailboxes.db virtual.db"),
        ("emptied", "truncate --size=0 virtual.db"),
        ("closed", "chmod 0600 virtual.db"),
        ("a link", "ln -sf mailboxes.db virtual.db"),
        ("a FIFO", "rm virtual.db; mkfifo virtual.db"),
    ];
    for suite in Suite::ALL {
        let debian = converged(suite);
        let before = debian.snapshot();
        for (what, line) in damages {
            let _ = debian.shell(&format!("set -e; cd /etc/postfix; {line}")).success();
            mends(&debian, what, &["table:/etc/postfix/virtual"]);
            is_as_before(&debian, &before, what);
        }
    }
}

/// Waits until nobody answers on a port: `systemctl stop postfix` comes back
/// before Postfix has ended.
fn gone(debian: &Debian, port: u16) {
    crate::support::wait_for("a daemon to end", || debian.connect(port).is_err().then_some(()));
}

#[test]
fn a_service_is_started_enabled_and_unmasked_again() {
    let kill = "kill -9 $(cat /var/spool/postfix/pid/master.pid)";
    let damages = [
        ("stopped dovecot", "systemctl stop dovecot.socket dovecot", "dovecot"),
        ("disabled dovecot", "systemctl disable dovecot", "dovecot"),
        ("masked dovecot", "systemctl mask dovecot; systemctl stop dovecot", "dovecot"),
        ("killed dovecot", "kill -9 $(cat /run/dovecot/master.pid)", "dovecot"),
        ("stopped postfix", "systemctl stop postfix", "postfix"),
        ("disabled postfix", "systemctl disable postfix", "postfix"),
        ("masked postfix", "systemctl mask postfix", "postfix"),
        ("killed postfix", kill, "postfix"),
    ];
    for suite in Suite::ALL {
        let debian = converged(suite);
        let before = debian.snapshot();
        for (what, line, service) in damages {
            let _ = debian.shell(line);
            if what.starts_with("stopped") {
                gone(&debian, if service == "postfix" { 25 } else { 143 });
            }
            mends(&debian, what, &[format!("service:{service}")]);
            is_as_before(&debian, &before, what);
            assert!(greeting(&debian, 25).starts_with("220 mail.example.org"), "{what}");
            assert!(greeting(&debian, 143).starts_with("* OK"), "{what}");
        }
    }
}

/// The banner that somebody sets by hand.
const BANNER: &str = "echo 'smtpd_banner = by hand' >>/etc/postfix/main.cf";

#[test]
fn a_daemon_runs_with_what_is_on_disk_whoever_told_it_otherwise() {
    let both = &["file:/etc/postfix/main.cf", "service:postfix"][..];
    let damages = [
        ("edited and reloaded", format!("{BANNER}; postfix reload"), both),
        ("edited and restarted", format!("{BANNER}; systemctl restart postfix"), both),
    ];
    for suite in Suite::ALL {
        let debian = converged(suite);
        // From here on the daemon is one that the program started.
        let _ = debian.shell("systemctl stop postfix").success();
        gone(&debian, 25);
        mends(&debian, "stopped", &both[1..]);
        for (what, line, keys) in &damages {
            let _ = debian.shell(&format!("set -e; {line}")).success();
            crate::support::wait_for("the banner set by hand", || {
                greeting(&debian, 25).contains("by hand").then_some(())
            });
            mends(&debian, what, keys);
            assert!(!greeting(&debian, 25).contains("by hand"), "{what}");
        }
        // Put back with its old time of writing: only what the daemon says tells.
        let edit = "cd /etc/dovecot; cp -p dovecot.conf /root/other
                    echo 'login_greeting = by hand' >>dovecot.conf; doveadm reload";
        let _ = debian.shell("systemctl stop dovecot").success();
        mends(&debian, "stopped", &["service:dovecot"]);
        let _ = debian.shell(edit).success();
        crate::support::wait_for("the greeting set by hand", || {
            greeting(&debian, 143).contains("by hand").then_some(())
        });
        let _ = debian.shell("cp -p /root/other /etc/dovecot/dovecot.conf").success();
        mends(&debian, "put back", &["service:dovecot"]);
        crate::support::wait_for("the greeting of before", || {
            (!greeting(&debian, 143).contains("by hand")).then_some(())
        });
        let broken = "echo 'nonsense {' >>/etc/dovecot/dovecot.conf; systemctl restart dovecot";
        assert!(!debian.shell(broken).is_success());
        mends(&debian, "broken", &["file:/etc/dovecot/dovecot.conf", "service:dovecot"]);
        assert!(greeting(&debian, 143).starts_with("* OK"));
    }
}

#[test]
fn the_owner_of_the_mail_is_made_again_with_its_numbers() {
    let group = "group:vmail";
    let user = "user:vmail";
    let damages = [
        ("user and group removed", "userdel vmail", &[group, user][..]),
        // usermod gives the home folder away as well.
        ("another uid", "usermod --uid 6000 vmail", &["files:/var/vmail of uid 6000", user]),
        (
            "another uid, by an editor",
            "sed -i 's/^vmail:x:5000:/vmail:x:6000:/' /etc/passwd",
            &[user],
        ),
        ("another shell", "usermod --shell /bin/sh vmail", &[user]),
        ("another home", "usermod --home /nowhere vmail", &[user]),
        (
            "another group",
            "usermod --gid nogroup vmail",
            &["files:/var/vmail of gid 65534", user, "file:/var/vmail"],
        ),
        ("another mode", "chmod 0755 /var/vmail", &["file:/var/vmail"]),
        ("another owner", "chown root:root /var/vmail", &["file:/var/vmail"]),
    ];
    for suite in Suite::ALL {
        let debian = converged(suite);
        let before = debian.snapshot().get("/var/vmail").unwrap().clone();
        let lines = debian.shell("getent passwd vmail; getent group vmail").success().stdout();
        for (what, line, keys) in damages {
            let _ = debian.shell(line).success();
            mends(&debian, what, keys);
            let now = debian.shell("getent passwd vmail; getent group vmail").success().stdout();
            assert_eq!(now, lines, "{what}");
            let folder = debian.snapshot().get("/var/vmail").unwrap().clone();
            assert_eq!((folder.uid, folder.gid, folder.mode), (before.uid, before.gid, 0o700));
        }
    }
}

#[test]
fn a_number_that_is_another_user_s_is_refused_by_name() {
    let debian = converged(Suite::Bookworm);
    let _ = debian.shell("userdel vmail && groupadd -g 5000 crowd").success();
    let output = debian.mailprov(&["plan"]).exits(1);
    assert!(output.stderr().contains("belongs to the group `crowd`"), "{output}");
    let _ = debian.shell("groupdel crowd && useradd -u 5000 -g users intruder").success();
    let before = debian.snapshot();
    let output = debian.mailprov(&["apply", "--yes"]).exits(1);
    assert!(output.stderr().contains("belongs to the user `intruder`"), "{output}");
    before.diff(&debian.snapshot()).assert_empty();
}

#[test]
fn a_package_that_was_removed_comes_back() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        for line in [
            "apt-get remove --yes dovecot-pop3d",
            "apt-get remove --yes postfix",
            "apt-get purge --yes dovecot-core",
            "apt-get purge --yes postfix",
        ] {
            // Dovecot does not start again without a protocol that is configured, and apt complains.
            let _ = debian.shell(&format!("DEBIAN_FRONTEND=noninteractive {line}"));
            let removed = line.rsplit(' ').next().unwrap();
            let keys = planned_keys(&debian);
            assert!(keys.contains(&format!("package:{removed}")), "{line}: {keys:?}");
            mends(&debian, line, &keys.iter().map(String::as_str).collect::<Vec<_>>());
            assert!(greeting(&debian, 25).starts_with("220 mail.example.org"), "{line}");
            let tls = Tls::unverified("mail.example.org");
            assert!(Pop3::connect_tls(debian.connect(995).unwrap(), &tls).is_ok(), "{line}");
        }
    }
}

#[test]
fn a_package_on_hold_is_left_alone_and_not_brought_back() {
    let debian = converged(Suite::Trixie);
    let _ = debian.run(&["apt-mark", "hold", "dovecot-pop3d"]).success();
    nothing_to_do(&debian, "on hold");
    // Dovecot does not start again without a protocol that is configured, and apt complains.
    let _ = debian.shell("apt-get remove --yes --allow-change-held-packages dovecot-pop3d");
    let _ = debian.run(&["apt-mark", "hold", "dovecot-pop3d"]).success();
    for command in [&["plan"][..], &["apply", "--yes"]] {
        let output = debian.mailprov(command).exits(1);
        assert!(output.stderr().contains("apt-mark unhold dovecot-pop3d"), "{output}");
    }
    let _ = debian.run(&["apt-mark", "unhold", "dovecot-pop3d"]).success();
    let _ = debian.mailprov(&["apply", "--yes"]).success();
    nothing_to_do(&debian, "no longer on hold");
}

/// Puts a certificate where [`mail_yml_with_certificate`] says it is.
fn put_certificate(debian: &Debian, issued: &Issued) {
    debian.write("/etc/tls/chain.pem", issued.chain_pem(), 0o644);
    debian.write("/etc/tls/key.pem", issued.key_pem(), 0o600);
}

fn mail_yml_with_certificate() -> String {
    let files = "tls: {certificate: /etc/tls/chain.pem, key: /etc/tls/key.pem}";
    mail_yml().replace("tls: {self_signed: true}", files)
}

#[test]
fn a_renewed_certificate_is_served() {
    let authority = Authority::new();
    let ports = [465, 993, 995];
    let tls = Tls::trusting(&authority.root_pem(), "mail.example.org");
    for suite in Suite::ALL {
        let debian = converged(suite).mail_yml(&mail_yml_with_certificate());
        let mut served = BTreeSet::new();
        put_certificate(&debian, &authority.issue(&["mail.example.org"], Algorithm::Ec));
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        crate::renewal::put_off(&debian);
        for algorithm in [Algorithm::Rsa, Algorithm::Ec] {
            put_certificate(&debian, &authority.issue(&["mail.example.org"], algorithm));
            mends(&debian, "renewed", &["service:dovecot", "service:postfix"]);
            for port in ports {
                let chain = chain(&debian, port, &tls);
                assert_eq!(chain.len(), 2, "port {port}");
                served.insert(chain[0].clone());
            }
        }
        assert_eq!(served.len(), 2, "each port serves each certificate in its time");
    }
}

/// Returns the certificates that a port shows from the first byte on.
#[track_caller]
fn chain(debian: &Debian, port: u16, tls: &Tls) -> Vec<Vec<u8>> {
    let stream = debian.connect(port).unwrap();
    let chain = match port {
        465 => crate::support::Smtp::connect_tls(stream, tls).unwrap().wire().peer_chain(),
        993 => crate::support::Imap::connect_tls(stream, tls).unwrap().wire().peer_chain(),
        _ => Pop3::connect_tls(stream, tls).unwrap().wire().peer_chain(),
    };
    chain.into_iter().map(|certificate| certificate.to_vec()).collect()
}

#[test]
fn a_self_signed_certificate_is_made_again() {
    let authority = Authority::new();
    let other = authority.issue(&["another.example.org"], Algorithm::Ec);
    for suite in Suite::ALL {
        let debian = converged(suite);
        let (path, key) = ("/etc/ssl/certs/mailprov.pem", "/etc/ssl/private/mailprov.key");
        let made = format!("certificate:{path}");
        let all = [made.as_str(), "service:dovecot", "service:postfix"];
        let before = debian.snapshot();
        let _ = debian.run(&["rm", path]).success();
        mends(&debian, "deleted", &all);
        let _ = debian.run(&["rm", key]).success();
        mends(&debian, "key deleted", &all);
        debian.write(path, other.chain_pem(), 0o644);
        debian.write(key, other.key_pem(), 0o600);
        mends(&debian, "for another name", &all);
        // As openssl's own configuration has it.
        let as_authority = format!(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 \
             -subj /CN=mail.example.org -addext subjectAltName=DNS:mail.example.org \
             -keyout {key} -out {path} && chmod 0600 {key}"
        );
        let _ = debian.shell(&as_authority).success();
        mends(&debian, "an authority's", &all);
        let show = "openssl x509 -noout -ext basicConstraints,keyUsage,extendedKeyUsage -in";
        let shown = debian.shell(&format!("{show} {path}")).success().stdout();
        for words in ["CA:FALSE", "Digital Signature", "TLS Web Server Authentication"] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        let _ = debian.run(&["chmod", "0644", key]).success();
        mends(&debian, "key open to all", &all);
        let after = debian.snapshot();
        let entry = after.get(key).unwrap();
        assert_eq!((entry.mode, entry.uid), (0o600, 0));
        assert_ne!(before.get(path), after.get(path));
    }
}

#[test]
fn a_change_of_mail_yml_is_not_called_a_change_by_hand() {
    let debian = converged(Suite::Trixie);
    debian.write("/etc/mailprov/mail.yml", mail_yml().replace("[info,", "[info, hello,"), 0o600);
    let changes = plan(&debian);
    assert!(!changes.is_empty());
    for change in &changes {
        assert!(!change.drift, "{change:#?}");
    }
    let _ = debian.shell("echo '# by hand' >>/etc/postfix/master.cf").success();
    let text = debian.mailprov(&["plan"]).success().stdout();
    let line = text.lines().find(|line| line.contains("file:/etc/postfix/master.cf")).unwrap();
    assert!(line.contains("changed by hand"), "{text}");
    let line = text.lines().find(|line| line.contains("file:/etc/postfix/virtual")).unwrap();
    assert!(!line.contains("changed by hand"), "{text}");
}

#[test]
fn leftovers_of_a_killed_run_are_cleaned_up() {
    let debian = converged(Suite::Bookworm);
    let before = debian.snapshot();
    assert!(!debian.exists("/usr/sbin/policy-rc.d"));
    debian.write(
        "/usr/sbin/policy-rc.d",
        "#!/bin/sh\n[ -n \"$MAILPROV_INSTALLING\" ] && exit 101\n",
        0o755,
    );
    debian.write("/etc/postfix/.main.cf.mailprov-new", "half of it", 0o600);
    let _ = debian.shell("echo >>/etc/postfix/main.cf").success();
    let _ = debian.mailprov(&["apply", "--yes"]).success();
    is_as_before(&debian, &before, "our own policy");

    // The host's own one waited aside.
    let own = "#!/bin/sh\nexit 0 # the host's\n";
    debian.write("/usr/sbin/policy-rc.d.mailprov-kept", own, 0o750);
    debian.write(
        "/usr/sbin/policy-rc.d",
        "#!/bin/sh\n[ -n \"$MAILPROV_INSTALLING\" ] && exit 101\n",
        0o755,
    );
    let _ = debian.mailprov(&["apply", "--yes"]).success();
    assert_eq!(debian.read_text("/usr/sbin/policy-rc.d"), own);
    assert!(!debian.exists("/usr/sbin/policy-rc.d.mailprov-kept"));
    assert_eq!(debian.snapshot().get("/usr/sbin/policy-rc.d").unwrap().mode, 0o750);
    assert!(agent::plan(&debian).is_empty());
}
