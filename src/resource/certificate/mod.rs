//! `certificate`: a certificate and its key exist, belong together, cover the
//! hostname and do not expire soon. A pair that fails this is replaced: by one that an
//! authority issues ([`acme`]) if the step names one, else by a self-signed one, which
//! also stands in until the authority has issued the other. [`examine()`] judges pairs
//! that mailprov did not make.

pub(crate) mod acme;
mod examine;
mod make;
mod state;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use acme::Order;
use acme::{Answerer, DnsUpdate, Issued, Outlook};
use examine::is_authority;
pub(crate) use examine::{
    Harm, belongs, certified_key, covers, examine, exposed_key, issuer, parse, parse_der,
};
pub(crate) use make::self_signed;
pub(crate) use state::{CertificateState, Issuance, asks_authority};

use super::attributes::{name, path, section};
use super::kind::{Declaration, Thing};
use super::{Assets, Key, Overlay, Planned, Resource, Said, State, Target, Undo, Withdrawal};
use crate::host::{Content, Entry, Error, Host, Ownership, Result};
use crate::mail::spanned;
use crate::yaml::{Decoder, KeySpec, Node, Section, ValueType};

/// How long before its end a self-signed certificate is replaced, in seconds.
const SOON: i64 = 30 * 24 * 60 * 60;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Certificate {
    pair: Pair,
    hostname: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    keep_key: bool,
}

/// The paths of a certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pair {
    /// The chain, the host's own certificate first.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

const FIELDS: Section = section(
    &[
        KeySpec::new("certificate", ValueType::Text, "The path of the certificate."),
        KeySpec::new("key", ValueType::Text, "The path of the key."),
        KeySpec::new("hostname", ValueType::Text, "The name that it is for."),
        KeySpec::new(
            "acme",
            ValueType::Section(&ACME),
            "The authority that issues it (RFC 8555). A self-signed one stands in until it has: \
             where it refuses, and where it is not asked yet since the name does not lead here \
             or port 80 is held.",
        )
        .or("it is self-signed"),
        KeySpec::new(
            "on_renewal",
            ValueType::OneOf(&RENEWALS),
            "`keep_key`: a new certificate has the key of the former one, which other servers know \
             (DANE). `new_key`: it has another.",
        )
        .or("`new_key`"),
    ],
    &["certificate", "key", "hostname"],
);

const KEEP_KEY: &str = "keep_key";
const RENEWALS: [&str; 2] = [KEEP_KEY, "new_key"];

const ACME: Section = section(
    &[
        KeySpec::new("directory", ValueType::Text, "The URL of its directory."),
        KeySpec::new("email", ValueType::Text, "The address at which it reaches you.").or("none"),
        KeySpec::new("profile", ValueType::Text, "The sort of certificate.").or("its default"),
        KeySpec::new(
            "addresses",
            ValueType::Text,
            "The public addresses that a router leads to this host, with spaces between them.",
        )
        .or("those of this host"),
        KeySpec::new(
            "dns",
            ValueType::Section(&DNS),
            "How a record proves that the name is this host's (RFC 2136). Port 80 is not needed.",
        )
        .or("it is proven by HTTP, at port 80"),
        KeySpec::new(
            "webroot",
            ValueType::Text,
            "The folder whose files a web server of this host shows at \
             `/.well-known/acme-challenge/`. Where that server holds port 80, no run orders: \
             `mailprov certificate renew` does.",
        )
        .or("port 80 must be free"),
    ],
    &["directory"],
);

