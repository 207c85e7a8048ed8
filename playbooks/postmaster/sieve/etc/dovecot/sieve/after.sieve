# Written by mailprov. Do not edit: the next `mailprov apply` puts it back.
#
# Runs on each mail that the filter of the account left for the INBOX.

require ["envelope", "fileinto", "mailbox", "regex", "subaddress", "variables"];

# anna+shop: into anna's folder `shop`. Anybody may write anything there, so only
# plain names make a folder, and none of those that mail programs use.
if allof (
  envelope :detail :regex "to" "^[a-z0-9][a-z0-9_-]{0,39}$",
  not envelope :detail :is "to" ["archive", "drafts", "inbox", "junk", "sent", "trash"]
) {
  set "folder" "${0}";
  # As the folder is written that is there; a new one in small letters.
  if not mailboxexists "${folder}" {
    set :lower "folder" "${folder}";
  }
  fileinto :create "${folder}";
}
