//! The steps of a playbook as written, before rendering.

use std::ops::Range;
use std::path::{Component, Path};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Source};
use crate::resource::KINDS;
use crate::yaml::{self, Decoder, Entry, Fields, KeySpec, Kind, Node, Section, ValueType};

#[derive(Debug)]
pub(super) enum Item {
    Step(Step),
    Include(Include),
}

/// One step: a name, one resource, conditions and the services to notify.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: Node,
    /// The kind of resource, one of `KINDS`.
    pub(super) kind: String,
    pub(super) fields: Node,
    /// A Jinja expression; the step applies only where it is true.
    pub(super) when: Option<Node>,
    /// A Jinja expression; where it is not true, what the step put on the host
    /// is removed.
    pub(super) present: Option<Node>,
    /// The items that the step applies to, one after the other.
    pub(super) for_each: Option<Node>,
    /// The services that load what the step declares.
    pub(super) notify: Vec<Node>,
}

#[derive(Debug)]
pub(super) struct Include {
    pub(super) span: Range<usize>,
    pub(super) target: Included,
    /// As in a step, for each of its steps.
    pub(super) when: Option<Node>,
    pub(super) present: Option<Node>,
    /// Values that replace those of its `vars`.
    pub(super) vars: Vec<Entry>,
}

#[derive(Debug)]
pub(super) enum Included {
    /// A folder of the playbook.
    Folder(String),
    /// The embedded playbook of this name.
    Playbook(String),
}

/// A playbook that is a map.
const PLAYBOOK: Section = Section {
    keys: &[
        KeySpec::new("name", ValueType::Text, "What it is for."),
        KeySpec::new("about", ValueType::Text, "What it brings about, in a line."),
        VARS,
        KeySpec::new("steps", ITEMS, "What is done, in order."),
    ],
    required: &["steps"],
    one_of: &[],
    together: &[],
};

const VARS: KeySpec = KeySpec::new(
    "vars",
    ValueType::Map(&ANY),
    "Values that strings and templates name as `vars.NAME`. Beside `include`: what those of the \
     included file are to be in place of what it says.",
);

const ANY: ValueType = ValueType::Either(&[
    ValueType::Text,
    ValueType::List(&ValueType::Text),
    ValueType::Map(&ValueType::Text),
]);

const ITEMS: ValueType =
    ValueType::List(&ValueType::Either(&[ValueType::Section(&STEP), ValueType::Section(&INCLUDE)]));

const INCLUDE: Section =
    Section { keys: &INCLUDE_KEYS, required: &["include"], one_of: &[], together: &[] };

const INCLUDE_KEYS: [KeySpec; 4] = [
    KeySpec::new(
        "include",
        ValueType::Either(&[ValueType::Text, ValueType::Section(&OF_PLAYBOOK)]),
        "A folder beside the playbook: the steps in its `steps.yml`. Or `{playbook: NAME}`: those \
         of an embedded playbook.",
    ),
    COMMON[1],
    COMMON[2],
    VARS,
];

const OF_PLAYBOOK: Section = Section {
    keys: &[KeySpec::new("playbook", ValueType::Text, "The name of an embedded playbook.")],
    required: &["playbook"],
    one_of: &[],
    together: &[],
};

const STEP: Section =
    Section { keys: &STEP_KEYS, required: &["name"], one_of: &NAMES, together: &[] };

const COMMON: [KeySpec; 5] = [
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
        "for_each",
        ValueType::Either(&[ValueType::Text, ValueType::List(&ANY), ValueType::Map(&ANY)]),
        "A list, a map, or a Jinja expression that gives one: the step counts once for each \
         `item`, of a map with `item.key` and `item.value`.",
    ),
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

/// The kinds of resource, of which a step has one.
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
    let shape = ValueType::Either(&[ITEMS, ValueType::Section(&PLAYBOOK)]);
    yaml::schema(
        "playbook.yml",
        "Ordered steps that bring a host into a state. See mailprov.",
        &shape,
    )
}

/// Reads the steps of a file, a list or a map with `steps`, and its `vars`.
pub(super) fn parse(source: &Arc<Source>) -> Result<(Vec<Entry>, Vec<Item>), Vec<Diagnostic>> {
    let root = yaml::parse(source)?;
    let mut decoder = Decoder::new(source);
    let read = read(&root, &mut decoder);
    decoder.finish(read)
}

fn read(root: &Node, decoder: &mut Decoder) -> Option<(Vec<Entry>, Vec<Item>)> {
    let (vars, list) = match &root.kind {
        Kind::Map(_) => {
            let fields = decoder.fields(root, &PLAYBOOK)?;
            let vars = vars(&fields, decoder)?;
            let entry = fields.require("steps", &root.span, decoder)?;
            (vars, decoder.list(&entry.value)?)
        }
        _ => (Vec::new(), decoder.list(root)?),
    };
    let item = |node: &Node| match node.get("include") {
        Some(_) => include(node, decoder).map(Item::Include),
        None => step(node, decoder).map(Item::Step),
    };
    Some((vars, list.iter().filter_map(item).collect()))
}

fn vars(fields: &Fields<'_>, decoder: &mut Decoder) -> Option<Vec<Entry>> {
    let Some(entry) = fields.get("vars") else { return Some(Vec::new()) };
    Some(decoder.entries(&entry.value)?.into_iter().cloned().collect())
}

fn include(node: &Node, decoder: &mut Decoder) -> Option<Include> {
    let fields = decoder.fields(node, &INCLUDE)?;
    let value = &fields.require("include", &node.span, decoder)?.value;
    let target = match &value.kind {
        Kind::Map(_) => {
            let fields = decoder.fields(value, &OF_PLAYBOOK)?;
            let name = fields.require("playbook", &value.span, decoder)?;
            Included::Playbook(decoder.line(&name.value)?.to_owned())
        }
        _ => {
            let name = decoder.line(value)?;
            let mut parts = Path::new(name).components();
            if name.is_empty() || !parts.all(|part| matches!(part, Component::Normal(_))) {
                let message = "this is no folder beside the playbook";
                decoder.error(&value.span, message, "name one without a leading `/`, `.` and `..`");
                return None;
            }
            Included::Folder(name.trim_end_matches('/').to_owned())
        }
    };
    let of = |key| fields.get(key).map(|entry| entry.value.clone());
    let (when, present) = (of("when"), of("present"));
    let vars = vars(&fields, decoder)?;
    Some(Include { span: value.span.clone(), target, when, present, vars })
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
    decoder.line(&name?.value)?;
    let notify = match fields.get("notify") {
        Some(entry) if entry.value.as_scalar().is_some() => vec![entry.value.clone()],
        Some(entry) => decoder.list(&entry.value)?.to_vec(),
        None => Vec::new(),
    };
    Some(Step {
        name: name?.value.clone(),
        kind: resources[0].key.text.clone(),
        fields: resources[0].value.clone(),
        when: fields.get("when").map(|entry| entry.value.clone()),
        present: fields.get("present").map(|entry| entry.value.clone()),
        for_each: fields.get("for_each").map(|entry| entry.value.clone()),
        notify,
    })
}
