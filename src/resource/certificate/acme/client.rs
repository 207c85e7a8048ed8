//! The conversation with an authority. The one file that knows the library for it,
//! which is asynchronous: its HTTP client is replaced by one that blocks, so that no
//! runtime is needed.

use std::future::{Future, ready};
use std::io::ErrorKind;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use base64ct::{Base64UrlUnpadded, Encoding};
use bytes::Bytes;
use instant_acme::{
    Account, AccountCredentials, AuthorizationHandle, AuthorizationStatus, BodyWrapper,
    BytesResponse, CertificateIdentifier, ChallengeHandle, ChallengeType, Error, HttpClient,
    Identifier, NewAccount, NewOrder, OrderStatus, Problem,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use ureq::http::{Request, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use x509_cert::der::Decode;
use x509_cert::ext::pkix::AuthorityKeyIdentifier;

use super::challenge::{Responder, Webroot, is_reached};
use super::dns_update::Publisher;
use super::look::may_be_routed;
use super::store::{Issued, Renewal, Store};
use super::{Order, Refusal};
use crate::host::Host;
use crate::probe::{Resolver, authorities};
use crate::resource::certificate::examine::seconds;
use crate::visible::visible;

/// The time limit of one request.
const ANSWER: Duration = Duration::from_secs(30);

/// The time limit for the authority to verify all names, or to make the certificate.
const VERDICT: Duration = Duration::from_secs(90);

/// The pause between two looks at an order.
const PAUSE: Duration = Duration::from_millis(250);

/// The longest answer that is read. A chain has a hundredth of it.
const LONGEST: u64 = 1024 * 1024;

/// How often a request is repeated whose nonce is refused (RFC 8555, 6.5). The library
/// tries each of these three times.
const TRIES: usize = 6;

/// How long a certificate's renewal is not asked about again, in seconds, where the
/// authority knows nothing of it or does not answer.
const UNKNOWN: i64 = 24 * 60 * 60;

type Result<T> = std::result::Result<T, Refusal>;

/// Orders a certificate for a key. Returns the chain, PEM.
pub(super) fn order(order: &Order, store: &Store<'_>, key: &KeyPair) -> Result<String> {
    let conversation = Conversation { order, store };
    match conversation.order(key) {
        Err(Failed::NoAccount) => {
            // The authority has forgotten the account: the next one is new.
            conversation.open_account().and_then(|_| conversation.order(key))
        }
        other => other,
    }
    .map_err(|failed| Refusal { why: conversation.words(failed) })
}

/// Asks when to renew a certificate.
pub(super) fn renewal(order: &Order, store: &Store<'_>, issued: &Issued) -> Renewal {
    let asked = Conversation { order, store }.renewal(issued);
    asked.unwrap_or(Renewal { at: None, ask_again: seconds() + UNKNOWN })
}

/// Why there is no certificate.
enum Failed {
    /// The authority does not know the account.
    NoAccount,
    /// The library or the authority says so.
    Said(Error),
    /// The authority could not verify these names.
    Unverified(Vec<(String, Problem)>),
    /// This host found a fault by itself.
    Found(String),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        match &error {
            Error::Api(problem) if is(problem, "accountDoesNotExist") => Self::NoAccount,
            _ => Self::Said(error),
        }
    }
}

/// The way in which a name is proven. What was published goes when this is dropped, once
/// the authority has looked.
enum Proof<'h> {
    Http(Responder),
    Webroot(Webroot<'h>),
    Dns(Box<Publisher>),
}

impl<'h> Proof<'h> {
    fn begin(order: &'h Order, host: &'h Host) -> std::result::Result<Self, Failed> {
        if let Some(update) = &order.dns {
            let publisher = Publisher::open(host, update).map_err(Failed::Found)?;
            return Ok(Self::Dns(Box::new(publisher)));
        }
        match (Responder::open(), &order.webroot) {
            (Ok(responder), _) => Ok(Self::Http(responder)),
            (Err(error), Some(folder)) if error.kind() == ErrorKind::AddrInUse => {
                Ok(Self::Webroot(Webroot::new(host, folder)))
            }
            (Err(error), _) => Err(Failed::Found(format!("port 80 cannot be opened: {error}"))),
        }
    }
}

struct Conversation<'c> {
    order: &'c Order,
    store: &'c Store<'c>,
}