const DNS: Section = section(
    &[
        KeySpec::new("server", ValueType::Text, "The server that takes updates, `HOST:PORT`."),
        KeySpec::new("key", ValueType::Text, "The name of the key."),
        KeySpec::new("algorithm", ValueType::Text, "The algorithm of the key."),
        KeySpec::new("secret_file", ValueType::Text, "The file with the secret in base64."),
    ],
    &["server", "key", "algorithm", "secret_file"],
);
impl Declaration for Certificate {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "certificate",
        ValueType::Section(&FIELDS),
        "A certificate is there, self-signed or issued by an authority.",
    )];

    fn decode(_: &str, node: &Node, _: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &FIELDS)?;
        let mut path_of = |name| {
            let entry = fields.require(name, &node.span, decoder)?;
            path(&entry.value, decoder)
        };
        let (certificate, key) = (path_of("certificate"), path_of("key"));
        let hostname = fields.require("hostname", &node.span, decoder)?;
        let hostname = name(&hostname.value, decoder)?;
        let help = "write `keep_key` or `new_key`";
        let keep_key = match fields.get("on_renewal") {
            Some(entry) => spanned::one_of(decoder, entry, &RENEWALS, help)? == KEEP_KEY,
            None => false,
        };
        let order = match fields.get("acme") {
            Some(entry) => Some(order(&entry.value, &hostname, decoder)?),
            None => None,
        };
        let pair = Pair { certificate: certificate?, key: key? };
        Some(Self { pair, hostname, order, keep_key })
    }

    /// Returns the present pair if it is good, else a new one.
    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        let key = Key::Certificate(self.pair.clone());
        let present = match overlay.state(&key)? {
            State::Certificate(state) => Some(state),
            _ => None,
        };
        let after = match &self.order {
            None => self.own(present, SOON),
            Some(order) => match order.outlook(overlay.host(), &self.pair, false)? {
                Outlook::Issued(issued, _)
                | Outlook::Blocked(_, Some(issued))
                | Outlook::Ready(Answerer::WebServer, Some(issued)) => CertificateState {
                    names: issued.names,
                    expires: Planned::Known(issued.to),
                    asked: present.map_or(0, |it| it.asked),
                    issuance: Issuance::Kept(order.clone()),
                    ..CertificateState::GOOD
                },
                Outlook::Blocked(_, None) | Outlook::Ready(Answerer::WebServer, None) => {
                    self.own(present, 0)
                }
                Outlook::Ready(Answerer::Program, _) => CertificateState {
                    names: order.names.clone(),
                    asked: present.map_or(0, |it| it.asked),
                    keep_key: self.keep_key,
                    issuance: Issuance::Asked(order.clone()),
                    ..CertificateState::GOOD
                },
            },
        };
        Ok(vec![Target { key, after: State::Certificate(after) }])
    }

    fn key(&self) -> Option<Key> {
        Some(Key::Certificate(self.pair.clone()))
    }

    fn found_by(_: &str) -> Option<&'static [&'static str]> {
        Some(&["certificate", "key", "hostname"])
    }

    fn withdrawals(
        word: &str,
        fields: &Node,
        assets: &dyn Assets,
        decoder: &mut Decoder,
    ) -> Option<Vec<Withdrawal>> {
        let pair = Self::decode(word, fields, assets, decoder)?.pair;
        let gone = |path: &Path, secret| Withdrawal {
            brought: Key::Certificate(pair.clone()),
            resource: Resource::no_file(path.to_owned()),
            secret,
        };
        Some(vec![gone(&pair.key, true), gone(&pair.certificate, false)])
    }

    fn loadable(&self) -> Vec<Key> {
        [&self.pair.certificate, &self.pair.key].map(|path| Key::File(path.clone())).into()
    }
}

impl Certificate {
    /// Returns the state without an authority: the present pair if it serves so many
    /// seconds more, else a self-signed one.
    fn own(&self, present: Option<CertificateState>, left: i64) -> CertificateState {
        match present {
            Some(state) if state.serves(&self.hostname, left) => {
                CertificateState { private: true, ..state }
            }
            present => CertificateState {
                names: vec![self.hostname.clone()],
                asked: present.map_or(0, |it| it.asked),
                keep_key: self.keep_key,
                ..CertificateState::GOOD
            },
        }
    }
}

