//! The steps of a playbook as they are written, templates not yet rendered.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Source};
use crate::resource::KINDS;
use crate::yaml::{self, Decoder, KeySpec, Kind, Node, Section, ValueType, printable};

/// One step: a name, one resource, when, and whom it concerns.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: String,
    /// The kind of resource, one of `KINDS`.
    pub(super) kind: String,
    /// The resource's fields.
    pub(super) fields: Node,
    /// A Jinja expression; the step counts only where it is true.
    pub(super) when: Option<Node>,
    /// A Jinja expression; where it is not true, what the step put on the host goes
    /// away again.
    pub(super) present: Option<Node>,
    /// Services that load what the step declares.
    pub(super) notify: Vec<Node>,
}

/// A playbook that is a map.
const PLAYBOOK: Section = Section {
    keys: &[
        KeySpec::new("name", ValueType::Text, "What it is for."),
        KeySpec::new(
            "steps",
            ValueType::List(&ValueType::Section(&STEP)),
            "What is done, in order.",
        ),
    ],
    required: &["steps"],
    one_of: &[],
    together: &[],
};

/// A step.
const STEP: Section =
    Section { keys: &STEP_KEYS, required: &["name"], one_of: &NAMES, together: &[] };

const COMMON: [KeySpec; 4] = [
    KeySpec::new("name", ValueType::Text, "What the step is for, as plans and errors name it."),
    KeySpec::new(
        "when",
        ValueType::Text,
        "A Jinja expression; where it is not true, the step does not count.",
    ),
    KeySpec::new(
        "present",
        ValueType::Text,
        "A Jinja expression; where it is not true, what an earlier run put on the host by this \
         step goes away again. Packages, users and groups stay.",
    )
    .or("`true`"),
    KeySpec::new(
        "notify",
        ValueType::Either(&[ValueType::Text, ValueType::List(&ValueType::Text)]),
        "The service, or services, that load what this step declares.",
    ),
];

const STEP_KEYS: [KeySpec; COMMON.len() + KINDS.len()] = {
    let mut keys = [COMMON[0]; COMMON.len() + KINDS.len()];
    let mut index = 0;
    while index < keys.len() {
        keys[index] =
            if index < COMMON.len() { COMMON[index] } else { KINDS[index - COMMON.len()] };
        index += 1;
    }
    keys
};

/// The kinds of resource; a step has one of them.
const NAMES: [&str; KINDS.len()] = {
    let mut names = [""; KINDS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = KINDS[index].name;
        index += 1;
    }
    names
};

/// Returns the JSON Schema of playbooks, for editors.
pub(super) fn schema() -> serde_json::Value {
    const STEPS: ValueType = ValueType::List(&ValueType::Section(&STEP));
    let shape = ValueType::Either(&[STEPS, ValueType::Section(&PLAYBOOK)]);
    yaml::schema(
        "playbook.yml",
        "Ordered steps that bring a host into a state. See mailprov.",
        &shape,
    )
}

/// Reads the steps of a playbook: a list, or a map with `steps`.
pub(super) fn parse(source: &Arc<Source>) -> Result<Vec<Step>, Vec<Diagnostic>> {
    let root = yaml::parse(source)?;
    let mut decoder = Decoder::new(source);
    let steps = steps(&root, &mut decoder);
    decoder.finish(steps)
}

fn steps(root: &Node, decoder: &mut Decoder) -> Option<Vec<Step>> {
    let list = match &root.kind {
        Kind::Map(_) => {
            let fields = decoder.fields(root, &PLAYBOOK)?;
            let entry = fields.require("steps", &root.span, decoder)?;
            decoder.list(&entry.value)?
        }
        _ => decoder.list(root)?,
    };
    Some(list.iter().filter_map(|node| step(node, decoder)).collect())
}

fn step(node: &Node, decoder: &mut Decoder) -> Option<Step> {
    let mistakes = decoder.mistakes();
    let fields = decoder.fields(node, &STEP)?;
    let is_misspelt = decoder.mistakes() > mistakes;
    let name = fields.require("name", &node.span, decoder);
    let resources: Vec<_> = NAMES.iter().filter_map(|kind| fields.get(kind)).collect();
    if resources.is_empty() && is_misspelt {
        return None;
    }
    if resources.len() != 1 {
        let (message, help) = match resources.first() {
            None => ("the step declares nothing", format!("add one of: {}", NAMES.join(", "))),
            Some(_) => ("the step declares more than one thing", "make two steps of it".into()),
        };
        decoder.error(resources.get(1).map_or(&node.span, |entry| &entry.key.span), message, &help);
        return None;
    }
    let absent = resources[0].value.get("absent");
    if let (Some(present), Some(absent)) = (fields.get("present"), absent) {
        let line = decoder.line_of(&absent.span);
        let help = format!("remove `absent` on line {line}: `present` says when it is there");
        decoder.error(&present.key.span, "`present` beside `absent`", &help);
    }
    let name = name?;
    let notify = match fields.get("notify") {
        Some(entry) if entry.value.as_scalar().is_some() => vec![entry.value.clone()],
        Some(entry) => decoder.list(&entry.value)?.to_vec(),
        None => Vec::new(),
    };
    Some(Step {
        name: printable(decoder.line(&name.value)?),
        kind: resources[0].key.text.clone(),
        fields: resources[0].value.clone(),
        when: fields.get("when").map(|entry| entry.value.clone()),
        present: fields.get("present").map(|entry| entry.value.clone()),
        notify,
    })
}
