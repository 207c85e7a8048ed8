//! The boxes themselves.

use std::time::Instant;

use crate::support::{Debian, Suite};

#[test]
fn every_release_boots() {
    for suite in Suite::ALL {
        let start = Instant::now();
        let debian = Debian::fresh(suite);
        eprintln!("{suite:?} {:?}", start.elapsed());
        let release = debian.shell(". /etc/os-release; echo $VERSION_ID").success().stdout();
        assert_eq!(release.trim(), suite.release());
        eprintln!("{}", debian.run(&["systemctl", "--failed"]));
        eprintln!("{}", debian.run(&["cat", "/proc/1/cgroup"]));
        let s = Instant::now();
        let a = debian.snapshot();
        eprintln!("snapshot {:?}", s.elapsed());
        a.diff(&debian.snapshot()).assert_empty();
        let s = Instant::now();
        debian.install(&["postfix", "dovecot-core", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd", "openssl", "libsasl2-modules"]);
        eprintln!("install {:?}", s.elapsed());
        let b = debian.snapshot();
        eprintln!("{} changes", a.diff(&b).paths().len());
        let s = Instant::now();
        eprintln!("{}", debian.run(&["apt-get", "update"]));
        eprintln!("update {:?}", s.elapsed());
        let s = Instant::now();
        drop(debian);
        eprintln!("drop {:?}", s.elapsed());
    }
}