impl Conversation<'_> {
    fn order(&self, key: &KeyPair) -> std::result::Result<String, Failed> {
        let account = match self.store.account::<AccountCredentials>(&self.order.directory) {
            Ok(Some(known)) => retried(|| {
                let known = serde_json::to_value(&known).and_then(serde_json::from_value)?;
                now(Account::builder_with_http(http()).from_credentials(known))
            })?,
            Ok(None) => self.open_account()?,
            Err(error) => return Err(Failed::Found(error.to_string())),
        };
        let names: Vec<_> = self.order.names.iter().cloned().map(Identifier::Dns).collect();
        let wanted = NewOrder::new(&names);
        let wanted = match &self.order.profile {
            Some(profile) => wanted.profile(profile),
            None => wanted,
        };
        let mut order = retried(|| now(account.new_order(&wanted)))?;
        self.prove(&mut order)?;
        let until = Instant::now() + VERDICT;
        await_status(&mut order, until, |status| status != OrderStatus::Pending)?;
        let mut request = CertificateParams::new(self.order.names.clone()).map_err(other)?;
        request.distinguished_name = DistinguishedName::new();
        let request = request.serialize_request(key).map_err(other)?;
        retried(|| now(order.finalize_csr(request.der())))?;
        await_status(&mut order, until, |status| status != OrderStatus::Processing)?;
        let chain = retried(|| now(order.certificate()))?;
        chain.ok_or_else(|| Failed::Found("the certificate does not come".into()))
    }

    fn open_account(&self) -> std::result::Result<Account, Failed> {
        let contact = self.order.email.as_ref().map(|email| format!("mailto:{email}"));
        let contact: Vec<_> = contact.iter().map(String::as_str).collect();
        let wanted = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let directory = &self.order.directory;
        let create = || Account::builder_with_http(http()).create(&wanted, directory.clone(), None);
        let (account, credentials) = retried(|| now(create()))?;
        let kept = self.store.keep_account(directory, &credentials);
        kept.map_err(|error| Failed::Found(error.to_string()))?;
        Ok(account)
    }

    /// Proves to the authority that this host has the names.
    fn prove(&self, order: &mut instant_acme::Order) -> std::result::Result<(), Failed> {
        let by = match self.order.dns {
            Some(_) => ChallengeType::Dns01,
            None => ChallengeType::Http01,
        };
        // Of names that were verified lately it asks no proof.
        let mut open = Vec::new();
        each(order, |authorization| {
            if authorization.status == AuthorizationStatus::Pending {
                let name = authorization.identifier().to_string();
                let mut authorization = authorization;
                let challenge = challenge(&mut authorization, &by)?;
                open.push((name, challenge.token.clone(), challenge.key_authorization()));
            }
            Ok(())
        })?;
        if open.is_empty() {
            return Ok(());
        }
        let mut proof = Proof::begin(self.order, self.store.host())?;
        for (name, token, answer) in &open {
            match &mut proof {
                Proof::Dns(publisher) => publisher.publish(name, &answer.dns_value()),
                Proof::Http(responder) => {
                    responder.answer(token, answer.as_str());
                    self.is_reached(name, token, answer.as_str())
                }
                Proof::Webroot(webroot) => webroot
                    .answer(token, answer.as_str())
                    .and_then(|()| self.is_reached(name, token, answer.as_str())),
            }
            .map_err(Failed::Found)?;
        }
        each(order, |authorization| match authorization.status {
            AuthorizationStatus::Pending => {
                let mut authorization = authorization;
                let mut challenge = challenge(&mut authorization, &by)?;
                retried(|| now(challenge.set_ready()))
            }
            _ => Ok(()),
        })?;
        // Goes on through all names, so that each failure is told at once.
        let until = Instant::now() + VERDICT;
        let mut unverified = Vec::new();
        each(order, |mut authorization| {
            while retried(|| now(authorization.refresh()).map(|it| it.status))?
                == AuthorizationStatus::Pending
                && Instant::now() < until
            {
                thread::sleep(PAUSE);
            }
            let errors = authorization.challenges.iter().find_map(|it| it.error.clone());
            if let Some(problem) = errors {
                unverified.push((authorization.identifier().to_string(), problem));
            }
            Ok(())
        })?;
        if unverified.is_empty() { Ok(()) } else { Err(Failed::Unverified(unverified)) }
    }

    /// Looks whether this host itself gets the answer where DNS leads.
    fn is_reached(&self, name: &str, token: &str, answer: &str) -> std::result::Result<(), String> {
        let host = self.store.host();
        let addresses = Resolver::of(host).addresses(name)?;
        let own = Host::addresses().map_err(|error| error.to_string())?;
        // Many routers do not lead back from inside: for one that mail.yml names, the
        // authority's own look decides.
        let (behind, here): (Vec<IpAddr>, Vec<_>) =
            addresses.iter().partition(|it| !own.contains(it));
        is_reached(name, here, token, answer)?;
        let undeclared =
            behind.into_iter().filter(|it| may_be_routed(*it, &own, &self.order.addresses));
        is_reached(name, undeclared, token, answer).map_err(|why| {
            format!(
                "{why}. If a router passes its port 80 on to this host, write in mail.yml: tls: \
                 {{acme: {{addresses: [ADDRESS]}}}}"
            )
        })
    }

    fn renewal(&self, issued: &Issued) -> Option<Renewal> {
        let known = self.store.account::<AccountCredentials>(&self.order.directory).ok()??;
        let account = now(Account::builder_with_http(http()).from_credentials(known)).ok()?;
        let certificate = CertificateDer::from_pem_slice(issued.chain().as_bytes()).ok()?;
        let certificate = x509_cert::Certificate::from_der(&certificate).ok()?.tbs_certificate;
        let (_, AuthorityKeyIdentifier { key_identifier, .. }) = certificate.get().ok()??;
        let identifier = CertificateIdentifier {
            authority_key_identifier: encoded(key_identifier?.as_bytes()),
            serial: encoded(certificate.serial_number.as_bytes()),
        };
        let (info, pause) = now(account.renewal_info(&identifier)).ok()?;
        let (start, end) = (info.suggested_window.start, info.suggested_window.end);
        let (start, end) = (start.unix_timestamp(), end.unix_timestamp());
        // Any time in the window, so that not all hosts come at once; for one host the same
        // at each look.
        let part = i64::from(*certificate.serial_number.as_bytes().last()?);
        let at = start + (end - start).max(0) * part / 256;
        let pause = i64::try_from(pause.as_secs()).unwrap_or(UNKNOWN).clamp(60, 7 * UNKNOWN);
        Some(Renewal { at: Some(at), ask_again: seconds() + pause })
    }

    /// Puts a failure into words.
    fn words(&self, failed: Failed) -> String {
        let authority = self.order.authority();
        match failed {
            Failed::NoAccount => format!("{authority} does not know the account that it opened"),
            Failed::Found(why) => why,
            Failed::Said(Error::Api(problem)) => format!("{authority} says: {}", said(&problem)),
            Failed::Said(error) => {
                format!("{authority} cannot be asked: {}", visible(error.to_string()))
            }
            Failed::Unverified(all) => {
                let all: Vec<_> = all
                    .iter()
                    .map(|(name, problem)| format!("of {name}: {}", said(problem)))
                    .collect();
                format!("{authority} says {}", all.join("; "))
            }
        }
    }
}

