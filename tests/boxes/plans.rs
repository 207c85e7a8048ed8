//! A plan says first what it comes to, and then one line a change.

use crate::agent::{changes, mail_yml};
use crate::common::{CATCHING, Letter, servers};
use crate::support::{Debian, Output, Suite};

/// Returns what a plan comes to, as programs read it.
fn intent(output: &Output) -> Vec<String> {
    let events = crate::agent::events(output).into_iter();
    let intents = events.filter(|event| event["event"] == "intent");
    intents.map(|event| event["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_plan_of_a_bare_host_is_read_on_one_page() {
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite).mail_yml(&mail_yml());
        let plan = debian.mailprov(&["plan"]).success().stdout();
        let (short, list) = plan.split_once("\nChanges, in order\n").unwrap();
        assert!(short.starts_with("In short, for mail.example.org\n  + "), "{plan}");
        for words in [
            "ports opened: 25, 110, 143, 465, 587, 993, 995, 4190\n",
            "packages installed: dovecot-core, ",
            "3 services started: dovecot, opendkim, postfix\n",
            "domain",
            "account",
        ] {
            assert!(short.contains(words), "{words}\n{plan}");
        }
        let programs = debian.mailprov(&["plan", "--json"]).success();
        let lines: Vec<_> = list.lines().take_while(|line| !line.is_empty()).collect();
        let keys: Vec<_> = changes(&programs).into_iter().map(|change| change.key).collect();
        assert_eq!(lines.len(), keys.len(), "{plan}");
        for (line, key) in lines.iter().zip(&keys) {
            assert!(line.contains(key.as_str()), "{key}\n{plan}");
        }
        assert!(plan.lines().count() < 110, "{plan}");
        let told: Vec<_> = short.lines().skip(1).map(|line| line[4..].to_owned()).collect();
        assert_eq!(told, intent(&programs));
        let whole = debian.mailprov(&["plan", "-v"]).success().stdout();
        assert!(whole.contains("+ myhostname = mail.example.org"), "{whole}");
        assert!(!whole.contains("$6$"), "{whole}");
    }
}

#[test]
fn an_account_that_goes_is_told_with_its_mail() {
    for server in servers(CATCHING) {
        let debian = &server.debian;
        for address in ["anna@example.org", "fun@example.net"] {
            server.receive(&[address], &Letter::new());
        }
        server.settle();
        let with = debian.read_text("/etc/mailprov/mail.yml");
        let is_other = |line: &&str| !line.trim_start().starts_with("anna:");
        let without: Vec<_> = with.lines().filter(is_other).collect();
        debian.write("/etc/mailprov/mail.yml", without.join("\n"), 0o600);
        let plan = debian.mailprov(&["plan", "--out", "/root/plan"]).success().stdout();
        let removed = "  - 1 account removed: anna; its mail stays in /var/vmail/anna (2 mails, ";
        let addresses = "  - 4 addresses removed: anna@example.net, anna@example.org, \
                         fun@example.net, fun@example.org; new mail to them goes to the \
                         catch-all, thomas\n";
        for words in [removed, addresses] {
            assert!(plan.contains(words), "{words}\n{plan}");
        }
        assert!(!plan.contains("to remove") && !plan.contains("to create"), "{plan}");
        let saved = debian.mailprov(&["plan", "--show", "/root/plan"]).success().stdout();
        assert!(saved.contains(removed) && saved.contains(addresses), "{saved}");
        let applied = debian.mailprov(&["apply", "--yes", "--plan", "/root/plan"]).success();
        assert!(applied.stdout().contains(removed), "{applied}");
        let mails = debian.shell("ls /var/vmail/anna/Maildir/new | wc -l").success().stdout();
        assert_eq!(mails.trim(), "2");
        let back = debian.mailprov(&["rollback", "--yes"]).success().stdout();
        assert!(back.contains("  + 1 account added: anna\n"), "{back}");
    }
}
