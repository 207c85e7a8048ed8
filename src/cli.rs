//! The command line. The comments here are the help texts.

mod everyday;
mod hosts;
mod well;

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use serde::{Deserialize, Serialize};

use crate::reach::Reach;
use crate::remote::Destination;
use crate::wire::PlaybookParcel;

pub use everyday::{AccountCommand, AliasCommand, Edit, InFile, Init, PasswordFrom};
pub use hosts::{CloudInit, Suite, Try};
pub use well::{Check, Dns, Watch};

/// Turns a bare Debian host into your own mail server, and keeps it so.
///
/// From one file, mail.yml (host name, domains, accounts, catch-all,
/// certificate), mailprov sets up Postfix and Dovecot. `plan` shows what is to
/// be done, `apply` does it; what is already so is left alone.
#[derive(Debug, Parser)]
#[command(name = "mailprov", version, max_term_width = 100, subcommand_required = true)]
#[command(after_help = "\
To begin: write mail.yml (`mailprov init`), read what `mailprov plan` says, then run `mailprov apply` as root.

Exit codes:
   0  done, or nothing to do
   1  failed: the last lines say what, and what state the host is in
   2  `plan --detailed-exitcode`: there are changes; `watch`: something is off
   3  the saved plan no longer fits the host
  64  the command line is wrong
  65  mail.yml or a playbook is invalid
  75  another run is under way
  77  needs root")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of all commands.
    #[command(flatten)]
    pub global: Global,
}

/// Options that every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// Use this playbook instead of `postmaster`: a file, its folder, or the name of an embedded
    /// one.
    #[arg(long, global = true, value_name = "FILE")]
    pub playbook: Option<PathBuf>,
    /// The playbook itself, where it came from another machine.
    #[arg(skip)]
    pub sent_playbook: Option<PlaybookParcel>,
    /// Work on the tree in DIR (an image, a chroot) instead of this machine; services are then
    /// only enabled.
    #[arg(long, global = true, value_name = "DIR", default_value = "/", hide_default_value = true)]
    pub root: PathBuf,
    /// Print one JSON object a line on standard output; what is for people goes to standard error.
    #[arg(long, global = true)]
    pub json: bool,
    /// Use colours: auto (on a terminal, unless NO_COLOR is set), always or never.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub color: Color,
    /// Say more: also the steps that need nothing, and all lines of what changes.
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Say only what is wrong.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Options for other hosts.
    #[command(flatten)]
    pub ssh: Ssh,
}

