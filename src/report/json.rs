//! The JSON objects, one a line. Keys are only ever added.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::difference::line_counts;
use super::format;
use crate::diagnostic::Diagnostic;
use crate::engine::{Change, Event, Note, Outcome, Plan, Run, SavedPlan};
use crate::intent::Item;
use crate::resource::{Action, action};
use crate::services::ListedAccount;

/// Returns a plan: its changes in order, the steps that could not be examined, and a summary.
pub(super) fn plan(plan: &Plan) -> Vec<Value> {
    let note = |it: &Note| json!({"event": "note", "text": it.what, "keep": it.keep});
    let mut lines: Vec<Value> = plan.notes.iter().map(note).collect();
    lines.extend(plan.intent().0.iter().map(intent));
    lines.extend(plan.changes.iter().map(change));
    lines.extend(plan.affected.iter().map(|it| {
        json!({
            "event": "mailbox", "account": it.account, "home": it.home, "mails": it.mails,
            "bytes": it.bytes, "moves_to": it.moves_to, "text": it.text,
        })
    }));
    lines.extend(
        plan.unseen
            .iter()
            .map(|unseen| json!({"event": "unseen", "step": unseen.step, "reason": unseen.reason})),
    );
    let count =
        |wanted| plan.changes.iter().filter(|it| action(&it.before, &it.after) == wanted).count();
    lines.push(json!({
        "event": "plan",
        "playbook": plan.origin.playbook,
        "changes": plan.changes.len(),
        "create": count(Action::Create),
        "update": count(Action::Update),
        "delete": count(Action::Delete),
        "unseen": plan.unseen.len(),
    }));
    lines
}

fn intent(item: &Item) -> Value {
    json!({
        "event": "intent", "action": item.action, "subject": item.subject, "verb": item.verb,
        "names": item.names, "note": item.note, "text": item.text(),
    })
}

pub(super) fn change(change: &Change) -> Value {
    let secret = change.before.is_secret() || change.after.is_secret();
    let lines = line_counts(change);
    json!({
        "event": "change",
        "step": change.step,
        "kind": change.key.kind(),
        "key": change.key.to_string(),
        "action": action(&change.before, &change.after).to_string(),
        "why": change.why(),
        "drift": change.drift.is_some(),
        "drift_since_run": change.drift.as_ref().map(|drift| drift.run),
        "lines_added": lines.map(|(added, _)| added),
        "lines_removed": lines.map(|(_, removed)| removed),
        "before": change.before.json(secret),
        "after": change.after.json(secret),
    })
}

pub(super) fn edited(file: &str) -> Value {
    json!({"event": "edited", "file": file})
}

pub(super) fn account(account: &ListedAccount) -> Value {
    json!({
        "event": "account", "name": account.name, "addresses": account.addresses,
        "quota": account.quota, "catch_all": account.catch_all,
        "app_passwords": account.devices,
        "own_password": account.own_password,
    })
}

pub(super) fn event(event: &Event<'_>) -> Vec<Value> {
    let each =
        |changes: &[Change], line: &dyn Fn(&Change) -> Value| changes.iter().map(line).collect();
    match event {
        Event::Started { changes } => each(
            changes,
            &|change| json!({"event": "started", "step": change.step, "key": change.key.to_string()}),
        ),
        Event::Undoing => vec![json!({"event": "undoing"})],
        Event::Warned { text } => vec![json!({"event": "warning", "text": text})],
        Event::Said { text } => vec![json!({"event": "progress", "text": text})],
        Event::Finished { changes, elapsed } => each(changes, &|change| {
            json!({
                "event": "finished", "step": change.step, "key": change.key.to_string(),
                "seconds": elapsed.as_secs_f64(),
            })
        }),
    }
}

pub(super) fn run(run: &Run) -> Value {
    let outcome = match &run.outcome {
        None => "interrupted",
        Some(Outcome::Applied) => "applied",
        Some(Outcome::Undone) => "undone",
        Some(Outcome::Settled) => "settled",
        Some(Outcome::Broken { .. }) => "broken",
    };
    json!({
        "event": "run", "run": run.number, "command": run.command, "by": run.by,
        "at": format::timestamp(run.at), "outcome": outcome, "error": run.error,
        "changes": run.records.len(), "from": run.origin.mail, "playbook": run.origin.playbook,
    })
}

pub(super) fn saved_plan(plan: &SavedPlan) -> Value {
    json!({
        "event": "saved_plan", "made": format::timestamp(plan.made), "mail": plan.mail,
        "intent": plan.intent.0.iter().map(Item::text).collect::<Vec<_>>(),
        "changes": plan.changes, "unseen": plan.unseen,
    })
}

/// Returns the end of a successful run.
pub(super) fn applied(changes: usize, elapsed: Duration) -> Value {
    json!({"event": "applied", "changes": changes, "seconds": elapsed.as_secs_f64()})
}

/// Returns the end of a failed run.
pub(super) fn error(error: &str, after: &str) -> Value {
    json!({"event": "error", "error": error, "advice": after})
}

/// Returns a line from another host, with its name.
pub(super) fn of_host(mut line: Map<String, Value>, host: &str) -> Value {
    line.insert("host".into(), host.into());
    Value::Object(line)
}

pub(super) fn diagnostic(diagnostic: &Diagnostic) -> Value {
    let (line, column) = diagnostic.position();
    json!({
        "event": "diagnostic", "file": diagnostic.source.name, "line": line, "column": column,
        "message": diagnostic.message, "help": diagnostic.help,
        "level": if diagnostic.is_warning { "warning" } else { "error" },
    })
}
