//! Builds a tree from the events of the parser.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use serde_yaml::granit_parser::{self, Event, Parser, ScalarStyle, Span};

use super::{Entry, Key, Kind, Node, Scalar, Style, syntax};
use crate::diagnostic::{Diagnostic, Source};

/// The limit of a text in bytes.
const MAX_BYTES: usize = 32 << 20;
/// The limit of nested lists and maps.
const MAX_DEPTH: usize = 64;
/// The limit of values: a hundred thousand accounts, each with a password, a
/// quota and two aliases, are six hundred thousand.
const MAX_VALUES: usize = 1_000_000;
/// The limit of values that all aliases together stand for.
const MAX_ALIASED: usize = 100_000;

/// Parses a text of one YAML document.
///
/// The tree of an empty text is a null scalar. Time and memory are proportional
/// to the length of any text.
///
/// # Errors
///
/// Returns why the text is not YAML, not one document without tags, or beyond the limits.
pub fn parse(source: &Arc<Source>) -> Result<Node, Vec<Diagnostic>> {
    let text = &source.text;
    if text.len() > MAX_BYTES {
        return Err(vec![Diagnostic::new(source, 0..0, "the file is larger than 32 MiB")]);
    }
    if let Some(mistake) = syntax::control_character(source) {
        return Err(vec![mistake]);
    }
    let mut options = granit_parser::options! {
        disallow_directives: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    options.set_emit_comments(false);
    let mut tree = Tree::new(source);
    for event in Parser::new_from_str_with_options(text, options) {
        let step = match event {
            Ok((event, span)) => tree.push(event, &span),
            Err(error) => Err(syntax::explain(source, &error, tree.open.last().map(|o| &o.span))),
        };
        step.map_err(|mistake| vec![mistake])?;
    }
    Ok(tree.root.unwrap_or_else(|| null(0..0)))
}

/// A list or map whose end has not been reached.
struct Open {
    span: Range<usize>,
    anchor: usize,
    kind: Kind,
    key: Option<Key>,
}

struct Tree<'s> {
    source: &'s Arc<Source>,
    root: Option<Node>,
    open: Vec<Open>,
    /// The anchored values, each with its number of nodes.
    anchors: HashMap<usize, (Node, usize)>,
    aliased: usize,
    values: usize,
}

impl<'s> Tree<'s> {
    fn new(source: &'s Arc<Source>) -> Self {
        Self {
            source,
            root: None,
            open: Vec::new(),
            anchors: HashMap::new(),
            aliased: 0,
            values: 0,
        }
    }

    fn push(&mut self, event: Event<'_>, span: &Span) -> Result<(), Diagnostic> {
        let place = bytes(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span)?;
                let scalar = Scalar { text: text.into_owned(), style: style_of(style) };
                self.close(Node { span: place, kind: Kind::Scalar(scalar) }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span)?;
                self.begin(place, anchor, Kind::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span)?;
                self.begin(place, anchor, Kind::Map(Vec::new()))
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { span, anchor, kind, .. }) => {
                    let end = place.end.max(span.start);
                    self.close(Node { span: span.start..end, kind }, anchor)
                }
                None => Ok(()),
            },
            Event::Alias(id) => self.alias(id, &place),
            Event::DocumentStart(..) if self.root.is_some() => {
                Err(Diagnostic::new(self.source, place, "a second YAML document starts here")
                    .help("keep one document in the file: remove the `---` and what follows it"))
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, span: Range<usize>, anchor: usize, kind: Kind) -> Result<(), Diagnostic> {
        if self.open.len() >= MAX_DEPTH {
            return Err(syntax::too_deep(self.source, span));
        }
        self.open.push(Open { span, anchor, kind, key: None });
        Ok(())
    }

    /// Adds a complete value to the enclosing list or map.
    fn close(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
        self.values += 1;
        // Keys count here too.
        if self.values > 2 * MAX_VALUES {
            let message = format!("the file holds more than {MAX_VALUES} values");
            return Err(Diagnostic::new(self.source, node.span, message)
                .help("a mail.yml with a hundred thousand accounts holds fewer"));
        }
        if anchor != 0 {
            let size = count(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut parent.kind, parent.key.take()) {
            (Kind::List(items), _) => items.push(node),
            (Kind::Map(entries), Some(key)) => entries.push(Entry { key, value: node }),
            (_, _) => match node.kind {
                Kind::Scalar(scalar) => {
                    parent.key = Some(Key { span: node.span, text: scalar.text });
                }
                Kind::List(_) | Kind::Map(_) => return Err(compound_key(self.source, &node)),
            },
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, place: &Range<usize>) -> Result<(), Diagnostic> {
        let Some((node, size)) = self.anchors.get(&id) else {
            return Err(Diagnostic::new(self.source, place.clone(), "this value contains itself")
                .help("write the value out instead of the alias"));
        };
        self.aliased = self.aliased.saturating_add(*size);
        if self.aliased > MAX_ALIASED {
            let message = format!("the aliases stand for more than {MAX_ALIASED} values");
            return Err(Diagnostic::new(self.source, place.clone(), message)
                .help("write the values out instead of the aliases"));
        }
        let node = node.clone();
        self.close(node, 0)
    }

    fn refuse_tag(&self, tagged: bool, span: &Span) -> Result<(), Diagnostic> {
        if !tagged {
            return Ok(());
        }
        let place = span.tag_span().map_or_else(|| bytes(span), |tag| bytes(&tag));
        Err(Diagnostic::new(self.source, place, "a YAML tag has no meaning here")
            .help("remove the tag; to keep a text that begins with `!`, put it in quotes"))
    }
}

fn compound_key(source: &Arc<Source>, node: &Node) -> Diagnostic {
    let template = source.text.get(..node.span.start).is_some_and(|before| before.ends_with('{'));
    let help = if template {
        "put a value that begins with `{{` in quotes"
    } else {
        "write a single word before the `:`"
    };
    let message = format!("{} cannot be a key", node.type_name());
    Diagnostic::new(source, node.span.clone(), message).help(help)
}

/// Counts the nodes of a tree. The depth is limited, and so is the recursion.
fn count(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::Scalar(_) => 0,
        Kind::List(items) => items.iter().map(count).sum(),
        Kind::Map(entries) => entries.iter().map(|entry| count(&entry.value)).sum(),
    }
}

fn null(span: Range<usize>) -> Node {
    let scalar = Scalar { text: String::new(), style: Style::Plain };
    Node { span, kind: Kind::Scalar(scalar) }
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    }
}

fn bytes(span: &Span) -> Range<usize> {
    let start = span.start.byte_offset().unwrap_or(0);
    start..span.end.byte_offset().unwrap_or(start).max(start)
}
