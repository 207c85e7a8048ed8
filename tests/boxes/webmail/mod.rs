//! Webmail: people read and write mail in a real browser.

mod shut_in;

use std::fs;

use crate::agent::nothing_to_do;
use crate::common::{Letter, REFUSING, Server, Spec, mail_yml, password_of};
use crate::support::{Browser, Page, Suite, on_each, wait_for};

const WEBMAIL: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org, example.net]
accounts:
  thomas: {password: HASH-thomas}
  anna: {password: HASH-anna, aliases: [info]}
web: {mta_sts: off}
webmail: true
",
    logins: &["thomas", "anna"],
};

/// Where apt is told to stay at a version.
const PIN: &str = "/etc/apt/preferences.d/former";

const HOST: &str = "mail.example.org";

/// The role of the addresses of a person.
const SENDERS: &str = "[...document.querySelectorAll('#_from option')].map(it => it.textContent)";

/// A person's mail in a browser.
struct Person<'s> {
    server: &'s Server,
    browser: Browser<'s>,
}

impl<'s> Person<'s> {
    fn new(server: &'s Server) -> Self {
        let debian = &server.debian;
        let browser = Browser::start(debian.network(), HOST, debian.addresses().v4.into());
        Self { server, browser }
    }

    /// Goes to a page of the webmail.
    #[track_caller]
    fn go(&self, query: &str) {
        self.browser.go(&format!("https://{HOST}/{query}"));
        self.wait_for_answers();
    }

    /// Waits until the page has all that it asked for. Roundcube may lose what another request
    /// keeps in the session within half a second (`rcube_session::get_cache`).
    #[track_caller]
    fn wait_for_answers(&self) {
        self.browser.wait("document.readyState == 'complete' && !(window.jQuery && jQuery.active)");
    }

    /// Comes anew, and logs in.
    #[track_caller]
    fn log_in(&self, login: &str, password: &str) {
        self.browser.forget();
        self.go("");
        self.browser.type_into("#rcmloginuser", login);
        self.browser.type_into("#rcmloginpwd", password);
        self.browser.click("#rcmloginsubmit");
    }

    /// Comes anew, and logs in with the right password.
    #[track_caller]
    fn enter(&self, login: &str) {
        self.log_in(login, &password_of(login));
        self.browser.wait("document.querySelector('#mailboxlist')");
        self.wait_for_answers();
    }

    /// Begins a mail.
    #[track_caller]
    fn begin(&self, more: &str) {
        self.go(&format!("?_task=mail&_action=compose{more}"));
        self.browser.wait("window.rcmail && rcmail.env.compose_id");
    }

    /// Fills in a field of the mail.
    #[track_caller]
    fn fill(&self, id: &str, text: &str) {
        self.browser.run(&format!("document.getElementById('{id}').value = '{text}'"));
    }

    /// Sends the mail, or returns why it is not sent.
    #[track_caller]
    fn send(&self) -> Result<(), String> {
        self.browser.run("rcmail.command('send', '')");
        let is_over = "!location.href.includes('compose') || \
                       document.querySelector('#messagestack .error')";
        self.browser.wait(is_over);
        match self.browser.run("return location.href.includes('compose')").as_bool() {
            Some(false) => Ok(()),
            _ => Err(self.browser.text()),
        }
    }

    fn picture(&self, name: &str) {
        self.browser.picture(&format!("{}-{name}", self.server.debian.suite().release()));
    }

    /// Returns what the database answers.
    #[track_caller]
    fn data(&self, query: &str) -> String {
        let program = format!(
            "echo (new PDO('sqlite:/var/lib/mailprov-webmail/roundcube.sqlite'))->query(\"{query}\")\
             ->fetchColumn();"
        );
        self.server.debian.run(&["php", "-r", &program]).success().stdout()
    }
}

/// Fetches a page from the webmail's server.
#[track_caller]
fn fetch(server: &Server, path: &str) -> Page {
    let stream = server.debian.connect(443).unwrap();
    Page::fetch(stream, Some(&Server::tls()), HOST, path).unwrap()
}

#[test]
fn people_read_and_write_mail_in_a_browser() {
    on_each(Suite::ALL, |suite| {
        let server = start_with_the_former_version(suite);
        nothing_to_do(&server.debian, "set up");
        let person = Person::new(&server);
        a_security_update_keeps_everything(&person);
        each_spelling_is_one_person(&person);
        nothing_else_is_shown(&server);
        a_mail_is_read_and_answered_with_an_attachment(&person);
        an_absence_note_is_answered_once(&person);
        another_sender_is_refused(&person);
        assert_eq!(person.browser.errors(), [""; 0]);
        memory_is_small(&server);
        a_password_is_changed(&person);
        it_is_switched_off_and_on(&server);
    });
}

