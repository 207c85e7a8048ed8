//! The command line. The comments here are the help texts.

mod everyday;
mod hosts;
mod well;

use std::mem;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint};
use serde::{Deserialize, Serialize};

use crate::manual;
use crate::reach::Reach;
use crate::remote::{Destination, Login};
use crate::wire::PlaybookBundle;

pub use everyday::AccountCommand;
pub use everyday::AliasCommand;
pub use everyday::AppPasswordCommand;
pub use everyday::Edit;
pub use everyday::InFile;
pub use everyday::Init;
pub use everyday::PasswordFrom;
pub use hosts::{CloudInit, Pull, Try};
pub use well::Watch;
pub use well::{BanCommand, CertificateCommand, Check, DkimCommand, Dns, Renew, Rotate};

/// Turns a bare Debian host into your own mail server, and keeps it so.
///
/// mailprov reads one file, mail.yml: the host name, domains, accounts, catch-all and
/// certificate. From it, it sets up Postfix and Dovecot. `plan` shows the changes, `apply` makes
/// them; a host that is as mail.yml says is left alone.
#[derive(Debug, Parser)]
#[command(name = "mailprov", version, max_term_width = 100, subcommand_required = true)]
#[command(after_help = "\
See `mailprov help COMMAND` for a command, and `man mail.yml` for the file.")]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// Options of all commands.
    #[command(flatten)]
    pub global: Global,
}

const EXIT_CODES: &str = "
Exit codes:
   0  done, or nothing to do
   1  failed: the last lines say what failed, and the state of the host
   2  `plan --detailed-exitcode`: there are changes; `watch`: something is off
   3  the saved plan no longer fits the host
  64  the command line is wrong
  65  mail.yml or a playbook is invalid
  75  another run is under way
  77  the command needs root";

/// Returns the command line, with the examples of the manual in the long help of each command.
pub fn command() -> clap::Command {
    let mut all = Cli::command();
    for (typed, examples) in manual::examples() {
        let mut below = typed.split(' ').skip(1);
        if let Some(command) = below.try_fold(&mut all, clap::Command::find_subcommand_mut) {
            *command = mem::take(command).after_long_help(examples);
        }
    }
    let examples = all.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    all.after_long_help(format!("{examples}\n{EXIT_CODES}"))
}

/// Parses the arguments of this process.
///
/// # Errors
///
/// Returns what is wrong with them, or the help or version that they ask for.
pub fn parse() -> Result<Cli, clap::Error> {
    command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches))
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Use another playbook: a file, a folder, or an embedded name.
    ///
    /// Default: `postmaster`. In a folder it is `playbook.yml`. Write a folder that has the name of an embedded playbook
    /// with a `/`: `./postmaster`. `mailprov playbook list` lists the embedded ones.
    #[arg(long, global = true, value_name = "FILE")]
    pub playbook: Option<PathBuf>,
    /// The playbook itself, where it came from another machine.
    #[arg(skip)]
    pub sent_playbook: Option<PlaybookBundle>,
    /// Work on the tree in DIR, such as an image or a chroot.
    ///
    /// Services are enabled there, but not started.
    #[arg(long, global = true, value_name = "DIR", default_value = "/", hide_default_value = true)]
    pub root: PathBuf,
    /// Print one JSON object a line on standard output.
    ///
    /// Text for people goes to standard error. mailprov-json(5) lists the objects.
    #[arg(long, global = true)]
    pub json: bool,
    /// Use colours: auto, always or never.
    ///
    /// `auto`, the default, uses them on a terminal unless NO_COLOR is set.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub color: Color,
    /// Print more: steps without changes, and all lines of long changes.
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Print only what is wrong.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Do not use a pager.
    ///
    /// On a terminal, long texts are shown in MAILPROV_PAGER, PAGER or less.
    #[arg(long, global = true)]
    pub no_pager: bool,
    /// Options for other hosts.
    #[command(flatten)]
    pub ssh: Ssh,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            playbook: None,
            sent_playbook: None,
            root: Path::new("/").into(),
            json: false,
            color: Color::Auto,
            verbose: false,
            quiet: false,
            no_pager: false,
            ssh: Ssh::default(),
        }
    }
}

