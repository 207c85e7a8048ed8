//! A host that is broken, or that somebody prepared to trap us: each time the
//! run is refused or undone, says why, and loses nothing. How a disk behaves does
//! not depend on the release, so one of them stands for both.

use std::process::Command;

use crate::provoked::{ONE, OTHER, assert_converged, assert_serves, assert_tidy, converged};
use crate::rollback::assert_same;
use crate::support::{Debian, Kind, Snapshot, Suite, wait_for};

/// Does the same as [`fails_when`] with lines of shell, and a message that is
/// part of what is said.
#[track_caller]
fn fails(debian: Debian, spoil: &str, message: &str, mend: &str) -> Debian {
    let run = |line: &str| {
        let line = line.to_owned();
        move |debian: &Debian| {
            let _ = debian.shell(&line).success();
        }
    };
    fails_when(debian, run(spoil), |said| said.contains(message), run(mend))
}

/// Asserts that a run to [`OTHER`] fails on a box that was spoilt, says why,
/// changes nothing, and ends well once it is mended.
#[track_caller]
fn fails_when(
    debian: Debian,
    spoil: impl Fn(&Debian),
    says_why: impl Fn(&str) -> bool,
    mend: impl Fn(&Debian),
) -> Debian {
    let clean = debian.snapshot();
    let debian = debian.mail_yml(&OTHER);
    spoil(&debian);
    let before = debian.snapshot();
    let output = debian.mailprov(&["apply", "--yes"]).exits(1);
    let said = output.stderr();
    assert!(says_why(&said), "it does not say why: {output}");
    let unchanged = ["Nothing was changed", "the host is as it was before this run"];
    assert!(unchanged.iter().any(|text| said.contains(text)), "{output}");
    assert_same(&before, &debian.snapshot());
    mend(&debian);
    let debian = debian.mail_yml(&ONE);
    assert_unharmed(&clean, &debian);
    debian
}

/// Asserts that all is as it was and works.
#[track_caller]
fn assert_unharmed(clean: &Snapshot, debian: &Debian) {
    assert_same(clean, &debian.snapshot());
    let _ = debian.mailprov(&["apply", "--yes"]).success();
    assert_tidy(debian);
    assert_converged(debian);
    assert_serves(debian, 1);
}

/// Lays a small disk with the same content over a folder.
fn small_disk(folder: &str, options: &str) -> String {
    format!(
        "cp -a {folder} /tmp/kept && mount -t tmpfs -o mode=755,{options} none {folder} \
         && cp -a /tmp/kept/. {folder} && rm -r /tmp/kept"
    )
}

#[test]
fn a_full_disk_stops_a_run_that_is_then_undone() {
    let mut debian = converged(Suite::Trixie);
    for folder in ["/var/lib/mailprov", "/etc/postfix"] {
        // What is free is too little for a run, yet enough for a part of it.
        let fill = format!("head -c 20M /dev/zero > {folder}/filler 2> /dev/null");
        let spoil =
            format!("{}; {fill}; truncate -s -8K {folder}/filler", small_disk(folder, "size=4M"));
        let mend = format!("umount {folder}");
        debian = fails(debian, &spoil, "No space left on device", &mend);
    }
    let inodes = small_disk("/var/lib/mailprov", "nr_inodes=400");
    let fill = "mkdir /var/lib/mailprov/many; for i in $(seq 400); do \
                touch /var/lib/mailprov/many/$i || break; done 2> /dev/null; \
                rm /var/lib/mailprov/many/1 /var/lib/mailprov/many/2";
    let spoil = format!("{inodes}; {fill}");
    let _ = fails(debian, &spoil, "`df -i`", "umount /var/lib/mailprov");
}

#[test]
fn a_file_that_cannot_be_written_stops_a_run_that_is_then_undone() {
    let debian = fails(
        converged(Suite::Bookworm),
        "mount --bind /etc /etc && mount -o remount,ro,bind /etc",
        "mounted read-only",
        "umount /etc",
    );
    let folder = "mv /etc/postfix/senders /etc/postfix/kept && mkdir /etc/postfix/senders \
                  && touch /etc/postfix/senders/file";
    let _ = fails(
        debian,
        folder,
        "/etc/postfix/senders is a directory that is not empty",
        "rm -r /etc/postfix/senders && mv /etc/postfix/kept /etc/postfix/senders",
    );
}

