//! The spec as templates see it.
//!
//! This is the one place where secrets leave their wrapping: the password file
//! that Dovecot reads, and the one that Postfix shows a smarthost, are rendered
//! from it. So a context is made to be rendered and then dropped; what is rendered
//! from it into a file is marked secret by the playbook.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr, Serde};
use serde::Serialize;

use super::directory::Mailboxes;
use super::room::Room;
use super::{Address, Domain, Pattern, PostfixTables, Services, Size, Spec, Watch};

/// A mailbox that somebody logs in to.
#[derive(Serialize)]
struct Account<'a> {
    login: Arc<str>,
    home: String,
    password: &'a str,
    quota: Option<u64>,
}

#[derive(Serialize)]
struct Alias<'a> {
    address: &'a Pattern,
    targets: &'a [Address],
}

#[derive(Serialize)]
struct Sender<'a> {
    address: &'a Pattern,
    logins: &'a [Arc<str>],
}

/// An address that Dovecot is asked about before mail for it is taken.
#[derive(Serialize)]
struct Recipient<'a> {
    address: &'a str,
    home: String,
    quota: Option<u64>,
}

/// A domain as people type it, and as it is known.
#[derive(Serialize)]
struct Spelling<'a> {
    written: String,
    domain: &'a str,
}

#[derive(Serialize)]
struct Tls {
    certificate: String,
    key: String,
    self_signed: bool,
}

#[derive(Serialize)]
struct Relay<'a> {
    host: &'a str,
    port: u16,
    tls: &'static str,
    username: Option<&'a str>,
    password: Option<&'a str>,
}

#[derive(Serialize)]
struct Extra<'a> {
    postfix: Vec<Parameter<'a>>,
    postfix_master: Vec<Service<'a>>,
    dovecot: Option<&'a str>,
}

#[derive(Serialize)]
struct Service<'a> {
    service: &'a str,
    line: &'a str,
}

#[derive(Serialize)]
struct Parameter<'a> {
    name: &'a str,
    value: &'a str,
}

/// The spec as templates see it, under the name `mail`.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct Context(Value);

/// What the long lists are made from.
struct Lists {
    spec: Arc<Spec>,
    /// The mailboxes, each with its account.
    mailboxes: Vec<(usize, Address)>,
    routes: PostfixTables,
    /// Empty where no account has a quota.
    rooms: Vec<Room>,
    people: BTreeMap<String, String>,
}

/// A long list. Its elements are made when a template comes to them, so that
/// ten thousand accounts are not copied to be written down.
struct List {
    lists: Arc<Lists>,
    length: usize,
    element: fn(&Lists, usize) -> Option<Value>,
}

/// Where the mailboxes are.
const HOMES: &str = "/var/vmail";

impl Spec {
    /// Returns the spec as templates see it, secrets in the clear.
    pub fn context(self: &Arc<Self>) -> Context {
        let directory = &self.directory;
        let tls = Tls {
            certificate: self.tls.certificate.value.display().to_string(),
            key: self.tls.key.value.display().to_string(),
            self_signed: self.tls.self_signed,
        };
        let mailboxes = match directory.mailboxes {
            Mailboxes::Shared => "shared",
            Mailboxes::PerDomain => "per-domain",
        };
        let lists = Arc::new(self.lists());
        let list = |length, element| {
            Value::from_object(List { lists: Arc::clone(&lists), length, element })
        };
        let people = Value::make_object_map(
            Arc::clone(&lists),
            |lists| Box::new(lists.people.keys().map(Value::from)),
            |lists, name| lists.people.get(name.as_str()?).map(Value::from),
        );
        Context(Value::from_pairs([
            ("hostname", Value::from(self.hostname.value.as_str())),
            ("domains", Value::from(Serde(&directory.domains))),
            ("hostname_is_domain", directory.is_domain(&self.hostname.value).into()),
            ("mailboxes", mailboxes.into()),
            ("accounts", list(lists.mailboxes.len(), Lists::account)),
            ("quotas", self.has_quotas().into()),
            ("mailboxes_table", list(lists.routes.mailboxes.len(), Lists::mailbox)),
            ("aliases", list(lists.routes.aliases.len(), Lists::alias)),
            ("senders", list(lists.routes.senders.len(), Lists::sender)),
            ("recipients", list(lists.rooms.len(), Lists::recipient)),
            ("spellings", Value::from(Serde(spellings(&directory.domains)))),
            ("people", people),
            ("system_mail", Value::from(Serde(&directory.system_mail))),
            ("tls", Value::from(Serde(tls))),
            ("message_size", self.message_size.bytes().into()),
            ("services", Value::from(Serde(self.services))),
            ("ports", Value::from(self.reading_ports())),
            ("relay", Value::from(Serde(self.relay()))),
            ("watch", Value::from(self.watch.map(Watch::as_str))),
            ("extra", Value::from(Serde(self.extra()))),
        ]))
    }

