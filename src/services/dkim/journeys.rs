//! The stop at the signer, on the ways of mail that is signed.

use crate::explain::{ServerFiles, Stop};
use crate::services::spam::journeys as spam;

/// Returns the stop at the program that signs, if one does.
pub(in crate::services) fn signer(server: &ServerFiles) -> Option<Stop> {
    if is_filter(server) {
        return spam::filter(server, "the spam filter signs it");
    }
    let milters = server.words("smtpd_milters");
    let socket = milters.iter().find_map(|it| it.strip_prefix("unix:opendkim/"))?;
    Some(Stop::new(format!("/var/spool/postfix/opendkim/{socket}"), "OpenDKIM signs it"))
}

/// Returns whether the spam filter is the one that signs.
pub(in crate::services) fn is_filter(server: &ServerFiles) -> bool {
    server.has("sign_authenticated")
}