/// Reads the order of a certificate for a name.
fn order(node: &Node, hostname: &str, decoder: &mut Decoder) -> Option<Order> {
    let fields = decoder.fields(node, &ACME)?;
    let directory = fields.require("directory", &node.span, decoder)?;
    let directory = decoder.line(&directory.value)?.to_owned();
    let mut text = |key| match fields.get(key) {
        Some(entry) => {
            decoder.line(&entry.value).map(|it| Some(it.to_owned()).filter(|it| !it.is_empty()))
        }
        None => Some(None),
    };
    let (email, profile) = (text("email")?, text("profile")?);
    let mut addresses = Vec::new();
    if let Some(entry) = fields.get("addresses") {
        for word in decoder.line(&entry.value)?.split_whitespace() {
            let Ok(address) = word.parse() else {
                decoder.error(&entry.value.span, "this is no IP address", "such as 203.0.113.25");
                return None;
            };
            addresses.push(address);
        }
    }
    // A template can leave it out only by an empty server.
    let dns = match fields.get("dns") {
        Some(entry) => dns_update(&entry.value, decoder)?,
        None => None,
    };
    // It can be left out by an empty text, too.
    let webroot = match fields.get("webroot") {
        Some(entry) if decoder.line(&entry.value)?.is_empty() => None,
        Some(entry) => Some(path(&entry.value, decoder)?),
        None => None,
    };
    let names = vec![hostname.to_owned()];
    Some(Order { directory, names, email, profile, addresses, dns, webroot })
}

/// Reads the way to a name server; `None` inside if the server's name is empty.
fn dns_update(node: &Node, decoder: &mut Decoder) -> Option<Option<DnsUpdate>> {
    let fields = decoder.fields(node, &DNS)?;
    let mut text = |key| {
        let entry = fields.require(key, &node.span, decoder)?;
        decoder.line(&entry.value).map(str::to_owned)
    };
    let (server, key) = (text("server")?, text("key")?);
    let (algorithm, secret) = (text("algorithm")?, text("secret_file")?.into());
    let update = DnsUpdate { server, key, algorithm, secret };
    Some(Some(update).filter(|update| !update.server.is_empty()))
}

impl Thing for Certificate {
    const NAME: &str = "certificate";
    type Key = Pair;
    type State = CertificateState;

    fn name(pair: &Pair) -> String {
        pair.certificate.display().to_string()
    }

