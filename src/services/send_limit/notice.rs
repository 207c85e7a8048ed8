//! The mail to `system_mail` about an account that has reached its limit.

use std::path::Path;

use crate::host::Host;
use crate::mail::Rate;

/// The program that accepts mail from programs of the host (sendmail(1)).
const SENDMAIL: &str = "/usr/sbin/sendmail";

/// Whose mail goes to `system_mail`.
const ROOT: &str = "root";

/// Sends it. If that fails, `mailprov check` tells the same.
pub(super) fn send(account: &str, rate: Rate) {
    let Ok(this) = Host::open(Path::new("/")) else { return };
    let mail = text(&account.escape_default().to_string(), rate);
    let _ = this.command([SENDMAIL, "-i", "--", ROOT]).run_with_input(mail.as_bytes());
}

fn text(account: &str, Rate { recipients, period }: Rate) -> String {
    format!(
        "To: {ROOT}\n\
         Subject: mailprov: {account} has reached its send limit\n\
         Auto-Submitted: auto-generated\n\
         MIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: 8bit\n\
         \n\
         The account {account} has sent to {recipients} recipients in a {period}, which is its\n\
         limit. Postfix refuses more mail of it for the time being, so that its mail\n\
         program tries again later. Mail of other accounts goes on.\n\
         \n\
         {}\n\
         \n\
         While it lasts, there is one such mail a day; `mailprov check --only send-limit`\n\
         tells how it goes on.\n",
        remedy(account)
    )
}

/// What an administrator is to do.
pub(super) fn remedy(account: &str) -> String {
    format!(
        "If this was not the person, set another password: mailprov account passwd {account}\n\
         What was sent, and from where: journalctl -u 'postfix*' --grep sasl_username={account}\n\
         If it was, give the account a higher `send_limit` in mail.yml, and apply it."
    )
}
