//! From a laptop to a bare host: real OpenSSH in between, two boxes in one
//! network.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use crate::agent::mail_yml;
use crate::support::{Debian, Imap, Output, Process, Suite, Terminal, Tls, wait_for};

/// A key of this run's own, and what is written in `authorized_keys` for it.
static KEY: LazyLock<(String, String)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "laptop", "-f"])
        .arg(&key)
        .status();
    assert!(made.unwrap().success());
    let read = |path| std::fs::read_to_string(path).unwrap();
    (read(key.clone()), read(key.with_extension("pub")))
});

/// Where the program is on a host that it was brought to.
const PROGRAM: &str = "/usr/local/bin/mailprov";

/// A machine that somebody sits before, with `/root/mail.yml`.
pub struct Laptop {
    /// The box.
    pub debian: Debian,
}

/// Returns the key by which the laptop is let in.
pub fn key() -> &'static str {
    &KEY.0
}

/// Lets the laptop in as root.
pub fn let_in(host: &Debian) {
    host.write("/root/.ssh/authorized_keys", &KEY.1, 0o600);
    wait_for("sshd", || host.connect(22).ok());
}

/// A host as it is rented: sshd, root's key, and nothing else.
pub fn bare(suite: Suite) -> Debian {
    let debian = Debian::prepared("rented", suite, |debian| {
        debian.write("/root/.ssh/authorized_keys", &KEY.1, 0o600);
        let _ = debian.run(&["rm", PROGRAM]).success();
        debian
    });
    wait_for("sshd", || debian.connect(22).ok());
    debian
}

impl Laptop {
    /// Puts one into the network of a host.
    pub fn beside(host: &Debian) -> Self {
        let debian = host.prepared_neighbour("laptop", Suite::Bookworm, |debian| {
            debian.write("/root/.ssh/key", &KEY.0, 0o600);
            let config = "Host *\n  StrictHostKeyChecking accept-new\n  IdentityFile ~/.ssh/key\n";
            debian.write("/root/.ssh/config", config, 0o600);
            debian.write("/root/mail.yml", mail_yml(), 0o600);
            debian
        });
        Self { debian }
    }

    /// Runs a command of mailprov in root's home.
    pub fn mailprov(&self, arguments: &[&str]) -> Output {
        self.debian.run(&[&["env", "-C", "/root", "mailprov"], arguments].concat())
    }

    /// Starts one, to be watched or killed.
    pub fn spawn(&self, arguments: &[&str]) -> Process {
        self.debian.spawn(&[&["env", "-C", "/root", "mailprov"], arguments].concat())
    }
}

/// Returns how to log in as root, over IPv4.
pub fn root_at(host: &Debian) -> String {
    format!("root@{}", host.addresses().v4)
}

/// Asserts that anna gets in.
#[track_caller]
fn assert_serves(host: &Debian) {
    let tls = Tls::unverified("mail.example.org");
    let mut imap = Imap::connect_tls(host.connect(993).unwrap(), &tls).unwrap();
    imap.login("anna", "secret").unwrap().ok().unwrap();
}

/// Asserts that a host is as it was before anybody wanted to do anything.
#[track_caller]
fn assert_untouched(host: &Debian) {
    for path in [PROGRAM, "/etc/mailprov", "/var/lib/mailprov", "/etc/postfix"] {
        assert!(!host.exists(path), "{path} is there");
    }
}

