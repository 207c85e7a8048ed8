//! Deploys to the box over SSH, as to any other host.

use std::sync::Arc;

use super::super::apply::Agreed;
use super::super::{CommandError, Exit, on};
use crate::app::demo::{Demo, failed};
use crate::cli::{Global, Ssh};
use crate::remote::{Destination, Program};
use crate::report::Report;
use crate::sandbox::DemoServer;

/// Makes the box a mail server, as `bootstrap` does.
pub(super) fn bring(
    global: &Global,
    server: &DemoServer,
    demo: &Demo,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let mail = server.folder().join("mail.yml");
    demo.write(&mail)?;
    let host: Destination =
        format!("root@{}", server.address()).parse().map_err(|error: String| failed(error))?;
    let access = server.access();
    let ssh = Ssh {
        on: Vec::new(),
        sudo: false,
        identity: Some(access.identity.clone()),
        options: access.options(),
        forks: None,
    };
    let global = Global { no_pager: true, ssh, sent_playbook: None, ..global.clone() };
    let bundle = on::pack(&mail, report)?.bundle;
    // The handler of `try` itself reports Ctrl-C. The proof that follows replaces the check.
    let agreed =
        Agreed { yes: true, leave_mail: true, here: true, no_check: true, judged_here: false };
    on::bring(&global, &host, &Program::own()?, bundle, agreed, Arc::new(|| {}), report)
}
