//! `mailprov try`, the first command of the README, run on this machine like a person
//! runs it: what it shows, and that nothing of it is left, however it ends.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use mailprov::sandbox::{signal, wait_at_most};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::support::{Debian, Imap, Suite, Tls, box_cache, sha512_crypt, sweep_boxes, wait_for};

/// How long a whole `try` may take when all tests run at once.
const PATIENCE: Duration = Duration::from_secs(300);

/// A `mailprov try` that runs, with all that it says in a file.
struct Try {
    child: Child,
    log: PathBuf,
    folder: TempDir,
}

impl Try {
    fn start(arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), &box_cache(), arguments)
    }

    /// Starts it in a folder, without a terminal.
    fn start_in(folder: TempDir, cache: &Path, arguments: &[&str]) -> Self {
        let log = folder.path().join("log");
        let output = File::create(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_mailprov"))
            .arg("try")
            .args(arguments)
            .current_dir(folder.path())
            .env("MAILPROV_BOX_CACHE", cache)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Self { child, log, folder }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it has said something.
    #[track_caller]
    fn until(&mut self, words: &str) {
        let heard = wait_at_most(PATIENCE, || {
            let over = self.child.try_wait().unwrap().is_some();
            (over || self.said().contains(words)).then_some(())
        });
        assert!(heard.is_some() && self.said().contains(words), "no `{words}`: {}", self.said());
    }

    fn send(&self, wanted: Signal) {
        signal(self.child.id(), wanted);
    }

    /// Waits for its end.
    #[track_caller]
    fn end(&mut self) -> ExitStatus {
        let status = wait_at_most(PATIENCE, || self.child.try_wait().unwrap());
        status.unwrap_or_else(|| panic!("it does not end: {}", self.said()))
    }

    /// Asserts an exit code, and that nothing is left.
    #[track_caller]
    fn exits(&mut self, code: i32) -> String {
        let status = self.end();
        let said = self.said();
        assert_eq!(status.code(), Some(code), "{said}");
        assert_eq!(self.left(), [""; 0], "{said}");
        said
    }

    /// Returns all on this machine that bears its name.
    fn left(&self) -> Vec<String> {
        let name = format!("mp-{}-", self.child.id());
        let mut places = ["/run/netns", "/sys/class/net"].map(PathBuf::from).to_vec();
        places.push(box_cache().join("running"));
        places.extend(
            ["systemd", "unified", ""].map(|group| Path::new("/sys/fs/cgroup").join(group)),
        );
        let mut left = Vec::new();
        for place in places {
            for entry in fs::read_dir(place).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().starts_with(&name) {
                    left.push(entry.path().display().to_string());
                }
            }
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        left.extend(mounts.lines().filter(|mount| mount.contains(&name)).map(str::to_owned));
        left.extend(commands().into_iter().filter(|command| command.contains(&name)));
        left
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the command lines of all processes.
fn commands() -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let command = |process: fs::DirEntry| {
        let command = fs::read(process.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&command).replace('\0', " "))
    };
    processes.filter_map(command).collect()
}

/// Asserts that the parts of a text are there, in this order.
#[track_caller]
fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("no `{part}` in its place: {text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn it_shows_a_mail_server_that_works_on_each_release() {
    for suite in Suite::ALL {
        let mut trial = Try::start(&["--suite", suite.codename()]);
        let said = trial.exits(0);
        in_order(
            &said,
            &[
                &format!("A fresh Debian {} boots", suite.release()),
                "hostname: mail.example.org",
                "+ package:postfix",
                "Done: ",
                "has issued a certificate for mail.example.org. All ports for mail show it:",
                "    25 110 143 465 587 993 995 4190              Pebble Intermediate CA ",
                "finds its settings at https://autoconfig.example.org/mail/config-v1.1.xml:",
                "    mail.example.org:993                         IMAP, SSL\n",
                "    mail.example.org:465                         SMTP, SSL\n",
                "A stranger's server has mail for anna@example.org, on port 25",
                "RCPT TO:<anna@example.org>                   250",
                "A stranger would like mail for another stranger to go through here",
                "RCPT TO:<somebody@far.example>               554 5.7.1",
                "thomas sends from a mail program, on port 465",
                "AUTH PLAIN thomas …                          235",
                "anna@example.net reads both mails, by IMAP on port 993",
                "That was it. The box is thrown away.",
            ],
        );
        // Two mails that are sent at once may arrive in either order.
        let mails = said.rsplit("reads both mails").next().unwrap();
        for subject in ["From a stranger", "From an account"] {
            assert!(mails.contains(&format!("Subject: {subject} (")), "{said}");
        }
    }
}

#[test]
fn a_person_s_own_mail_yml_is_tried_as_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let text = "hostname: mail.own.example\ndomains: [own.example]\nmailboxes: per-domain\n\
                accounts:\n    me: # only I\n        password_file: me.hash\n\
                services: {imap: false, pop3: true}\n";
    fs::write(folder.path().join("mail.yml"), text).unwrap();
    fs::write(folder.path().join("me.hash"), sha512_crypt("secret") + "\n").unwrap();
    let mut trial = Try::start_in(folder, &box_cache(), &["mail.yml", "--suite", "bookworm"]);
    let said = trial.exits(0);
    in_order(
        &said,
        &[
            "What it is to be: mail.yml, with an account `try-",
            "The authority in the box stands in for that of your certificate: Let's Encrypt cannot",
            "has issued a certificate for mail.own.example. All ports for mail show it:",
            "    25 110 465 587 995 4190                      Pebble Intermediate CA ",
            "@own.example reads both mails, by POP3 on port 995",
            "Subject: From an account (",
        ],
    );
    assert_eq!(fs::read_to_string(trial.folder.path().join("mail.yml")).unwrap(), text);
    assert!(!said.contains("autoconfig"), "its mail.yml asks for no web side: {said}");
    assert!(!said.contains("{ARGON2ID}$"), "it shows a hash: {said}");
}

