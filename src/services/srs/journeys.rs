//! The way of mail that is forwarded to another host.

use crate::explain::{ServerFiles, Stop, Way};

pub(super) fn ways(server: &ServerFiles) -> Vec<Way> {
    if !server.has("srs unix") {
        return Vec::new();
    }
    let stops = vec![
        Stop::new("Postfix qmgr", "has found that it leaves, with a sender of another domain"),
        Stop::new("Postfix srs", "sends it around once"),
        Stop::new("postsrsd", "makes a sender of this host's name"),
        Stop::new("Postfix smtp", "sends it on, and it is not changed"),
    ];
    vec![Way { title: "Mail that is forwarded to another host".into(), stops }]
}
