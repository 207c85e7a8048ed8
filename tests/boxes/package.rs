//! The Debian package: clean by both releases' lintian, readable and completed
//! where it is installed, and gone without a trace but for what is a person's.
//!
//! It is made of the program that was just built, or is `$MAILPROV_PACKAGE`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use crate::common::{Letter, STRANGER, password_of};
use crate::support::{Debian, Imap, Smtp, Suite, Terminal, Tls, tree, wait_for};

/// Where the package lies in a box.
const THERE: &str = "/root/mailprov.deb";

/// What reads, completes and judges.
const READERS: &str = "bash-completion,fish,lintian,man-db,zsh";

/// The package on this machine.
static PACKAGE: LazyLock<PathBuf> = LazyLock::new(|| {
    if let Some(given) = std::env::var_os("MAILPROV_PACKAGE") {
        return given.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packed = Command::new(root.join("tests/package"))
        .args([env!("CARGO_BIN_EXE_mailprov"), "--fast"])
        .output()
        .unwrap();
    assert!(packed.status.success(), "{packed:?}");
    root.join(String::from_utf8(packed.stdout).unwrap().trim_end())
});

/// Runs a line in a copy of a tree, with the package. The copy is in memory and
/// goes with the line.
const IN_A_COPY: &str = r#"
set -eu
tree=$1 deb=$2 line=$3
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o "lowerdir=$tree,upperdir=/mnt/upper,workdir=/mnt/work" overlay /mnt/root
mount --rbind /dev /mnt/root/dev
mount --rbind /proc /mnt/root/proc
cp "$deb" /mnt/root/root/mailprov.deb
exec chroot /mnt/root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    TERM=screen bash -euc "cd; $line"
"#;

/// Installs the package as a person does, without a way to any mirror.
const INSTALL: &str =
    "DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ./mailprov.deb";

fn in_a_copy(suite: Suite, line: &str) -> Vec<String> {
    let tree = tree(&format!("readers-{}", suite.codename()), suite, READERS);
    let unshare = ["unshare", "--mount", "sh", "-c", IN_A_COPY];
    let mut argv: Vec<String> = unshare.map(str::to_owned).to_vec();
    let more = ["sh", tree.to_str().unwrap(), PACKAGE.to_str().unwrap(), line];
    argv.extend(more.map(str::to_owned));
    argv
}

#[track_caller]
fn done(argv: &[String]) -> String {
    let Output { status, stdout, stderr } =
        Command::new(&argv[0]).args(&argv[1..]).output().unwrap();
    let said = String::from_utf8([stdout, stderr].concat()).unwrap();
    assert!(status.success(), "{said}");
    said
}

#[test]
fn both_lintians_find_nothing_but_what_is_overridden() {
    for suite in Suite::ALL {
        let lint = "lintian --allow-root --show-overrides --fail-on none mailprov.deb";
        let said = done(&in_a_copy(suite, lint));
        let found = said.lines().filter(|line| !line.starts_with("N:"));
        let others: Vec<_> = found.filter(|line| !line.starts_with("O: mailprov: ")).collect();
        assert_eq!(others, [""; 0], "{suite:?}");
    }
}

#[test]
fn its_manual_and_its_playbook_are_read() {
    for suite in Suite::ALL {
        let read = "man mailprov; man mailprov-account-add; man 5 mail.yml; whatis mailprov; \
             for page in /usr/share/man/man[15]/mail*; do \
             man --warnings -l $page 2>&1 >/dev/null | sed \"s/^/man warns: /\"; done; \
             zcat /usr/share/doc/mailprov/changelog.gz /usr/share/doc/mailprov/crates.gz; \
             cat /usr/share/mailprov/*.schema.json; \
             mailprov playbook show postmaster | \
             cmp - /usr/share/mailprov/playbooks/postmaster/playbook.yml";
        let said = done(&in_a_copy(suite, &format!("{INSTALL} >/dev/null; {read}")));
        for words in [
            "Exit codes:",
            "Add an account to mail.yml",
            "mailprov (1)",
            "MAIL.YML(5)",
            concat!("mailprov (", env!("CARGO_PKG_VERSION"), ")"),
            "Permission is hereby granted",
            "\"title\": \"mail.yml\"",
            "\"title\": \"playbook.yml\"",
        ] {
            assert!(said.contains(words), "`{words}` is missing:\n{said}");
        }
        assert!(!said.contains("man warns: "), "{said}");
    }
}

#[test]
fn three_shells_complete_command_lines() {
    for suite in Suite::ALL {
        let line = format!(
            "{INSTALL} >/dev/null 2>&1; cp /usr/share/bash-completion/bash_completion .bashrc; \
             echo 'autoload -U compinit; compinit' >.zshrc; \
             for shell in bash zsh fish; do clear; echo \"it is $shell\"; $shell -i; done"
        );
        let words = in_a_copy(suite, &line);
        let quoted = words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''")));
        let quoted: Vec<_> = quoted.collect();
        let terminal = Terminal::run(Path::new("/"), &quoted.join(" "));
        for shell in ["bash", "zsh", "fish"] {
            terminal.shows(&format!("it is {shell}"));
            // The shell is there once it answers.
            terminal.types("expr 6 '*' 7");
            terminal.shows("42");
            for (typed, completed) in [
                ("mailprov acc", "mailprov account"),
                ("pas", "mailprov account passwd"),
                ("nobody --password-s", "mailprov account passwd nobody --password-stdin"),
            ] {
                terminal.presses(typed);
                terminal.presses("Tab");
                terminal.shows(completed);
            }
            terminal.presses("C-u");
            terminal.types("exit");
        }
        terminal.shows("exit 0");
    }
}

/// Where the timer of `watch` is, and whether it is switched on.
fn timer(debian: &Debian) -> Vec<String> {
    let show = ["systemctl", "show", "--value", "--property=FragmentPath,UnitFileState"];
    let shown = debian.run(&[&show[..], &["mailprov-watch.timer"]].concat()).success().stdout();
    let lines = shown.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| line.replacen("/lib/", "/usr/lib/", usize::from(line.starts_with("/lib/"))))
        .collect()
}