#[test]
fn a_bare_host_becomes_a_mail_server_that_looks_after_itself() {
    for suite in Suite::ALL {
        let host = bare(suite);
        let laptop = Laptop::beside(&host);
        let at = root_at(&host);
        let output = laptop.mailprov(&["bootstrap", &at, "mail.yml", "--yes"]).success();
        for said in ["file:/etc/mailprov/mail.yml", "file:/etc/postfix/main.cf", "✓ Run Postfix"]
        {
            assert!(output.to_string().contains(said), "{output}");
        }
        assert!(output.stderr().contains("now looks after itself"), "{output}");
        // It was looked there whether all is well, and said here.
        assert!(
            output.stdout().contains("mail.example.org, seen from the host itself"),
            "{output}"
        );
        assert!(output.stdout().contains("mail.example.org is well: "), "{output}");
        assert!(output.stderr().contains("mail.yml  → /etc/mailprov/mail.yml"), "{output}");
        assert_serves(&host);
        let mode = |path: &str| host.run(&["stat", "--format=%a %U", path]).success().stdout();
        assert_eq!(mode(PROGRAM), "755 root\n");
        assert_eq!(mode("/etc/mailprov/mail.yml"), "600 root\n");
        assert_eq!(host.read("/etc/mailprov/mail.yml"), laptop.debian.read("/root/mail.yml"));
        let digest = |debian: &Debian| debian.run(&["sha256sum", PROGRAM]).success().stdout();
        assert_eq!(digest(&host), digest(&laptop.debian));

        // It has no resolver.
        let only = "configuration,ports,tls,relay,spoofing,queue,login,sieve,mail";
        let check = laptop.mailprov(&["check", "--on", &at, "--only", only]).success();
        assert!(check.stdout().contains("mail.example.org is well: "), "{check}");
        assert!(check.stdout().contains("✓ Deleting the test mails"), "{check}");

        let explain = laptop.mailprov(&["explain", "993", "--on", &at]).success();
        assert!(explain.stdout().contains("port 993"), "{explain}");
        let _ = laptop.mailprov(&["explain", "--svg", "/root/ways.svg", "--on", &at]).success();
        assert!(laptop.debian.read_text("/root/ways.svg").contains(">port 993"));
        assert!(!host.exists("/root/ways.svg") && !host.exists("/ways.svg"));

        // From either side, nothing is left to do, and nothing is done.
        let _ = host.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
        let before = host.snapshot();
        let _ = laptop.mailprov(&["plan", "--detailed-exitcode", "--on", &at]).exits(0);
        let output = laptop.mailprov(&["bootstrap", &at, "mail.yml", "--yes"]).success();
        assert!(output.stdout().contains("Nothing to do"), "{output}");
        assert!(!output.to_string().contains("Send mailprov"), "{output}");
        before.diff(&host.snapshot()).without(&["/var/log"]).assert_empty();

        let history = laptop.mailprov(&["history", "--on", &at]).success().stdout();
        assert!(history.contains("apply by root from"), "{history}");
        let lines = laptop.mailprov(&["history", "--json", "--on", &at]).success().stdout();
        let run: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!((&run["host"], &run["outcome"]), (&at.into(), &"applied".into()));
    }
}