    fn observe(host: &Host, pair: &Pair) -> Result<State> {
        let (certificate, key) = (host.read(&pair.certificate)?, host.read(&pair.key)?);
        let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(State::Absent) };
        let private = match host.entry(&pair.key)? {
            Some(Entry::File { ownership, .. }) => {
                ownership.mode & 0o077 == 0 && ownership.owner == "root"
            }
            _ => true,
        };
        let asked = acme::last_asked(host, pair)?;
        let state = match parse(certificate.bytes()) {
            Some((names, validity)) => CertificateState {
                names,
                expires: Planned::Known(validity.1),
                belongs: belongs(certificate.bytes(), key.bytes()) == Some(true),
                private,
                authority: is_authority(certificate.bytes()),
                asked,
                ..CertificateState::GOOD
            },
            None => CertificateState { belongs: false, private, asked, ..CertificateState::GOOD },
        };
        Ok(State::Certificate(state))
    }

    /// Puts in place the pair that an authority issued, or a self-signed one; or only
    /// restricts the key to root.
    fn write(
        host: &Host,
        pair: &Pair,
        _: &State,
        after: &State,
        say: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        let State::Certificate(wish) = after else {
            return Err(Error::Other("a certificate is never removed".into()));
        };
        let hostname = wish.names.first().map_or("", String::as_str);
        match &wish.issuance {
            Issuance::Own => own(host, pair, wish, hostname),
            Issuance::Kept(order) => match order.kept(host, pair)? {
                Some(issued) => install(host, pair, &issued),
                None => Err(Error::Other("the pair that was issued is not kept any more".into())),
            },
            Issuance::Asked(order) => {
                // Whatever comes of it, the services have a pair.
                own(host, pair, wish, hostname)?;
                say(Said::Doing(&format!("asking {}", order.authority())));
                match order.place(host, pair, wish.keep_key)? {
                    Ok(issued) => install(host, pair, &issued),
                    Err(refusal) => {
                        say(Said::Warning(&format!("No certificate was issued: {refusal}.")));
                        Ok(())
                    }
                }
            }
        }
    }

    fn undo(_: &Pair, _: &State, _: &State, _: &State, _: &Overlay<'_>) -> Result<Undo> {
        Ok(Undo::FilesOnly)
    }

    fn affected_paths(pair: &Pair) -> Vec<PathBuf> {
        vec![pair.certificate.clone(), pair.key.clone()]
    }

    /// A pair of which only the mode changes stays as it is.
    fn edit(_: &Pair, after: &State, content: Option<Content>) -> Option<Content> {
        let stays = |it: &CertificateState| {
            it.issuance == Issuance::Own && matches!(it.expires, Planned::Known(_))
        };
        content.filter(|_| matches!(after, State::Certificate(it) if stays(it)))
    }

    fn describe(_: &Pair, before: &State, after: &State) -> Option<Vec<String>> {
        let State::Certificate(new) = after else { return None };
        let State::Certificate(old) = before else {
            let is_new = *before == State::Absent;
            return is_new.then(|| vec![new.origin()]);
        };
        let mut words = Vec::new();
        if new.issuance != Issuance::Own {
            words.push(new.issuance.to_string());
        }
        if !old.belongs {
            words.push("the key is not the certificate's".into());
        }
        if old.names != new.names {
            words.push(format!("name {} → {}", old.names.join(", "), new.names.join(", ")));
        }
        if !old.private {
            words.push("others can read the key".into());
        }
        if old.authority {
            words.push("it is an authority's (CA:TRUE), not a server's".into());
        }
        if words.is_empty() {
            words.push("about to expire".into());
        }
        Some(words)
    }

    fn json(certificate: &CertificateState) -> Value {
        json!({
            "state": "certificate", "names": certificate.names, "expires": certificate.expires,
            "key_belongs": certificate.belongs, "key_private": certificate.private,
            "authority": certificate.authority, "issuance": certificate.issuance.word(),
        })
    }

    fn is_met(wish: &CertificateState, actual: &CertificateState) -> bool {
        let CertificateState { expires, asked, issuance, keep_key, .. } = actual.clone();
        // An authority's certificate is never made again.
        let authority = wish.authority && actual.authority;
        let is_asked = !matches!(wish.issuance, Issuance::Asked(_)) || actual.asked > wish.asked;
        is_asked
            && wish.expires.is_met_by(&actual.expires)
            && CertificateState { expires, asked, issuance, keep_key, authority, ..wish.clone() }
                == *actual
    }
}

/// Makes a self-signed pair, unless the present one is wanted, or will do until an
/// authority issues another; then it only restricts the key to root.
fn own(host: &Host, pair: &Pair, wish: &CertificateState, hostname: &str) -> Result<()> {
    let is_kept = |actual: &CertificateState| match &wish.issuance {
        Issuance::Asked(_) => actual.serves(hostname, 0),
        _ => wish.expires.known().is_some() && wish.expires == actual.expires,
    };
    if let State::Certificate(actual) = Certificate::observe(host, pair)?
        && is_kept(&actual)
        && let Some(key) = host.read(&pair.key)?
    {
        return host.put_file(&pair.key, &key, &Ownership::of_root(0o600));
    }
    let failed = |error| Error::Other(format!("could not make a certificate: {error}"));
    let key = if wish.keep_key { acme::present_key(host, pair)? } else { None };
    let (key, certificate) = make::self_signed(hostname, key).map_err(failed)?;
    put(host, pair, &key, &certificate)
}

/// Puts an issued pair in place.
pub(crate) fn install(host: &Host, pair: &Pair, issued: &Issued) -> Result<()> {
    put(host, pair, issued.key(), issued.chain())
}

/// Puts a pair in place, the key first: until the certificate follows, a service that
/// starts refuses the pair, and the next run puts both in place.
fn put(host: &Host, pair: &Pair, key: &str, certificate: &str) -> Result<()> {
    host.put_file(&pair.key, &Content::new(key), &Ownership::of_root(0o600))?;
    host.put_file(&pair.certificate, &Content::new(certificate), &Ownership::of_root(0o644))
}
