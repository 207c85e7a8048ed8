//! Jinja, strict: a variable that is not defined is an error, and so is a truth
//! value or a nothing that would be printed as such.

use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};

use crate::diagnostic::{Diagnostic, Source};

/// Renders strings, templates and conditions with the same variables.
pub(super) struct Renderer {
    environment: Environment<'static>,
    variables: Value,
}

impl Renderer {
    /// Makes a renderer that knows `variables`.
    pub(super) fn new(variables: Value) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_formatter(print);
        // Only for the places of errors: their texts would show values, and are not used.
        environment.set_debug(true);
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build();
        if let Ok(syntax) = syntax {
            environment.set_syntax(syntax);
        }
        Self { environment, variables }
    }

    /// Renders a whole file.
    pub(super) fn render(&self, source: &Arc<Source>) -> Result<String, Diagnostic> {
        let rendered =
            self.environment.render_named_str(&source.name, &source.text, self.variables.clone());
        rendered.map_err(|error| {
            let span = error.range().unwrap_or(0..0);
            // Errors from inside an included or calling block have a place of their own.
            let diagnostic = Diagnostic::new(source, span, message(&error));
            match help(&error) {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            }
        })
    }

    /// Renders a string of a playbook. The error says what is wrong, and what
    /// would be right.
    pub(super) fn string(&self, text: &str) -> Result<String, (String, String)> {
        let rendered = self.environment.render_str(text, self.variables.clone());
        rendered.map_err(|error| (message(&error), help(&error).unwrap_or_default().to_owned()))
    }

    /// Evaluates a condition.
    pub(super) fn condition(&self, text: &str) -> Result<bool, (String, String)> {
        let expression = self.environment.compile_expression_owned(text.to_owned());
        let value = expression.and_then(|expression| expression.eval(self.variables.clone()));
        match value {
            Ok(value) if value.is_undefined() => {
                Err(("this is not defined".into(), "test it with `is defined`".into()))
            }
            Ok(value) => Ok(value.is_true()),
            Err(error) => Err((message(&error), help(&error).unwrap_or_default().to_owned())),
        }
    }
}

/// Prints a value, unless it is one that no configuration file means.
fn print(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let detail = match value.kind() {
        ValueKind::Bool => "a truth value cannot be printed",
        ValueKind::None => "nothing (`none`) cannot be printed",
        _ => return minijinja::escape_formatter(out, state, value),
    };
    Err(Error::new(ErrorKind::InvalidOperation, detail))
}

/// Says what is wrong, without the values that were at hand.
fn message(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::UndefinedError, _) => "this is not defined".into(),
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
        (ErrorKind::UndefinedError, _) => {
            Some("the variables are `mail` and `facts`; their parts are in the README")
        }
        (_, Some(detail)) if detail.ends_with("cannot be printed") => {
            Some("choose the words: {{ \"yes\" if it else \"no\" }}")
        }
        _ => None,
    }
}