#[test]
fn a_changed_mail_yml_is_sent_shown_and_rolled_back_from_afar() {
    let host = bare(Suite::Trixie);
    let laptop = Laptop::beside(&host);
    let at = root_at(&host);
    let _ = laptop.mailprov(&["bootstrap", &at, "mail.yml", "--yes"]).success();
    let secret = "{SHA512-CRYPT}$6$urnbXEj0hISg5pM0$g9g569mITDaxS.YITMi5RzPHxGLOKrjdyuAkHGlV5Km8GsflP1S62BhFr9NXPedOc5MgU94KdZ2/zb2ba/QeN0";
    laptop.debian.write("/root/secrets/bob", secret, 0o600);
    let more = mail_yml().replace("catch_all", "  bob: {password_file: secrets/bob}\ncatch_all");
    laptop.debian.write("/root/more.yml", more, 0o600);

    let output =
        laptop.mailprov(&["plan", "more.yml", "--detailed-exitcode", "--on", &at]).exits(2);
    for said in ["file:/etc/mailprov/secrets/bob", "file:/etc/postfix/mailboxes", "bob@example.org"]
    {
        assert!(output.stdout().contains(said), "no {said}: {output}");
    }
    assert!(!output.to_string().contains("$6$"), "{output}");
    assert!(!host.exists("/etc/mailprov/secrets"));
    // A plan is kept here, and applied there as it was or not at all.
    let keep = ["plan", "more.yml", "--out", "kept.plan", "--on", &at];
    let apply = ["apply", "more.yml", "--plan", "kept.plan", "--yes", "--on", &at];
    let _ = laptop.mailprov(&keep).success();
    let mode = laptop.debian.run(&["stat", "--format=%a", "/root/kept.plan"]).success().stdout();
    assert_eq!(mode, "600\n");
    assert!(!host.exists("/kept.plan") && !host.exists("/root/kept.plan"));
    let _ = host.shell("echo '# by hand' >> /etc/postfix/main.cf").success();
    let output = laptop.mailprov(&apply).exits(3);
    assert!(output.stderr().contains("/etc/postfix/main.cf"), "{output}");
    let _ = laptop.mailprov(&["apply", "--yes", "--on", &at]).success();
    let _ = laptop.mailprov(&keep).success();
    let _ = laptop.mailprov(&apply).success();
    assert_eq!(host.read("/etc/mailprov/secrets/bob"), secret.as_bytes());
    let mode = host.run(&["stat", "--format=%a", "/etc/mailprov/secrets/bob"]).stdout();
    assert_eq!(mode, "600\n");
    let _ = host.mailprov(&["plan", "--detailed-exitcode"]).exits(0);

    // What is not named any more goes, and is back with a rollback.
    let _ = laptop.mailprov(&["apply", "mail.yml", "--yes", "--on", &at]).success();
    assert!(!host.exists("/etc/mailprov/secrets/bob"));
    let _ = host.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
    let _ = laptop.mailprov(&["rollback", "--yes", "--on", &at]).success();
    assert_eq!(host.read("/etc/mailprov/secrets/bob"), secret.as_bytes());

    let output = laptop.mailprov(&["rollback", "3", "--yes", "--on", &at]).success();
    assert!(output.stderr().contains("✓"), "{output}");
    assert_eq!(host.read("/etc/mailprov/mail.yml"), laptop.debian.read("/root/mail.yml"));
    assert!(!host.exists("/etc/mailprov/secrets/bob"));
    let _ = laptop.mailprov(&["plan", "--detailed-exitcode", "--on", &at]).exits(0);

    // A password from here, for an account there.
    laptop.debian.write("/root/password", "correct horse\n", 0o600);
    let add = ["account", "add", "carl", "--password-file", "password", "--yes", "--on", &at];
    let output = laptop.mailprov(&add).success();
    assert!(!output.to_string().contains("correct horse"), "{output}");
    assert!(output.stdout().contains("carl"), "{output}");
    let tls = Tls::unverified("mail.example.org");
    let mut imap = Imap::connect_tls(host.connect(993).unwrap(), &tls).unwrap();
    imap.login("carl", "correct horse").unwrap().ok().unwrap();
    let list = laptop.mailprov(&["account", "list", "--on", &at]).success();
    assert!(list.stdout().contains("carl@example.org"), "{list}");

    // Who edited it there is told before it is replaced, and it can be fetched.
    let _ = host.shell("echo '# by hand' >> /etc/mailprov/mail.yml").success();
    let plan = laptop.mailprov(&["plan", "more.yml", "--on", &at]).success();
    let told = "/etc/mailprov/mail.yml was changed on the host since run";
    assert!(plan.stderr().contains(told) && plan.stderr().contains(" by root, at "), "{plan}");
    for line in ["- # by hand", "+   bob: {password_file: secrets/bob}", "-   carl:"] {
        assert!(plan.stdout().contains(line), "no `{line}`: {plan}");
    }
    assert!(plan.stdout().contains("«secret»") && !plan.to_string().contains("$argon2"), "{plan}");
    let pull = laptop.mailprov(&["pull", &at, "fetched.yml", "--yes"]).success();
    assert!(pull.stdout().contains("# by hand") && !pull.to_string().contains("$argon2"), "{pull}");
    let fetched = laptop.debian.read("/root/fetched.yml");
    assert_eq!(fetched, host.read("/etc/mailprov/mail.yml"));
    let _ = laptop.mailprov(&["plan", "fetched.yml", "--on", &at]).success();

    // A mistake is found here, before there is a connection.
    laptop.debian.write("/root/wrong.yml", "hostname: mail.example.org\n", 0o600);
    let output = laptop.mailprov(&["apply", "wrong.yml", "--yes", "--on", "nowhere.invalid"]);
    let output = output.exits(65);
    assert!(output.stderr().contains("wrong.yml"), "{output}");
    // Off a terminal nothing is done unasked.
    let _ = laptop.mailprov(&["apply", "more.yml", "--on", &at]).exits(64);
    let _ = laptop.mailprov(&["bootstrap", &at, "more.yml"]).exits(64);
}

