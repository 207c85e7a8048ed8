//! Which web server serves the pages, an Apache that is there already or else nginx; and
//! whether it serves others too, who need it without us.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::NAME;
use crate::engine;
use crate::host::{Entry, Error, Facts, Host, Result, Unit};
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

/// The files by which the modules of Apache are enabled that the site needs.
const MODULES: [&str; 7] = [
    "alias.load",
    "headers.load",
    "mime.load",
    "mime.conf",
    "socache_shmcb.load",
    "ssl.load",
    "ssl.conf",
];

/// Those that pages of other services need, which come from programs behind Apache.
const PROXY_MODULES: [&str; 4] = ["proxy.load", "proxy.conf", "proxy_fcgi.load", "proxy_http.load"];

/// The facts of the web side.
#[derive(Debug, Serialize)]
struct WebFacts {
    /// The unit of the web server.
    server: &'static str,
    /// Whether our site is there.
    site: bool,
    /// Whether it goes on without ours: there are sites that are neither ours nor Debian's,
    /// or no run started it.
    others: bool,
    /// The files of the modules of Apache that the site needs, without those that are
    /// enabled in another way.
    modules: Vec<&'static str>,
    /// The same of those that pages of other services need.
    proxy_modules: Vec<&'static str>,
    /// The names that have a certificate, whether mail.yml still asks for it or not.
    certificates: Vec<String>,
}

/// Returns the facts.
pub(super) fn facts(host: &Host) -> Result<serde_json::Value> {
    let server = if is_by_apache(host)? { &APACHE } else { &NGINX };
    let mut found = WebFacts {
        server: server.name,
        site: false,
        others: false,
        modules: to_enable(host, &MODULES)?,
        proxy_modules: to_enable(host, &PROXY_MODULES)?,
        certificates: names_with_certificates(host)?,
    };
    for folder in server.sites {
        for name in host.list(Path::new(folder))? {
            found.site |= name == server.ours;
            found.others |= name != server.ours && name != server.of_debian;
        }
    }
    if found.site {
        found.others |= !engine::has_brought(host, &format!("service:{}", server.name))?;
    }
    serde_json::to_value(found).map_err(Error::encoding)
}

/// Returns whether Apache is to serve the pages: it is there, and nginx is not, or came
/// later or does not run.
fn is_by_apache(host: &Host) -> Result<bool> {
    if host.package(APACHE.name)?.is_none() {
        return Ok(false);
    }
    if host.package(NGINX.name)?.is_none() || has_our_site(host, &APACHE)? {
        return Ok(true);
    }
    let runs = |server: &WebServer| -> Result<bool> {
        let unit = Unit { name: server.name.to_owned(), pid_file: None };
        Ok(host.main_process(&unit)?.is_some())
    };
    Ok(!has_our_site(host, &NGINX)? && !runs(&NGINX)? && runs(&APACHE)?)
}

fn has_our_site(host: &Host, server: &WebServer) -> Result<bool> {
    Ok(host.entry(&Path::new(server.sites[0]).join(server.ours))?.is_some())
}

/// Returns those files of modules that are not enabled, or by a link as a2enmod makes it.
fn to_enable(host: &Host, files: &[&'static str]) -> Result<Vec<&'static str>> {
    let mut modules = Vec::new();
    for name in files {
        let usual = PathBuf::from(format!("../mods-available/{name}"));
        let enabled = host.entry(&Path::new("/etc/apache2/mods-enabled").join(name))?;
        if enabled.is_none_or(|entry| entry == Entry::Link { target: usual }) {
            modules.push(*name);
        }
    }
    Ok(modules)
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
