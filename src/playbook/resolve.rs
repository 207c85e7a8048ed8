//! From steps to resources: conditions decided, strings and templates rendered
//! for one host, services told what they load.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::step::Step;
use super::template::Renderer;
use super::{Declared, Library, Playbook};
use crate::diagnostic::{Diagnostic, Source};
use crate::host::Facts;
use crate::mail;
use crate::resource::{AssetError, Assets, HOLE, Resource, Withdrawal, traces};
use crate::yaml::{Decoder, Entry, Kind, Node, Scalar, suggest};
use minijinja::Value;
use minijinja::value::{Object, Serde};

/// What templates may speak of.
#[derive(Debug)]
pub struct Context<'a> {
    /// `mail`, where there is a mail.yml.
    pub mail: Option<mail::Context>,
    /// `facts`.
    pub facts: &'a Facts,
}

/// The templates and files of one playbook, for one host.
struct Shelf<'a> {
    library: &'a Library,
    renderer: &'a Renderer,
    table_type: &'a str,
}

/// What templates may speak of on a host, and whether they ask for `mail`.
#[derive(Debug)]
struct Asked {
    facts: Value,
    for_mail: AtomicBool,
}

impl Object for Asked {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "facts" => Some(self.facts.clone()),
            "mail" => {
                self.for_mail.store(true, Ordering::Relaxed);
                None
            }
            _ => None,
        }
    }
}

impl Playbook {
    /// Tells whether a step that counts on this host, or a template of one, speaks
    /// of `mail`. The usual playbook does.
    pub fn speaks_of_mail(&self, facts: &Facts) -> bool {
        if self.is_embedded(super::DEFAULT) {
            return true;
        }
        let asked =
            Arc::new(Asked { facts: Value::from(Serde(facts)), for_mail: AtomicBool::new(false) });
        // What is wrong in it will be found when it counts.
        drop(self.render(Value::from_dyn_object(Arc::clone(&asked)), facts));
        asked.for_mail.load(Ordering::Relaxed)
    }

    /// Renders the playbook: what it declares for the host of these facts.
    ///
    /// # Errors
    ///
    /// Returns every mistake in the steps that count.
    pub fn resolve(&self, context: &Context<'_>) -> Result<Vec<Declared>, Vec<Diagnostic>> {
        let facts = Value::from(Serde(context.facts));
        let variables = match &context.mail {
            Some(mail) => Value::from_pairs([("mail", mail.value()), ("facts", facts)]),
            None => Value::from_pairs([("facts", facts)]),
        };
        self.render(variables, context.facts)
    }

    fn render(&self, variables: Value, facts: &Facts) -> Result<Vec<Declared>, Vec<Diagnostic>> {
        let renderer = Renderer::new(variables);
        let table_type = facts.table_type();
        let shelf = Shelf { library: &self.library, renderer: &renderer, table_type };
        let mut decoder = Decoder::new(&self.source);
        let mut declared = Vec::new();
        let mut withdrawn = Vec::new();
        let mut notified: Vec<(usize, String, Node)> = Vec::new();
        for step in &self.steps {
            if !holds(step.when.as_ref(), &renderer, &mut decoder) {
                continue;
            }
            if !holds(step.present.as_ref(), &renderer, &mut decoder) {
                withdrawn.extend(withdraw(step, &shelf, &mut decoder));
                continue;
            }
            let Some(fields) = render(&step.fields, &renderer, &mut decoder) else { continue };
            refuse_holes(&fields, &mut decoder);
            let Some(resource) = Resource::decode(&step.kind, &fields, &shelf, &mut decoder) else {
                continue;
            };
            for node in &step.notify {
                let rendered = render(node, &renderer, &mut decoder);
                if let Some(name) = rendered.as_ref().and_then(|node| decoder.line(node)) {
                    notified.push((declared.len(), name.to_owned(), node.clone()));
                }
            }
            declared.push(Declared { step: step.name.clone(), resource, withdrawn: None });
        }
        if decoder.mistakes() == 0 {
            notify(&mut declared, &notified, &mut decoder);
            relate(&mut declared, &mut decoder);
        }
        decoder.finish(Some(place(declared, withdrawn)))
    }
}

/// What a step takes away again, and the services that it would have notified.
struct Withdrawn {
    step: String,
    withdrawal: Withdrawal,
    notify: Vec<String>,
}

/// Reads of a step that is not present what it may have left on the host.
fn withdraw(step: &Step, shelf: &Shelf<'_>, decoder: &mut Decoder) -> Vec<Withdrawn> {
    let Some(traces) = traces(&step.kind, &step.fields) else { return Vec::new() };
    let Some(fields) = render(&traces, shelf.renderer, decoder) else { return Vec::new() };
    let withdrawals = Withdrawal::decode(&step.kind, &fields, shelf, decoder);
    let mut notify = Vec::new();
    for node in &step.notify {
        let rendered = render(node, shelf.renderer, decoder);
        notify.extend(rendered.and_then(|node| decoder.line(&node).map(str::to_owned)));
    }
    // A directory goes after what is in it, and no service loads it.
    if step.kind == "directory" {
        notify.clear();
    }
    let step = format!("Undo: {}", step.name);
    let withdrawn = withdrawals.into_iter().flatten();
    withdrawn
        .map(|withdrawal| Withdrawn { step: step.clone(), withdrawal, notify: notify.clone() })
        .collect()
}

