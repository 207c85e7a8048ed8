//! A service is well only if it answers where it must, and what needs it goes on
//! once it does.

use std::time::Instant;

use crate::agent::{converged, greeting, mends, nothing_to_do, plan, planned_keys};
use crate::common::{REFUSING, Server, mail_yml};
use crate::support::{Debian, Imap, Smtp, Suite, wait_for};
use crate::well::on_each;

/// Where Dovecot takes mail.
const LMTP: &str = "/var/spool/postfix/private/dovecot-lmtp";

/// A line of shell by which a process listens at [`LMTP`] and ends at once. What
/// it leaves behind looks like a socket.
const STALE: &str = "perl -MSocket -e 'unlink $ARGV[0]; socket S, PF_UNIX, SOCK_STREAM, 0; \
                     bind S, sockaddr_un $ARGV[0] or die; listen S, 1' ";

#[test]
fn where_a_service_must_answer_is_part_of_its_state() {
    let damages = [
        ("gone", format!("rm {LMTP}")),
        ("elsewhere", format!("mv {LMTP} {LMTP}.old")),
        ("a file", format!("rm {LMTP}; touch {LMTP}")),
        ("stale", format!("{STALE} {LMTP}")),
        ("the other one", "rm /var/spool/postfix/private/auth".to_owned()),
    ];
    for suite in Suite::ALL {
        let debian = converged(suite);
        // From here on the note is there by which nothing to do is found quickly.
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        for (what, line) in &damages {
            nothing_to_do(&debian, what);
            let _ = debian.shell(line).success();
            let plan = plan(&debian);
            let why: Vec<_> = plan.iter().flat_map(|change| &change.why).collect();
            assert!(
                matches!(&why[..], [one] if one.starts_with("restart: nothing listens at /var")),
                "{what}: {why:?}"
            );
            mends(&debian, what, &["service:dovecot"]);
            let is = debian.shell(&format!("test -S {LMTP}"));
            assert!(is.is_success(), "{what}");
            assert!(greeting(&debian, 143).starts_with("* OK"), "{what}");
        }
    }
}

#[test]
fn mail_and_logins_go_on_as_soon_as_dovecot_is_back() {
    on_each(|server| {
        let debian = &server.debian;
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        for damage in ["systemctl stop dovecot.socket dovecot", &format!("rm {LMTP}*")] {
            let _ = debian.shell(damage);
            // Without Dovecot the first who wants to send has Postfix hold back all others.
            for port in [465, 587] {
                let tls = Server::tls();
                let _ = debian.connect(port).map(|it| match port {
                    465 => Smtp::connect_tls(it, &tls).is_ok(),
                    _ => Smtp::connect(it).is_ok(),
                });
            }
            let subject = format!("Subject: waits {}\n\n", damage.len());
            let sendmail = ["/usr/sbin/sendmail", "-i", "thomas"];
            let _ = debian.run_with_input(&sendmail, subject.as_bytes()).success();
            wait_for("the mail to be put off", || {
                let queue = debian.run(&["postqueue", "-p"]).stdout();
                queue.contains("dovecot-lmtp").then_some(())
            });
            let _ = debian.mailprov(&["apply", "--yes"]).success();
            let back = Instant::now();
            let _ = server.submissions("thomas");
            let _ = server.submission("thomas");
            server.settle();
            let words = format!("SUBJECT \"waits {}\"", damage.len());
            assert_eq!(server.search("thomas", &words).len(), 1, "{damage}");
            assert!(back.elapsed().as_secs() < 15, "{damage}: {:?}", back.elapsed());
            assert_eq!(planned_keys(debian), [""; 0], "{damage}");
        }
    });
}

/// The unit of Postfix on Debian 12, as far as it counts here.
const OLD_UNIT: &str = "[Unit]\nPartOf=postfix.service\nBefore=postfix.service\n\
                        ReloadPropagatedFrom=postfix.service\n[Service]\nType=forking\n\
                        GuessMainPID=no\nExecStart=/usr/sbin/postmulti -i %i -p start\n\
                        ExecStop=/usr/sbin/postmulti -i %i -p stop\n";

#[test]
fn a_daemon_under_an_older_release_s_unit_is_started_under_the_new_one() {
    let debian = converged(Suite::Trixie);
    let unit = "/etc/systemd/system/postfix@.service";
    for time in 0..5 {
        let _ = debian.shell("systemctl stop postfix").success();
        debian.write(unit, OLD_UNIT, 0o644);
        let line = format!("systemctl daemon-reload; systemctl start postfix@-; rm {unit}");
        let _ = debian.shell(&line).success();
        // Debian does so, and fails, after the upgrade.
        let own = debian.shell("systemctl daemon-reload; systemctl restart postfix");
        if time == 0 {
            assert!(own.stderr().contains("conflicting jobs"), "{own}");
        }
        let _ = debian.shell("echo >>/etc/postfix/main.cf").success();
        let keys = ["file:/etc/postfix/main.cf", "service:postfix"];
        mends(&debian, "an older unit", &keys);
        let active = ["systemctl", "is-active", "postfix", "dovecot"];
        assert_eq!(debian.run(&active).stdout(), "active\nactive\n");
        assert_ne!(debian.run(&["systemctl", "is-active", "postfix@-"]).stdout(), "active\n");
        assert!(greeting(&debian, 25).starts_with("220 "));
    }
}

