//! States as JSON, for programs. What is secret shows its digest nowhere and
//! its content nowhere: only that it is secret.

use serde_json::{Map, Value, json};

use super::State;
use super::service::{LoadedConfig, ServiceState};
use crate::digest::Digest;
use crate::host::Ownership;

/// Returns a state as a JSON object. `secret`: the other side of the change is
/// secret, so this one is too.
pub fn json(state: &State, secret: bool) -> Value {
    match state {
        State::Absent => json!({"state": "absent"}),
        State::File { blob, ownership } => {
            let mut object = object("file", ownership);
            let bytes = blob.content.bytes();
            object.insert("size".into(), bytes.len().into());
            if blob.secret || secret {
                object.insert("secret".into(), true.into());
            } else {
                object.insert("sha256".into(), Digest::of(bytes).to_string().into());
                // Bytes that are no text are told by their digest alone.
                if let Ok(text) = std::str::from_utf8(bytes) {
                    object.insert("content".into(), text.into());
                }
            }
            object.into()
        }
        State::Directory(ownership) => object("directory", ownership).into(),
        State::Link { target } => json!({"state": "link", "target": target}),
        State::Fifo(ownership) => object("fifo", ownership).into(),
        State::Special => json!({"state": "special"}),
        State::Kept => json!({"state": "kept"}),
        State::Package { version, complete, automatic, missing, .. } => {
            json!({
                "state": "installed", "version": version, "complete": complete,
                "automatic": automatic, "missing": missing,
            })
        }
        State::Group(group) => {
            json!({"state": "group", "gid": group.as_ref().map(|group| group.gid)})
        }
        State::User { user, numbered } => json!({
            "state": "user", "uid": numbered.then_some(user.uid), "group": user.group,
            "home": user.home, "shell": user.shell,
        }),
        State::Mailbox(place) => json!({"state": "mailbox", "place": place}),
        State::Held(count) => json!({"state": "held", "files": count}),
        State::Table(table) => {
            let mut object = object("compiled", &table.ownership);
            object.insert("source".into(), json!(table.source));
            object.into()
        }
        State::Certificate(certificate) => json!({
            "state": "certificate", "names": certificate.names, "expires": certificate.expires,
            "key_belongs": certificate.belongs, "key_private": certificate.private,
            "authority": certificate.authority,
        }),
        State::Service(ServiceState { enabled, running, loaded, missing }) => {
            let (loaded, current) = match loaded {
                LoadedConfig::Unknown => (None, false),
                LoadedConfig::Outdated(configuration) => (Some(configuration), false),
                LoadedConfig::Current(configuration) => (Some(configuration), true),
            };
            json!({
                "state": "service", "enabled": enabled, "running": running,
                "loaded": loaded.map(|loaded| loaded.keys().collect::<Vec<_>>()), "current": current,
                "missing": missing.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        }
        State::Done => json!({"state": "done"}),
    }
}

fn object(state: &str, ownership: &Ownership) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("state".into(), state.into());
    object.insert("owner".into(), ownership.owner.clone().into());
    object.insert("group".into(), ownership.group.clone().into());
    object.insert("mode".into(), format!("{:04o}", ownership.mode).into());
    object
}
