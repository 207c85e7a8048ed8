//! Jinja, strict: an undefined variable is an error, and so is printing a
//! boolean or none.

use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Enumerator, Object, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};

use crate::diagnostic::{Diagnostic, Source};
use crate::resource;
use crate::yaml::suggest;

/// Renders strings, templates and conditions with the same variables.
#[derive(Clone)]
pub(super) struct Renderer {
    environment: Arc<Environment<'static>>,
    variables: Value,
}

impl Renderer {
    pub(super) fn new(variables: Value) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_formatter(print);
        // Only for the places of errors. Their texts would show values, and are not used.
        environment.set_debug(true);
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build();
        if let Ok(syntax) = syntax {
            environment.set_syntax(syntax);
        }
        environment.add_function("public_key", |path: &str| resource::hole(path));
        Self { environment: Arc::new(environment), variables }
    }

    /// Returns a renderer with one more variable.
    pub(super) fn with(&self, name: &'static str, value: Value) -> Self {
        self.over(Layer { below: self.variables.clone(), name, value, is_listed: true })
    }

    /// As `with`, for a variable that errors do not suggest.
    pub(super) fn with_unlisted(&self, name: &'static str, value: Value) -> Self {
        self.over(Layer { below: self.variables.clone(), name, value, is_listed: false })
    }

    fn over(&self, layer: Layer) -> Self {
        let environment = Arc::clone(&self.environment);
        Self { environment, variables: Value::from_object(layer) }
    }

    pub(super) fn render(&self, source: &Arc<Source>) -> Result<String, Diagnostic> {
        let rendered =
            self.environment.render_named_str(&source.name, &source.text, self.variables.clone());
        rendered.map_err(|error| {
            let span = error.range().unwrap_or(0..0);
            // Errors inside an included or calling block have a place of their own.
            let (message, help) = self.explain(&error);
            let diagnostic = Diagnostic::new(source, span, message);
            if help.is_empty() { diagnostic } else { diagnostic.help(help) }
        })
    }

    /// Renders a string of a playbook. An error has a message and a remedy.
    pub(super) fn string(&self, text: &str) -> Result<String, (String, String)> {
        let rendered = self.environment.render_str(text, self.variables.clone());
        rendered.map_err(|error| self.explain(&error))
    }

    pub(super) fn condition(&self, text: &str) -> Result<bool, (String, String)> {
        self.value(text).map(|value| value.is_true())
    }

    pub(super) fn value(&self, text: &str) -> Result<Value, (String, String)> {
        let expression = self.environment.compile_expression_owned(text.to_owned());
        let value = expression.and_then(|expression| expression.eval(self.variables.clone()));
        match value {
            Ok(value) if value.is_undefined() => Err(self.undefined(text.trim())),
            Ok(value) => Ok(value),
            Err(error) => Err(self.explain(&error)),
        }
    }

    /// Returns message and remedy of an error, without the values at hand.
    fn explain(&self, error: &Error) -> (String, String) {
        // The expression, in backticks.
        let expression = error.detail().and_then(|detail| detail.split('`').nth(1));
        match (error.kind(), expression) {
            (ErrorKind::UndefinedError, Some(expression)) => self.undefined(expression),
            _ => (message(error), help(error).unwrap_or_default().to_owned()),
        }
    }

    /// Reports an undefined name, and the names that are defined there.
    fn undefined(&self, expression: &str) -> (String, String) {
        let message = format!("`{expression}` is not defined");
        let (parent, name) = expression.rsplit_once('.').unwrap_or(("", expression));
        let mut names = self.names_in(parent);
        names.sort_unstable();
        if parent.is_empty() && name == "mail" && !names.is_empty() {
            let help = "there is no mail.yml: name one on the command line, or ask for it by \
                        `mail is defined`";
            return (message, help.into());
        }
        let listed: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        let help = match (suggest(name, names.iter().map(String::as_str)), parent) {
            (Some(meant), "") => format!("did you mean `{meant}`?"),
            (Some(meant), parent) => format!("did you mean `{parent}.{meant}`?"),
            (None, _) if names.is_empty() => "ask for it by `is defined`".into(),
            (None, "") => format!("there is: {}", listed.join(", ")),
            (None, parent) => format!("there is in `{parent}`: {}", listed.join(", ")),
        };
        (message, help)
    }

    /// Returns the names in the map at this path; none if it is unknown or not
    /// a map.
    fn names_in(&self, path: &str) -> Vec<String> {
        let mut value = self.variables.clone();
        for name in path.split('.').filter(|name| !name.is_empty()) {
            match value.get_attr(name) {
                Ok(inner) => value = inner,
                Err(_) => return Vec::new(),
            }
        }
        if value.kind() != ValueKind::Map {
            return Vec::new();
        }
        let names = value.try_iter().into_iter().flatten();
        names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
    }
}

/// Variables overlaid with one more.
#[derive(Debug)]
struct Layer {
    below: Value,
    name: &'static str,
    value: Value,
    is_listed: bool,
}

impl Object for Layer {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if key.as_str()? == self.name {
            return Some(self.value.clone());
        }
        self.below.get_item(key).ok().filter(|value| !value.is_undefined())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let mut names: Vec<Value> = self.below.try_iter().into_iter().flatten().collect();
        names.extend(self.is_listed.then(|| Value::from(self.name)));
        Enumerator::Values(names)
    }
}

/// Prints a value, unless it is one that no configuration file intends.
fn print(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let detail = match value.kind() {
        ValueKind::Bool => "a truth value cannot be printed",
        ValueKind::None => "nothing (`none`) cannot be printed",
        _ => return minijinja::escape_formatter(out, state, value),
    };
    Err(Error::new(ErrorKind::InvalidOperation, detail))
}

/// Returns the message of an error, without the values at hand.
fn message(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::UndefinedError, None) => "something in this is not defined".into(),
        (ErrorKind::SyntaxError, Some(detail)) => format!("this is not Jinja: {detail}"),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    }
}

fn help(error: &Error) -> Option<&'static str> {
    match (error.kind(), error.detail()) {
        (ErrorKind::SyntaxError, _) => Some(
            "a value is `{{ NAME }}`, a choice `{% if NAME %}` … `{% endif %}`, a condition `NAME == \"text\"`",
        ),
        (_, Some(detail)) if detail.ends_with("cannot be printed") => {
            Some("choose the words: {{ \"yes\" if it else \"no\" }}")
        }
        _ => None,
    }
}