impl Global {
    /// Returns how the host is reached, for suggested command lines.
    pub fn reach(&self) -> Reach {
        Reach {
            on: self.ssh.on.iter().map(ToString::to_string).collect(),
            sudo: self.ssh.sudo,
            identity: self.ssh.identity.clone(),
            options: self.ssh.options.clone(),
            playbook: self.playbook.clone(),
            root: (self.root != Path::new("/")).then(|| self.root.clone()),
        }
    }
}

/// Options for other hosts.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Other hosts")]
pub struct Ssh {
    /// Run the command on HOST instead of this machine; may be repeated.
    ///
    /// HOST is a host for ssh, or USER@HOST:PORT. A MAIL that you name is sent there, and becomes
    /// that host's /etc/mailprov/mail.yml when it is applied.
    #[arg(long, global = true, value_name = "HOST", value_hint = ValueHint::Hostname)]
    pub on: Vec<Destination>,
    /// Become root on HOST by sudo, which must ask for no password.
    #[arg(long, global = true)]
    pub sudo: bool,
    /// Log in to HOST with the private key in FILE.
    #[arg(long, global = true, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// Pass OPTION to ssh, as `ssh -o` does; may be repeated.
    #[arg(long = "ssh-option", global = true, value_name = "OPTION")]
    pub options: Vec<String>,
    /// Work on at most N hosts at a time; 10 unless you say otherwise.
    #[arg(long, global = true, value_name = "N", requires = "on")]
    pub forks: Option<NonZeroUsize>,
}

impl Ssh {
    /// Returns the settings of ssh. `alone`: ssh may not ask for anything.
    pub(crate) fn login(&self, alone: bool) -> Login {
        let (identity, options) = (self.identity.clone(), self.options.clone());
        Login { sudo: self.sudo, identity, options, alone }
    }
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A kind of file with a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum SchemaOf {
    /// mail.yml.
    Mail,
    /// playbook.yml.
    Playbook,
}

/// A shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Shell {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
}

