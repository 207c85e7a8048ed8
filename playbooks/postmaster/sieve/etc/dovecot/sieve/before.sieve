# Written by mailprov. Do not edit: the next `mailprov apply` puts it back.
#
# Runs on each mail, before the filter of the account.

require ["fileinto", "mailbox"];

# The test mails of `mailprov check` have to be found.
if header :is "X-Mailprov-Check" "yes" {
  fileinto "INBOX";
  stop;
}

# What a program on the way here took for spam. No filter of a person sees it, so no
# vacation reply tells the sender that somebody lives here.
if anyof (header :is "X-Spam" "yes", header :is "X-Spam-Flag" "yes") {
  fileinto :create "Junk";
  stop;
}
