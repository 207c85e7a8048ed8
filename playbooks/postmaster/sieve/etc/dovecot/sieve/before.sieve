# Written by mailprov. Do not edit: the next `mailprov apply` puts it back.
#
# Runs on each mail, before the filter of the account.

require ["fileinto", "mailbox"];

{% if mail.spam %}
# Mail that the spam filter of this host marked; such a line by another hand is gone by
# now. It goes past people's filters, so that no vacation reply confirms the address
# to its sender.
if header :is "X-Spam" "yes" {
{% else %}
# Mail that a program on the way here marked as spam. It goes past people's filters,
# so that no vacation reply confirms the address to its sender.
if anyof (header :is "X-Spam" "yes", header :is "X-Spam-Flag" "yes") {
{% endif %}
  fileinto :create "Junk";
  stop;
}
{% if not mail.sieve %}

# People have no filters here: after this, what they put into their homes does not run.
fileinto "INBOX";
{% endif %}