#[test]
fn an_immutable_file_is_refused_by_name() {
    let mut debian = converged(Suite::Trixie);
    for path in [
        "/etc/dovecot/dovecot.conf",
        "/etc/postfix/senders.db",
        "/etc/postfix",
        "/var/lib/mailprov/runs",
    ] {
        // From outside, since the box has no such program.
        let chattr = |flag: &'static str| {
            move |debian: &Debian| {
                let place = debian.disk().join(path.strip_prefix('/').unwrap());
                let status = Command::new("chattr").arg(flag).arg(place).status();
                assert!(status.unwrap().success(), "chattr {flag} {path}");
            }
        };
        let message = |said: &str| {
            said.lines().any(|line| {
                line.contains(path)
                    && line.contains("Operation not permitted")
                    && line.contains("`chattr -i` ends it")
            })
        };
        debian = fails_when(debian, chattr("+i"), message, chattr("-i"));
    }
}

#[test]
fn the_former_content_of_a_managed_place_is_put_back() {
    let debian = converged(Suite::Bookworm);
    let odd = "cd /etc/postfix && rm senders virtual mailboxes && mkfifo -m 620 senders \
               && chown nobody:mail senders && mkdir -m 2750 virtual && ln -s nowhere mailboxes";
    let _ = debian.shell(odd).success();
    let before = debian.snapshot();
    assert_eq!(before.get("/etc/postfix/senders").unwrap().kind, Kind::Fifo);
    let debian = debian.apply();
    assert_converged(&debian);
    let _ = debian.mailprov(&["rollback", "--yes"]).success();
    assert_same(&before, &debian.snapshot());

    // A socket is its program's to make.
    let socket = "rm /etc/postfix/senders && perl -MIO::Socket::UNIX -e \
                  'IO::Socket::UNIX->new(Local => \"/etc/postfix/senders\", Listen => 1) or die'";
    let _ = debian.shell(socket).success();
    let debian = debian.apply();
    let output = debian.mailprov(&["rollback", "--yes"]).success();
    assert!(
        output.stderr().contains("file:/etc/postfix/senders was a socket or a device"),
        "{output}"
    );
    let debian = debian.apply();
    assert_converged(&debian);
    assert_serves(&debian, 1);
}

#[test]
fn where_others_could_meddle_nothing_is_written() {
    let open = "chmod 777 /etc/postfix";
    let message = "everybody may write in the directory /etc/postfix";
    let debian = fails(converged(Suite::Trixie), open, message, "chmod 755 /etc/postfix");
    let moved = "mv /etc/postfix /etc/elsewhere && ln -s elsewhere /etc/postfix \
                 && chown -h nobody /etc/postfix";
    let back = "rm /etc/postfix && mv /etc/elsewhere /etc/postfix";
    let debian = fails(debian, moved, "a link that does not belong to root", back);
    let planted = "cd /etc/postfix && mv virtual kept && ln -s kept virtual \
                   && chown -h nobody virtual";
    let back = "cd /etc/postfix && rm virtual && mv kept virtual";
    let _ = fails(debian, planted, "a link that does not belong to root", back);
}

#[test]
fn a_planted_link_or_file_is_replaced_and_never_followed() {
    const PLACES: [&str; 8] = [
        "/etc/aliases",
        "/etc/dovecot/dovecot.conf",
        "/etc/dovecot/users",
        "/etc/postfix/main.cf",
        "/etc/postfix/mailboxes",
        "/etc/postfix/relay_password",
        "/etc/postfix/senders.db",
        "/etc/postfix/virtual",
    ];
    let mut debian = converged(Suite::Bookworm);
    let bait =
        "mkdir -m 700 /root/bait && for i in file temporary; do echo $i > /root/bait/$i; done";
    let _ = debian.shell(bait).success();
    for plant in ["ln -s /root/bait/file $f", "mkfifo $f", "ln /root/bait/file $f"] {
        for path in PLACES {
            let (folder, name) = path.rsplit_once('/').unwrap();
            // What is not complete yet has a name that can be foretold.
            let temporary = format!("{folder}/.{name}.mailprov-new");
            let line =
                format!("f={path}; rm $f && {plant}; ln -sf /root/bait/temporary {temporary}");
            let _ = debian.shell(&line).success();
        }
        debian = debian.apply();
        let bait = debian.shell("cat /root/bait/file /root/bait/temporary").success();
        assert_eq!(bait.stdout(), "file\ntemporary\n", "{plant}");
        assert_converged(&debian);
        let kinds = format!("stat -c %F {}", PLACES.join(" "));
        let kinds = debian.shell(&kinds).success().stdout();
        assert!(kinds.lines().all(|kind| kind == "regular file"), "{plant}: {kinds}");
        assert_serves(&debian, 1);
    }
}