    fn lists(self: &Arc<Self>) -> Lists {
        let accounts = 0..self.credentials.len();
        let mailboxes: Vec<_> = accounts
            .flat_map(|account| {
                let mailboxes = self.directory.mailboxes_of(account).into_iter();
                mailboxes.map(move |mailbox| (account, mailbox))
            })
            .collect();
        let mut people = BTreeMap::new();
        for (account, mailbox) in &mailboxes {
            // A shared mailbox is asked for by its first address, which may lead on.
            let address = self.directory.addresses(*account).next();
            let address = address.filter(|_| self.directory.mailboxes == Mailboxes::Shared);
            // Mail for `root` goes to whom the system's mail goes to.
            if mailbox.local() != "root" && !people.contains_key(mailbox.local()) {
                let address = address.as_ref().unwrap_or(mailbox).to_string();
                people.insert(mailbox.local().to_owned(), address);
            }
        }
        let routes = self.directory.routes();
        let quota = |account: usize| self.credentials.get(account)?.quota;
        let rooms = if self.has_quotas() {
            self.directory.rooms(&routes, self.hostname.value.as_domain(), quota)
        } else {
            Vec::new()
        };
        Lists { spec: Arc::clone(self), mailboxes, routes, rooms, people }
    }

    /// Returns the ports that people read mail by.
    fn reading_ports(&self) -> Vec<u16> {
        let Services { imap, pop3 } = self.services;
        let closed = self.extra.ports().closed;
        let ports = [(143, imap), (993, imap), (110, pop3), (995, pop3)];
        let open = ports.into_iter().filter(|(port, is_on)| *is_on && !closed.contains(port));
        open.map(|(port, _)| port).collect()
    }

    fn has_quotas(&self) -> bool {
        self.credentials.iter().any(|account| account.quota.is_some())
    }

    fn home(&self, mailbox: &Address) -> String {
        match self.directory.mailboxes {
            Mailboxes::Shared => format!("{HOMES}/{}", mailbox.local()),
            Mailboxes::PerDomain => format!("{HOMES}/{}/{}", mailbox.domain(), mailbox.local()),
        }
    }

    /// Returns where an account's mail is, with words for what differs.
    pub fn any_home(&self) -> String {
        match self.directory.mailboxes {
            Mailboxes::Shared => format!("{HOMES}/NAME"),
            Mailboxes::PerDomain => format!("{HOMES}/DOMAIN/NAME"),
        }
    }

    /// Returns the folders that hold an account's mail.
    pub fn homes(&self, account: usize) -> Vec<String> {
        self.directory.mailboxes_of(account).iter().map(|mailbox| self.home(mailbox)).collect()
    }

    fn relay(&self) -> Option<Relay<'_>> {
        let relay = self.relay.as_ref()?;
        let login = relay.login.as_ref();
        Some(Relay {
            host: &relay.host,
            port: relay.port,
            tls: relay.tls.as_str(),
            username: login.map(|login| login.username.as_str()),
            password: login.map(|login| login.password.expose().as_str()),
        })
    }

    fn extra(&self) -> Extra<'_> {
        let postfix = self.extra.postfix.iter();
        let services = self.extra.postfix_master.iter().map(|entry| &entry.value);
        let services = services.map(|it| Service { service: &it.service, line: &it.line });
        Extra {
            postfix_master: services.collect(),
            postfix: postfix.map(|(name, value)| Parameter { name: &name.value, value }).collect(),
            dovecot: self.extra.dovecot.as_ref().map(|text| text.value.as_str()),
        }
    }
}

impl Lists {
    fn account(&self, index: usize) -> Option<Value> {
        let (account, mailbox) = self.mailboxes.get(index)?;
        let credentials = self.spec.credentials.get(*account)?;
        Some(Value::from(Serde(Account {
            login: self.spec.directory.login(*account, mailbox),
            home: self.spec.home(mailbox),
            password: credentials.password.secret().expose(),
            quota: credentials.quota.map(Size::bytes),
        })))
    }

    fn mailbox(&self, index: usize) -> Option<Value> {
        self.routes.mailboxes.get(index).map(|address| Value::from(address.to_string()))
    }

    fn alias(&self, index: usize) -> Option<Value> {
        let alias = self.routes.aliases.get(index)?;
        Some(Value::from(Serde(Alias { address: &alias.pattern, targets: &alias.targets })))
    }

    fn recipient(&self, index: usize) -> Option<Value> {
        let Room { address, mailbox } = self.rooms.get(index)?;
        let directory = &self.spec.directory;
        // A mailbox that is an account's address in one of several domains is that account's.
        let limit = mailbox.as_ref().and_then(|mailbox| {
            let account = directory.declared(mailbox)?.account?;
            let home = self.spec.home(&directory.home(account, mailbox.domain())?);
            Some((home, self.spec.credentials.get(account)?.quota?.bytes()))
        });
        let (home, quota) = match limit {
            Some((home, quota)) => (home, Some(quota)),
            None => (HOMES.to_owned(), None),
        };
        Some(Value::from(Serde(Recipient { address, home, quota })))
    }

    fn sender(&self, index: usize) -> Option<Value> {
        let sender = self.routes.senders.get(index)?;
        Some(Value::from(Serde(Sender { address: &sender.pattern, logins: &sender.logins })))
    }
}

fn spellings(domains: &[Domain]) -> Vec<Spelling<'_>> {
    let spellings = domains.iter().flat_map(|domain| {
        let written = domain.spellings().into_iter();
        written.map(|written| Spelling { written, domain: domain.as_str() })
    });
    spellings.collect()
}

impl Context {
    /// Returns it for a template.
    pub fn value(&self) -> Value {
        self.0.clone()
    }
}

/// Without the values, some of which are secret.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("«mail»")
    }
}

/// Without the elements, some of which are secret.
impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "«{} elements»", self.length)
    }
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (self.element)(&self.lists, key.as_usize()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.length)
    }
}
