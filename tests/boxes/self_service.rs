//! People change their own passwords: the new one counts at once and stays, and only its
//! owner changes it.

use std::thread;
use std::time::{Duration, Instant};

use crate::agent::planned_keys;
use crate::common::{REFUSING, Server, Spec, password_of};
use crate::over_ssh::{self, Laptop};
use crate::support::{ManageSieve, Page, Pop3, Smtp, Suite, sha512_crypt};

const OWN: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org, example.net]
accounts:
  thomas: {password: HASH-thomas, aliases: [info]}
  anna: {password: HASH-anna}
  auser3: {password: HASH-auser3}
self_service: true
",
    logins: &["thomas", "anna", "auser3"],
};

const SOCKET: &str = "/run/mailprov-password.sock";
const FOLDER: &str = "/var/lib/mailprov/passwords";
const MAIL_YML: &str = "/etc/mailprov/mail.yml";
const USERS: &str = "/etc/dovecot/users";

/// Sends all of its input to the socket, and prints the answers.
const CLIENT: &str = "use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) \
                      or die \"no: $!\\n\"; local $/; $s->print(scalar <STDIN>); $s->flush; \
                      $s->shutdown(1); print <$s>;";

/// Runs `look` with a server of each release.
fn on_servers(spec: Spec, look: impl Fn(Server) + Sync) {
    thread::scope(|scope| {
        for suite in Suite::ALL {
            let look = &look;
            scope.spawn(move || look(Server::start(spec, suite)));
        }
    });
}

/// Says these lines at the socket, and returns the answers.
fn say(server: &Server, lines: &[u8]) -> Vec<String> {
    let output = server.debian.run_with_input(&["perl", "-e", CLIENT, SOCKET], lines).success();
    output.stdout().lines().map(str::to_owned).collect()
}

/// Has a password changed, and returns the last answer before the end.
fn change(server: &Server, name: &str, old: &str, new: &str) -> String {
    say(server, format!("user {name}\r\npass {old}\r\nnewpass {new}\r\n").as_bytes())
        .pop()
        .unwrap_or_default()
}

#[track_caller]
fn assert_changed(server: &Server, name: &str, old: &str, new: &str) {
    assert_eq!(change(server, name, old, new), "200 Your password is changed.");
}

/// Tells at which doors a password opens: IMAP, POP3, 465, 587, ManageSieve.
fn doors(server: &Server, name: &str, password: &str) -> [bool; 5] {
    let connect = |port| server.debian.connect(port).unwrap();
    let doors: [&(dyn Fn() -> bool + Sync); 5] = [
        &|| server.anonymous_imap().login(name, password).unwrap().is_ok(),
        &|| {
            let pop3 = Pop3::connect_tls(connect(995), &Server::tls());
            pop3.unwrap().login(name, password).is_ok()
        },
        &|| {
            let mut smtp = Smtp::connect_tls(connect(465), &Server::tls()).unwrap();
            smtp.ehlo().unwrap();
            smtp.auth_plain(name, password).unwrap().code == 235
        },
        &|| server.anonymous_submission().auth_plain(name, password).unwrap().code == 235,
        &|| {
            let sieve = ManageSieve::connect_starttls(connect(4190), &Server::tls());
            sieve.unwrap().login(name, password).is_ok()
        },
    ];
    thread::scope(|scope| doors.map(|door| scope.spawn(door)).map(|thread| thread.join().unwrap()))
}

#[track_caller]
fn assert_opens(server: &Server, name: &str, password: &str) {
    assert_eq!(doors(server, name, password), [true; 5], "{name} {password}");
}

#[track_caller]
fn assert_closed(server: &Server, name: &str, password: &str) {
    assert_eq!(doors(server, name, password), [false; 5], "{name} {password}");
}

fn hash_of_thomas(text: &str) -> &str {
    let (_, rest) = text.split_once("thomas: {password: \"").unwrap();
    rest.split_once('"').unwrap().0
}

fn planned(server: &Server) -> Vec<String> {
    planned_keys(&server.debian)
}