#[test]
fn as_another_user_it_takes_sudo_that_asks_for_nothing() {
    let host = bare(Suite::Bookworm);
    let laptop = Laptop::beside(&host);
    host.install(&["sudo"]);
    let user = "useradd --create-home --shell /bin/sh tom && mkdir -m 700 ~tom/.ssh \
                && cp ~/.ssh/authorized_keys ~tom/.ssh && chown -R tom ~tom/.ssh";
    let _ = host.shell(user).success();
    let at = format!("tom@{}", host.addresses().v4);
    let bootstrap =
        |more: &[&str]| laptop.mailprov(&[&["bootstrap", &at, "mail.yml", "--yes"], more].concat());
    let output = bootstrap(&[]).exits(1);
    assert!(output.stderr().contains("add --sudo"), "{output}");
    let output = bootstrap(&["--sudo"]).exits(1);
    assert!(output.stderr().contains("sudo there asks for a password"), "{output}");
    assert_untouched(&host);
    host.write("/etc/sudoers.d/tom", "tom ALL=(ALL) NOPASSWD: ALL\n", 0o440);
    // Where the world's mail servers are, somebody refuses.
    let elsewhere = laptop.debian.addresses().v4;
    let line = format!("echo '{elsewhere} gmail-smtp-in.l.google.com' >> /etc/hosts");
    let _ = host.shell(&line).success();
    let output = bootstrap(&["--sudo"]).success();
    assert!(output.stderr().contains("Port 25 is closed outward"), "{output}");
    assert_serves(&host);
    let plan = ["plan", "--detailed-exitcode", "--sudo", "--on", &at];
    let _ = laptop.mailprov(&plan).exits(0);
    let history = laptop.mailprov(&["history", "--sudo", "--on", &at]).success().stdout();
    assert!(history.contains("apply by tom"), "{history}");
}

#[test]
fn an_agent_another_port_and_a_jump_host_are_ssh_s_own_affair() {
    let host = bare(Suite::Trixie);
    let far = bare(Suite::Trixie);
    let laptop = Laptop::beside(&host);
    // Another port, and the key only in an agent.
    let _ = host.shell("echo 'Port 2222' >> /etc/ssh/sshd_config; systemctl restart ssh").success();
    wait_for("sshd", || host.connect(2222).ok());
    let config = "Host *\n  StrictHostKeyChecking accept-new\n";
    laptop.debian.write("/root/.ssh/config", config, 0o600);
    let at = format!("{}:2222", root_at(&host));
    let plan = format!("mailprov plan mail.yml --detailed-exitcode --on {at}");
    let line = format!("cd; {plan}; mailprov bootstrap {at} --yes");
    let with_agent = format!("ssh-agent sh -c 'ssh-add -q ~/.ssh/key; {line}'");
    let output = laptop.debian.shell(&with_agent).success();
    assert!(output.stderr().contains("is not on"), "plan before bootstrap: {output}");
    assert_serves(&host);
    // Without it there is no way in, by the usual port neither.
    let output = laptop.mailprov(&["plan", "--on", &at]).exits(1);
    assert!(output.stderr().contains("Permission denied"), "{output}");
    assert!(output.stderr().contains("--identity"), "{output}");
    let output = laptop.mailprov(&["plan", "--on", &root_at(&host)]).exits(1);
    assert!(output.stderr().contains("Connection refused"), "{output}");
    let identity = ["plan", "--detailed-exitcode", "--identity", ".ssh/key", "--on", &at];
    let _ = laptop.mailprov(&identity).exits(0);

    // A host in another network, which only the first one is in as well.
    for line in [
        format!(
            "-netns {} link add inner type veth peer name outer netns {}",
            host.name(),
            far.name()
        ),
        format!("-netns {} address add 10.99.0.1/24 dev inner", host.name()),
        format!("-netns {} address add 10.99.0.2/24 dev outer", far.name()),
        format!("-netns {} link set inner up", host.name()),
        format!("-netns {} link set outer up", far.name()),
    ] {
        assert!(Command::new("ip").args(line.split(' ')).status().unwrap().success(), "{line}");
    }
    let jump = format!("ProxyJump={at}");
    let config = format!("{config}  IdentityFile ~/.ssh/key\n");
    laptop.debian.write("/root/.ssh/config", config, 0o600);
    let inner = ["bootstrap", "root@10.99.0.2", "mail.yml", "--yes", "--ssh-option", &jump];
    let _ = laptop.mailprov(&inner).success();
    assert_serves(&far);
}

