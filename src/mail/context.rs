//! `mail`, as templates see it.

use std::fmt;

use minijinja::Value;
use serde::Serialize;

/// The value of the variable `mail`. Some of what is in it is secret.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct Context(Value);

impl Context {
    /// Wraps the value.
    pub fn new(mail: Value) -> Self {
        Self(mail)
    }

    /// Returns it for a template.
    pub fn value(&self) -> Value {
        self.0.clone()
    }
}

/// Without the values.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("«mail»")
    }
}
