//! The journey of a person who changes a password.

use super::users::USERS;
use crate::explain::{ServerFiles, Stop, Way};

/// The socket at which pages have passwords changed.
const UNIT: &str = "/etc/systemd/system/mailprov-password.socket";

pub(super) fn ways(server: &ServerFiles) -> Vec<Way> {
    if !server.has_file(UNIT) {
        return Vec::new();
    }
    vec![Way {
        title: "People who change their password".into(),
        stops: vec![
            Stop::new("port 443 of the host name", "a browser asks for /password"),
            Stop::new("mailprov password-page", "shows the form, and knows no password"),
            Stop::new(
                "/run/mailprov-password.sock",
                "only such pages may ask: for the account, its password and the new one",
            ),
            Stop::new(
                "mailprov change-password",
                "has Dovecot check the password, and limits the tries",
            ),
            Stop::new(USERS, "has the new hash at once; /var/lib/mailprov/passwords keeps it"),
        ],
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::File;

    #[test]
    fn there_is_a_way_where_passwords_are_changed() {
        let ways = |path: &str| {
            let file = File {
                path: path.into(),
                step: String::new(),
                text: "[Socket]\nAccept=yes\n".into(),
            };
            ways(&ServerFiles::of(&[file], "/var/vmail/thomas/Maildir".into())).len()
        };
        assert_eq!((ways(UNIT), ways("/etc/systemd/system/x.socket")), (1, 0));
    }
}
