//! The spec as templates see it.
//!
//! This is the one place where secrets leave their wrapping: the password file
//! that Dovecot reads, and the one that Postfix shows a smarthost, are rendered
//! from it. So a context is made to be rendered and then dropped. It has no
//! `Debug`; what is rendered from it into a file is marked secret by the
//! playbook.

use serde::Serialize;

use super::directory::Mailboxes;
use super::{Address, Spec};

/// Everything a template can know of the spec, under the name `mail`.
#[derive(Serialize)]
pub struct Context {
    hostname: String,
    domains: Vec<String>,
    hostname_is_domain: bool,
    mailboxes: &'static str,
    accounts: Vec<Account>,
    quotas: bool,
    mailboxes_table: Vec<String>,
    aliases: Vec<Alias>,
    senders: Vec<Sender>,
    system_mail: String,
    tls: Tls,
    message_size: u64,
    services: Services,
    relay: Option<Relay>,
    watch: Option<&'static str>,
    extra: Extra,
}

/// A mailbox that somebody logs in to.
#[derive(Serialize)]
struct Account {
    login: String,
    home: String,
    password: String,
    quota: Option<u64>,
}

#[derive(Serialize)]
struct Alias {
    address: String,
    targets: Vec<String>,
}

#[derive(Serialize)]
struct Sender {
    address: String,
    logins: Vec<String>,
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
struct Relay {
    host: String,
    port: u16,
    username: Option<String>,
    password: Option<String>,
}

#[derive(Serialize)]
struct Extra {
    postfix: Vec<Parameter>,
    dovecot: Option<String>,
}

#[derive(Serialize)]
struct Parameter {
    name: String,
    value: String,
}

/// Where the mailboxes are.
const HOMES: &str = "/var/vmail";

impl Spec {
    /// Returns the spec as templates see it, secrets in the clear.
    pub fn context(&self) -> Context {
        let directory = &self.directory;
        let routes = directory.routes();
        let text = |address: &Address| address.to_string();
        let aliases = routes.aliases.into_iter().map(|alias| Alias {
            address: alias.address,
            targets: alias.targets.iter().map(text).collect(),
        });
        let senders = routes.senders.into_iter();
        let senders = senders.map(|line| Sender { address: line.address, logins: line.logins });
        Context {
            hostname: self.hostname.value.to_string(),
            domains: directory.domains.iter().map(ToString::to_string).collect(),
            hostname_is_domain: directory.is_domain(&self.hostname.value),
            mailboxes: match directory.mailboxes {
                Mailboxes::Shared => "shared",
                Mailboxes::PerDomain => "per-domain",
            },
            accounts: self.accounts(),
            quotas: self.credentials.iter().any(|account| account.quota.is_some()),
            mailboxes_table: routes.mailboxes.iter().map(text).collect(),
            aliases: aliases.collect(),
            senders: senders.collect(),
            system_mail: directory.system_mail.as_ref().map(text).unwrap_or_default(),
            tls: Tls {
                certificate: self.tls.certificate.value.display().to_string(),
                key: self.tls.key.value.display().to_string(),
                self_signed: self.tls.self_signed,
            },
            message_size: self.message_size.bytes(),
            services: Services { imap: self.services.imap, pop3: self.services.pop3 },
            relay: self.relay(),
            watch: self.watch.map(super::Watch::as_str),
            extra: self.extra(),
        }
    }

    fn accounts(&self) -> Vec<Account> {
        let mut accounts = Vec::with_capacity(self.credentials.len());
        for (index, credentials) in self.credentials.iter().enumerate() {
            for mailbox in self.directory.mailboxes_of(index) {
                accounts.push(Account {
                    login: self.directory.login(index, &mailbox),
                    home: self.home(&mailbox),
                    password: credentials.password.secret().expose().clone(),
                    quota: credentials.quota.map(super::Size::bytes),
                });
            }
        }
        accounts
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

    fn relay(&self) -> Option<Relay> {
        let relay = self.relay.as_ref()?;
        let login = relay.login.as_ref();
        Some(Relay {
            host: relay.host.clone(),
            port: relay.port,
            username: login.map(|login| login.username.clone()),
            password: login.map(|login| login.password.expose().clone()),
        })
    }

    fn extra(&self) -> Extra {
        let parameter = |(name, value): &(super::At<String>, String)| Parameter {
            name: name.value.clone(),
            value: value.clone(),
        };
        Extra {
            postfix: self.extra.postfix.iter().map(parameter).collect(),
            dovecot: self.extra.dovecot.as_ref().map(|text| text.value.clone()),
        }
    }
}