/// With a mailbox in each domain, to each its own.
#[test]
fn an_apache_that_is_there_shows_it_as_nginx_does() {
    on_each(Suite::ALL, |suite| {
        let server = Server::start(REFUSING, suite);
        server.debian.install(&["apache2"]);
        let _ = server.debian.run(&["systemctl", "start", "apache2"]).success();
        let server = server.change_with(WEBMAIL, "mailboxes: per-domain\n");
        nothing_to_do(&server.debian, "set up beside Apache");
        nothing_else_is_shown(&server);
        let person = Person::new(&server);
        person.enter("thomas");
        a_mail_is_read_and_answered_with_an_attachment(&person);
        person.enter("thomas@example.net");
        person.begin("");
        let senders = person.browser.run(&format!("return {SENDERS}"));
        let senders = senders.as_array().unwrap();
        assert!(senders.len() == 1 && senders[0].as_str().unwrap().contains("thomas@example.net"));
        let people = person.data("SELECT group_concat(username) FROM users");
        assert_eq!(people, "thomas@example.net,thomas@example.org");
        assert_eq!(person.browser.errors(), [""; 0]);
    });
}

/// Starts a server whose webmail is of the version before the last security update. Right
/// after a point release of Debian, that is the same one.
fn start_with_the_former_version(suite: Suite) -> Server {
    let server = Server::start(REFUSING, suite);
    let debian = &server.debian;
    let known = debian.run(&["apt-cache", "madison", "roundcube-core"]).success().stdout();
    let former = known.lines().last().unwrap().split('|').nth(1).unwrap().trim();
    let packages = ["core", "plugins", "sqlite3"].map(|it| format!("roundcube-{it}={former}"));
    debian.stock(&packages.each_ref().map(String::as_str));
    let pin = format!("Package: roundcube*\nPin: version {former}\nPin-Priority: 1001\n");
    debian.write(PIN, pin, 0o644);
    server.change(WEBMAIL)
}

fn a_security_update_keeps_everything(person: &Person<'_>) {
    let debian = &person.server.debian;
    let version = || {
        let query = ["dpkg-query", "--show", "--showformat=${Version}", "roundcube-core"];
        debian.run(&query).success().stdout()
    };
    let contacts = || person.data("SELECT name || ' ' || email FROM contacts");
    person.enter("thomas");
    person.go("?_task=addressbook");
    person.browser.wait("window.rcmail && rcmail.env.request_token");
    person.browser.run(
        "var it = new XMLHttpRequest(); \
         it.open('POST', '/?_task=addressbook&_action=save', false); \
         it.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded'); \
         it.send('_token=' + rcmail.env.request_token + '&_source=0&_framed=1&_name=Bob' + \
                 '&_email[]=bob%40far.example&_subtype_email[]=home')",
    );
    assert_eq!(contacts(), "Bob bob@far.example");
    let former = version();
    let _ = debian.run(&["rm", PIN]).success();
    let policy = debian.run(&["apt-cache", "policy", "roundcube-core"]).success().stdout();
    let newest = policy.lines().find_map(|it| it.trim().strip_prefix("Candidate: ")).unwrap();
    let check = debian.mailprov(&["check", "--only", "webmail"]).stdout();
    let told = format!("roundcube-core {former}; apt knows {newest}");
    assert_eq!(check.contains(&told), former != newest, "{check}");
    let _ = debian.run(&["unattended-upgrade", "--verbose"]).success();
    assert_eq!(version(), newest);
    nothing_to_do(debian, "after a security update");
    person.enter("thomas");
    assert_eq!(contacts(), "Bob bob@far.example");
}

fn each_spelling_is_one_person(person: &Person<'_>) {
    person.go("");
    person.picture("login");
    for login in ["thomas", "Thomas@example.net", "thomas@example.org"] {
        person.enter(login);
    }
    assert_eq!(person.data("SELECT group_concat(username) FROM users"), "thomas@example.org");
    let folders = "[...document.querySelectorAll('#mailboxlist a')].map(it => it.textContent)";
    let folders = person.browser.wait(folders);
    let expected = ["Inbox", "Drafts", "Sent", "Junk", "Trash", "Archive"];
    assert_eq!(folders, serde_json::json!(expected));
    for cookie in person.browser.cookies() {
        assert!(cookie["secure"] == true && cookie["httpOnly"] == true, "{cookie}");
    }
    let journal = person.server.debian.journal();
    assert!(journal.contains("rip=10.77.0.1, lip=127.0.0.1"), "{journal}");
    assert!(!journal.contains("rip=127.0.0.25"), "{journal}");
    person.enter("anna");
    person.begin("");
    let senders = person.browser.run(&format!("return {SENDERS}"));
    let expected = ["anna@example.org", "anna@example.net", "info@example.net", "info@example.org"];
    let found: Vec<_> = senders.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(
        found.len() == 4 && found.iter().zip(expected).all(|(it, address)| it.contains(address)),
        "{found:?}"
    );
}

