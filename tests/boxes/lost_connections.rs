//! The connection may be lost at any time: what has begun goes on on the host to
//! its end or its undo, and who comes next is told how it ended.

use std::process::Command;

use nix::sys::signal::Signal;

use crate::agent::mail_yml;
use crate::over_ssh::{Laptop, bare, let_in, root_at};
use crate::support::{Debian, Suite, wait_for};

/// Ends all of the laptop's connections, as a laptop does that is closed.
fn hang_up(laptop: &Laptop) {
    let _ = laptop.debian.run(&["pkill", "-9", "-x", "ssh"]);
}

/// Waits until apt unpacks packages on a host.
fn wait_for_apt(host: &Debian) {
    wait_for("apt to unpack", || {
        host.shell("grep -q ' unpacked ' /var/log/dpkg.log").is_success().then_some(())
    });
}

/// Waits until no mailprov runs on a host.
fn wait_for_the_end(host: &Debian) {
    wait_for("the run to end by itself", || {
        (!host.run(&["pgrep", "-x", "mailprov"]).is_success()).then_some(())
    });
}

#[test]
fn cut_off_while_the_program_is_sent_nothing_is_left_of_it() {
    let host = bare(Suite::Bookworm);
    let laptop = Laptop::beside(&host);
    let at = root_at(&host);
    let bootstrap = ["bootstrap", &at, "mail.yml", "--yes"];
    // A way there that ends after some megabytes.
    let way = "ProxyCommand=head -c 5000000 | ssh -W %h:%p %r@%h";
    let output = laptop.mailprov(&[&bootstrap[..], &["--ssh-option", way]].concat()).exits(1);
    assert!(output.stderr().contains("Nothing was changed"), "{output}");
    wait_for("the rest of it to go", || {
        let left = host.run(&["ls", "-A", "/usr/local/bin"]).success().stdout();
        left.is_empty().then_some(())
    });
    let _ = laptop.mailprov(&bootstrap).success();
}

#[test]
fn cut_off_at_the_question_nothing_is_done() {
    let host = bare(Suite::Trixie);
    let laptop = Laptop::beside(&host);
    let at = root_at(&host);
    let ask = format!("cd; mailprov bootstrap {at} mail.yml");
    let terminal = ["script", "--quiet", "--flush", "--command", &ask, "/root/typescript"];
    let run = laptop.debian.spawn(&terminal);
    wait_for("the question", || {
        let seen = laptop.debian.exists("/root/typescript");
        (seen && laptop.debian.read_text("/root/typescript").contains("[y/N/d/?]")).then_some(())
    });
    hang_up(&laptop);
    let _ = run.kill();
    wait_for_the_end(&host);
    assert!(!host.exists("/etc/mailprov"));
    assert!(!host.exists("/var/lib/mailprov/runs"));
    assert!(!host.exists("/etc/postfix"));
}

#[test]
fn cut_off_in_the_middle_a_run_ends_by_itself_and_the_next_command_tells_how() {
    let host = bare(Suite::Trixie);
    let laptop = Laptop::beside(&host);
    let at = root_at(&host);
    let bootstrap = ["bootstrap", &at, "mail.yml", "--yes"];
    let run = laptop.spawn(&bootstrap);
    wait_for_apt(&host);
    // A second one meanwhile is told to come again, and changes nothing.
    let output = laptop.mailprov(&bootstrap).exits(75);
    assert!(output.stderr().contains("another run is under way"), "{output}");
    hang_up(&laptop);
    let output = run.wait().exits(1);
    assert!(output.stderr().contains("goes on there by itself"), "{output}");
    // The next one waits for its end, and there is nothing left to do.
    let output = laptop.mailprov(&bootstrap).success();
    assert!(output.stderr().contains("waiting for its end"), "{output}");
    assert!(output.stderr().contains(": applied"), "{output}");
    assert!(output.stdout().contains("Nothing to do"), "{output}");
    let output = laptop.mailprov(&["history", "--on", &at]).success();
    assert!(!output.stderr().contains("was lost"), "told once: {output}");

    // One that fails is undone, and that is told as well. The cable is pulled: neither side
    // hears of the other any more.
    let text = mail_yml().replace("catch_all: thomas", "catch_all: anna")
        + "extra: {postfix: {smtpd_relay_restrictions: permit}}\n";
    laptop.debian.write("/root/mail.yml", text, 0o600);
    let veth = |state: &str| {
        let line = format!("-netns {} link set eth0 {state}", laptop.debian.name());
        assert!(Command::new("ip").args(line.split(' ')).status().unwrap().success());
    };
    let quick = ["--ssh-option", "ServerAliveInterval=1", "--ssh-option", "ServerAliveCountMax=2"];
    let run = laptop.spawn(&[&bootstrap[..], &quick].concat());
    wait_for("the run to begin", || {
        let runs = host.run(&["ls", "/var/lib/mailprov/runs"]).stdout();
        (runs.lines().count() == 2).then_some(())
    });
    veth("down");
    let output = run.wait().exits(1);
    assert!(output.stderr().contains("goes on there by itself"), "{output}");
    wait_for_the_end(&host);
    veth("up");
    let output = laptop.mailprov(&["plan", "--on", &at]).success();
    assert!(output.stderr().contains("failed, undone"), "{output}");
    assert!(output.stdout().contains("Nothing to do"), "{output}");
}

#[test]
fn ctrl_c_here_has_the_run_undone_there() {
    let host = bare(Suite::Bookworm);
    let laptop = Laptop::beside(&host);
    let at = root_at(&host);
    let mut run = laptop.spawn(&["bootstrap", &at, "mail.yml", "--yes"]);
    wait_for_apt(&host);
    run.signal(Signal::SIGINT);
    let output = run.wait().exits(1);
    assert!(output.stderr().contains("told to stop"), "{output}");
    assert!(output.stderr().contains("What was done is undone"), "{output}");
    assert!(!host.exists("/etc/mailprov/mail.yml"));
    let history = laptop.mailprov(&["history", "--on", &at]).success();
    assert!(history.stdout().contains("undone"), "{history}");
    assert!(!history.stderr().contains("was lost"), "{history}");
}

#[test]
fn ctrl_c_is_answered_once_and_passed_on_to_all_hosts() {
    let one = Debian::fresh(Suite::Bookworm);
    let other = one.neighbour(Suite::Bookworm);
    let hosts = [&one, &other];
    hosts.iter().for_each(|host| let_in(host));
    let laptop = Laptop::beside(&one);
    let [one_at, other_at] = hosts.map(root_at);
    let on = ["--on", &one_at, "--on", &other_at];
    let mut run = laptop.spawn(&[&["apply", "mail.yml", "--yes"][..], &on].concat());
    hosts.iter().for_each(|host| wait_for_apt(host));
    run.signal(Signal::SIGINT);
    let output = run.wait().exits(1);
    let said = output.stderr();
    assert_eq!(said.matches("told to stop: this step is finished").count(), 1, "{output}");
    for (host, at) in [(&one, &one_at), (&other, &other_at)] {
        assert!(said.contains(&format!("{at}: failed")), "{output}");
        assert!(!host.exists("/etc/mailprov/mail.yml"));
    }
}