fn records(server: &Server) -> Vec<String> {
    let listed = server.debian.shell(&format!("ls -A {FOLDER} 2>/dev/null")).stdout();
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn a_person_changes_the_password_everywhere_and_only_another_hash_in_mail_yml_ends_it() {
    on_servers(OWN, |server| {
        let old = password_of("thomas");
        let new = "Grün \"quoted\" % $6$ 'x'  two spaces";
        let begun = Instant::now();
        assert_changed(&server, "Thomas@example.NET", &old, new);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_opens(&server, "thomas", new);
        assert_closed(&server, "thomas@example.org", &old);
        assert_opens(&server, "anna", &password_of("anna"));
        assert_eq!(records(&server), ["thomas"]);
        let modes = server.debian.run(&["stat", "-c", "%U:%G %a", FOLDER, USERS]).stdout();
        assert_eq!(modes, "root:root 700\nroot:dovecot 640\n");
        let file = format!("{FOLDER}/thomas");
        let mode = server.debian.run(&["stat", "-c", "%U:%G %a", &file]).stdout();
        assert_eq!(mode, "root:root 600\n");

        // A plan has nothing to do, and says whose it is; nothing shows the hash.
        assert_eq!(planned(&server), Vec::<String>::new());
        let plan = server.debian.mailprov(&["plan"]).success();
        assert!(plan.to_string().contains("is that of: thomas."), "{plan}");
        let listed = server.debian.mailprov(&["account", "list", "--json"]).success().stdout();
        let own = |line: &str| line.contains("\"own_password\":true");
        let owners: Vec<_> = listed.lines().map(own).collect();
        assert_eq!(owners, [true, false, false], "{listed}");
        let check = server.debian.mailprov(&["check", "--only", "self-service"]).success();
        assert!(check.to_string().contains("The page for passwords"), "{check}");
        // An ordinary user plans the rest.
        server.debian.write("/tmp/mail.yml", server.debian.read(MAIL_YML), 0o644);
        let plan = as_user(&server, "nobody", &["mailprov", "plan", "/tmp/mail.yml"]);
        assert!(plan.contains("/etc/dovecot/users") && !plan.contains("error:"), "{plan}");

        // The laptop has an old mail.yml with another change.
        let old = server.debian.read_text(MAIL_YML);
        let berta = format!("  berta: {{password: \"{}\"}}\n", sha512_crypt("what berta has"));
        let more = old.replacen("  anna", &format!("{berta}  anna"), 1);
        over_ssh::let_in(&server.debian);
        let away = Laptop::beside(&server.debian);
        away.debian.write("/root/old.yml", &more, 0o600);
        let at = over_ssh::root_at(&server.debian);
        let plan = away.mailprov(&["plan", "old.yml", "--verbose", "--on", &at]).success();
        let plan = plan.to_string();
        assert!(!plan.contains("by hand") && !plan.contains("$argon2id$"), "{plan}");
        assert!(!plan.contains("password changed"), "{plan}");
        let _ = away.mailprov(&["apply", "old.yml", "--yes", "--on", &at]).success();
        assert_opens(&server, "thomas", new);
        assert_opens(&server, "berta", "what berta has");

        // Changed once more, it is not the one before that a rollback brings back.
        assert_changed(&server, "thomas", new, "another good one");
        let back = server.debian.mailprov(&["rollback", "--yes"]).success();
        assert!(!back.to_string().contains("$argon2id$"), "{back}");
        assert_opens(&server, "thomas", "another good one");
        assert_closed(&server, "thomas", new);
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        assert_opens(&server, "thomas", "another good one");

        // The administrator writes another hash: that one counts, and nothing is left.
        let reset = more.replacen(hash_of_thomas(&more), &sha512_crypt("a reset one"), 1);
        server.debian.write(MAIL_YML, &reset, 0o600);
        let plan = server.debian.mailprov(&["plan", "--verbose"]).success().to_string();
        assert!(plan.contains("passwords/thomas") && !plan.contains("$argon2id$"), "{plan}");
        let json = server.debian.mailprov(&["plan", "--json"]).success().to_string();
        assert!(json.contains("passwords/thomas") && !json.contains("$argon2id$"), "{json}");
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        assert_opens(&server, "thomas", "a reset one");
        assert_closed(&server, "thomas", "another good one");
        assert_eq!((records(&server), planned(&server)), (vec![], vec![]));
        // To take that back brings back the password that counted before.
        let _ = server.debian.mailprov(&["rollback", "--yes"]).success();
        assert_opens(&server, "thomas", "another good one");
        assert_eq!(records(&server), ["thomas"]);
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        assert_opens(&server, "thomas", "a reset one");

        // Off again, nothing listens, and each own password stays.
        assert_changed(&server, "anna", &password_of("anna"), "what anna likes");
        let off = reset.replace("self_service: true", "self_service: false");
        server.debian.write(MAIL_YML, off, 0o600);
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        assert!(!server.debian.exists(SOCKET) && !server.debian.exists("/etc/dovecot/accounts"));
        let units = server.debian.shell("systemctl list-units --all 'mailprov-password*'").stdout();
        assert!(units.contains("0 loaded units"), "{units}");
        assert_opens(&server, "anna", "what anna likes");
        assert_eq!(planned(&server), Vec::<String>::new());
    });
}

const WRONG: &str = "500 The address or the current password is not right.";
const TOO_OFTEN: &str = "500 There were too many tries. Try again in";

/// Runs a program as a user of the host, with the groups of it.
fn as_user(server: &Server, user: &str, argv: &[&str]) -> String {
    let argv = [&["runuser", "-u", user, "--"], argv].concat();
    server.debian.run_with_input(&argv, b"quit\n").to_string()
}

/// Tries, many at once; returns the answers.
fn at_once(server: &Server, count: usize, try_one: impl Fn(usize) -> String + Sync) -> Vec<String> {
    assert!(server.debian.exists(SOCKET));
    thread::scope(|scope| {
        let try_one = &try_one;
        let threads: Vec<_> = (0..count).map(|it| scope.spawn(move || try_one(it))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Has the program fail at a point, or not any more.
fn fault(server: &Server, fault: Option<&str>) {
    let path = "/run/systemd/system/mailprov-password@.service.d/fault.conf";
    let text = fault.map(|fault| format!("[Service]\nEnvironment=\"MAILPROV_FAULT={fault}\"\n"));
    server.debian.write(path, text.unwrap_or_default(), 0o644);
    let _ = server.debian.run(&["systemctl", "daemon-reload"]).success();
}

fn forget_tries(server: &Server) {
    let _ = server.debian.run(&["rm", "-f", "/run/mailprov-password/tries"]).success();
}

#[test]
fn only_the_owner_changes_a_password_and_guessing_ends_soon() {
    on_servers(OWN, |server| {
        let (thomas, anna) = (password_of("thomas"), password_of("anna"));
        let users = server.debian.read(USERS);

        // A user outside of the group gets no connection.
        for user in ["nobody", "vmail", "www-data", "postfix"] {
            let said = as_user(&server, user, &["perl", "-e", CLIENT, SOCKET]);
            assert!(said.contains("no: Permission denied"), "{user}: {said}");
        }
        let said = as_user(&server, "mailprov-password", &["perl", "-e", CLIENT, SOCKET]);
        assert!(said.contains("200 Passwords are changed here."), "{said}");
        for secret in [USERS, "/etc/dovecot/accounts", MAIL_YML, "/var/vmail/thomas"] {
            let said = as_user(&server, "mailprov-password", &["head", "-c1", secret]);
            assert!(said.contains("Permission denied"), "{secret}: {said}");
        }

        // A wrong one is refused after some two seconds, and so is that of another.
        let begun = Instant::now();
        assert_eq!(change(&server, "thomas", "wrong", "what thieves like"), WRONG);
        let elapsed = begun.elapsed();
        assert!((1..5).contains(&elapsed.as_secs()), "{elapsed:?}");
        assert_eq!(change(&server, "thomas", &anna, "what thieves like"), WRONG);
        let lines = format!("user anna\npass {anna}\nuser thomas\nnewpass what thieves like\n");
        let last = say(&server, lines.as_bytes()).pop().unwrap();
        assert_eq!(last, "500 First user, then pass, then newpass.");
        let nul = [b"user thomas\npass x\0thomas\0", thomas.as_bytes(), b"\n"].concat();
        assert_eq!(say(&server, &nul).pop().unwrap(), WRONG);
        for odd in [&b"\xff\xfe"[..], b"\t", b"%u$6$\"'\\", &b"x".repeat(1000)] {
            forget_tries(&server);
            let lines = [b"user thomas\npass ", odd, b"\nnewpass what thieves like\n"].concat();
            assert_eq!(say(&server, &lines).pop().unwrap(), WRONG);
        }
        forget_tries(&server);
        for new in [
            &b"short"[..],
            b"iloveyou",
            thomas.as_bytes(),
            b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe",
            b"a b c d\x01 e f",
            &b"x".repeat(600),
            b"",
            b"12345678\0",
        ] {
            let lines = [b"user thomas\npass ", thomas.as_bytes(), b"\nnewpass ", new, b"\n"];
            let answer = say(&server, &lines.concat()).pop().unwrap();
            assert!(answer.starts_with("500 The ") && !answer.contains("iloveyou"), "{answer}");
        }
        assert_eq!(say(&server, &[b'x'; 9000]).pop().unwrap(), "500 The line is too long.");
        assert_eq!((server.debian.read(USERS), records(&server)), (users, vec![]));

        // Of many tries at once five are made. The page is closed then, the mail is not.
        forget_tries(&server);
        let names = ["thomas", "THOMAS", "Thomas@example.org", "thomas@example.net"];
        let answers =
            at_once(&server, 8, |it| change(&server, names[it % 4], "wrong", "what thieves like"));
        let made = answers.iter().filter(|answer| *answer == WRONG).count();
        let refused = answers.iter().filter(|answer| answer.starts_with(TOO_OFTEN)).count();
        assert_eq!((made, refused), (5, 3), "{answers:#?}");
        assert!(change(&server, "thomas", &thomas, "what I would like").starts_with(TOO_OFTEN));
        assert_opens(&server, "thomas", &thomas);
        assert_changed(&server, "anna", &anna, "what anna likes");
        let log = server.debian.run(&["journalctl", "-t", "mailprov-password"]).stdout();
        assert!(log.contains("a wrong password for thomas") && log.contains("too many tries"));
        assert!(log.contains("anna has a new password") && !log.contains("thieves"), "{log}");
        forget_tries(&server);

        // Of two changes at once one is made, and the other says that it was not.
        let answers = at_once(&server, 2, |it| {
            change(&server, "thomas", &thomas, &format!("choice number {it}"))
        });
        let made: Vec<usize> = (0..2).filter(|it| answers[*it].starts_with("200")).collect();
        assert_eq!(made.len(), 1, "{answers:?}");
        let thomas = format!("choice number {}", made[0]);
        assert_opens(&server, "thomas", &thomas);
        assert_eq!(planned(&server), Vec::<String>::new());

        // A run is waited for, but not for long.
        let hold = |seconds| {
            let hold = server.debian.spawn(&["flock", "/run/mailprov/lock", "sleep", seconds]);
            thread::sleep(Duration::from_secs(1));
            hold
        };
        let held = hold("4");
        assert_changed(&server, "thomas", &thomas, "after a run");
        drop(held);
        let held = hold("30");
        let answer = change(&server, "thomas", "after a run", "in a long run");
        assert!(answer.starts_with("500 The server is being changed"), "{answer}");
        let _ = server.debian.run(&["pkill", "--full", "sleep 30"]);
        drop(held);

        // Cut off before the first file is whole, nothing is changed; before the second, the
        // next run finishes it.
        fault(&server, Some("kill file 1"));
        let lost = change(&server, "thomas", "after a run", "never to be");
        assert_eq!(lost, "200 Your new password, please.");
        assert_eq!(planned(&server), Vec::<String>::new());
        fault(&server, Some("fail file 2"));
        let answer = change(&server, "thomas", "after a run", "never to be");
        assert!(answer.starts_with("500 Passwords cannot be changed"), "{answer}");
        assert_eq!(planned(&server), Vec::<String>::new());
        fault(&server, Some("kill file 2"));
        change(&server, "thomas", "after a run", "half of it");
        assert_eq!(planned(&server), ["file:/etc/dovecot/users"]);
        assert_opens(&server, "thomas", "after a run");
        fault(&server, None);
        assert_changed(&server, "thomas", "after a run", "once more");
        assert_eq!(planned(&server), Vec::<String>::new());
        fault(&server, Some("kill file 2"));
        change(&server, "thomas", "once more", "half of it");
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        assert_opens(&server, "thomas", "half of it");
        assert_eq!(planned(&server), Vec::<String>::new());
        fault(&server, None);

        // In the mode in which an account has a login for each domain, all of them change;
        // and a Dovecot that remembers passwords forgets this one.
        let more = "mailboxes: per-domain\nextra: {dovecot: \"auth_cache_size = 10M\"}\n";
        let text = server.debian.read_text(MAIL_YML) + more;
        server.debian.write(MAIL_YML, text, 0o600);
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        // A process of Postfix that was idle may still ask the Dovecot of before.
        let _ = server.debian.run(&["systemctl", "restart", "postfix"]).success();
        assert_opens(&server, "thomas@example.net", "half of it");
        assert_changed(&server, "THOMAS@example.net", "half of it", "one for all domains");
        assert_closed(&server, "thomas@example.net", "half of it");
        assert_opens(&server, "thomas@example.org", "one for all domains");
        assert_opens(&server, "thomas@example.net", "one for all domains");
        assert_opens(&server, "anna@example.org", "what anna likes");
        assert_eq!(planned(&server), Vec::<String>::new());
    });
}

/// Sends the form of the page.
fn send_form(server: &Server, fields: [&str; 4]) -> Page {
    let encoded = fields
        .map(|field| -> String { field.bytes().map(|byte| format!("%{byte:02X}")).collect() });
    let [address, current, new, again] = encoded;
    let form = format!("address={address}&current={current}&new={new}&again={again}");
    let stream = server.debian.connect(443).unwrap();
    Page::send(stream, &Server::tls(), "mail.example.org", "/password", &form).unwrap()
}

fn fetch(server: &Server, path: &str) -> Page {
    let stream = server.debian.connect(443).unwrap();
    Page::fetch(stream, Some(&Server::tls()), "mail.example.org", path).unwrap()
}

/// Changes a password at the page, and is refused where it must be.
fn the_page_does_it(server: &Server) {
    let page = fetch(server, "/password");
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")), "{page:?}");
    assert!(page.body.contains("autocomplete=\"current-password\""), "{page:?}");
    assert!(fetch(server, "/setup").body.contains("href=\"/password\""));
    for path in ["/password/", "/passwords", "/password/x"] {
        assert_eq!(fetch(server, path).status, 404, "{path}");
    }
    let (anna, new) = (password_of("anna"), "ä \" % $ & + = <b>");
    let page = send_form(server, ["anna@example.org", &anna, new, new]);
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.body.contains("Your password is changed."), "{page:?}");
    assert_opens(server, "anna", new);
    assert_eq!(planned(server), Vec::<String>::new());
    let refused = |fields, words: &str| {
        let page = send_form(server, fields);
        assert!(page.status == 422 && page.body.contains(words), "{words}: {page:?}");
        assert!(!page.body.contains("what thieves like"), "{page:?}");
        page
    };
    let thief = "what thieves like";
    let page = refused(["\"><b>", "wrong", thief, thief], "current password is not right");
    assert!(page.body.contains("value=\"&quot;&gt;&lt;b&gt;\""), "{page:?}");
    refused(["anna", new, thief, "another"], "two different new passwords");
    refused(["anna", new, "short", "short"], "The password is too short");
    refused(["anna\nquit", new, thief, thief], "line break");
    refused(["", new, thief, thief], "fill in all fields");
    assert_opens(server, "anna", new);
    let long = "x".repeat(20_000);
    let page = send_form(server, ["anna", &long, thief, thief]);
    assert_eq!(page.status, 413, "{page:?}");
    // Another program of the host gets no page, and an address only some tries.
    let page = "/run/mailprov-password-page.sock";
    let said = as_user(server, "nobody", &["perl", "-e", CLIENT, page]);
    assert!(said.contains("no: Permission denied"), "{said}");
    let tries = || send_form(server, ["nobody", "wrong", thief, thief]).status;
    let statuses = at_once(server, 14, |_| tries().to_string());
    assert!(statuses.iter().any(|it| it == "429"), "{statuses:?}");
    assert!(statuses.iter().all(|it| it == "429" || it == "422"), "{statuses:?}");
}

#[test]
fn the_page_changes_a_password_and_goes_with_its_key() {
    on_servers(OWN, |server| {
        the_page_does_it(&server);
        let off = server.debian.read_text(MAIL_YML).replace("self_service: true", "web: true");
        server.debian.write(MAIL_YML, off, 0o600);
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        assert_eq!(fetch(&server, "/password").status, 404);
        assert!(!fetch(&server, "/setup").body.contains("/password"));
        assert!(!server.debian.exists("/run/mailprov-password-page.sock"));
    });
}

/// The same beside an Apache that is there already.
#[test]
fn an_apache_that_is_there_shows_the_page() {
    let server = Server::start(REFUSING, Suite::Trixie);
    server.debian.install(&["apache2"]);
    let text = server.debian.read_text(MAIL_YML) + "self_service: true\n";
    server.debian.write(MAIL_YML, text, 0o600);
    let _ = server.debian.mailprov(&["apply", "--yes"]).success();
    assert!(!server.debian.exists("/etc/nginx/mailprov"));
    the_page_does_it(&server);
    let off = server.debian.read_text(MAIL_YML).replace("self_service: true\n", "");
    server.debian.write(MAIL_YML, off, 0o600);
    let _ = server.debian.mailprov(&["apply", "--yes"]).success();
    for gone in ["/etc/apache2/mailprov", "/etc/apache2/mods-enabled/proxy_http.load"] {
        assert!(!server.debian.exists(gone), "{gone}");
    }
}