impl Global {
    /// How the host in question is reached, to be said in command lines.
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
    /// Do it on HOST (as for ssh, or USER@HOST:PORT) instead of this machine; may be repeated. A
    /// MAIL that is named is sent there and becomes that host's /etc/mailprov/mail.yml when it is
    /// applied.
    #[arg(long, global = true, value_name = "HOST", value_hint = ValueHint::Hostname)]
    pub on: Vec<Destination>,
    /// Log in there as an ordinary user who becomes root by sudo.
    #[arg(long, global = true)]
    pub sudo: bool,
    /// Log in there with this private key.
    #[arg(long, global = true, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// An option for ssh, as after `ssh -o`; may be repeated.
    #[arg(long = "ssh-option", global = true, value_name = "OPTION")]
    pub options: Vec<String>,
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

/// What a schema is of.
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
    /// Write a short mail.yml to begin with.
    ///
    /// What is not given is asked for. A file that is there already is left alone.
    Init(Init),
    /// Show what `apply` would do, and change nothing.
    Plan {
        /// The file that a person writes.
        #[command(flatten)]
        mail: Mail,
        /// End with exit code 2 if there are changes.
        #[arg(long)]
        detailed_exitcode: bool,
        /// Keep the plan in a file, to be applied exactly so or not at all. It holds no secrets.
        #[arg(long, value_name = "PLAN")]
        out: Option<PathBuf>,
        /// What may be sent to other hosts.
        #[command(flatten)]
        sending: Sending,
        /// Show a plan that was kept in a file.
        #[arg(long, value_name = "PLAN", conflicts_with_all = ["mail", "out", "detailed_exitcode"])]
        show: Option<PathBuf>,
    },
    /// Bring the host into the state that mail.yml describes.
    ///
    /// After changes it looks whether the mail server works, as `check` does but only at what is
    /// quick. What it finds is said and changes nothing: the changes stay, and the exit code is 0.
    Apply {
        /// The file that a person writes.
        #[command(flatten)]
        mail: Mail,
        /// Apply exactly this saved plan, or refuse (exit code 3) where it no longer fits.
        #[arg(long, value_name = "PLAN")]
        plan: Option<PathBuf>,
        /// Make the changes without asking.
        #[arg(long, short = 'y')]
        yes: bool,
        /// Leave mail that no account will have where it is. Where accounts are called otherwise, or
        /// mailboxes lie elsewhere, --yes alone does not agree to that.
        #[arg(long)]
        #[serde(default)]
        leave_mail: bool,
        /// This machine is the server, whatever it is called.
        #[arg(long)]
        here: bool,
        /// Do not look afterwards whether the mail server works.
        #[arg(long)]
        no_check: bool,
    },
    /// Make a bare host a mail server over SSH.
    ///
    /// Brings this very program to the host (/usr/local/bin/mailprov), shows the plan, asks, and
    /// applies it. MAIL and the files that it names go along and stay there (/etc/mailprov), so
    /// that the host can look after itself. Needs nothing there but sshd. May be repeated: what is
    /// there already is not sent again.
    Bootstrap(Bootstrap),
    /// Fetch the mail.yml of a host, and the password files beside it.
    ///
    /// For a mail.yml that was edited there. Shows what differs from the one here, asks, and puts
    /// them in its place, for your eyes only.
    Pull(Pull),
    /// Prove that the mail server works.
    ///
    /// On the host, as root: which ports answer, the certificate on each, logins, a mail there and
    /// back, that nobody can relay or write as somebody else, the queue, the disk, the clock, the
    /// log; and what DNS says of it. Ends with 1 where something is wrong. It logs in as one of
    /// the accounts, with a password that it makes up and that counts for seconds, and deletes
    /// the mails that it sends. With --from-here it looks from this machine instead.
    Check(Check),
    /// Tell whether the server is as it should be: `plan` and `check` in one.
    ///
    /// Ends with 0 if there is nothing to do and nothing wrong, else with 2. With `watch: daily` in
    /// mail.yml a timer runs `mailprov watch --mail`.
    Watch(Watch),
    /// Print the DNS records that the world is to find, as a table or as a zone file.
    Dns(Dns),
    /// List, add and remove accounts in mail.yml, and change passwords.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Add and remove further addresses in mail.yml.
    #[command(subcommand)]
    Alias(AliasCommand),
    /// Print the hash of a password, to be written into mail.yml by hand.
    PasswdHash {
        /// Where the password comes from.
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Explain what mail.yml means for this server.
    ///
    /// Without WHAT: which ports lead through which programs to which folder. A setting of
    /// Postfix or Dovecot: why it is as it is. A file, or a port: what it is there for.
    Explain {
        /// A setting (`smtpd_helo_required`), a file (`/etc/postfix/main.cf`, `main.cf`) or a
        /// port (`25`).
        what: Option<String>,
        /// Which file.
        #[command(flatten)]
        file: InFile,
        /// What may be sent to other hosts.
        #[command(flatten)]
        sending: Sending,
        /// Draw the ways as a picture.
        #[arg(long, value_name = "FILE", conflicts_with = "what")]
        svg: Option<PathBuf>,
    },
    /// List the runs, newest first, or show what one of them changed.
    History {
        /// The number of a run.
        run: Option<u64>,
    },
    /// Bring the host back to what it was before a run.
    ///
    /// What later runs changed is taken back as well. Packages stay installed unless --purge is
    /// given, and mail is never deleted. A rollback is a run of its own, so it can be rolled back too.
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
    /// Show all of it in a throw-away Debian on this machine.
    ///
    /// Boots a fresh Debian with a disk and a network of its own (by systemd-nspawn, so this needs
    /// root), makes it the mail server that MAIL describes, as `bootstrap` would over SSH, and
    /// shows that mail comes and goes. Then it throws all of that away. MAIL is not changed: the
    /// box gets a copy with one more account to try it with, and a self-signed certificate where
    /// yours is not here. An image of Debian is built at the first time, and kept in
    /// $MAILPROV_BOX_CACHE or /var/cache/mailprov.
    Try(Try),
    /// Print user-data with which a new host becomes the mail server at its first boot.
    ///
    /// For providers that run cloud-init. The host writes mail.yml, fetches mailprov from URL,
    /// makes sure that it is this very program, and runs `mailprov apply --yes`. Whoever may ask
    /// the provider's metadata service can read user-data, any program on the host among them: so
    /// only hashes of passwords go in, and a MAIL with other secrets is refused.
    CloudInit(CloudInit),
    /// Print the JSON Schema of mail.yml or of playbooks, for editors.
    Schema {
        /// Of what.
        #[arg(default_value = "mail")]
        of: SchemaOf,
    },
    /// Print what makes a shell complete mailprov's command lines.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page.
    Man {
        /// Write the pages of all commands into this folder instead.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Answer another mailprov that is connected by SSH.
    #[command(hide = true)]
    Serve,
}

/// What to bring where.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The host, as for ssh: HOST, USER@HOST or USER@HOST:PORT.
    #[arg(value_name = "HOST", value_hint = ValueHint::Hostname)]
    pub host: Destination,
    /// The file that says what the mail service is.
    #[command(flatten)]
    pub mail: Mail,
    /// Make the changes without asking.
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Leave mail that no account will have where it is, as for `apply`.
    #[arg(long)]
    pub leave_mail: bool,
    /// Do not look afterwards whether the mail server works.
    #[arg(long)]
    pub no_check: bool,
    /// Bring this mailprov there instead of the one that runs: one that was built for the host's
    /// machine.
    #[arg(long, value_name = "FILE")]
    pub binary: Option<PathBuf>,
}

/// What to fetch from where.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Pull {
    /// The host, as for ssh: HOST, USER@HOST or USER@HOST:PORT.
    #[arg(value_name = "HOST")]
    pub host: Destination,
    /// The file to write.
    #[arg(value_name = "MAIL", default_value = "mail.yml")]
    pub mail: PathBuf,
    /// Replace what is here without asking.
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// The file that a person writes.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
pub struct Mail {
    /// The file that says what the mail service is. Default: ./mail.yml, else
    /// /etc/mailprov/mail.yml.
    #[arg(value_name = "MAIL")]
    pub mail: Option<PathBuf>,
}

/// What may be sent to other hosts by a command that changes nothing there.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
pub struct Sending {
    /// With --on and a MAIL, also send files that it names outside its folder, without asking.
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// What to do with the embedded playbooks.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum PlaybookCommand {
    /// List the embedded playbooks.
    List,
    /// Print a playbook's steps.
    Show {
        /// Its name, as `playbook list` prints it.
        name: String,
    },
    /// Copy a playbook with its templates into a new folder, to change it.
    ///
    /// It is `postmaster`, or the embedded one that --playbook names. Use the copy with
    /// `--playbook DIR`.
    Eject {
        /// The folder, which must not exist or be empty.
        dir: PathBuf,
    },
}
