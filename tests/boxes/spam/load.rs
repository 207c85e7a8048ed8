//! What happens to mail while the filter is down, reloads, or has to do with a mail
//! that keeps it busy: nothing is lost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{WORDS, filtered, from, server};
use crate::common::{Letter, Server};
use crate::support::{Smtp, Suite, wait_for};

#[test]
fn while_the_filter_is_down_mail_waits() {
    for server in filtered() {
        let debian = &server.debian;
        let _ = debian.run(&["systemctl", "stop", "rspamd"]).success();
        let mut smtp = server.good_server();
        let code = smtp.mail("stranger@example.org").unwrap().code;
        assert!((400..500).contains(&code), "{code}");
        let mut smtp = Smtp::connect(debian.connect(587).unwrap()).unwrap();
        smtp.ehlo().unwrap();
        let code = smtp.command("STARTTLS").unwrap().code;
        assert!((400..500).contains(&code), "{code}");
        // Programs of the host have nobody to tell.
        let letter = Letter::new();
        let text = format!("Subject: {}\n\nfrom a program\n", letter.token());
        let sendmail = ["/usr/sbin/sendmail", "-i", "root"];
        let _ = debian.run_with_input(&sendmail, text.as_bytes()).success();

        let check = debian.mailprov(&["check", "--json", "--only", "spam,configuration"]);
        let found = crate::well::findings(&check);
        let is_told = |id: &str| found.iter().any(|it| it.starts_with(&format!("{id}: wrong")));
        assert!(is_told("spam.running") && is_told("spam.answers"), "{found:#?}");
        let watch = debian.mailprov(&["watch"]).exits(2);
        assert!(watch.stdout().contains("The spam filter runs"), "{watch}");

        let _ = debian.run(&["systemctl", "start", "rspamd"]).success();
        server.wait_for_filter();
        wait_for("the mail of the program", || {
            let inboxes = ["anna", "thomas"].map(|login| server.copies(login, &letter).len());
            (inboxes.iter().sum::<usize>() == 1).then_some(())
        });
        let check = debian.mailprov(&["check", "--json", "--only", "spam,configuration"]);
        let found = crate::well::findings(&check);
        // Boxes have no DNS.
        assert!(found.iter().all(|it| it.starts_with("spam.resolver: wrong")), "{found:#?}");
        assert_eq!(found.len(), 1);
    }
}

#[test]
fn a_reload_puts_off_nothing_and_a_restart_loses_nothing() {
    for suite in Suite::ALL {
        let (server, _dns) = server(suite);
        let over = AtomicBool::new(false);
        // Sends until it is over. Returns the letters that were taken, and how many
        // were put off.
        let send = || {
            let (mut taken, mut put_off) = (Vec::new(), 0);
            while !over.load(Ordering::Relaxed) {
                let letter = from("ida@good.test", "", WORDS);
                let mut smtp = server.good_server();
                let reply = smtp.send("ida@good.test", &["thomas@example.org"], letter.bytes());
                match reply.unwrap() {
                    reply if reply.code == 250 => taken.push(letter),
                    reply if (400..500).contains(&reply.code) => put_off += 1,
                    reply => panic!("{reply}"),
                }
            }
            (taken, put_off)
        };
        let under_load = |verb: &str, times: u32| {
            over.store(false, Ordering::Relaxed);
            thread::scope(|scope| {
                let senders = [(); 3].map(|()| scope.spawn(send));
                for _ in 0..times {
                    thread::sleep(Duration::from_secs(2));
                    let _ = server.debian.run(&["systemctl", verb, "rspamd"]).success();
                    thread::sleep(Duration::from_secs(3));
                }
                over.store(true, Ordering::Relaxed);
                let sent = senders.map(|sender| sender.join().unwrap());
                let put_off: u32 = sent.iter().map(|(_, put_off)| put_off).sum();
                (sent.into_iter().flat_map(|(taken, _)| taken).collect::<Vec<_>>(), put_off)
            })
        };
        let (reloaded, put_off) = under_load("reload", 2);
        assert_eq!(put_off, 0, "{suite:?}");
        assert!(reloaded.len() > 20, "{suite:?} {}", reloaded.len());
        let (restarted, _) = under_load("restart", 1);
        server.wait_for_filter();
        server.settle();
        let mut imap = server.imap("thomas");
        let mut all = imap.messages("INBOX").unwrap();
        all.extend(imap.messages("Junk").unwrap());
        assert_eq!(all.len(), reloaded.len() + restarted.len(), "{suite:?}");
        for mail in &all {
            assert!(String::from_utf8_lossy(mail).contains("Authentication-Results:"));
        }
    }
}

/// A mail of so many mails within each other.
fn nested(parts: usize) -> Letter {
    let body = "Content-Type: message/rfc822\r\n\r\n".repeat(parts);
    from("ida@good.test", "MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n", &body)
}

#[test]
fn a_mail_that_keeps_a_process_busy_holds_up_no_other() {
    for suite in Suite::ALL {
        let (server, _dns) = server(suite);
        let _ = server.filed("ida@good.test", &from("ida@good.test", "", WORDS));
        let processes = |server: &Server| {
            let list = server
                .debian
                .shell("pgrep -f 'rspamd: rspamd_proxy' -P $(systemctl show -P MainPID rspamd)");
            let list = list.stdout();
            list.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let before = processes(&server);
        assert_eq!(before.len(), 2, "{before:?}");
        thread::scope(|scope| {
            let begun = Instant::now();
            let stuck = scope.spawn(|| {
                let mut smtp = server.good_server();
                smtp.send("ida@good.test", &["thomas@example.org"], nested(100_000).bytes())
            });
            thread::sleep(Duration::from_secs(3));
            let mut slowest = Duration::ZERO;
            // The process is replaced; meanwhile the other has all the mail.
            loop {
                let one = Instant::now();
                let letter = from("ida@good.test", "", WORDS);
                let mut smtp = server.good_server();
                let reply = smtp.send("ida@good.test", &["thomas@example.org"], letter.bytes());
                reply.unwrap().expect_code(250);
                slowest = slowest.max(one.elapsed());
                let now = processes(&server);
                if now.len() == 2 && now != before {
                    break;
                }
                assert!(begun.elapsed().as_secs() < 60, "{suite:?} {before:?} {now:?}");
                thread::sleep(Duration::from_millis(500));
            }
            assert!(slowest < Duration::from_secs(1), "{suite:?} {slowest:?}");
            // Whatever becomes of that mail, it is not lost silently.
            let _ = stuck.join().unwrap();
        });
    }
}
