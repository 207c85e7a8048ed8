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
use super::{Address, Pattern, Routes, Size, Spec, Watch};

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

#[derive(Serialize)]
struct Tls {
    certificate: String,
    key: String,
    self_signed: bool,
}

#[derive(Serialize)]
struct Services {
    imap: bool,
    pop3: bool,
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
    dovecot: Option<&'a str>,
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
    routes: Routes,
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
        let services = Services { imap: self.services.imap, pop3: self.services.pop3 };
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
            ("quotas", self.credentials.iter().any(|account| account.quota.is_some()).into()),
            ("mailboxes_table", list(lists.routes.mailboxes.len(), Lists::mailbox)),
            ("aliases", list(lists.routes.aliases.len(), Lists::alias)),
            ("senders", list(lists.routes.senders.len(), Lists::sender)),
            ("people", people),
            ("system_mail", Value::from(Serde(&directory.system_mail))),
            ("tls", Value::from(Serde(tls))),
            ("message_size", self.message_size.bytes().into()),
            ("services", Value::from(Serde(services))),
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
        Lists { spec: Arc::clone(self), mailboxes, routes: self.directory.routes(), people }
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
        Extra {
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

    fn sender(&self, index: usize) -> Option<Value> {
        let sender = self.routes.senders.get(index)?;
        Some(Value::from(Serde(Sender { address: &sender.pattern, logins: &sender.logins })))
    }
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
