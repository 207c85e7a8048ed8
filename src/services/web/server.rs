//! Which web server serves the pages: an Apache that is there already, else nginx.

use serde_json::json;

use super::NAME;
use crate::host::{Facts, Host, Result};

const NGINX: &str = "nginx";
const APACHE: &str = "apache2";

/// Returns the fact which of them it is.
pub(super) fn facts(host: &Host) -> Result<serde_json::Value> {
    let is_apache = host.package(APACHE)?.is_some() && host.package(NGINX)?.is_none();
    Ok(json!({"server": if is_apache { APACHE } else { NGINX }}))
}

/// Returns the name of its unit.
pub(super) fn of(facts: &Facts) -> &str {
    let server = facts.of_services.get(NAME).and_then(|facts| facts.get("server"));
    server.and_then(serde_json::Value::as_str).unwrap_or(NGINX)
}
