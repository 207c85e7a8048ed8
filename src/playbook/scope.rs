//! The variables of the strings and templates in one file: `mail` and `facts`,
//! the `vars` of the file, and `parts`, which are the additions of included
//! folders to a template of another one.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use minijinja::Value;
use minijinja::value::{Object, ValueKind};

use super::book::Book;
use super::library::{join, numbers};
use super::step::Item;
use super::template::Renderer;
use crate::diagnostic::{Diagnostic, Source};
use crate::resource::HOLE;
use crate::yaml::{Decoder, Entry, Kind, Node, Scalar, Style, suggest};

/// A file of steps for one host, with its variables and the evaluated
/// conditions of its includes.
pub(super) struct Scope<'p> {
    pub(super) book: &'p Book,
    pub(super) renderer: Renderer,
    /// Whether its steps apply, or their effects are removed.
    pub(super) is_present: bool,
    /// Its includes, in order; `None` for one that does not apply.
    pub(super) includes: Vec<Option<Scope<'p>>>,
}

impl<'p> Scope<'p> {
    pub(super) fn of_playbook(
        book: &'p Book,
        variables: Value,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Self {
        let parts = Arc::new(Parts::default());
        let renderer =
            Renderer::new(variables).with_unlisted("parts", Value::from_dyn_object(parts.clone()));
        let scope = Self::of(book, &renderer, Vec::new(), true, mistakes);
        let mut found = Vec::new();
        scope.parts(&mut found, mistakes);
        // Only templates, which are rendered later, use it.
        let _ = parts.0.set(found);
        scope
    }

    fn of(
        book: &'p Book,
        base: &Renderer,
        mut given: Vec<(String, Value)>,
        is_present: bool,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut decoder = Decoder::new(&book.source);
        let mut vars = BTreeMap::<String, Value>::new();
        let mut renderer = base.with_unlisted("vars", Value::from(vars.clone()));
        for Entry { key, value: node } in &book.vars {
            let at = given.iter().position(|(name, _)| *name == key.text);
            let value = match at {
                Some(at) => Some(given.swap_remove(at).1),
                None => value(node, &renderer, &mut decoder),
            };
            vars.extend(value.map(|value| (key.text.clone(), value)));
            renderer = base.with("vars", Value::from(vars.clone()));
        }
        let included = book.items.iter().filter_map(|item| match item {
            Item::Include(include) => Some(include),
            Item::Step(_) => None,
        });
        let mut includes = Vec::new();
        for (include, book) in included.zip(&book.includes) {
            if !holds(include.when.as_ref(), &renderer, &mut decoder) {
                includes.push(None);
                continue;
            }
            let is_present = is_present && holds(include.present.as_ref(), &renderer, &mut decoder);
            let mut given = Vec::new();
            for Entry { key, value: node } in &include.vars {
                let known = || book.vars.iter().map(|entry| entry.key.text.as_str());
                if !known().any(|name| name == key.text) {
                    let help = match (suggest(&key.text, known()), book.vars.is_empty()) {
                        (Some(meant), _) => format!("did you mean `{meant}`?"),
                        (None, true) => "it has no `vars`".into(),
                        (None, false) => {
                            let known: Vec<_> = known().map(|name| format!("`{name}`")).collect();
                            format!("it has: {}", known.join(", "))
                        }
                    };
                    let message = format!("what is included has no variable `{}`", key.text);
                    decoder.error(&key.span, message, &help);
                }
                // Steps that remove things may refer to values that no longer exist.
                let mut nowhere = Decoder::new(decoder.source());
                let decoder = if is_present { &mut decoder } else { &mut nowhere };
                let value = value(node, &renderer, decoder);
                given.extend(value.map(|value| (key.text.clone(), value)));
            }
            includes.push(Some(Self::of(book, base, given, is_present, mistakes)));
        }
        let wrong = decoder.finish::<()>(None).err().unwrap_or_default();
        mistakes.extend(wrong.into_iter().filter(|_| is_present));
        Self { book, renderer, is_present, includes }
    }

    /// Renders the additions of this folder, and of those that it includes.
    fn parts(&self, found: &mut Vec<Part>, mistakes: &mut Vec<Diagnostic>) {
        if !self.is_present {
            return;
        }
        let Book { library, folder, .. } = self.book;
        for file in library.names(folder) {
            let (base, version) = match file.split_once('@') {
                Some((base, version)) => (base, Some(numbers(version))),
                None => (file.as_str(), None),
            };
            let Some(name) = base.strip_suffix(PART) else { continue };
            let path = join(folder, &file);
            let Some(Ok(bytes)) = library.bytes(&path) else { continue };
            let shown = library.shown(&path);
            let text = match Diagnostic::not_text(&shown, &bytes) {
                None => String::from_utf8_lossy(&bytes).into_owned(),
                Some(mistake) => {
                    mistakes.push(mistake);
                    continue;
                }
            };
            match self.renderer.render(&Arc::new(Source { name: shown, text })) {
                Ok(text) => {
                    found.push(Part { folder: path.clone(), name: name.into(), version, text });
                }
                Err(mistake) => mistakes.push(mistake),
            }
        }
        self.includes.iter().flatten().for_each(|scope| scope.parts(found, mistakes));
    }
}

/// The suffix of a file that adds to a template of another folder.
const PART: &str = ".part";

/// Returns whether a file of that name does so.
pub(super) fn is_part(name: &str) -> bool {
    name.split('@').next().is_some_and(|base| base.ends_with(PART))
}

/// The addition of a folder to a template.
#[derive(Debug)]
struct Part {
    folder: String,
    name: String,
    version: Option<Vec<u64>>,
    text: String,
}

/// `parts["main.cf"]`: the rendered files `main.cf.part` of all folders, in
/// order. With a version, as in `parts["dovecot.conf@2.4.1"]`, the newest
/// `dovecot.conf.part@…` of each that is not newer than that.
#[derive(Debug, Default)]
struct Parts(OnceLock<Vec<Part>>);

impl Object for Parts {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let (name, version) = match key.split_once('@') {
            Some((name, version)) => (name, Some(numbers(version))),
            None => (key, None),
        };
        let mut newest: Vec<&Part> = Vec::new();
        for part in self.0.get().into_iter().flatten().filter(|part| part.name == name) {
            if part.version > version || part.version.is_some() != version.is_some() {
                continue;
            }
            let folder = |part: &Part| part.folder.split('@').next().map(str::to_owned);
            match newest.iter_mut().find(|known| folder(known) == folder(part)) {
                Some(known) if known.version < part.version => *known = part,
                Some(_) => {}
                None => newest.push(part),
            }
        }
        Some(Value::from(newest.iter().map(|part| part.text.as_str()).collect::<String>()))
    }
}

