//! Turns steps into resources: evaluates conditions, renders strings and
//! templates for one host, and connects services with the files that they load.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::book::Book;
use super::scope::{Scope, each, holds, refuse_holes, render};
use super::step::{Item, Step};
use super::template::Renderer;
use super::withdrawn::{Withdrawn, place};
use super::{Declared, Playbook};
use crate::diagnostic::{Diagnostic, Source};
use crate::host::Facts;
use crate::mail;
use crate::resource::{AssetError, Assets, Key, Resource, Withdrawal, traces};
use crate::yaml::{Decoder, printable, suggest};
use minijinja::Value;
use minijinja::value::{Object, Serde};

/// The variables of templates.
#[derive(Debug)]
pub struct Context<'a> {
    /// `mail`, if there is a mail.yml.
    pub mail: Option<mail::Context>,
    /// `facts`.
    pub facts: &'a Facts,
}

/// The templates and files of one step, for one host.
struct Shelf<'a> {
    book: &'a Book,
    renderer: &'a Renderer,
    table_type: &'a str,
}

/// Variables that record whether a template uses `mail`.
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
    /// Returns whether a step for this host, or one of its templates, uses
    /// `mail`. The default playbook does.
    pub(crate) fn speaks_of_mail(&self, facts: &Facts) -> bool {
        if self.is_embedded(super::DEFAULT) {
            return true;
        }
        let asked =
            Arc::new(Asked { facts: Value::from(Serde(facts)), for_mail: AtomicBool::new(false) });
        // Mistakes are reported when the playbook is rendered for use.
        drop(self.render(Value::from_dyn_object(Arc::clone(&asked)), facts));
        asked.for_mail.load(Ordering::Relaxed)
    }

    /// Renders the playbook for the host of these facts.
    ///
    /// # Errors
    ///
    /// Returns every mistake in the steps for this host.
    pub fn resolve(&self, context: &Context<'_>) -> Result<Vec<Declared>, Vec<Diagnostic>> {
        let facts = Value::from(Serde(context.facts));
        let variables = match &context.mail {
            Some(mail) => Value::from_pairs([("mail", mail.value()), ("facts", facts)]),
            None => Value::from_pairs([("facts", facts)]),
        };
        self.render(variables, context.facts)
    }

    fn render(&self, variables: Value, facts: &Facts) -> Result<Vec<Declared>, Vec<Diagnostic>> {
        let mut mistakes = Vec::new();
        let scope = Scope::of_playbook(&self.book, variables, &mut mistakes);
        let table_type = facts.table_type();
        let mut resolver = Resolver { table_type, withdrawn: Vec::new(), mistakes };
        let mut made = resolver.walk(&scope);
        if resolver.mistakes.is_empty() {
            resolver.notify(&mut made);
            resolver.relate(&mut made);
        }
        let Resolver { withdrawn, mistakes, .. } = resolver;
        match mistakes.is_empty() {
            true => Ok(place(made.into_iter().map(|made| made.declared).collect(), withdrawn)),
            false => Err(mistakes),
        }
    }
}

/// The declarations of a step for this host.
struct Made<'p> {
    declared: Declared,
    kind: &'p str,
    source: &'p Arc<Source>,
    notify: Vec<Notify<'p>>,
}

/// Keys that a service of this name has to load.
struct Notify<'p> {
    keys: Vec<Key>,
    service: String,
    span: Range<usize>,
    source: &'p Arc<Source>,
}

struct Resolver<'a> {
    table_type: &'a str,
    withdrawn: Vec<Withdrawn>,
    mistakes: Vec<Diagnostic>,
}