fn nothing_else_is_shown(server: &Server) {
    for path in [
        "/config/config.inc.php",
        "/logs/errors.log",
        "/temp/x",
        "/.htaccess",
        "/skins/.htaccess",
        "/installer/",
        "/installer/index.php",
        "/plugins/password/password.php",
        "/plugins/mailprov/mailprov.php",
        "/program/resources/../../config/config.inc.php",
        "/index.php/x",
        "/bin/gc.sh",
        "/SQL/sqlite.initial.sql",
        "/roundcube.sqlite",
    ] {
        assert_eq!(fetch(server, path).status, 404, "{path}");
    }
    let page = fetch(server, "/");
    let policy = page.header("content-security-policy").unwrap();
    assert!(page.status == 200 && policy.contains("frame-ancestors 'self'"), "{page:?}");
    assert_eq!(fetch(server, "/setup").status, 200);
    assert_eq!(fetch(server, "/skins/elastic/images/logo.svg").status, 200);
}

fn a_mail_is_read_and_answered_with_an_attachment(person: &Person<'_>) {
    const SIZE: usize = 20 * 1024 * 1024;
    let server = person.server;
    let letter = Letter::saying(b"How are you?\r\n");
    server.receive(&["thomas@example.org"], &letter);
    server.settle();
    person.enter("thomas");
    person.browser.wait("document.querySelector('#messagelist tbody tr')");
    person.picture("inbox");
    person.go("?_task=mail&_mbox=INBOX&_uid=1&_action=show");
    assert!(person.browser.text().contains("How are you?"), "{}", person.browser.text());
    person.picture("message");
    let file = person.browser.folder().join("large.bin");
    let noise: Vec<u8> =
        (0..SIZE as u64).map(|it| (it.wrapping_mul(0x9E37_79B9) >> 13) as u8).collect();
    fs::write(&file, noise).unwrap();
    person.begin("&_mbox=INBOX&_reply_uid=1");
    person.fill("_to", "anna@example.org");
    person.fill("composebody", "Well, as you see.");
    person.browser.type_into("#uploadformInput", &file.display().to_string());
    person.browser.wait("document.querySelector('#attachment-list li:not(.uploading)')");
    person.picture("compose");
    assert_eq!(person.send(), Ok(()));
    server.settle();
    let found = format!("LARGER {SIZE} SUBJECT {} TEXT \"as you see\"", letter.token());
    let mut imap = server.imap("anna");
    imap.select("INBOX").unwrap();
    assert_eq!(imap.search(&found).unwrap().len(), 1);
    let mut imap = server.imap("thomas");
    imap.select("Sent").unwrap();
    assert_eq!(imap.search(&found).unwrap().len(), 1);
    assert_eq!(server.debian.shell("ls -A /var/lib/mailprov-webmail/temp").stdout(), "");
}

/// Postfix has the last word, whatever a person writes into the settings.
fn another_sender_is_refused(person: &Person<'_>) {
    person.begin("");
    person.browser.run(
        "var it = new XMLHttpRequest(); \
         it.open('POST', '/?_task=settings&_action=save-identity', false); \
         it.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded'); \
         it.send('_token=' + rcmail.env.request_token + \
                 '&_name=Anna&_email=anna%40example.org&_standard=1&_framed=1')",
    );
    person.begin("");
    let senders = person.browser.run(&format!("return {SENDERS}"));
    assert!(senders[0].as_str().unwrap().contains("anna@example.org"), "{senders}");
    person.fill("_to", "anna@example.org");
    person.fill("compose-subject", "Forged");
    person.fill("composebody", "Send me your money.");
    let refused = person.send().unwrap_err();
    assert!(refused.contains("not owned by user thomas"), "{refused}");
    person.picture("refused");
}