/// The commands.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum Command {
    /// Write a short mail.yml.
    ///
    /// Asks for the values that the command line does not give. Never replaces a file.
    Init(Init),
    /// Show the changes that `apply` would make.
    ///
    /// Compares the host with mail.yml and changes nothing. Any user may run it; steps that this
    /// user may not look at are listed with a `?`.
    Plan {
        /// The mail.yml.
        #[command(flatten)]
        mail: Mail,
        /// Exit with 2 if there are changes.
        #[arg(long)]
        detailed_exitcode: bool,
        /// Save the plan in a file, for `apply --plan`.
        ///
        /// The file holds digests, and no contents or secrets.
        #[arg(long, value_name = "PLAN")]
        out: Option<PathBuf>,
        /// Whether to ask before sending files.
        #[command(flatten)]
        sending: Sending,
        /// Show a saved plan.
        #[arg(long, value_name = "PLAN", conflicts_with_all = ["mail", "out", "detailed_exitcode"])]
        show: Option<PathBuf>,
    },
    /// Bring the host into the state that mail.yml describes.
    ///
    /// Shows the plan, asks, and makes the changes. If one fails, the run is undone. After making
    /// changes it runs the quick checks; failures are reported, but they do not undo the run or
    /// change the exit code. Needs root.
    Apply(Apply),
    /// Make a bare host a mail server over SSH.
    ///
    /// Copies this program to the host (/usr/local/bin/mailprov), shows the plan, asks, and applies
    /// it. MAIL and the files that it names go along and stay there (/etc/mailprov), so that the
    /// host can look after itself. The host needs nothing but sshd. A second run sends only what
    /// the host does not have.
    Bootstrap(Bootstrap),
    /// Fetch the mail.yml of a host, and the password files beside it.
    ///
    /// For a mail.yml that was edited there. Shows the difference from the one here, asks, and
    /// replaces it by files that only you can read.
    Pull(Pull),
    /// Prove that the mail server works.
    ///
    /// On the host, as root, it tests ports, certificates, logins, a mail there and back, that
    /// strangers cannot relay and accounts cannot send as each other, the queue, the disk, the
    /// clock, the log, and DNS. It exits with 1 if something is wrong. It logs in as one of the
    /// accounts with a random password that is valid for seconds, and deletes the mails that it
    /// sends. With --from-here it looks from this machine instead.
    Check(Check),
    /// Run `plan` and `check` for a timer.
    ///
    /// Exits with 0 if there is nothing to do and nothing wrong, else with 2. With `watch: daily` in
    /// mail.yml, a timer runs `mailprov watch --mail`. Needs root.
    Watch(Watch),
    /// Print the DNS records to publish.
    ///
    /// As a table for the form of a registrar, or as a zone file.
    Dns(Dns),
    /// List and lift the bans of addresses that guess passwords.
    ///
    /// Where mail.yml does not say `ban: false`, ten failed logins from one address within ten
    /// minutes close the ports of people to it. Needs root.
    #[command(subcommand)]
    Ban(BanCommand),
    /// Order and renew the certificate.
    #[command(subcommand)]
    Certificate(CertificateCommand),
    /// Change the keys that sign mail.
    #[command(subcommand)]
    Dkim(DkimCommand),
    /// List, add, rename and remove accounts, and change passwords.
    ///
    /// These commands edit mail.yml as you would, comments kept. They show the difference and what
    /// it changes on the server, and offer to apply it.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Add and remove aliases and forwards.
    ///
    /// These commands edit mail.yml as `mailprov account` does.
    #[command(subcommand)]
    Alias(AliasCommand),
    /// Print the hash of a password.
    ///
    /// For a mail.yml that you write by hand, in double quotes. Asks for the password twice.
    PasswdHash {
        /// Where the password comes from.
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Explain a setting, a file, a port, a key of mail.yml, or the ways of mail.
    ///
    /// Without WHAT, it prints which ports lead through which programs to which folder. Of a setting
    /// of Postfix or Dovecot it gives the reason, of a file or a port the purpose, of a key of
    /// mail.yml what it says and what counts without it.
    Explain {
        /// A setting (smtpd_helo_required), a file (/etc/postfix/main.cf, main.cf), a port (25), or
        /// a key (quota, relay.tls).
        what: Option<String>,
        /// Which file.
        #[command(flatten)]
        file: InFile,
        /// Whether to ask before sending files.
        #[command(flatten)]
        sending: Sending,
        /// Draw the ways of mail as a picture into FILE.
        #[arg(long, value_name = "FILE", conflicts_with = "what")]
        svg: Option<PathBuf>,
    },
    /// List the runs, newest first, or show the changes of one.
    ///
    /// Needs root.
    History {
        /// The number of a run.
        run: Option<u64>,
    },
    /// Bring the host back to its state before a run.
    ///
    /// Takes back the changes of later runs as well. Packages stay installed unless --purge is
    /// given, and mail is never deleted. A rollback is a run of its own, so it can be rolled back
    /// too. Needs root.
    Rollback {
        /// The number of a run. Default: the last.
        run: Option<u64>,
        /// Also remove the packages that the runs installed, with their configuration.
        #[arg(long)]
        purge: bool,
        /// Make the changes without asking.
        #[arg(long, short = 'y')]
        yes: bool,
    },
    /// List, show or copy the embedded playbooks.
    #[command(subcommand)]
    Playbook(PlaybookCommand),
    /// Try mailprov in a throw-away Debian on this machine.
    ///
    /// Boots a fresh Debian in a box of systemd-nspawn with a disk and a network of its own, makes it
    /// the mail server that MAIL describes, as `bootstrap` does over SSH, sends and reads mail, and
    /// deletes the box. MAIL is not changed: the box gets a copy with one more account, and a
    /// self-signed certificate if yours is not on this machine. The first run builds an image of
    /// Debian and keeps it in $MAILPROV_BOX_CACHE or /var/cache/mailprov. Needs root.
    Try(Try),
    /// Print cloud-init user-data that makes a new host the mail server.
    ///
    /// At its first boot, the host writes mail.yml, fetches mailprov from URL, verifies that it is
    /// this very program, and runs `mailprov apply --yes`. Any program on the host can read
    /// user-data from the provider's metadata service, so it holds only hashes of passwords; a MAIL
    /// with other secrets is refused.
    CloudInit(CloudInit),
    /// Print the JSON Schema of mail.yml or of playbooks, for editors.
    Schema {
        /// The kind of file.
        #[arg(default_value = "mail")]
        of: SchemaOf,
    },
    /// Print a script that completes command lines in a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, or write all pages.
    Man {
        /// Write the pages of all commands and file formats into DIR.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Answer another mailprov that is connected by SSH.
    #[command(hide = true)]
    Serve,
}

/// The options of `apply`.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
pub struct Apply {
    /// The mail.yml.
    #[command(flatten)]
    pub mail: Mail,
    /// Apply exactly this saved plan.
    ///
    /// If the host or mail.yml has changed since it was saved, nothing is changed and the
    /// exit code is 3.
    #[arg(long, value_name = "PLAN")]
    pub plan: Option<PathBuf>,
    /// Make the changes without asking.
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Agree that mail stays where no account will find it.
    ///
    /// A plan that renames accounts or moves mailboxes may leave mail behind. --yes alone does
    /// not agree to that.
    #[arg(long)]
    #[serde(default)]
    pub leave_mail: bool,
    /// Apply on this machine even if its name is not `hostname`.
    #[arg(long)]
    pub here: bool,
    /// Do not run the quick checks afterwards.
    #[arg(long)]
    pub no_check: bool,
}

/// The options of `bootstrap`.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The host: a host for ssh, USER@HOST or USER@HOST:PORT.
    #[arg(value_name = "HOST", value_hint = ValueHint::Hostname)]
    pub host: Destination,
    /// The mail.yml.
    #[command(flatten)]
    pub mail: Mail,
    /// Make the changes without asking.
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Agree that mail stays where no account will find it, as for `apply`.
    #[arg(long)]
    pub leave_mail: bool,
    /// Do not run the quick checks afterwards.
    #[arg(long)]
    pub no_check: bool,
    /// Copy this mailprov to the host instead of the running one.
    ///
    /// For a host with another processor or an older C library.
    #[arg(long, value_name = "FILE")]
    pub binary: Option<PathBuf>,
}

/// The file that a person writes.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
pub struct Mail {
    /// The mail.yml. Default: ./mail.yml, else /etc/mailprov/mail.yml.
    #[arg(value_name = "MAIL")]
    pub mail: Option<PathBuf>,
}

/// Whether a command that changes nothing on other hosts asks before it sends files there.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
pub struct Sending {
    /// With --on, do not ask before sending files from outside the folder of MAIL.
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// The commands of `playbook`.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum PlaybookCommand {
    /// List the embedded playbooks.
    List,
    /// Print the steps of an embedded playbook.
    Show {
        /// The name, as `playbook list` prints it.
        name: String,
    },
    /// Copy an embedded playbook with its templates into a new folder.
    ///
    /// Copies `postmaster`, or the one that --playbook names. Use the copy with `--playbook DIR`.
    Eject {
        /// The folder, which must be empty or not exist.
        dir: PathBuf,
    },
}
