//! The examples at the end of the help texts. A heading has no indentation, an
//! explanation two columns, a command line six; the manual pages rely on that.

pub(super) const MAILPROV: &str = "\
Examples:
  Write a mail.yml, and make a bare server the mail server:
      mailprov init
      mailprov bootstrap root@mail.example.org

  On the server: show the changes, make them, prove that mail works:
      mailprov plan
      mailprov apply
      mailprov check

Exit codes:
   0  done, or nothing to do
   1  failed: the last lines say what failed, and the state of the host
   2  `plan --detailed-exitcode`: there are changes; `watch`: something is off
   3  the saved plan no longer fits the host
  64  the command line is wrong
  65  mail.yml or a playbook is invalid
  75  another run is under way
  77  the command needs root";

pub(super) const INIT: &str = "\
Examples:
  Answer a few questions:
      mailprov init

  Give the answers, for a script; standard input is the password:
      mailprov init --hostname mail.example.org --domain example.org \\
          --account thomas --password-stdin --self-signed";

pub(super) const PLAN: &str = "\
Examples:
  Show the changes on this server, or on another one:
      mailprov plan
      mailprov plan mail.yml --on root@mail.example.org

  Save a plan, and apply exactly that plan later:
      mailprov plan --out tonight.plan
      mailprov apply --plan tonight.plan

  Tell a script whether there are changes (exit code 2):
      mailprov plan --quiet --detailed-exitcode";

pub(super) const APPLY: &str = "\
Examples:
  Show the plan, ask, make the changes:
      mailprov apply

  Without a terminal, as from a script:
      mailprov apply --yes

  Apply an edited mail.yml to a server over SSH:
      mailprov apply mail.yml --on root@mail.example.org";

pub(super) const BOOTSTRAP: &str = "\
Examples:
  Make a server the mail server that ./mail.yml describes:
      mailprov bootstrap root@mail.example.org

  As a user of the cloud's image, with its key:
      mailprov bootstrap debian@203.0.113.25 --sudo --identity ~/.ssh/cloud

  Bring a program that was built for another processor:
      mailprov bootstrap root@mail.example.org --binary mailprov-aarch64";

pub(super) const PULL: &str = "\
Examples:
  Fetch the server's file into ./mail.yml:
      mailprov pull root@mail.example.org";

pub(super) const CHECK: &str = "\
Examples:
  On the server, everything, or two parts:
      mailprov check
      mailprov check --only tls,dns

  As the world sees it, without root; the second asks for a password:
      mailprov check --from-here mail.yml
      mailprov check --from-here mail.yml --login thomas";

pub(super) const WATCH: &str = "\
Examples:
  Print what is off, if anything:
      mailprov watch

  When the timer of `watch: daily` runs next:
      systemctl list-timers mailprov-watch.timer";

pub(super) const DNS: &str = "\
Examples:
  Before there is a server:
      mailprov dns --address 203.0.113.25 --address 2001:db8::25

  As a zone file:
      mailprov dns --zone";

pub(super) const PASSWD_HASH: &str = "\
Examples:
  For an account's `password_file`:
      mailprov passwd-hash >anna.hash";

pub(super) const EXPLAIN: &str = "\
Examples:
  The ways of mail, and a picture of them:
      mailprov explain
      mailprov explain --svg ways.svg

  What a setting, a file, a port and a key of mail.yml are for:
      mailprov explain smtpd_helo_required
      mailprov explain main.cf
      mailprov explain 587
      mailprov explain accounts.quota";

pub(super) const HISTORY: &str = "\
Examples:
  All runs, and the changes of run 3:
      mailprov history
      mailprov history 3";

pub(super) const ROLLBACK: &str = "\
Examples:
  Take back the last run:
      mailprov rollback

  Take back run 3 and all later ones:
      mailprov rollback 3

  Take the mail server down, with its packages:
      mailprov rollback 1 --purge";

pub(super) const TRY: &str = "\
Examples:
  A built-in mail.yml on Debian 13:
      mailprov try

  Your own on Debian 12; the box runs until you press Enter:
      mailprov try mail.yml --suite bookworm --keep";

pub(super) const CLOUD_INIT: &str = "\
Examples:
  For a program that you published:
      mailprov cloud-init --url https://example.org/mailprov >user-data";

pub(super) const SCHEMA: &str = "\
Examples:
  Both, into files:
      mailprov schema >mail.schema.json
      mailprov schema playbook >playbook.schema.json";

pub(super) const COMPLETIONS: &str = "\
Examples:
  For bash:
      mailprov completions bash >/etc/bash_completion.d/mailprov";

pub(super) const MAN: &str = "\
Examples:
  Write the pages, and read one:
      mailprov man --dir pages
      man -l pages/mail.yml.5";

pub(super) const PLAYBOOK_EJECT: &str = "\
Examples:
  Copy the playbook for mail, and use the copy:
      mailprov playbook eject /etc/mailprov/postmaster
      mailprov plan --playbook /etc/mailprov/postmaster";

pub(super) const ACCOUNT_ADD: &str = "\
Examples:
  An account with two more addresses and a limit:
      mailprov account add anna --alias info --alias sales@example.org \\
          --quota 5G

  From a script; standard input is the password:
      mailprov account add anna --password-stdin --yes";

pub(super) const ALIAS_ADD: &str = "\
Examples:
  A further address of one account:
      mailprov alias add info thomas

  An address that leads to several:
      mailprov alias add club@example.org thomas bob@elsewhere.example";

pub(super) const ACCOUNT: &str = "\
Examples:
  Add an account, then list all:
      mailprov account add anna
      mailprov account list

  Edit the mail.yml of a server over SSH:
      mailprov account passwd anna --on root@mail.example.org";

pub(super) const ACCOUNT_LIST: &str = "\
Examples:
  For people, and for programs:
      mailprov account list
      mailprov account list --json";

pub(super) const ACCOUNT_PASSWD: &str = "\
Examples:
  Set a new password, and disconnect the mail programs with the old one:
      mailprov account passwd anna
      doveadm kick anna";

pub(super) const ACCOUNT_RENAME: &str = "\
Examples:
  Give anna another name; mail to the old one still arrives:
      mailprov account rename anna anna.smith";

pub(super) const ACCOUNT_REMOVE: &str = "\
Examples:
  Remove an account; its mail stays in /var/vmail/anna:
      mailprov account remove anna";

pub(super) const ALIAS: &str = "\
Examples:
  One more address of thomas, and its removal:
      mailprov alias add info thomas
      mailprov alias remove info";

pub(super) const ALIAS_REMOVE: &str = "\
Examples:
  Remove an address, in every domain:
      mailprov alias remove info";

pub(super) const PLAYBOOK: &str = "\
Examples:
  Read the playbook for mail:
      mailprov playbook show postmaster";

pub(super) const PLAYBOOK_LIST: &str = "\
Examples:
  The playbooks in the program:
      mailprov playbook list";

pub(super) const PLAYBOOK_SHOW: &str = "\
Examples:
  The playbook for mail:
      mailprov playbook show postmaster";