/// Reads a value of `vars`, or an item. A string that is one `{{ expression }}`
/// gives the value of that.
fn value(node: &Node, renderer: &Renderer, decoder: &mut Decoder) -> Option<Value> {
    Some(match &node.kind {
        Kind::Scalar(scalar) => {
            if let Some(boolean) = scalar.boolean().filter(|_| scalar.style == Style::Plain) {
                return Some(Value::from(boolean));
            }
            if let Some(number) = scalar.integer().filter(|_| scalar.style == Style::Plain) {
                return Some(Value::from(number));
            }
            if let Some(expression) = expression(&scalar.text) {
                return evaluated(node, expression, renderer, decoder);
            }
            let rendered = render(node, renderer, decoder)?;
            Value::from(rendered.as_scalar().map(|scalar| scalar.text.clone())?)
        }
        Kind::List(items) => {
            let items = items.iter().map(|item| value(item, renderer, decoder));
            Value::from(items.collect::<Option<Vec<_>>>()?)
        }
        Kind::Map(entries) => {
            let entries = entries.iter().map(|Entry { key, value: node }| {
                Some((key.text.clone(), value(node, renderer, decoder)?))
            });
            Value::from(entries.collect::<Option<BTreeMap<_, _>>>()?)
        }
    })
}

/// Returns the expression of a string that is only `{{ expression }}`.
fn expression(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    (!inner.contains("{{") && !inner.contains("}}")).then_some(inner)
}

fn evaluated(
    node: &Node,
    expression: &str,
    renderer: &Renderer,
    decoder: &mut Decoder,
) -> Option<Value> {
    let value = renderer.value(expression);
    value.map_err(|(message, help)| decoder.error(&node.span, message, &help)).ok()
}

/// Returns the items of a `for_each`, in order.
pub(super) fn each(node: &Node, renderer: &Renderer, decoder: &mut Decoder) -> Option<Vec<Value>> {
    let pair = |key: Value, value: Value| Value::from_pairs([("key", key), ("value", value)]);
    match &node.kind {
        Kind::List(items) => items.iter().map(|item| value(item, renderer, decoder)).collect(),
        Kind::Map(entries) => {
            let pair = |Entry { key, value: node }: &Entry| {
                Some(pair(Value::from(key.text.clone()), value(node, renderer, decoder)?))
            };
            entries.iter().map(pair).collect()
        }
        Kind::Scalar(scalar) => {
            let text = expression(&scalar.text).unwrap_or(&scalar.text);
            let all = evaluated(node, text, renderer, decoder)?;
            let items = all.try_iter().into_iter().flatten();
            match all.kind() {
                ValueKind::Seq | ValueKind::Iterable => Some(items.collect()),
                ValueKind::Map => {
                    let value = |key: &Value| all.get_item(key).unwrap_or_default();
                    Some(items.map(|key| pair(key.clone(), value(&key))).collect())
                }
                _ => {
                    let help = "name a list or a map, such as `mail.domains`, or write one";
                    decoder.error(&node.span, "this gives no list and no map", help);
                    None
                }
            }
        }
    }
}

/// Evaluates a condition on this host; a missing one holds.
pub(super) fn holds(when: Option<&Node>, renderer: &Renderer, decoder: &mut Decoder) -> bool {
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
pub(super) fn render(node: &Node, renderer: &Renderer, decoder: &mut Decoder) -> Option<Node> {
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

/// Rejects a public key outside the content of a file, since it may be known
/// only after apply.
pub(super) fn refuse_holes(node: &Node, decoder: &mut Decoder) {
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
