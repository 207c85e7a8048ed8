//! `resolver: true`: this host looks names up by itself and proves what it finds, and
//! mail goes to servers as they say in DNS. It never is without a resolver.

use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::{DecodePem, Encode};

use super::agent::{nothing_to_do, planned_keys};
use super::common::{CERTIFICATE, REFUSING, Server, Spec, mail_yml};
use super::watch::{look, mails};
use super::well::findings;
use crate::support::{Debian, Dns, Network, Suite, Zone, on_each, wait_for};

/// Receives for a domain of each kind.
const THEIRS: Spec = Spec {
    yaml: "\
hostname: mx.elsewhere.example
domains: [right.example, wrong.example, plain.example]
accounts:
  bob: {password: HASH-bob}
catch_all: {right.example: bob, wrong.example: bob, plain.example: bob}
",
    logins: &["bob"],
};

const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Has a box's resolver begin at the test's DNS.
const WORLD: &str = "/etc/unbound/unbound.conf.d/world.conf";

/// Where Debian's unbound keeps the key of the root.
const ANCHOR: &str = "/var/lib/unbound/root.key";

/// The world's DNS: one receiver says the truth about its key, one does not, and the
/// domain of a third is not signed.
fn world(ours: &Server, theirs: &Server) -> Zone {
    let chain = theirs.debian.read_text(CERTIFICATE);
    let leaf = &chain[..=chain.find("-----END").map(|at| at + 25).unwrap()];
    let leaf = Certificate::from_pem(leaf.trim_end()).unwrap();
    let key = leaf.tbs_certificate.subject_public_key_info.to_der().unwrap();
    let mut zone = Zone::default()
        .signed()
        .unsigned("plain.example")
        .host("mail.example.org", ours.debian.addresses())
        .mx("example.org", "mail.example.org")
        .tlsa("mx.right.example", &Sha256::digest(&key))
        .tlsa("mx.wrong.example", &[7; 32]);
    for domain in THEIRS_DOMAINS {
        let host = format!("mx.{domain}");
        zone = zone.mx(domain, &host).host(&host, theirs.debian.addresses());
    }
    zone
}

const THEIRS_DOMAINS: [&str; 3] = ["right.example", "wrong.example", "plain.example"];

/// The programs that would overwrite /etc/resolv.conf, and where they find what mailprov
/// tells them.
const DHCPCD: &str = "/usr/lib/dhcpcd/dhcpcd-run-hooks";
/// See [`DHCPCD`].
const HOOK: &str = "/etc/dhcp/dhclient-enter-hooks.d/mailprov";

/// Has a box's own resolver, once it has one, ask the test's DNS, and trust it.
pub(super) fn begin_at(debian: &Debian, anchor: &str) {
    let _ = debian.run(&["mkdir", "-p", "/etc/unbound/unbound.conf.d", "/var/lib/unbound"]);
    let mut world = "server:\n".to_owned();
    // By default it asks no other for these.
    for domain in ["test", "10.in-addr.arpa", "d.f.ip6.arpa"] {
        world += &format!("  local-zone: {domain}. nodefault\n");
    }
    world += &format!("stub-zone:\n  name: .\n  stub-addr: {}\n", Network::client().v4);
    debian.write(WORLD, world, 0o644);
    debian.write("/etc/default/unbound", "ROOT_TRUST_ANCHOR_UPDATE=false\n", 0o644);
    debian.write(ANCHOR, anchor, 0o644);
}

/// Sends a mail to bob, and returns what Postfix notes of the connection and the mail.
#[track_caller]
fn sent(debian: &Debian, domain: &str) -> String {
    let line = format!("printf 'Subject: hello\\n\\nHello.\\n' | sendmail bob@{domain}");
    let _ = debian.shell(&line).success();
    wait_for("what becomes of the mail", || {
        let log = debian.run(&["journalctl", "--output=cat", "-t", "postfix/smtp"]).stdout();
        log.contains(&format!("to=<bob@{domain}>")).then_some(log)
    })
}

