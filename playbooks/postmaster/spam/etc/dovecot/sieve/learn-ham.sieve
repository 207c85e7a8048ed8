# Written by mailprov. Do not edit: the next `mailprov apply` puts it back.
#
# Runs on each mail that its reader moves out of Junk: the spam filter learns that it
# is wanted.

require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables"];

if environment :matches "imap.mailbox" "*" {
  set "mailbox" "${1}";
}

# To throw spam away is no praise of it.
if string "${mailbox}" "Trash" {
  stop;
}

pipe :copy :try "learn" ["ham"];
