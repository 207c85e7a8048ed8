//! The commands that write or edit `mail.yml`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

/// What to do with the accounts in mail.yml.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum AccountCommand {
    /// List the accounts: name, addresses, quota, and which of them is a catch-all.
    List {
        /// Which file.
        #[command(flatten)]
        file: InFile,
    },
    /// Add an account to mail.yml, then offer to apply it.
    ///
    /// If the account was there before, it finds its old mail.
    Add {
        /// Its name: `anna`, or with `mailboxes: per-domain` also `anna@example.org`.
        name: String,
        /// A further name, as for `alias add`; may be given several times.
        #[arg(long = "alias", value_name = "NAME", num_args = 1..)]
        aliases: Vec<String>,
        /// How much mail it may have, such as 5G. Default: as much as there is room for.
        #[arg(long, value_name = "SIZE")]
        quota: Option<String>,
        /// Where its password comes from.
        #[command(flatten)]
        password: PasswordFrom,
        /// Which file, and whether to apply it.
        #[command(flatten)]
        edit: Edit,
    },
    /// Change an account's password, then offer to apply it.
    Passwd {
        /// Its name.
        name: String,
        /// Where its password comes from.
        #[command(flatten)]
        password: PasswordFrom,
        /// Which file, and whether to apply it.
        #[command(flatten)]
        edit: Edit,
    },
    /// Give an account another name, then offer to apply it. Its mail comes along.
    ///
    /// All that names it in mail.yml follows. The old name stays as an alias, so that mail to it
    /// still arrives. The account logs in by the new name, with the same password.
    Rename {
        /// Its name.
        name: String,
        /// Its new name.
        new: String,
        /// Do not keep the old name as an alias.
        #[arg(long)]
        no_alias: bool,
        /// Which file, and whether to apply it.
        #[command(flatten)]
        edit: Edit,
    },
    /// Remove an account from mail.yml, then offer to apply it. Its mail is kept.
    Remove {
        /// Its name.
        name: String,
        /// Which file, and whether to apply it.
        #[command(flatten)]
        edit: Edit,
    },
}

/// What to do with further addresses in mail.yml.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum AliasCommand {
    /// Give an account a further address, or let an address lead to several places.
    ///
    /// One account gets the address as an alias, and may send as it. Several names, or
    /// addresses elsewhere, become a forward; one that is there already goes on to them too.
    Add {
        /// The address: `info`, which is one in every domain, or `sales@example.org`.
        address: String,
        /// Where its mail goes: an account, another alias, or any address elsewhere.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Which file, and whether to apply it.
        #[command(flatten)]
        edit: Edit,
    },
    /// Remove an alias or a forward.
    Remove {
        /// The address, as mail.yml has it.
        address: String,
        /// Which file, and whether to apply it.
        #[command(flatten)]
        edit: Edit,
    },
}

/// Which mail.yml.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct InFile {
    /// The mail.yml. Default: ./mail.yml, else /etc/mailprov/mail.yml.
    #[arg(long, value_name = "MAIL")]
    pub mail: Option<PathBuf>,
}

/// Which mail.yml to edit, and what comes after that.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Edit {
    /// Which file.
    #[command(flatten)]
    pub file: InFile,
    /// Apply the change without asking.
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// Where a password comes from, if it is not typed.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
pub struct PasswordFrom {
    /// Take the password from a file that has it on its only line.
    #[arg(long, value_name = "FILE", conflicts_with = "password_stdin")]
    pub password_file: Option<PathBuf>,
    /// Take the password from standard input, where it is the only line.
    #[arg(long)]
    pub password_stdin: bool,
}

/// What a new mail.yml is to say. What is missing is asked for.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Init {
    /// The file to write.
    #[arg(value_name = "MAIL", default_value = "mail.yml")]
    pub mail: PathBuf,
    /// The server's full name, the one that the MX records point to.
    #[arg(long, value_name = "HOST")]
    pub hostname: Option<String>,
    /// A domain whose mail is kept here; may be given several times.
    #[arg(long = "domain", value_name = "DOMAIN", num_args = 1..)]
    pub domains: Vec<String>,
    /// The name of the first account.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Where its password comes from.
    #[command(flatten)]
    pub password: PasswordFrom,
    /// Begin with a certificate that mailprov makes itself, not with one from Let's Encrypt.
    #[arg(long)]
    pub self_signed: bool,
}

impl AccountCommand {
    /// Where the password comes from, if there is to be one.
    pub fn password_from(&mut self) -> Option<&mut PasswordFrom> {
        match self {
            Self::Add { password, .. } | Self::Passwd { password, .. } => Some(password),
            Self::List { .. } | Self::Rename { .. } | Self::Remove { .. } => None,
        }
    }

    /// What is edited, if something is.
    pub fn edit(&self) -> Option<&Edit> {
        match self {
            Self::List { .. } => None,
            Self::Add { edit, .. }
            | Self::Passwd { edit, .. }
            | Self::Rename { edit, .. }
            | Self::Remove { edit, .. } => Some(edit),
        }
    }
}

impl AliasCommand {
    /// What is edited.
    pub fn edit(&self) -> &Edit {
        match self {
            Self::Add { edit, .. } | Self::Remove { edit, .. } => edit,
        }
    }
}

impl PasswordFrom {
    /// Tells whether it does not have to be typed.
    pub fn is_given(&self) -> bool {
        self.password_stdin || self.password_file.is_some()
    }
}