/// A daemon that listens at one address only, until it is told to close its ears.
const EAR: &str = "[Service]\nExecStart=/usr/bin/perl -MSocket -e 'socket S, PF_INET, \
                   SOCK_STREAM, 0; setsockopt S, SOL_SOCKET, SO_REUSEADDR, 1; bind S, \
                   sockaddr_in 4444, inet_aton \"127.8.8.8\" or die; listen S, 9; $SIG{USR1} = \
                   sub { close S }; while (1) { if (accept C, S) { syswrite C, \"hello\\n\"; \
                   close C } else { sleep 1 } }'\n[Install]\nWantedBy=multi-user.target\n";

#[test]
fn a_port_that_is_gone_is_found_at_whatever_address_it_was() {
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite);
        debian.write("/etc/systemd/system/ear.service", EAR, 0o644);
        let playbook = "name: ear\nsteps:\n  - name: It listens\n    service: {name: ear, answers: \
                        [{port: 4444, begins: hello}]}\n";
        debian.write("/root/ear.yml", playbook, 0o644);
        let mailprov = |arguments: &[&str]| {
            debian.mailprov(&[arguments, &["--playbook", "/root/ear.yml"]].concat())
        };
        let planned = || {
            let plan = crate::agent::changes(&mailprov(&["plan", "--json"]).success());
            plan.into_iter().flat_map(|change| change.why).collect::<Vec<_>>()
        };
        let _ = mailprov(&["apply", "--yes"]).success();
        assert_eq!(planned(), [""; 0]);
        let _ = debian.run(&["systemctl", "kill", "--signal=USR1", "ear"]).success();
        wait_for("the ears to close", || {
            (planned() == ["restart: nothing listens at port 4444"]).then_some(())
        });
        let _ = mailprov(&["apply", "--yes"]).success();
        assert_eq!(planned(), [""; 0]);
    }
}

#[test]
fn a_port_that_is_to_speak_tls_is_well_only_once_it_does() {
    on_each(|server| {
        let debian = &server.debian;
        let text = debian.read_text("/etc/mailprov/mail.yml");
        let pair = "/etc/ssl/mail/both.pem";
        let all_speak_tls = || {
            let tls = Server::tls();
            for port in [25, 587] {
                let stream = debian.connect(port).unwrap();
                assert!(Smtp::connect_starttls(stream, &tls).is_ok(), "{port}");
            }
            assert!(Smtp::connect_tls(debian.connect(465).unwrap(), &tls).is_ok());
            assert!(Imap::connect_tls(debian.connect(993).unwrap(), &tls).is_ok());
        };
        // Key and chain in one file, whichever comes first, and under two names.
        let tls = |key: &str| format!("tls: {{certificate: {pair}, key: {key}}}\n");
        let link = "/etc/ssl/mail/link.pem";
        for (order, key) in
            [("privkey fullchain", pair), ("fullchain privkey", pair), ("privkey fullchain", link)]
        {
            let line = format!(
                "cd /etc/ssl/mail; ln -sf both.pem link.pem; umask 077; \
                 for f in {order}; do cat $f.pem; done >both.pem"
            );
            let _ = debian.shell(&line).success();
            let yaml = mail_yml(&format!("{}{}", REFUSING.yaml, tls(key)));
            debian.write("/etc/mailprov/mail.yml", yaml, 0o600);
            let _ = debian.mailprov(&["apply", "--yes"]).success();
            all_speak_tls();
            assert_eq!(planned_keys(debian), [""; 0], "{order}");
        }
        debian.write("/etc/mailprov/mail.yml", &text, 0o600);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        // Each daemon's own checker is content with this, and no handshake comes about.
        let before = debian.read_text("/etc/postfix/main.cf");
        for extra in [
            "extra: {postfix: {smtpd_tls_chain_files: /etc/ssl/mail/fullchain.pem}}\n",
            "extra: {postfix: {tls_high_cipherlist: DES-CBC-SHA, smtpd_tls_mandatory_protocols: \
             TLSv1.2}}\n",
        ] {
            debian.write("/etc/mailprov/mail.yml", format!("{text}{extra}"), 0o600);
            let output = debian.mailprov(&["apply", "--yes"]).exits(1);
            let said = output.stderr();
            assert!(said.contains("does not answer") && said.contains("port "), "{output}");
            all_speak_tls();
        }
        debian.write("/etc/mailprov/mail.yml", &text, 0o600);
        assert_eq!(debian.read_text("/etc/postfix/main.cf"), before);
        assert_eq!(planned_keys(debian), [""; 0]);
    });
}
