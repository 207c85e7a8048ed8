//! What the commands share that edit mail.yml: show the edit, offer to apply it.

use super::apply::{leave, make, prepare};
use super::{CommandError, Exit, elsewhere};
use crate::app::mail_yml::{Draft, MailYml};
use crate::cli::{Edit, Global, InFile};
use crate::host::Host;
use crate::reach::as_path;
use crate::report::Report;

/// Opens a mail.yml, and says which one it is.
pub(super) fn open(file: &InFile, report: &mut Report) -> Result<MailYml, CommandError> {
    let file = MailYml::open(file.mail.as_deref(), report.reach())?;
    report.from(&file.path);
    Ok(file)
}

/// Shows a draft and what applying it would change, and writes and applies it if
/// that is wanted. Until then nothing is edited; without a terminal or without
/// root it only writes the file.
pub(super) fn offer(
    global: &Global,
    edit: &Edit,
    file: &MailYml,
    mut draft: Draft,
    deed: String,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    if let Some((path, before, after)) = &draft.edited {
        report.edited(&path.display().to_string(), before, after);
    }
    report.notes(&draft.notes);
    let renamed = draft.renamed.take();
    let new = draft.app_password.take();
    let show = |report: &mut Report| {
        if let Some(new) = &new {
            report.app_password(new);
        }
    };
    let path = &file.path;
    let save = |report: &mut Report| -> Result<(), CommandError> {
        report.notes(file.save(&draft)?);
        Ok(())
    };
    let line = |command: &str| {
        let path = as_path(&path.display().to_string());
        // On another host mail.yml is in its usual place.
        let words = [command, &path];
        report.reach().command(if report.is_remote() { &words[..1] } else { &words })
    };
    let (apply, plan) = (line("apply"), line("plan"));
    let is_elsewhere = match edit.yes {
        true => None,
        false => elsewhere(global, &file.spec, report.can_ask(), report),
    };
    if let Some(elsewhere) = is_elsewhere {
        save(report)?;
        show(report);
        let (says, reach) = (elsewhere.says(), report.reach());
        let (apply, bootstrap) = (elsewhere.apply(path, reach), elsewhere.bootstrap(path, reach));
        report.note(&format!(
            "Not applied yet. {says} Apply it there: {apply}\n(Where it is not set up yet: \
             {bootstrap})\n"
        ));
        return Ok(Exit::Done);
    }
    let may_apply = edit.yes || report.can_ask() && Host::is_root();
    if !may_apply {
        save(report)?;
        show(report);
        report.note(&format!("Not applied yet. As root: {apply}\n(Look first: {plan})\n"));
        return Ok(Exit::Done);
    }
    file.refuse_changed(&draft)?;
    let Some(ready) = prepare(global, file.source(&draft), None, renamed, report)? else {
        save(report)?;
        show(report);
        return Ok(Exit::Done);
    };
    if !edit.yes && !report.confirm(&ready.plan, &ready.context.subject(), true) {
        report.note(&format!("Not applied, and {} is as it was.\n", path.display()));
        return Ok(Exit::Done);
    }
    leave(&ready.plan, edit.yes, false, report)?;
    save(report)?;
    let exit = make(ready, &deed, true, report).map_err(|failed| file.put_back(&draft, failed))?;
    show(report);
    Ok(exit)
}
