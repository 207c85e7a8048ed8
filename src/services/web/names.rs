//! The names of the web side besides the host name, each with a certificate of its own.

use crate::mail::Domain;
use crate::services::Spec;

/// A name under which something is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebName {
    /// The name.
    pub name: String,
    /// What is served there.
    pub page: WebPage,
    /// Whether clients ask no other name for it. If not, its record is optional.
    pub is_needed: bool,
}

/// What is served under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WebPage {
    /// The policy of a domain (RFC 8461, 3.3).
    MtaSts,
    /// The settings of mail programs (draft-ietf-mailmaint-autoconfig, 3.1).
    Autoconfig,
    /// The same in another form (draft-ietf-mailmaint-pacc).
    Pacc,
}

impl WebPage {
    /// Returns the path at which clients ask for it.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::MtaSts => "/.well-known/mta-sts.txt",
            Self::Autoconfig => "/mail/config-v1.1.xml",
            Self::Pacc => "/.well-known/user-agent-configuration.json",
        }
    }

    /// Returns what the record of the name is for.
    pub(super) fn purpose(self) -> &'static str {
        match self {
            Self::MtaSts => "other servers fetch the policy there",
            Self::Autoconfig | Self::Pacc => "mail programs fetch their settings there",
        }
    }
}

/// Returns the names on a server; none where mail.yml asks for no web side.
///
/// A mail program asks `autoconfig.` and the domain of the address; and then `autoconfig.`
/// and the domain that the mail server belongs to, so that one name does for all domains.
pub(crate) fn names(spec: &Spec) -> Vec<WebName> {
    let Some(settings) = spec.services.web else { return Vec::new() };
    let domains = || spec.directory.domains.iter();
    let policies = domains().filter(|_| settings.mta_sts.is_some()).map(|domain| WebName {
        name: server_of_policy(domain),
        page: WebPage::MtaSts,
        is_needed: true,
    });
    let shared = server_domain(spec);
    let of_server = shared.iter().map(|domain| format!("autoconfig.{domain}"));
    let of_domains = domains().map(|domain| format!("autoconfig.{domain}"));
    let autoconfig = of_server.chain(of_domains).enumerate().map(|(index, name)| WebName {
        name,
        page: WebPage::Autoconfig,
        is_needed: index == 0 || shared.is_none(),
    });
    let pacc = domains().filter(|_| settings.pacc).map(|domain| WebName {
        name: format!("ua-auto-config.{domain}"),
        page: WebPage::Pacc,
        is_needed: true,
    });
    let mut names: Vec<WebName> = Vec::new();
    for name in policies.chain(autoconfig).chain(pacc) {
        if !names.iter().any(|known| known.name == name.name) {
            names.push(name);
        }
    }
    names
}

/// Returns the name at which other servers ask for the policy of a domain (RFC 8461, 3.2).
pub(super) fn server_of_policy(domain: &Domain) -> String {
    format!("mta-sts.{domain}")
}

/// Returns the domain that the server belongs to: its name without the first label, unless
/// that is no domain of its own.
fn server_domain(spec: &Spec) -> Option<&str> {
    let hostname = &spec.hostname.value;
    let (_, domain) = hostname.as_str().split_once('.')?;
    (domain.contains('.') && !spec.directory.is_domain(hostname)).then_some(domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::load_text;

    fn names_of(yaml: &str) -> Vec<(String, bool)> {
        let names = names(&load_text(yaml)).into_iter();
        names.map(|it| (it.name, it.is_needed)).collect()
    }

    #[test]
    fn one_name_serves_the_mail_programs_of_all_domains() {
        let yaml = "hostname: mail.example.org\ndomains: [example.org, example.net]\nweb: true\naccounts: {thomas: HASH}\n";
        let needed = |name: &str| (name.to_owned(), true);
        let optional = |name: &str| (name.to_owned(), false);
        assert_eq!(
            names_of(yaml),
            [
                needed("mta-sts.example.org"),
                needed("mta-sts.example.net"),
                needed("autoconfig.example.org"),
                optional("autoconfig.example.net"),
            ]
        );
    }

    #[test]
    fn a_server_without_a_domain_above_it_serves_those_of_each_domain() {
        let yaml = "hostname: example.org\ndomains: [example.org, example.net]\n\
                    web: {mta_sts: off}\naccounts: {thomas: HASH}\n";
        let needed = |name: &str| (name.to_owned(), true);
        assert_eq!(
            names_of(yaml),
            [needed("autoconfig.example.org"), needed("autoconfig.example.net")]
        );
    }
}
