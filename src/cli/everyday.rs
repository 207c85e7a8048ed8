//! The commands that write or edit `mail.yml`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

/// The commands of `account`.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum AccountCommand {
    /// List the accounts with their addresses, quotas and catch-alls.
    List {
        /// Which file.
        #[command(flatten)]
        file: InFile,
    },
    /// Add an account to mail.yml, then offer to apply it.
    ///
    /// Asks for its password twice. An account that existed before finds its mail.
    Add {
        /// The name: anna, or with `mailboxes: per-domain` also anna@example.org.
        name: String,
        /// A further name, as for `alias add`; may be repeated.
        #[arg(long = "alias", value_name = "NAME", num_args = 1..)]
        aliases: Vec<String>,
        /// Limit its mail to SIZE, such as 5G.
        #[arg(long, value_name = "SIZE")]
        quota: Option<String>,
        /// Where its password comes from.
        #[command(flatten)]
        password: PasswordFrom,
        /// Which file, and whether to apply it.
        #[command(flatten)]
        edit: Edit,
    },
    /// Change the password of an account, then offer to apply it.
    ///
    /// Once it is applied, the old password opens nothing. Mail programs that are logged in stay
    /// so; `doveadm kick NAME` on the server disconnects them. App passwords stay as they are.
    Passwd {
        /// The name of the account.
        name: String,
        /// Where its password comes from.
        #[command(flatten)]
        password: PasswordFrom,
        /// Which file, and whether to apply it.
        #[command(flatten)]
        edit: Edit,
    },
    /// Rename an account and move its mail, then offer to apply it.
    ///
    /// Everything in mail.yml that names the account follows. The old name stays as an alias, so
    /// that mail to it still arrives. The account logs in by the new name with the same password.
    Rename {
        /// The name of the account.
        name: String,
        /// The new name.
        new: String,
        /// Do not keep the old name as an alias.
        #[arg(long)]
        no_alias: bool,
        /// Which file, and whether to apply it.
        #[command(flatten)]
        edit: Edit,
    },
    /// Remove an account from mail.yml, then offer to apply it.
    ///
    /// Its mail is kept. An account that `catch_all`, `system_mail` or `forwards` name is not
    /// removed.
    Remove {
        /// The name of the account.
        name: String,
        /// Which file, and whether to apply it.
        #[command(flatten)]
        edit: Edit,
    },
    /// Make, list and remove passwords of an account for single devices.
    ///
    /// Such a password opens mail and nothing else. A device that is lost is shut out by removing
    /// its password; all others stay.
    #[command(subcommand)]
    AppPassword(AppPasswordCommand),
}

/// The commands of `account app-password`.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum AppPasswordCommand {
    /// List devices with the last use of their passwords.
    List {
        /// The name of the account. Default: all.
        #[arg(value_name = "NAME")]
        account: Option<String>,
        /// Which file.
        #[command(flatten)]
        file: InFile,
    },
    /// Make a password for a device and show it once, then offer to apply it.
    ///
    /// Only its hash is kept.
    Add {
        /// The name of the account.
        #[arg(value_name = "NAME")]
        account: String,
        /// A name for the device, such as phone.
        device: String,
        /// Which file, and whether to apply it.
        #[command(flatten)]
        edit: Edit,
    },
    /// Remove the password of a device, then offer to apply it.
    ///
    /// Once it is applied, it opens nothing. A mail program that is logged in stays so; `doveadm
    /// kick NAME` on the server disconnects it.
    Remove {
        /// The name of the account.
        #[arg(value_name = "NAME")]
        account: String,
        /// The name of the device.
        device: String,
        /// Which file, and whether to apply it.
        #[command(flatten)]
        edit: Edit,
    },
}

/// The commands of `alias`.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum AliasCommand {
    /// Add an alias or a forward to mail.yml, then offer to apply it.
    ///
    /// For one account the address becomes an alias, and the account may send as that address. For
    /// several names, or addresses elsewhere, it becomes a forward; a forward that exists gets the
    /// further targets.
    Add {
        /// The address: info, which is one in every domain, or sales@example.org.
        address: String,
        /// An account, another alias, or any address elsewhere.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Which file, and whether to apply it.
        #[command(flatten)]
        edit: Edit,
    },
    /// Remove an alias or a forward from mail.yml, then offer to apply it.
    Remove {
        /// The address, as it stands in mail.yml.
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
    /// Read the password from the only line of FILE.
    #[arg(long, value_name = "FILE", conflicts_with = "password_stdin")]
    pub password_file: Option<PathBuf>,
    /// Read the password from the only line of standard input.
    #[arg(long)]
    pub password_stdin: bool,
}

/// The options of `init`.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Init {
    /// The file to write.
    #[arg(value_name = "MAIL", default_value = "mail.yml")]
    pub mail: PathBuf,
    /// The server's full name, to which the MX records point.
    #[arg(long, value_name = "HOST")]
    pub hostname: Option<String>,
    /// A domain whose mail the server keeps; may be repeated.
    #[arg(long = "domain", value_name = "DOMAIN", num_args = 1..)]
    pub domains: Vec<String>,
    /// The name of the first account.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Where its password comes from.
    #[command(flatten)]
    pub password: PasswordFrom,
    /// Use a self-signed certificate instead of one from Let's Encrypt.
    #[arg(long)]
    pub self_signed: bool,
}

impl AccountCommand {
    /// Returns the source of the password, if the command takes one.
    pub(crate) fn password_from(&mut self) -> Option<&mut PasswordFrom> {
        match self {
            Self::Add { password, .. } | Self::Passwd { password, .. } => Some(password),
            Self::List { .. }
            | Self::Rename { .. }
            | Self::Remove { .. }
            | Self::AppPassword(_) => None,
        }
    }

    /// Returns the edit of mail.yml, if the command makes one.
    pub fn edit(&self) -> Option<&Edit> {
        match self {
            Self::List { .. } | Self::AppPassword(AppPasswordCommand::List { .. }) => None,
            Self::AppPassword(
                AppPasswordCommand::Add { edit, .. } | AppPasswordCommand::Remove { edit, .. },
            ) => Some(edit),
            Self::Add { edit, .. }
            | Self::Passwd { edit, .. }
            | Self::Rename { edit, .. }
            | Self::Remove { edit, .. } => Some(edit),
        }
    }
}

impl AliasCommand {
    /// Returns the edit of mail.yml.
    pub fn edit(&self) -> &Edit {
        match self {
            Self::Add { edit, .. } | Self::Remove { edit, .. } => edit,
        }
    }
}

impl PasswordFrom {
    /// Returns whether the password does not have to be typed.
    pub(crate) fn is_given(&self) -> bool {
        self.password_stdin || self.password_file.is_some()
    }
}
