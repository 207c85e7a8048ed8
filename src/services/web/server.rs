//! Which web server serves the pages, an Apache that is there already or else nginx; and
//! whether it serves others too, who need it without us.

use std::path::Path;

use serde::Serialize;

use super::NAME;
use crate::host::{Error, Facts, Host, Result};
use crate::services::certificate::ISSUED as FOLDER;

/// A web server as Debian sets it up.
pub(super) struct WebServer {
    /// The package, which is also the unit.
    pub name: &'static str,
    /// The folders of its sites.
    sites: &'static [&'static str],
    /// The site that Debian puts there.
    of_debian: &'static str,
    /// Our site.
    ours: &'static str,
    /// The file of our site, to which it is a link.
    pub site: &'static str,
}

static NGINX: WebServer = WebServer {
    name: "nginx",
    sites: &["/etc/nginx/sites-enabled", "/etc/nginx/conf.d"],
    of_debian: "default",
    ours: "zz-mailprov",
    site: "/etc/nginx/sites-available/mailprov",
};

static APACHE: WebServer = WebServer {
    name: "apache2",
    sites: &["/etc/apache2/sites-enabled"],
    of_debian: "000-default.conf",
    ours: "zz-mailprov.conf",
    site: "/etc/apache2/sites-available/mailprov.conf",
};

/// The facts of the web side.
#[derive(Debug, Serialize)]
struct WebFacts {
    /// The unit of the web server.
    server: &'static str,
    /// Whether our site is there.
    site: bool,
    /// Whether there are sites that are neither ours nor Debian's.
    others: bool,
    /// The names that have a certificate, whether mail.yml still asks for it or not.
    certificates: Vec<String>,
}

/// Returns the facts.
pub(super) fn facts(host: &Host) -> Result<serde_json::Value> {
    let is_apache = host.package(APACHE.name)?.is_some() && host.package(NGINX.name)?.is_none();
    let server = if is_apache { &APACHE } else { &NGINX };
    let certificates = names_with_certificates(host)?;
    let mut found = WebFacts { server: server.name, site: false, others: false, certificates };
    for folder in server.sites {
        for name in host.list(Path::new(folder))? {
            found.site |= name == server.ours;
            found.others |= name != server.ours && name != server.of_debian;
        }
    }
    serde_json::to_value(found).map_err(Error::encoding)
}

fn names_with_certificates(host: &Host) -> Result<Vec<String>> {
    let files = host.list(Path::new(FOLDER))?;
    let names = files.iter().filter_map(|file| file.strip_suffix(".pem"));
    // That of mail has no dot.
    Ok(names.filter(|name| name.contains('.')).map(str::to_owned).collect())
}

/// Returns the web server that the facts name.
pub(super) fn of(facts: &Facts) -> &'static WebServer {
    let server = facts.of_services.get(NAME).and_then(|facts| facts.get("server"));
    let is_apache = server.is_some_and(|name| *name == APACHE.name);
    if is_apache { &APACHE } else { &NGINX }
}
