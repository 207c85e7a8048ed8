//! What the templates of the webmail know of the host: which PHP there is, and whose.

use serde::Serialize;

use crate::engine;
use crate::host::{Error, Host, Release, Result};

/// The package whose version is that of the PHP which a release comes with. It is never
/// installed: it brings Apache along.
const PHP: &str = "php-fpm";

/// The facts of the webmail.
#[derive(Debug, Serialize)]
struct WebmailFacts {
    /// The version of PHP, such as `8.4`.
    php: String,
    /// Whether php-fpm is there because a run brought it.
    php_is_ours: bool,
    /// Whether it was there before any run.
    php_of_others: bool,
}

/// Returns the facts.
pub(super) fn facts(host: &Host) -> Result<serde_json::Value> {
    let php = version(host)?;
    let package = format!("php{php}-fpm");
    let is_there = host.package(&package)?.is_some();
    let is_ours = is_there && engine::has_brought(host, &format!("package:{package}"))?;
    let facts = WebmailFacts { php, php_is_ours: is_ours, php_of_others: is_there && !is_ours };
    serde_json::to_value(facts).map_err(Error::encoding)
}

/// Returns the version of PHP that the release comes with; of one that mailprov does not
/// know, the one that apt offers.
fn version(host: &Host) -> Result<String> {
    let codename = host.codename()?;
    if let Some(version) = Release::named(&codename).and_then(|it| it.version(PHP)) {
        return Ok(version.to_owned());
    }
    host.upstream_version(PHP, "")
}