#[test]
fn a_host_that_cannot_be_served_is_refused_and_left_as_it_was() {
    let host = bare(Suite::Bookworm);
    let laptop = Laptop::beside(&host);
    let at = root_at(&host);
    let refused = |host: &Debian, words: &[&str]| {
        let output = laptop.mailprov(&["bootstrap", &at, "mail.yml", "--yes"]).exits(1);
        for words in words {
            assert!(output.stderr().contains(words), "no `{words}`: {output}");
        }
        assert!(output.stderr().contains("Nothing was changed"), "{output}");
        assert_untouched(host);
    };
    // Another release, and something else altogether.
    let release = host.read_text("/etc/os-release");
    let old = "ID=debian\nVERSION_ID=\"11\"\nVERSION_CODENAME=bullseye\n";
    for (text, words) in [(old, "runs debian 11"), ("ID=fedora\nVERSION_ID=42\n", "fedora 42")] {
        host.write("/etc/os-release", text, 0o644);
        refused(&host, &[words, "Debian 12 and later"]);
    }
    host.write("/etc/os-release", release, 0o644);
    // No room for the program.
    let small = "mount -t tmpfs -o size=64k none /usr/local/bin";
    let _ = host.shell(small).success();
    refused(&host, &["No space left on device", "Make room"]);
    assert_eq!(host.run(&["ls", "-A", "/usr/local/bin"]).success().stdout(), "");
    let _ = host.run(&["umount", "/usr/local/bin"]).success();
    // A program that is none.
    let other = ["bootstrap", &at, "mail.yml", "--yes", "--binary", "/bin/true"];
    let output = laptop.mailprov(&other).exits(1);
    assert!(output.stderr().contains("what was sent is not mailprov"), "{output}");
    let script = ["bootstrap", &at, "mail.yml", "--yes", "--binary", "/root/mail.yml"];
    let output = laptop.mailprov(&script).exits(1);
    assert!(output.stderr().contains("is not a program for Linux"), "{output}");
    assert_untouched(&host);
    // A password that nobody can type, and a login that is not there.
    let nobody = format!("nobody@{}", host.addresses().v4);
    let output = laptop.mailprov(&["bootstrap", &nobody, "mail.yml", "--yes"]).exits(1);
    assert!(output.stderr().contains("Permission denied"), "{output}");
    // What a login shell says is none of ours, whatever it is written in. Where
    // nothing else comes, it is shown.
    let says = "printf 'Gr\\374\\337e \\033[2J\\n'\n";
    host.write("/root/.bashrc", says, 0o644);
    let output = laptop.mailprov(&["plan", "--on", &at]).exits(1);
    assert!(output.stderr().contains("mailprov is not on"), "{output}");
    host.write("/root/.bashrc", format!("{says}exit\n"), 0o644);
    refused(&host, &["could not log in at", r"says: Gr\xfc\xdfe \u{1b}[2J"]);
    let _ = host.run(&["rm", "/root/.bashrc"]).success();
    // A host that is not the one it was.
    let anew = "rm /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh";
    let _ = host.shell(anew).success();
    wait_for("sshd", || host.connect(22).ok());
    refused(&host, &["REMOTE HOST IDENTIFICATION HAS CHANGED", "ssh-keygen -R"]);
}

