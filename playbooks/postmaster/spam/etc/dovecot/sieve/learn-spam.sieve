# Written by mailprov. Do not edit: the next `mailprov apply` puts it back.
#
# Runs on each mail that its reader moves into Junk: the spam filter learns from it.

require ["vnd.dovecot.pipe", "copy"];

pipe :copy :try "learn" ["spam"];
