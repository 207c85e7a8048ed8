//! The boxes themselves and what tests look at them with.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Algorithm, Aspect, Authority, Debian, Issued, Network, Pebble, Suite, Zone};

#[test]
fn every_release_boots_and_stays_as_it_is() {
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite);
        let release = debian.shell(". /etc/os-release; echo $VERSION_ID").success().stdout();
        assert_eq!(release.trim(), suite.release());
        assert_eq!(debian.run(&["systemctl", "is-system-running"]).stdout().trim(), "running");
        assert!(debian.exists("/usr/local/bin/mailprov"));

        let before = debian.snapshot();
        before.diff(&debian.snapshot()).assert_empty();
        let _ = debian.shell("chmod 600 /etc/passwd; touch /etc/new").success();
        let after = debian.snapshot();
        let diff = before.diff(&after).without_folder_times(&after);
        let expected = [("/etc/new", Aspect::Added), ("/etc/passwd", Aspect::Mode)];
        let found: Vec<_> =
            diff.changes().iter().map(|(path, aspects)| (path.to_str(), aspects)).collect();
        assert_eq!(found.len(), expected.len(), "{diff}");
        for ((path, aspects), (expected, aspect)) in found.into_iter().zip(expected) {
            assert_eq!(path, Some(expected));
            assert!(aspects.iter().eq([&aspect]), "{diff}");
        }
    }
}

#[test]
fn a_box_without_systemd_runs_commands() {
    let mut debian = Debian::without_systemd(Suite::Bookworm);
    assert!(!debian.exists("/run/systemd/system"));
    debian.write("/root/kept", "kept", 0o600);
    debian.reboot();
    assert_eq!(debian.read_text("/root/kept"), "kept");
    let output = debian.run_with_input(&["cat"], b"hello").success();
    assert_eq!(output.stdout(), "hello");
}

#[test]
fn boxes_of_one_network_reach_each_other_and_survive_a_power_cut() {
    let mut one = Debian::fresh(Suite::Trixie);
    let other = one.neighbour(Suite::Bookworm);
    assert_ne!(one.addresses(), other.addresses());
    let address = other.addresses();
    for host in [address.v4.to_string(), address.v6.to_string()] {
        let greeting =
            one.run(&["timeout", "5", "bash", "-c", &format!("head -n1 </dev/tcp/{host}/22")]);
        assert!(greeting.stdout().starts_with("SSH-"), "{greeting}");
    }
    let _dns = Zone::default().host("other.test", address).serve(one.network(), &[&one]);
    let found = one.run(&["getent", "ahosts", "other.test"]).success().stdout();
    assert!(found.contains("10.77.0.3") && found.contains("fd00:77::3"), "{found}");
    assert_eq!(one.run(&["getent", "hosts", "nobody.test"]).code(), 2);
    assert!(one.connect(22).is_ok() && one.connect_v6(22).is_ok());
    assert!(one.connect(25).is_err());
    assert_eq!(Network::client().v4.to_string(), "10.77.0.1");

    one.write("/etc/kept", "kept", 0o644);
    let mut sleep = one.spawn(&["sleep", "1000"]);
    assert!(sleep.is_running());
    one.power_cut();
    assert_eq!(one.read_text("/etc/kept"), "kept");
    assert_eq!(sleep.wait().code(), 137);
    one.boot();
    assert_eq!(one.read_text("/etc/kept"), "kept");
    assert_eq!(one.spawn(&["sleep", "1000"]).kill().code(), 137);
}

#[test]
fn a_prepared_box_is_made_once_and_copied() {
    let prepared =
        |prepare: fn(Debian) -> Debian| Debian::prepared("a marked box", Suite::Trixie, prepare);
    let one = prepared(|debian| {
        debian.write("/etc/marked", "once", 0o640);
        debian
    });
    one.write("/etc/marked", "changed", 0o640);
    let other = prepared(|_| unreachable!("it was prepared for the first copy"));
    assert_eq!(other.read_text("/etc/marked"), "once");
    let inode = |debian: &Debian| debian.snapshot().get("/etc/passwd").unwrap().inode;
    assert_eq!(inode(&one), inode(&other));
}

#[test]
fn certificates_are_what_they_are_called() {
    let authority = Authority::new();
    let verify = |issued: &Issued| {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root.pem");
        fs::write(&root, authority.root_pem()).unwrap();
        Command::new("openssl")
            .args(["verify", "-verify_hostname", "mail.example.org", "-CAfile"])
            .args([&root, Path::new("-untrusted"), &issued.chain, &issued.chain])
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(verify(&authority.issue(&["mail.example.org"], Algorithm::Rsa)));
    assert!(verify(&authority.issue(&["example.org", "mail.example.org"], Algorithm::Ec)));
    assert!(!verify(&authority.issue(&["mail.example.net"], Algorithm::Ec)));
    assert!(!verify(&authority.issue_expired(&["mail.example.org"])));
    assert!(!verify(&Authority::new().issue(&["mail.example.org"], Algorithm::Ec)));
}

#[test]
fn a_box_asks_an_authority_of_its_network() {
    let debian = Debian::fresh(Suite::Trixie);
    let zone = || Zone::default().host(Pebble::HOST, Network::client());
    let dns = zone().serve(debian.network(), &[&debian]);
    let mut pebble = Pebble::new(debian.network()).started();
    pebble.trust(&debian);
    let get = "GET /dir HTTP/1.0\r\nHost: acme.test:14000\r\n\r\n";
    let options = ["-quiet", "-verify_return_error", "-connect", "acme.test:14000"];
    let ask = || {
        let argv = [&["openssl", "s_client"], &options[..]].concat();
        debian.run_with_input(&argv, get.as_bytes())
    };
    let answer = ask().success().stdout();
    assert!(answer.contains("\"newOrder\": \"https://acme.test:14000/"), "{answer}");
    let trusted = debian.read_text("/etc/ssl/certs/ca-certificates.crt");
    assert!(trusted.contains(pebble.root_pem().trim()));
    assert_eq!((pebble.orders(), pebble.requests()), (0, 0));

    assert!(pebble.log().contains("GET /dir -> calling handler()"), "{}", pebble.log());
    // It comes and goes, and so do names.
    pebble.stop();
    assert!(!ask().is_success());
    pebble.start();
    assert!(ask().is_success());
    dns.publish(zone().address("new.test", debian.addresses().v4));
    let found = debian.run(&["getent", "ahosts", "new.test"]).success().stdout();
    assert!(found.contains("10.77.0.2") && !found.contains("fd00"), "{found}");
    dns.publish(Zone::default());
    assert!(!debian.run(&["getent", "hosts", "new.test"]).is_success());
}