#[test]
fn a_cloud_s_user_and_a_closed_firewall_are_told_as_they_are() {
    for suite in Suite::ALL {
        let host = bare(suite);
        let laptop = Laptop::beside(&host);
        host.install(&["sudo"]);
        // As Debian's images for clouds are.
        let user = "useradd --create-home --shell /bin/bash debian && mkdir -m 700 ~debian/.ssh \
                    && cp ~/.ssh/authorized_keys ~debian/.ssh && chown -R debian ~debian/.ssh";
        let _ = host.shell(user).success();
        host.write("/etc/sudoers.d/debian", "debian ALL=(ALL) NOPASSWD: ALL\n", 0o440);
        let words = "Please login as the user \\\"debian\\\" rather than the user \\\"root\\\".";
        let refuse = format!("command=\"echo '{words}';echo;sleep 10;exit 142\" {}", KEY.1);
        host.write("/root/.ssh/authorized_keys", refuse, 0o600);
        host.firewall(&[
            "policy drop;",
            "ct state established,related accept",
            "iif lo accept",
            "tcp dport 22 accept",
            "icmp type echo-request accept",
            "meta l4proto ipv6-icmp accept",
        ]);
        let at = root_at(&host);
        let ssh = ["--identity", "/root/.ssh/key", "--ssh-option", "Compression=yes"];
        let bootstrap = [&["bootstrap", &at, "mail.yml", "--yes"][..], &ssh].concat();
        let output = laptop.mailprov(&bootstrap).exits(1);
        let said = output.stderr();
        assert!(said.contains("says: Please login as the user \"debian\""), "{output}");
        let line = said.lines().find_map(|line| line.split_once("Log in as debian: ")).unwrap().1;
        assert!(line.contains("--sudo") && line.contains("debian@"), "{output}");
        // It works as it is printed. Nobody can reach what is set up, and that is said.
        let output = laptop.debian.shell(&format!("cd; {line} --yes")).success();
        assert!(!output.to_string().contains("mail.example.org is well"), "{output}");
        let seen = output.stdout();
        assert!(seen.contains("wrong at mail.example.org, as seen from here"), "{output}");
        assert!(seen.contains("✗ Port 25 at "), "{output}");
        let check = host.mailprov(&["check", "--only", "ports"]).exits(1);
        let named = "inet firewall input (policy drop) drops connections from elsewhere to 25, 465";
        assert!(check.stdout().contains(named), "{check}");
        // What is advised helps.
        let open = "tcp dport { 25, 465, 587, 993, 143, 995, 110, 4190 } accept";
        host.firewall(&[
            "policy drop;",
            "ct state established,related accept",
            open,
            "tcp dport 22 accept",
            "iif lo accept",
            "meta l4proto ipv6-icmp accept",
        ]);
        let check = host.mailprov(&["check", "--only", "ports"]).success();
        assert!(
            check.stdout().contains("The host's firewall for IPv4: drops no mail port"),
            "{check}"
        );
        let output = laptop.debian.shell(&format!("cd; {line} --yes")).success();
        let seen = "From here, mail.example.org answers";
        assert!(output.stdout().contains(seen), "{output}");
    }
}

/// Runs a line as root in a box, at a terminal.
fn at_terminal(debian: &Debian, line: &str) -> Terminal {
    let first = "grep -q '^NSpid:.*[[:space:]]1$' /proc/$it/status && echo $it";
    let first = format!("for it in $(ip netns pids {}); do {first}; done", debian.name());
    let spaces = "--mount --uts --ipc --net --pid --cgroup";
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let enter = format!("nsenter {spaces} --target=$({first} | head -n 1)");
    let line = format!("{enter} -- env HOME=/root {path} sh -c 'cd; {line}'");
    Terminal::run(Path::new("/"), &line)
}

