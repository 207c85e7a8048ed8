//! The variable `mail` of templates.

use std::fmt;

use minijinja::Value;
use serde::Serialize;

/// The value of the variable `mail`. It contains secrets.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct Context(Value);

impl Context {
    /// Wraps the value.
    pub fn new(mail: Value) -> Self {
        Self(mail)
    }

    /// Returns the value for a template.
    pub fn value(&self) -> Value {
        self.0.clone()
    }
}

/// Leaves out the values, since some are secret.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("«mail»")
    }
}