/// Returns what the authority says, and of each name if it tells them apart.
fn said(problem: &Problem) -> String {
    /// The longest explanation that is shown, in characters.
    const SHOWN: usize = 1000;

    let text = |detail: Option<&str>, kind: Option<&str>| {
        visible(detail.or(kind).unwrap_or("it gives no reason").trim_end_matches('.'))
    };
    let mut words = text(problem.detail.as_deref(), problem.r#type.as_deref());
    for part in &problem.subproblems {
        words += &format!("; {}", visible(part.to_string()));
    }
    words.chars().take(SHOWN).collect()
}

fn is(problem: &Problem, kind: &str) -> bool {
    let known = problem.r#type.as_deref().and_then(|it| it.rsplit(':').next());
    known == Some(kind)
}

fn challenge<'a>(
    authorization: &'a mut AuthorizationHandle<'a>,
    by: &ChallengeType,
) -> std::result::Result<ChallengeHandle<'a>, Error> {
    let missing = match by {
        ChallengeType::Dns01 => "proof by DNS",
        _ => "proof by HTTP",
    };
    authorization.challenge(by.clone()).ok_or(Error::Unsupported(missing))
}

fn other(error: rcgen::Error) -> Error {
    Error::Other(Box::new(error))
}

fn encoded(bytes: &[u8]) -> std::borrow::Cow<'static, str> {
    Base64UrlUnpadded::encode_string(bytes).into()
}