fn an_absence_note_is_answered_once(person: &Person<'_>) {
    let server = person.server;
    person.go("?_task=settings&_action=plugin.managesieve-vacation");
    person.browser.wait("window.rcmail && document.querySelector('[name=vacation_subject]')");
    person.browser.run(
        "document.querySelector('[name=vacation_subject]').value = 'Away'; \
         document.querySelector('[name=vacation_reason]').value = 'Back on Monday.'; \
         document.querySelector('[name=vacation_status]').value = 'on'; \
         rcmail.command('plugin.managesieve-save')",
    );
    person.browser.wait("document.querySelector('#messagestack .confirmation')");
    person.picture("absence");
    for text in ["first", "second"] {
        let mut smtp = server.submission("anna");
        let letter = Letter::with_header("Cc: thomas@example.net\r\n", text.as_bytes());
        let sent = smtp.send("anna@example.org", &["thomas@example.net"], letter.bytes());
        sent.unwrap().expect_code(250);
        server.settle();
    }
    assert_eq!(server.search("anna", "SUBJECT Away TEXT Monday").len(), 1);
    assert_eq!(server.search("thomas", "TEXT second").len(), 1);
}

/// By the socket of `self_service`, which the webmail may open.
fn a_password_is_changed(person: &Person<'_>) {
    const NEW: &str = "ein neues wört % für mich";
    let server = person.server;
    person.enter("anna");
    let change = |old: &str| {
        person.go("?_task=settings&_action=plugin.password");
        person.browser.type_into("#curpasswd", old);
        person.browser.type_into("#newpasswd", NEW);
        person.browser.type_into("#confpasswd", NEW);
        person.browser.run("rcmail.command('plugin.password-save')");
    };
    change("another password");
    person.browser.wait("document.querySelector('#messagestack .error, #messagestack .warning')");
    change(&password_of("anna"));
    person.browser.wait("document.querySelector('#messagestack .confirmation')");
    person.picture("password");
    person.log_in("anna", &password_of("anna"));
    person.browser.wait("document.querySelector('#messagestack .error, #messagestack .warning')");
    person.log_in("anna", NEW);
    person.browser.wait("document.querySelector('#mailboxlist')");
    assert!(server.anonymous_imap().login("anna", NEW).unwrap().is_ok());
    nothing_to_do(&server.debian, "a password was changed");
}

/// The memory of nginx and PHP with one person at work, in KiB.
fn memory_is_small(server: &Server) {
    let of_processes = "for p in $(pgrep 'nginx|php-fpm'); do cat /proc/$p/smaps_rollup; done";
    let memory = server.debian.shell(of_processes).success().stdout();
    let sizes = memory.lines().filter_map(|line| line.strip_prefix("Pss:"));
    let sum: u64 = sizes.map(|it| it.trim().trim_end_matches(" kB").parse::<u64>().unwrap()).sum();
    assert!(sum > 0 && sum < 60 * 1024, "{sum} KiB:\n{memory}");
}

/// Contacts and settings outlast it, and the page for passwords stays.
fn it_is_switched_off_and_on(server: &Server) {
    let users = "ls -A /var/lib/mailprov-webmail";
    let off = WEBMAIL.yaml.replace("webmail: true", "self_service: true");
    server.debian.write("/etc/mailprov/mail.yml", mail_yml(&off), 0o600);
    let _ = server.debian.mailprov(&["apply", "--yes"]).success();
    nothing_to_do(&server.debian, "without webmail");
    assert_eq!(server.debian.shell("pgrep php").stdout(), "");
    let left = server.debian.shell("ls /run/mailprov-webmail /etc/nginx/mailprov").stdout();
    assert_eq!(left, "/etc/nginx/mailprov:\npassword.conf\n");
    let page = fetch(server, "/");
    assert_eq!(
        (page.status, page.header("location")),
        (302, Some("https://mail.example.org/setup"))
    );
    assert_eq!(fetch(server, "/index.php").status, 404);
    assert_eq!(fetch(server, "/password").status, 200);
    let _ = server.debian.run(&["systemctl", "start", "php8.*-fpm"]);
    assert!(server.debian.shell(users).stdout().contains("roundcube.sqlite"));
    server.debian.write("/etc/mailprov/mail.yml", mail_yml(WEBMAIL.yaml), 0o600);
    let _ = server.debian.mailprov(&["apply", "--yes"]).success();
    nothing_to_do(&server.debian, "with webmail again");
    let person = Person::new(server);
    person.enter("thomas");
    assert_eq!(person.data("SELECT count(*) FROM users"), "2");
    wait_for("the check", || {
        let check = server.debian.mailprov(&["check", "--only", "webmail"]);
        check.stdout().contains("4 ok").then_some(())
    });
}
