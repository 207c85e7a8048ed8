//! Runs the checks on the host in order: reports each daemon that is down once,
//! creates a temporary login if a check needs one, and marks findings that
//! follow from earlier ones.

use super::causes::Causes;
use super::configuration::{self, dead_daemons};
use crate::engine::Plan;
use crate::finding::Finding;
use crate::host;
use crate::services::checking::{Check, Here, Site, TemporaryLogin};

#[derive(Debug)]
pub(crate) struct Examination<'a> {
    site: &'a Site<'a>,
    causes: Causes,
    login: Option<Result<TemporaryLogin<'a>, String>>,
}

impl<'a> Examination<'a> {
    /// Begins, and finds the daemons that are down. Returns the findings about
    /// them if `checks` use their ports and do not include the configuration.
    pub(crate) fn of(site: &'a Site<'a>, checks: &[&Check]) -> host::Result<(Self, Vec<Finding>)> {
        let mut examination = Self { site, causes: Causes::default(), login: None };
        let mut dead = dead_daemons(site)?;
        let is_told = checks.iter().any(|check| check.name() == configuration::CHECK.name());
        if is_told || !checks.iter().any(|check| check.uses_ports) {
            dead.clear();
        }
        examination.causes.trace(true, &mut dead);
        Ok((examination, dead))
    }

    /// Makes a check. `plan` compares the host with mail.yml, if the check needs that.
    pub(crate) fn make<E: From<host::Error>>(
        &mut self,
        check: &'static Check,
        plan: impl FnOnce() -> Result<Plan, E>,
    ) -> Result<Vec<Finding>, E> {
        let site = self.site;
        let mut findings = match check.here {
            Here::Alone(look) => look(site)?,
            Here::Planned(look) => look(site, &plan()?)?,
            Here::LoggedIn(look) => {
                let login = self
                    .login
                    .get_or_insert_with(|| TemporaryLogin::at(site).inspect(TemporaryLogin::wait));
                match login {
                    Ok(login) => look(site, &login.account)?,
                    Err(why) => {
                        let remedy = "Run mailprov apply, then check again.";
                        vec![check.not_made(why.clone(), remedy)]
                    }
                }
            }
        };
        self.causes.trace(check.explains, &mut findings);
        Ok(findings)
    }
}