/// Calls `look` with each authorization of an order.
fn each(
    order: &mut instant_acme::Order,
    mut look: impl FnMut(AuthorizationHandle<'_>) -> std::result::Result<(), Error>,
) -> std::result::Result<(), Error> {
    // All are fetched first: one that cannot be is tried again with the rest.
    retried(|| {
        let mut all = order.authorizations();
        while let Some(next) = now(all.next()) {
            next?;
        }
        Ok(())
    })?;
    let mut all = order.authorizations();
    while let Some(next) = now(all.next()) {
        look(next?)?;
    }
    Ok(())
}

fn await_status(
    order: &mut instant_acme::Order,
    until: Instant,
    is_wanted: impl Fn(OrderStatus) -> bool,
) -> std::result::Result<(), Failed> {
    loop {
        let state = retried(|| now(order.refresh()).map(|it| (it.status, it.error.clone())))?;
        match state {
            (_, Some(problem)) => return Err(Error::Api(problem).into()),
            (OrderStatus::Invalid, None) => {
                return Err(Failed::Found("the authority gave the order up".into()));
            }
            (status, None) if is_wanted(status) => return Ok(()),
            _ if Instant::now() > until => {
                return Err(Failed::Found("the authority took too long".into()));
            }
            _ => thread::sleep(PAUSE),
        }
    }
}

/// Repeats a request whose nonce is refused.
fn retried<T>(
    mut ask: impl FnMut() -> std::result::Result<T, Error>,
) -> std::result::Result<T, Error> {
    for _ in 1..TRIES {
        match ask() {
            Err(Error::Api(problem)) if is(&problem, "badNonce") => {}
            other => return other,
        }
    }
    ask()
}

/// Runs a future of the library, which never waits, since its HTTP client blocks.
fn now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

/// An HTTP client for the library, which trusts the authorities of this host.
fn http() -> Box<dyn HttpClient> {
    let roots: Vec<_> =
        authorities().iter().map(|it| Certificate::from_der(it).to_owned()).collect();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&roots))
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build();
    let agent = ureq::Agent::config_builder()
        .tls_config(tls)
        .https_only(true)
        .http_status_as_error(false)
        .timeout_global(Some(ANSWER))
        .build();
    Box::new(Http(agent.into()))
}

struct Http(ureq::Agent);

impl Http {
    fn send(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> std::result::Result<BytesResponse, Error> {
        let (head, body) = request.into_parts();
        // The library has no other way to the bytes of its own body.
        let body = now(BytesResponse::from(Response::new(body)).body.into_bytes());
        let body = body.map_err(Error::Other)?;
        let answer = match body.is_empty() {
            true => self.0.run(Request::from_parts(head, ())),
            false => self.0.run(Request::from_parts(head, &body[..])),
        };
        let (head, mut body) = answer.map_err(|it| Error::Other(Box::new(it)))?.into_parts();
        let body = body.with_config().limit(LONGEST).read_to_vec();
        let body = body.map_err(|it| Error::Other(Box::new(it)))?;
        Ok(BytesResponse::from(Response::from_parts(head, BodyWrapper::from(body))))
    }
}

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = std::result::Result<BytesResponse, Error>> + Send>> {
        Box::pin(ready(self.send(request)))
    }
}