#[test]
fn a_clock_that_was_set_back_confuses_nothing() {
    let debian = converged(Suite::Trixie);
    // Written before the clock was set back by a year.
    let future = "cd /etc/postfix && touch -d 'next year' main.cf virtual senders \
                  && touch -d 'next year' /etc/dovecot/dovecot.conf /var/lib/mailprov/services/*";
    let _ = debian.shell(future).success();
    let journals = "sed -i 's/\"at\":1/\"at\":2/' /var/lib/mailprov/runs/*/journal";
    let _ = debian.shell(journals).success();
    let debian = debian.apply();
    assert_converged(&debian);
    let debian = debian.mail_yml(&OTHER).apply();
    assert_converged(&debian);
    // The last run is the one with the highest number, whatever the time.
    let _ = debian.mailprov(&["rollback", "--yes"]).success();
    let debian = debian.mail_yml(&ONE);
    assert_converged(&debian);
    assert_serves(&debian, 1);
}

#[test]
fn an_apt_that_cannot_install_leaves_the_host_as_it_was() {
    let debian = Debian::fresh(Suite::Bookworm).mail_yml(&ONE);
    debian.write("/etc/mailprov/relay.secret", "relay password\n", 0o600);
    let before = debian.snapshot();
    let offline = "mkdir /root/apt && mv /var/cache/apt/archives/*.deb /root/apt \
                   && mv /etc/apt/sources.list /root/apt; mv /etc/apt/sources.list.d /root/apt; \
                   mkdir -p /etc/apt/sources.list.d; \
                   echo 'deb [trusted=yes] http://127.0.0.1:9/ stable main' > /etc/apt/sources.list";
    let _ = debian.shell(offline).success();
    let output = debian.mailprov(&["apply", "--yes"]).exits(1);
    assert!(output.stderr().contains("as it was before this run"), "{output}");
    assert!(output.stderr().contains("apt-get"), "{output}");
    let online = "mv /root/apt/*.deb /var/cache/apt/archives; rm -r /etc/apt/sources.list*; \
                  mv /root/apt/sources.list* /etc/apt; rm -r /root/apt";
    let _ = debian.shell(online).success();
    assert_same(&before, &debian.snapshot());
    assert_tidy(&debian);
}

#[test]
fn a_release_that_nobody_knows_is_served_by_what_it_has() {
    let debian = converged(Suite::Trixie);
    let _ = debian
        .shell("sed -i s/trixie/unheard-of/g /etc/os-release; sed -i /VERSION_ID/d /etc/os-release")
        .success();
    assert_converged(&debian);
    let debian = debian.mail_yml(&OTHER).apply();
    assert_converged(&debian);
    assert_serves(&debian, 1);
}

#[test]
fn a_damaged_journal_is_read_as_far_as_it_is_sound_or_refused_by_name() {
    let debian = converged(Suite::Bookworm);
    let debian = debian.mail_yml(&OTHER).apply();
    let journal = "/var/lib/mailprov/runs/2/journal";
    let kept = debian.read(journal);

    // The power went while the last line was written.
    debian.write(journal, &kept[..kept.len() - 20], 0o600);
    let history = debian.mailprov(&["history"]).success().stdout();
    assert!(history.lines().next().unwrap().contains("interrupted"), "{history}");
    let output = debian.mailprov(&["apply", "--yes"]).success();
    assert!(output.stderr().contains("Run 2 was cut off"), "{output}");

    let middle = String::from_utf8(kept.clone()).unwrap().replacen("\"change\"", "\"chan", 1);
    debian.write(journal, middle, 0o600);
    for arguments in [&["history"][..], &["rollback", "--yes"], &["apply", "--yes"]] {
        let output = debian.mailprov(arguments).exits(1);
        let message = format!("the journal {journal} is damaged");
        assert!(output.stderr().contains(&message), "{output}");
    }

    debian.write(journal, &kept, 0o600);
    let before = debian.snapshot();
    let _ = debian.shell("mv /var/lib/mailprov/contents /root").success();
    let output = debian.mailprov(&["rollback", "--yes"]).exits(1);
    assert!(output.stderr().contains("is no longer in /var/lib/mailprov/contents"), "{output}");
    let _ = debian.shell("mv /root/contents /var/lib/mailprov").success();
    assert_same(&before, &debian.snapshot());
    let _ = debian.mailprov(&["rollback", "--yes"]).success();
    let debian = debian.mail_yml(&ONE);
    assert_converged(&debian);
    wait_for("thomas's mail", || {
        assert_serves(&debian, 1);
        Some(())
    });
}
