//! The spec as templates see it.
//!
//! It contains secrets in the clear, because the password files of Dovecot and
//! of the smarthost are rendered from it. So a context is created for rendering
//! and then dropped; the playbook marks the files that are rendered from it as
//! secret.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr, Serde};

use super::self_service::{CountingPasswords, OwnPasswords};
use super::{ALL, Spec};
use crate::host::Facts;
use crate::mail::{Address, Context, Mailboxes, PostfixTables};

/// The variables of a service, each a member of `mail`.
pub(crate) type Variables = Vec<(&'static str, Value)>;

/// The data from which services make their variables.
pub struct Inputs {
    pub(super) spec: Arc<Spec>,
    pub(super) facts: Facts,
    pub(super) tables: Arc<PostfixTables>,
    /// The mailboxes, each with the index of its account.
    pub(super) mailboxes: Arc<[(usize, Address)]>,
    /// The passwords that people chose themselves.
    pub(super) own: Arc<CountingPasswords>,
}

impl Spec {
    /// Returns the spec as templates see it on a host where people chose these passwords,
    /// with secrets in the clear.
    pub fn context(self: &Arc<Self>, facts: &Facts, own: &OwnPasswords) -> Context {
        let directory = &self.directory;
        let mailboxes = (0..self.credentials.len()).flat_map(|account| {
            let mailboxes = directory.mailboxes_of(account).into_iter();
            mailboxes.map(move |mailbox| (account, mailbox))
        });
        let inputs = Inputs {
            spec: Arc::clone(self),
            facts: facts.clone(),
            tables: Arc::new(directory.postfix_tables()),
            mailboxes: mailboxes.collect(),
            own: Arc::new(own.judged(self)),
        };
        let shared = vec![
            ("hostname", Value::from(self.hostname.value.as_str())),
            ("domains", Value::from(Serde(&directory.domains))),
            ("hostname_is_domain", directory.is_domain(&self.hostname.value).into()),
            (
                "mailboxes",
                match directory.mailboxes {
                    Mailboxes::Shared => "shared".into(),
                    Mailboxes::PerDomain => "per-domain".into(),
                },
            ),
            ("system_mail", Value::from(Serde(&directory.system_mail))),
            ("protocols", Value::from(self.services.protocols())),
            ("ports", Value::from(self.services.open_ports())),
        ];
        let of_services = ALL.iter().flat_map(|service| service.context(&inputs));
        Context::new(Value::from_pairs(shared.into_iter().chain(of_services)))
    }
}

/// A long list whose elements are made when a template reaches them, so that
/// ten thousand accounts are not copied.
pub(super) struct List<T> {
    source: Arc<T>,
    length: usize,
    element: fn(&T, usize) -> Option<Value>,
}

impl<T> List<T> {
    pub(super) fn new(
        source: &Arc<T>,
        length: usize,
        element: fn(&T, usize) -> Option<Value>,
    ) -> Self {
        Self { source: Arc::clone(source), length, element }
    }
}

/// Leaves out the elements, since some are secret.
impl<T> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "«{} elements»", self.length)
    }
}

impl<T: Send + Sync + 'static> Object for List<T> {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (self.element)(&self.source, key.as_usize()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.length)
    }
}
