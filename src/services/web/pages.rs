//! The pages as clients fetch them: what each has to be, and what one finds.

use std::net::{IpAddr, SocketAddr};

use super::names::{WebPage, names};
use super::pacc::pacc;
use super::policy::policy;
use crate::probe::{Error, FetchedPage, Tls, authorities, fetch};
use crate::services::Spec;

/// The port of HTTPS.
pub(super) const HTTPS: u16 = 443;

/// A page that clients ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WantedPage {
    /// The name of the server.
    pub host: String,
    pub path: &'static str,
    media_type: &'static str,
    text: Text,
    /// Whether clients have no other page for it.
    pub is_needed: bool,
}

/// The text of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Text {
    Exactly(String),
    Naming(String),
}

/// Returns the pages of a server.
pub(super) fn pages(spec: &Spec) -> Vec<WantedPage> {
    let hostname = spec.hostname.value.to_string();
    let of_names = names(spec).into_iter().filter_map(|name| {
        let (media_type, text) = match name.page {
            WebPage::MtaSts => ("text/plain", Text::Exactly(policy(spec)?)),
            WebPage::Autoconfig => ("text/xml", Text::Naming(hostname.clone())),
            WebPage::Pacc => ("application/json", Text::Exactly(pacc(spec)?)),
        };
        let path = name.page.path();
        Some(WantedPage { host: name.name, path, media_type, text, is_needed: name.is_needed })
    });
    let of_people =
        [("/setup", "text/html"), ("/setup/mail.mobileconfig", "application/x-apple-aspen-config")];
    let of_people = of_people.map(|(path, media_type)| WantedPage {
        host: hostname.clone(),
        path,
        media_type,
        text: Text::Naming(hostname.clone()),
        is_needed: true,
    });
    match spec.services.web {
        Some(_) => of_names.chain(of_people).collect(),
        None => Vec::new(),
    }
}

impl WantedPage {
    /// Returns the address that clients ask for.
    pub(super) fn url(&self) -> String {
        format!("https://{}{}", self.host, self.path)
    }

    /// Fetches the page at an address, as a client that trusts what this machine trusts.
    pub(super) fn fetch(&self, address: IpAddr) -> Result<(), Unfetched> {
        let tls = Tls::trusting_what_can_be_read(authorities(), &self.host)?;
        self.judge(&fetch(SocketAddr::new(address, HTTPS), &tls, &self.host, self.path)?)
    }

    fn judge(&self, page: &FetchedPage) -> Result<(), Unfetched> {
        let is_right = match &self.text {
            Text::Exactly(text) => page.body == *text,
            Text::Naming(word) => page.body.contains(word),
        };
        let why = match page.status {
            200 if page.media_type != self.media_type => {
                format!("it is {}, not {}", page.media_type, self.media_type)
            }
            200 if !is_right => "it is another text".into(),
            200 => return Ok(()),
            status => format!("the answer is {status}"),
        };
        Err(Unfetched::Another(why))
    }
}

/// Why a page could not be fetched.
#[derive(Debug)]
pub(super) enum Unfetched {
    /// There was no answer, or no trust.
    Failed(Error),
    /// The answer is not the page.
    Another(String),
}

impl From<Error> for Unfetched {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl std::fmt::Display for Unfetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Another(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::load_text;

    #[test]
    fn a_page_is_judged_by_status_type_and_text() {
        let spec = load_text(
            "hostname: mail.example.org\ndomains: [example.org]\nweb: true\n\
             accounts: {thomas: HASH}\n",
        );
        let wanted = &pages(&spec)[0];
        assert_eq!(wanted.url(), "https://mta-sts.example.org/.well-known/mta-sts.txt");
        let right = FetchedPage {
            status: 200,
            media_type: "text/plain".into(),
            body: policy(&spec).unwrap(),
        };
        let why = |page: &FetchedPage| wanted.judge(page).map_err(|why| why.to_string());
        assert_eq!(why(&right), Ok(()));
        let html = FetchedPage { media_type: "text/html".into(), ..right.clone() };
        assert_eq!(why(&html), Err("it is text/html, not text/plain".into()));
        assert_eq!(
            why(&FetchedPage { status: 301, ..right.clone() }),
            Err("the answer is 301".into())
        );
        let another = FetchedPage { body: "mode: none".into(), ..right };
        assert_eq!(why(&another), Err("it is another text".into()));
    }
}