#[test]
fn a_laptop_does_not_become_the_server_by_mistake() {
    for suite in Suite::ALL {
        let laptop = Debian::with_mail_packages(suite);
        laptop.write("/root/mail.yml", mail_yml(), 0o600);
        let before = laptop.snapshot();
        let terminal = at_terminal(&laptop, "mailprov apply mail.yml");
        terminal.asks("To go on, type mail.example.org:");
        let screen = terminal.screen();
        let bootstrap = "To set that one up: mailprov bootstrap root@mail.example.org mail.yml";
        assert!(screen.contains(bootstrap), "{screen}");
        terminal.types("y");
        terminal.shows("Nothing was changed");
        terminal.shows("exit 1");
        // Whoever says that it is here is asked as ever, and so is whoever is at home.
        let terminal = at_terminal(&laptop, "mailprov apply mail.yml --here");
        terminal.asks("Make these changes? [y/N/d/?]");
        terminal.types("n");
        terminal.shows("exit 1");
        let _ = laptop.shell("echo 127.0.1.1 mail.example.org >>/etc/hosts").success();
        let terminal = at_terminal(&laptop, "mailprov apply mail.yml");
        terminal.asks("Make these changes? [y/N/d/?]");
        terminal.types("n");
        terminal.shows("exit 1");
        let after = laptop.snapshot();
        before
            .diff(&after)
            .without(&["/var/log", "/etc/hosts", "/var/lib/mailprov"])
            .assert_empty();
        let _ = laptop.shell("sed -i /mail.example.org/d /etc/hosts").success();
        let output = laptop.run(&["env", "-C", "/root", "mailprov", "account", "list"]).success();
        assert!(!output.to_string().contains("another one"), "{output}");
        let remove = ["env", "-C", "/root", "mailprov", "account", "remove", "anna"];
        let output = laptop.run(&remove).success();
        let apply = "mailprov apply mail.yml --on root@mail.example.org\n";
        assert!(output.stderr().contains(apply), "{output}");
        // Who is explicit is warned and obeyed; from then on it is at home here.
        let apply = ["env", "-C", "/root", "mailprov", "apply", "mail.yml", "--yes"];
        let output = laptop.run(&apply).success();
        assert!(output.stderr().contains("It becomes the mail server now"), "{output}");
        laptop.write("/root/mail.yml", mail_yml(), 0o600);
        let terminal = at_terminal(&laptop, "mailprov apply mail.yml");
        terminal.asks("Make these changes? [y/N/d/?]");
        terminal.types("n");
        terminal.shows("exit 1");
    }
}

#[test]
fn a_name_that_ssh_or_a_shell_could_misread_is_refused() {
    let host = bare(Suite::Trixie);
    let laptop = Laptop::beside(&host);
    for name in [
        "-oProxyCommand=touch${IFS}/tmp/owned",
        "root@-oProxyCommand=touch /tmp/owned",
        "vps; touch /tmp/owned",
        "$(touch /tmp/owned)",
        "`touch /tmp/owned`@vps",
        "vps\ntouch /tmp/owned",
        "",
    ] {
        let _ = laptop.mailprov(&["bootstrap", "--yes", "--", name, "mail.yml"]).exits(64);
        let on = format!("--on={name}");
        let _ = laptop.mailprov(&["plan", &on]).exits(64);
    }
    assert!(!laptop.debian.exists("/tmp/owned"));
}

#[test]
fn several_hosts_are_asked_side_by_side() {
    let one = crate::agent::converged(Suite::Trixie);
    let_in(&one);
    let other = one.neighbour(Suite::Bookworm);
    let_in(&other);
    let third = one.neighbour(Suite::Trixie);
    let laptop = Laptop::beside(&one);
    let [one_at, other_at, third_at] = [&one, &other, &third].map(root_at);
    let on = ["--on", &one_at, "--on", &other_at, "--on", &third_at];
    let plan = [&["plan", "mail.yml", "--detailed-exitcode"][..], &on].concat();
    // The third one does not let us in.
    let output = laptop.mailprov(&plan).exits(1);
    for (stream, line) in [
        (output.stdout(), format!("{other_at}:   + package:postfix  ")),
        (output.stderr(), format!("~ {other_at}: there are changes")),
        (output.stderr(), format!("✗ {third_at}: failed (exit code 1)")),
    ] {
        assert!(stream.contains(&line), "no `{line}`: {output}");
    }
    let all_named = |text: &str| {
        text.lines().all(|line| [&one_at, &other_at].iter().any(|at| line.starts_with(*at)))
    };
    assert!(all_named(&output.stdout()), "{output}");
    let output = laptop.mailprov(&[&plan[..7], &["--json"]].concat()).exits(2);
    let hosts = crate::agent::events(&output);
    let hosts: std::collections::BTreeSet<_> =
        hosts.iter().map(|event| event["host"].as_str().unwrap().to_owned()).collect();
    assert_eq!(hosts, [one_at, other_at].into());
}
