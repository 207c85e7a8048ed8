//! Deploys to the box over SSH, as to any other host.

use std::sync::Arc;

use super::super::{CommandError, Exit, on};
use crate::app::demo::{Demo, failed};
use crate::cli::{Apply, Global, Ssh};
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
    let identity = Some(access.identity.clone());
    let ssh = Ssh { identity, options: access.options(), ..Ssh::default() };
    let global = Global { no_pager: true, ssh, sent_playbook: None, ..global.clone() };
    let bundle = on::pack(&mail, report)?.bundle;
    // The handler of `try` itself reports Ctrl-C. The proof that follows replaces the check.
    let apply =
        Apply { yes: true, leave_mail: true, here: true, no_check: true, ..Apply::default() };
    on::bring(&global, &host, &Program::own()?, bundle, (apply, false), Arc::new(|| {}), report)
}
