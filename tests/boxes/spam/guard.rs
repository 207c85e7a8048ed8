//! The filter serves Postfix and Dovecot, and no other user of the host.

use super::{CONTROLLER, MILTER, server};
use crate::explained::milters;
use crate::support::Suite;

/// Runs a program as a user without further groups.
const AS: [&str; 5] = ["setpriv", "--clear-groups", "--regid", "nogroup", "--reuid"];

#[test]
fn no_other_user_reaches_the_filter_and_no_port_is_open() {
    for suite in Suite::ALL {
        let (server, _dns) = server(suite);
        let debian = &server.debian;
        let ports = debian.shell("ss -Hltnp; ss -Hlunp").stdout();
        assert!(!ports.contains("rspamd"), "{ports}");
        for socket in [MILTER, CONTROLLER] {
            let call = format!(
                "use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); \
                 connect(S, sockaddr_un('{socket}')) or die \"$!\""
            );
            let call = |user: &str| debian.run(&[&AS, &[user, "perl", "-e", &call][..]].concat());
            let refused = call("nobody");
            assert!(refused.stderr().contains("Permission denied"), "{refused}");
        }
        let stat = ["rspamc", "-h", CONTROLLER, "stat"];
        let own = debian.run(
            &[&["setpriv", "--clear-groups", "--regid", "vmail", "--reuid", "vmail"], &stat[..]]
                .concat(),
        );
        assert!(own.is_success() && own.stdout().contains("BAYES_HAM"), "{own}");

        // The ways of mail that `explain` names lead by it.
        for (title, about) in [
            ("Mail from other servers", "the spam filter judges it"),
            ("Mail that people send", "the spam filter refuses a From: of another, and signs"),
            ("Mail from programs on this host", "the spam filter signs it"),
        ] {
            let milters = milters(&server, title);
            assert_eq!(milters, [(MILTER.to_owned(), about.to_owned())], "{suite:?} {title}");
        }
    }
}