/// Returns what is left of a resolver.
fn left(debian: &Debian) -> String {
    let stdout = debian
        .shell(
            "pgrep -a unbound; ss -Hltnu sport = 53; ls /etc/unbound/unbound.conf.d/mailprov.conf \
             /etc/systemd/system/unbound.service.d /etc/dhcp/dhclient-enter-hooks.d/mailprov; \
             postconf -n | grep -i dane; systemctl is-enabled unbound | grep enabled",
        )
        .stdout();
    // The other program of the test is at this address.
    let is_of_resolver = |line: &&str| *line != "disabled" && !line.contains("127.0.0.53:53");
    stdout.lines().filter(is_of_resolver).collect()
}

#[test]
fn mail_goes_to_a_server_that_dns_proves_and_waits_before_another() {
    let theirs = Server::start(REFUSING, Suite::Trixie).change(THEIRS);
    let ours = Suite::ALL.map(|suite| theirs.neighbour(REFUSING, suite));
    let zone = world(&ours[0], &theirs);
    let anchor = zone.anchor();
    let asking: Vec<_> = ours.iter().chain([&theirs]).map(|server| &server.debian).collect();
    let _dns = zone.serve(theirs.debian.network(), &asking);
    on_each(ours, |ours| {
        begin_at(&ours.debian, &anchor);
        ours.debian.write(RESOLV_CONF, "# by hand\nsearch lan\nnameserver 10.77.0.1\n", 0o644);
        let _ = ours.debian.shell(&format!(
            "mkdir -p /etc/dhcp/dhclient-enter-hooks.d /usr/lib/dhcpcd; touch {DHCPCD}"
        ));
        let mut ours = ours.change_with(REFUSING, "resolver: true\nwatch: daily\n");
        let hook = format!("make_resolv_conf() {{ echo written; }}; . {HOOK}; make_resolv_conf");
        assert_eq!(ours.debian.shell(&hook).success().stdout(), "");
        let hook = ours.debian.read_text("/etc/dhcpcd.enter-hook");
        assert_eq!(hook, "skip_hooks=\"$skip_hooks resolv.conf\"\n");
        nothing_to_do(&ours.debian, "with a resolver");
        let text = ours.debian.read_text(RESOLV_CONF);
        assert!(text.contains("\nnameserver 127.0.0.1\nsearch lan\n"), "{text}");
        let listening = ours.debian.run(&["ss", "-Hltn", "sport", "=", "53"]).stdout();
        let at = listening.lines().filter_map(|line| line.split_whitespace().nth(3));
        assert!(at.clone().all(|it| ["127.0.0.1:53", "[::1]:53"].contains(&it)), "{listening}");
        assert!(at.count() >= 2, "{listening}");
        let check = ours.debian.mailprov(&["check", "--json", "--only", "resolver"]);
        assert_eq!(findings(&check), [""; 0]);

        let log = sent(&ours.debian, "right.example");
        assert!(log.contains("Verified TLS connection established to mx.right.example"), "{log}");
        assert!(log.contains("status=sent"), "{log}");
        let log = sent(&ours.debian, "wrong.example");
        let wrong = log.lines().find(|line| line.contains("to=<bob@wrong.example>")).unwrap();
        assert!(wrong.contains("dsn=4.7.5") && wrong.contains("status=deferred"), "{log}");
        let log = sent(&ours.debian, "plain.example");
        let plain = log.lines().find(|line| line.contains("to=<bob@plain.example>")).unwrap();
        assert!(plain.contains("status=sent"), "{log}");
        assert!(!log.contains("Verified TLS connection established to mx.plain"), "{log}");
        assert!(log.contains("TLS connection established to mx.plain.example"), "{log}");
        let _ = ours.debian.run(&["postsuper", "-d", "ALL"]).success();

        ours.debian.reboot();
        nothing_to_do(&ours.debian, "after a reboot");
        let debian = &ours.debian;
        let _ = debian.run(&["getent", "hosts", "mx.right.example"]).success();

        // It is dead: that is said, and mailed.
        let _ = debian.run(&["systemctl", "stop", "unbound"]).success();
        let check = debian.mailprov(&["check", "--json", "--only", "resolver"]);
        let found = findings(&check);
        assert!(found.len() == 1 && found[0].starts_with("resolver.proof: wrong: "), "{found:#?}");
        look(debian);
        ours.settle();
        let mail = mails(&ours).pop().unwrap();
        assert!(mail.contains("The resolver proves names"), "{mail}");
        assert!(mail.contains("Names are looked up"), "{mail}");
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        let _ = debian.run(&["getent", "hosts", "mx.right.example"]).success();

        // A network brings another resolver: it is the one to go back to.
        let other = "nameserver 10.77.0.1\noptions edns0\n";
        debian.write(RESOLV_CONF, other, 0o644);
        assert_eq!(planned_keys(debian), ["file:/etc/resolv.conf"]);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        nothing_to_do(debian, "with a resolver again");

        let ours = ours.change(REFUSING);
        let debian = &ours.debian;
        nothing_to_do(debian, "without a resolver");
        assert_eq!(debian.read_text(RESOLV_CONF), other);
        assert_eq!(left(debian), "");
        assert_eq!(debian.read_text("/etc/dhcpcd.enter-hook"), "");
        let _ = debian.run(&["getent", "hosts", "mx.right.example"]).success();
    });
}

