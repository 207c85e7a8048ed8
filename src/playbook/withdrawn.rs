//! Places the removals of steps whose `present:` is no longer true.

use std::collections::HashSet;

use super::Declared;
use crate::resource::{Resource, Withdrawal};

/// A removal, and the services that the step would have notified.
pub(super) struct Withdrawn {
    pub(super) step: String,
    pub(super) withdrawal: Withdrawal,
    pub(super) notify: Vec<String>,
}

impl Withdrawn {
    /// Returns whether it removes the service of that name.
    pub(super) fn is_service(&self, name: &str) -> bool {
        matches!(&self.withdrawal.resource, Resource::Service(service) if service.name() == name)
    }
}

/// Inserts the removals among the declarations. They go last, when no service
/// uses the files any more: secrets first, and each kind in the reverse order
/// of the steps. Only files that a service loads go before it loads its
/// configuration again.
pub(super) fn place(mut declared: Vec<Declared>, withdrawn: Vec<Withdrawn>) -> Vec<Declared> {
    let kept: HashSet<String> =
        declared.iter().flat_map(|declared| declared.resource.names()).collect();
    let is_kept =
        |it: &Withdrawn| it.withdrawal.resource.names().iter().any(|it| kept.contains(it));
    let going = withdrawn.into_iter().rev().filter(|it| !is_kept(it));
    let (secrets, rest): (Vec<_>, Vec<_>) = going.partition(|it| it.withdrawal.secret);
    for Withdrawn { step, withdrawal, notify } in secrets.into_iter().chain(rest) {
        let Withdrawal { brought, resource, .. } = withdrawal;
        let loads_it = |declared: &Declared| match &declared.resource {
            Resource::Service(service) => {
                service.is_wanted() && notify.iter().any(|name| name == service.name())
            }
            _ => false,
        };
        let at = declared.iter().position(loads_it).unwrap_or(declared.len());
        declared.insert(at, Declared { step, resource, withdrawn: Some(brought) });
    }
    declared
}
