# Written by mailprov. Do not edit: the next `mailprov apply` puts it back.
#
# Runs on each mail, before the filter of the account.

require ["fileinto", "mailbox"];

# The test mails of `mailprov check` have to be found.
if header :is "X-Mailprov-Check" "yes" {
  fileinto "INBOX";
  stop;
}

# Mail that a program on the way here marked as spam. It goes past people's filters,
# so that no vacation reply confirms the address to its sender.
if anyof (header :is "X-Spam" "yes", header :is "X-Spam-Flag" "yes") {
  fileinto :create "Junk";
  stop;
}