#[test]
fn a_resolver_that_proves_nothing_is_not_asked() {
    on_each(Suite::ALL, |suite| {
        let ours = Server::start(REFUSING, suite);
        let zone = Zone::default().signed().host("mail.example.org", ours.debian.addresses());
        let anchor = zone.anchor();
        let dns: Dns = zone.serve(ours.debian.network(), &[&ours.debian]);
        let debian = &ours.debian;
        let link = "resolvers/mine.conf";
        let _ = debian.shell(&format!(
            "mkdir /etc/resolvers && mv {RESOLV_CONF} /etc/{link} && ln -s {link} {RESOLV_CONF}"
        ));
        let is_link = |when: &str| {
            let target = debian.run(&["readlink", RESOLV_CONF]).stdout();
            assert_eq!(target.trim(), link, "{when}");
            let _ = debian.run(&["getent", "hosts", "mail.example.org"]).success();
        };
        let with = mail_yml(&[REFUSING.yaml, "resolver: true\n"].concat());
        debian.write("/etc/mailprov/mail.yml", &with, 0o600);

        // Another program has the port; one at another address is none of its business.
        let other = |ip: &str| {
            format!("systemd-run --unit=other systemd-socket-activate -l {ip}:53 /bin/cat; sleep 1")
        };
        let _ = debian.shell(&other("127.0.0.1")).success();
        let plan = debian.mailprov(&["plan"]).exits(1).stderr();
        assert!(plan.contains("port 53 of 127.0.0.1 is held by"), "{plan}");
        assert!(plan.contains("systemctl disable --now other.service"), "{plan}");
        let _ = debian.run(&["systemctl", "stop", "other"]).success();
        let _ = debian.shell(&other("127.0.0.53")).success();

        // The key of the root is another's: this one's answers cannot be proven.
        begin_at(debian, &Zone::default().signed().anchor());
        let apply = debian.mailprov(&["apply", "--yes"]).exits(1).stderr();
        assert!(apply.contains("the resolver at 127.0.0.1 does not answer"), "{apply}");
        assert!(apply.contains("SERVFAIL"), "{apply}");
        is_link("undone");
        assert_eq!(left(debian), "");
        assert!(!debian.run(&["postconf", "-n"]).stdout().contains("dane"));

        debian.write(ANCHOR, &anchor, 0o644);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        nothing_to_do(debian, "with a resolver");
        assert!(debian.read_text(RESOLV_CONF).contains(link));
        let _ = debian.mailprov(&["rollback", "--yes"]).success();
        is_link("rolled back");
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        debian.write("/etc/mailprov/mail.yml", mail_yml(REFUSING.yaml), 0o600);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        is_link("switched off");
        nothing_to_do(debian, "without a resolver");

        // A dead resolver is a finding without one of its own, too, and is mailed.
        let text = debian.read_text("/etc/mailprov/mail.yml") + "watch: daily\n";
        debian.write("/etc/mailprov/mail.yml", text, 0o600);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        drop(dns);
        look(debian);
        ours.settle();
        let mail = mails(&ours).pop().unwrap();
        assert!(mail.contains("Names are looked up"), "{mail}");
    });
}