impl Resolver<'_> {
    /// Renders the steps of a file and of its includes.
    fn walk<'p>(&mut self, scope: &Scope<'p>) -> Vec<Made<'p>> {
        let mut decoder = Decoder::new(&scope.book.source);
        let (mut made, mut run) = (Vec::new(), Vec::new());
        let mut includes = scope.includes.iter();
        for item in &scope.book.items {
            match item {
                Item::Include(_) => {
                    let included = includes.next().and_then(Option::as_ref);
                    run.extend(included.map(|scope| self.walk(scope)));
                }
                Item::Step(step) => {
                    made.extend(together(std::mem::take(&mut run)));
                    self.steps(scope, step, &mut made, &mut decoder);
                }
            }
        }
        made.extend(together(run));
        self.mistakes.extend(decoder.finish::<()>(None).err().unwrap_or_default());
        made
    }

    /// Renders a step, once or for each of its items.
    fn steps<'p>(
        &mut self,
        scope: &Scope<'p>,
        step: &'p Step,
        made: &mut Vec<Made<'p>>,
        decoder: &mut Decoder,
    ) {
        let Some(node) = &step.for_each else {
            made.extend(self.step(scope, &scope.renderer, step, decoder));
            return;
        };
        let Some(items) = each(node, &scope.renderer, decoder) else { return };
        let mut seen = HashSet::new();
        for item in items {
            let renderer = scope.renderer.with("item", item);
            let Some(one) = self.step(scope, &renderer, step, decoder) else { continue };
            let names: HashSet<String> = one.declared.resource.names().into_iter().collect();
            for name in names {
                if !seen.insert(name.clone()) {
                    let help = "let what it is known by hold `{{ item }}`, and no item occur twice";
                    decoder.error(&node.span, format!("two items make {name}"), help);
                    return;
                }
            }
            made.push(one);
        }
    }

    fn step<'p>(
        &mut self,
        scope: &Scope<'p>,
        renderer: &Renderer,
        step: &'p Step,
        decoder: &mut Decoder,
    ) -> Option<Made<'p>> {
        if !holds(step.when.as_ref(), renderer, decoder) {
            return None;
        }
        let shelf = Shelf { book: scope.book, renderer, table_type: self.table_type };
        let name = render(&step.name, renderer, decoder)?;
        let name = printable(decoder.line(&name)?);
        let is_present = scope.is_present && holds(step.present.as_ref(), renderer, decoder);
        let fields = match is_present {
            true => render(&step.fields, renderer, decoder)?,
            false => render(&traces(&step.kind, &step.fields)?, renderer, decoder)?,
        };
        let mut notify = Vec::new();
        for node in &step.notify {
            let rendered = render(node, renderer, decoder);
            if let Some(service) = rendered.as_ref().and_then(|node| decoder.line(node)) {
                let (span, source) = (node.span.clone(), &scope.book.source);
                notify.push(Notify { keys: Vec::new(), service: service.to_owned(), span, source });
            }
        }
        if !is_present {
            // A directory is removed after its contents, and no service loads it.
            let notify = notify.into_iter().filter(|_| step.kind != "directory");
            let notify: Vec<String> = notify.map(|it| it.service).collect();
            let withdrawals = Withdrawal::decode(&step.kind, &fields, &shelf, decoder)?;
            self.withdrawn.extend(withdrawals.into_iter().map(|withdrawal| Withdrawn {
                step: format!("Undo: {name}"),
                withdrawal,
                notify: notify.clone(),
            }));
            return None;
        }
        refuse_holes(&fields, decoder);
        let resource = Resource::decode(&step.kind, &fields, &shelf, decoder)?;
        notify.iter_mut().for_each(|it| it.keys = resource.loadable());
        let declared = Declared { step: name, resource, withdrawn: None };
        Some(Made { declared, kind: &step.kind, source: &scope.book.source, notify })
    }

    /// Adds what a step declares to the services that it notifies, by the name
    /// of the service or of its step.
    fn notify(&mut self, made: &mut [Made<'_>]) {
        let all: Vec<_> =
            made.iter_mut().flat_map(|made| std::mem::take(&mut made.notify)).collect();
        for Notify { keys, service: name, span, source } in all {
            let found = made.iter_mut().find_map(|made| match &mut made.declared.resource {
                Resource::Service(service)
                    if service.name() == name || made.declared.step == name =>
                {
                    Some(service)
                }
                _ => None,
            });
            match found {
                Some(service) => service.load(keys),
                None if self.withdrawn.iter().any(|it| it.is_service(&name)) => {}
                None => self.refuse_unknown(made, &name, &span, source),
            }
        }
    }

    /// Tells each service which others need it.
    fn relate(&mut self, made: &mut [Made<'_>]) {
        for index in 0..made.len() {
            let Resource::Service(service) = &made[index].declared.resource else { continue };
            let (service, source) = (service.clone(), made[index].source);
            for (name, span) in service.needs() {
                let needed = made.iter_mut().find_map(|made| match &mut made.declared.resource {
                    Resource::Service(other) if other.name() == name => Some(other),
                    _ => None,
                });
                match needed {
                    Some(needed) => needed.is_needed_by(&service),
                    None => self.refuse_unknown(made, name, span, source),
                }
            }
        }
    }

    fn refuse_unknown(
        &mut self,
        made: &[Made<'_>],
        name: &str,
        span: &Range<usize>,
        source: &Arc<Source>,
    ) {
        let services = made.iter().filter_map(|made| match &made.declared.resource {
            Resource::Service(service) => Some(service.name()),
            _ => None,
        });
        let help = match suggest(name, services) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "name a service that a `service` step declares".into(),
        };
        let message = format!("no step declares the service `{name}`");
        self.mistakes.push(Diagnostic::new(source, span.clone(), message).help(help));
    }
}

/// Merges the steps of consecutive includes. What they begin with, the
/// originals to keep and the packages to install, comes first: all originals,
/// then all packages by one call of apt.
fn together(includes: Vec<Vec<Made<'_>>>) -> Vec<Made<'_>> {
    let (mut originals, mut packages, mut rest) = (Vec::new(), Vec::<Made<'_>>::new(), Vec::new());
    for include in includes {
        let mut include = include.into_iter().peekable();
        while let Some(next) =
            include.next_if(|made| made.kind == "backup" || made.declared.resource.installs())
        {
            match packages.first_mut() {
                _ if next.kind == "backup" => originals.push(next),
                Some(first) => {
                    first.declared.resource.install_as_well(&next.declared.resource);
                    first.declared.step = "Install the packages".into();
                    first.notify.extend(next.notify);
                }
                None => packages.push(next),
            }
        }
        rest.extend(include);
    }
    originals.into_iter().chain(packages).chain(rest).collect()
}

impl Assets for Shelf<'_> {
    fn template(&self, name: &str) -> Result<Vec<u8>, AssetError> {
        let (name, bytes) = self.book.library.read(&self.book.folder, "templates", name)?;
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
        self.book.library.read(&self.book.folder, "files", name).map(|(_, bytes)| bytes)
    }

    fn table_type(&self) -> &str {
        self.table_type
    }
}