/// Puts what goes in its place among what comes. It goes last, when no service
/// uses it any more: secrets first, and each kind in the reverse order of the
/// steps. Only what a service loads goes before that is told to load it anew.
fn place(mut declared: Vec<Declared>, withdrawn: Vec<Withdrawn>) -> Vec<Declared> {
    let kept: HashSet<String> =
        declared.iter().flat_map(|declared| declared.resource.names()).collect();
    let is_kept =
        |it: &Withdrawn| it.withdrawal.resource.names().iter().any(|it| kept.contains(it));
    let going = withdrawn.into_iter().rev().filter(|it| !is_kept(it));
    let (secrets, rest): (Vec<_>, Vec<_>) = going.partition(|it| it.withdrawal.secret);
    for Withdrawn { step, withdrawal, notify } in secrets.into_iter().chain(rest) {
        let Withdrawal { brought, resource, .. } = withdrawal;
        let loads_it = |declared: &Declared| match &declared.resource {
            Resource::Service(service) => {
                service.is_wanted() && notify.iter().any(|name| name == service.name())
            }
            _ => false,
        };
        let at = declared.iter().position(loads_it).unwrap_or(declared.len());
        declared.insert(at, Declared { step, resource, withdrawn: Some(brought) });
    }
    declared
}

impl Assets for Shelf<'_> {
    fn template(&self, name: &str) -> Result<Vec<u8>, AssetError> {
        let (name, bytes) = self.library.read("templates", name)?;
        if let Some(mistake) = Diagnostic::not_text(&name, &bytes) {
            let mistake = mistake.help("use `copy` for a file that is no template");
            return Err(AssetError::Template(Box::new(mistake)));
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let source = Arc::new(Source { name, text });
        let rendered = self.renderer.render(&source);
        rendered
            .map(String::into_bytes)
            .map_err(|diagnostic| AssetError::Template(Box::new(diagnostic)))
    }

    fn file(&self, name: &str) -> Result<Vec<u8>, AssetError> {
        self.library.read("files", name).map(|(_, bytes)| bytes)
    }

    fn table_type(&self) -> &str {
        self.table_type
    }
}

/// Decides whether a condition holds on this host; none always does.
fn holds(when: Option<&Node>, renderer: &Renderer, decoder: &mut Decoder) -> bool {
    let Some(node) = when else { return true };
    let Some(text) = decoder.text(node) else { return false };
    match renderer.condition(text) {
        Ok(holds) => holds,
        Err((message, help)) => {
            decoder.error(&node.span, message, &help);
            false
        }
    }
}

/// Renders every string in a step's fields.
fn render(node: &Node, renderer: &Renderer, decoder: &mut Decoder) -> Option<Node> {
    let kind = match &node.kind {
        Kind::Scalar(scalar) if scalar.text.contains("{{") || scalar.text.contains("{%") => {
            match renderer.string(&scalar.text) {
                Ok(text) => Kind::Scalar(Scalar { text, ..scalar.clone() }),
                Err((message, help)) => {
                    decoder.error(&node.span, message, &help);
                    return None;
                }
            }
        }
        Kind::Scalar(scalar) => Kind::Scalar(scalar.clone()),
        Kind::List(items) => {
            let items: Vec<_> = items.iter().map(|item| render(item, renderer, decoder)).collect();
            Kind::List(items.into_iter().collect::<Option<_>>()?)
        }
        Kind::Map(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|entry| {
                    let value = render(&entry.value, renderer, decoder)?;
                    Some(Entry { key: entry.key.clone(), value })
                })
                .collect();
            Kind::Map(entries.into_iter().collect::<Option<_>>()?)
        }
    };
    Some(Node { span: node.span.clone(), kind })
}

/// Refuses a public key anywhere but in the content of a file: it may be known
/// only after apply.
fn refuse_holes(node: &Node, decoder: &mut Decoder) {
    match &node.kind {
        Kind::Scalar(scalar) if scalar.text.contains(HOLE) => {
            let help = "use it in `content`, or in a template";
            decoder.error(&node.span, "`public_key` is for the content of a file", help);
        }
        Kind::Scalar(_) => {}
        Kind::List(items) => items.iter().for_each(|item| refuse_holes(item, decoder)),
        Kind::Map(entries) => {
            let others = entries.iter().filter(|entry| entry.key.text != "content");
            others.for_each(|entry| refuse_holes(&entry.value, decoder));
        }
    }
}

/// Tells each service that a step notifies, by its name or its step's, to load
/// what that step declares.
fn notify(declared: &mut [Declared], notified: &[(usize, String, Node)], decoder: &mut Decoder) {
    for (index, name, node) in notified {
        let keys = declared[*index].resource.loadable();
        let is_meant = |declared: &Declared| match &declared.resource {
            Resource::Service(service) => service.name() == name || declared.step == *name,
            _ => false,
        };
        if let Some(Declared { resource: Resource::Service(service), .. }) =
            declared.iter_mut().find(|declared| is_meant(declared))
        {
            service.load(keys);
            continue;
        }
        refuse_unknown(declared, name, &node.span, decoder);
    }
}

/// Tells each service which others need it.
fn relate(declared: &mut [Declared], decoder: &mut Decoder) {
    for index in 0..declared.len() {
        let Resource::Service(service) = &declared[index].resource else { continue };
        let service = service.clone();
        for (name, span) in service.needs() {
            let needed = declared.iter_mut().find_map(|declared| match &mut declared.resource {
                Resource::Service(other) if other.name() == name => Some(other),
                _ => None,
            });
            match needed {
                Some(needed) => needed.is_needed_by(&service),
                None => refuse_unknown(declared, name, span, decoder),
            }
        }
    }
}

fn refuse_unknown(declared: &[Declared], name: &str, span: &Range<usize>, decoder: &mut Decoder) {
    let services = declared.iter().filter_map(|declared| match &declared.resource {
        Resource::Service(service) => Some(service.name()),
        _ => None,
    });
    let help = match suggest(name, services) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "name a service that a `service` step declares".into(),
    };
    decoder.error(span, format!("no step declares the service `{name}`"), &help);
}