/// What is in a box's file system that has mailprov's name.
fn traces(debian: &Debian) -> Vec<String> {
    let line = "find / -xdev -path /var/lib/dpkg -prune -o -path /var/lib/systemd -prune -o -name '*mailprov*' -prune -print | sort";
    debian.shell(line).success().stdout().lines().map(str::to_owned).collect()
}

fn apt(debian: &Debian, words: &[&str]) {
    let apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--yes"];
    let _ = debian.run(&[&apt, words].concat()).success();
}

/// Tells whether a mail comes in and can be read.
fn serves(debian: &Debian) -> bool {
    let letter = Letter::new();
    let mut smtp = Smtp::connect(debian.connect(25).unwrap()).unwrap();
    smtp.ehlo().unwrap();
    let reply = smtp.send(STRANGER, &["thomas@example.org"], letter.bytes()).unwrap();
    reply.expect_code(250);
    let tls = Tls::unverified("mail.example.org");
    wait_for("the mail", || {
        let mut imap = Imap::connect_tls(debian.connect(993).unwrap(), &tls).unwrap();
        imap.login("thomas", &password_of("thomas")).unwrap().ok().unwrap();
        let mails = imap.messages("INBOX").unwrap();
        let is_it = |mail: &Vec<u8>| String::from_utf8_lossy(mail).contains(letter.token());
        mails.iter().any(is_it).then_some(true)
    })
}

#[test]
fn it_is_installed_used_upgraded_removed_and_purged() {
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite);
        let _ = debian.run(&["rm", "/usr/local/bin/mailprov"]).success();
        debian.write(THERE, std::fs::read(&*PACKAGE).unwrap(), 0o644);
        // apt's and dpkg's own are as after any other package.
        apt(&debian, &["install", "--no-install-recommends", THERE]);
        apt(&debian, &["purge", "mailprov"]);
        let before = debian.snapshot();
        apt(&debian, &["install", "--no-install-recommends", THERE]);
        assert_eq!(timer(&debian), ["/usr/lib/systemd/system/mailprov-watch.timer", "disabled"]);
        apt(&debian, &["purge", "mailprov"]);
        let after = debian.snapshot();
        let packages = ["/var/lib/dpkg", "/var/lib/apt", "/var/cache/apt", "/var/log"];
        before.diff(&after).without(&packages).without_folder_times(&after).assert_empty();
        assert_eq!(traces(&debian), [THERE]);

        apt(&debian, &["install", "--no-install-recommends", THERE]);
        let init = ["init", "/etc/mailprov/mail.yml", "--hostname", "mail.example.org"];
        let more = ["--account", "thomas", "--domain", "example.org", "--self-signed"];
        let words = [&["mailprov"], &init[..], &more, &["--password-stdin"]].concat();
        let _ = debian.run_with_input(&words, password_of("thomas").as_bytes()).success();
        let text = debian.read_text("/etc/mailprov/mail.yml");
        let schema = "# yaml-language-server: $schema=file:///usr/share/mailprov/mail.schema.json";
        assert_eq!(text.lines().next(), Some(schema));
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        assert_eq!(timer(&debian), ["/usr/lib/systemd/system/mailprov-watch.timer", "disabled"]);
        debian.write("/etc/mailprov/mail.yml", format!("{text}watch: daily\n"), 0o600);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        assert_eq!(timer(&debian), ["/etc/systemd/system/mailprov-watch.timer", "enabled"]);
        assert!(serves(&debian));

        let newer = "cd /root && dpkg-deb -R mailprov.deb it && \
                     sed -i 's/^Version: .*/&+1/' it/DEBIAN/control && \
                     dpkg-deb -Znone -b it newer.deb && rm -r it";
        let _ = debian.shell(newer).success();
        apt(&debian, &["install", "--no-install-recommends", "/root/newer.deb"]);
        let version = debian.run(&["dpkg-query", "--show", "mailprov"]).success();
        assert!(version.stdout().trim_end().ends_with("+1"), "{version}");
        let _ = debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);

        // Without `watch` before the package goes: what is left to run is then nothing of ours.
        debian.write("/etc/mailprov/mail.yml", &text, 0o600);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        let _ = debian.shell("mkdir -p /var/cache/mailprov/image/etc").success();
        apt(&debian, &["remove", "mailprov"]);
        assert!(debian.exists("/var/cache/mailprov") && !debian.exists("/usr/bin/mailprov"));
        assert!(serves(&debian));
        apt(&debian, &["purge", "mailprov"]);
        assert!(serves(&debian));
        // The server, what it was before, and the two packages: nothing else.
        let kept = [
            "/etc/fail2ban/action.d/mailprov.conf",
            "/etc/fail2ban/filter.d/mailprov.conf",
            "/etc/fail2ban/jail.d/mailprov.conf",
            "/etc/mailprov",
            "/etc/ssl/certs/mailprov.pem",
            "/etc/ssl/private/mailprov.key",
            "/etc/systemd/system/rspamd.service.d/mailprov.conf",
            THERE,
            "/var/lib/mailprov",
            "/var/lib/mailprov-send-limit",
        ];
        assert_eq!(traces(&debian), kept);
        assert!(debian.exists("/var/lib/mailprov/originals/etc/aliases.mailprov-absent"));
    }
}