#[test]
fn ctrl_c_leaves_nothing_whenever_it_comes() {
    for (when, wanted) in [
        ("boots: with nothing", Signal::SIGINT),
        ("✓ A fresh Debian", Signal::SIGTERM),
        ("+ package:postfix", Signal::SIGHUP),
        ("on port 25", Signal::SIGINT),
    ] {
        let mut trial = Try::start(&[]);
        trial.until(when);
        trial.send(wanted);
        // Once more, as people do.
        trial.send(Signal::SIGINT);
        let said = trial.exits(1);
        assert!(said.contains("error: told to stop\nThe box is gone."), "{when}: {said}");
        assert!(!said.contains("was lost"), "{when}: {said}");
    }
}

#[test]
fn an_image_that_is_cut_off_leaves_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut trial = Try::start_in(folder, cache.path(), &["--suite", "bookworm"]);
    trial.until("The image of Debian 12: reading the package lists");
    trial.send(Signal::SIGINT);
    trial.exits(1);
    let place = cache.path().display().to_string();
    let left: Vec<_> = commands().into_iter().filter(|command| command.contains(&place)).collect();
    assert_eq!(left, [""; 0]);
    assert!(!fs::read_to_string("/proc/self/mountinfo").unwrap().contains(&place));
    for entry in fs::read_dir(cache.path()).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.extension().is_some_and(|it| it == "lock"), "{}", path.display());
    }
}

#[test]
fn leftovers_of_a_killed_run_are_removed_by_the_next() {
    let mut trial = Try::start(&[]);
    trial.until("✓ A fresh Debian");
    trial.send(Signal::SIGKILL);
    trial.end();
    assert_ne!(trial.left(), [""; 0], "there is nothing to be removed");
    sweep_boxes();
    assert_eq!(trial.left(), [""; 0]);
}

#[test]
fn a_box_that_is_kept_can_be_looked_at() {
    let mut trial = Try::start(&["--keep"]);
    trial.until("Press Ctrl-C to throw the box away.");
    let said = trial.said();
    let login = said.lines().find_map(|line| line.strip_prefix("    ssh ")).unwrap();
    let looked = Command::new("ssh")
        .args(login.split(' '))
        .args(["mailprov", "plan", "--detailed-exitcode"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(looked.status.success(), "{looked:?}");
    let (_, address) = login.rsplit_once('@').unwrap();
    let imaps = SocketAddr::new(address.parse().unwrap(), 993);
    let stream = TcpStream::connect_timeout(&imaps, Duration::from_secs(30)).unwrap();
    let mut imap = Imap::connect_tls(stream, &Tls::unverified("mail.example.org")).unwrap();
    imap.login("anna", "correct horse").unwrap().ok().unwrap();
    assert_eq!(imap.messages("INBOX").unwrap().len(), 2);
    trial.send(Signal::SIGTERM);
    let said = trial.exits(0);
    assert!(said.ends_with("The box is thrown away.\n"), "{said}");
    // A proxy on the way to the world may take any connection.
    wait_for("the server to be gone", || {
        let stream = TcpStream::connect_timeout(&imaps, Duration::from_secs(1)).ok();
        let answers = stream.is_some_and(|stream| {
            stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
            Imap::connect_tls(stream, &Tls::unverified("mail.example.org")).is_ok()
        });
        (!answers).then_some(())
    });
}

#[test]
fn mistakes_are_found_before_anything_is_booted() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mail.yml"), "hostname: x\n").unwrap();
    let mut trial = Try::start_in(folder, &box_cache(), &["mail.yml"]);
    let said = trial.exits(65);
    assert!(!said.contains("boots"), "{said}");
    let mut trial = Try::start(&["no-such.yml"]);
    let said = trial.exits(65);
    assert!(said.contains("could not read no-such.yml"), "{said}");
    let debian = Debian::fresh(Suite::Bookworm);
    let nobody = ["setpriv", "--reuid=65534", "--clear-groups", "mailprov", "try"];
    let output = debian.run(&nobody).exits(77);
    assert!(output.stderr().contains("only root may"), "{output}");
}
