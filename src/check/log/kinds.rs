//! The known kinds of complaint, and patterns of lines that are not complaints.

/// The origin of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Daemon {
    Dovecot,
    Postfix,
}

/// A kind of complaint about the server itself.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) of: Daemon,
    /// A line is of this kind if it contains all words of one of these lists.
    pub(super) signs: &'static [&'static [&'static str]],
    /// The description of the kind.
    pub(super) is: &'static str,
    pub(super) remedy: &'static str,
    /// The event after which it no longer holds, besides a restart of the daemon that logged it.
    pub(super) over: Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// Nothing but a restart.
    AtStart,
    /// A start of Dovecot, which Postfix had missed.
    AtDovecotsStart,
    /// The files that it names belong to the owner of the mailboxes.
    OnceOwned,
    /// The daemon recovers immediately.
    ByItself,
}

use Daemon::{Dovecot, Postfix};

pub(super) const KINDS: [Kind; 16] = [
    Kind {
        of: Postfix,
        signs: &[
            &["SASL: Connect to"],
            &["no SASL authentication mechanisms"],
            &["cannot connect to saslauthd"],
            &["connect to", "dovecot-lmtp"],
            &["quota-status", "onnect"],
        ],
        is: "Postfix could not reach Dovecot",
        remedy: "Start what is down: mailprov apply",
        over: Over::AtDovecotsStart,
    },
    Kind {
        of: Postfix,
        signs: &[
            &["is unavailable. open database"],
            &["open database"],
            &["table", "lookup problem"],
            &["table", "lookup error"],
            &["unsupported dictionary type"],
        ],
        is: "a lookup table could not be read",
        remedy: "Compile those of mailprov: mailprov apply. For others, see `extra` in mail.yml.",
        over: Over::AtStart,
    },
    Kind {
        of: Postfix,
        signs: &[&["is older than source file"]],
        is: "a lookup table is older than its source",
        remedy: "Compile it: mailprov apply",
        over: Over::AtStart,
    },
    Kind {
        of: Postfix,
        signs: &[
            &["cannot get", "certificate"],
            &["cannot get", "private key"],
            &["cannot load Certification Authority data"],
        ],
        is: "the certificate or its key could not be read",
        remedy: "See: mailprov check --only tls",
        over: Over::AtStart,
    },
    Kind {
        of: Postfix,
        signs: &[
            &["No space left on device"],
            &["not enough free space"],
            &["insufficient system storage"],
        ],
        is: "the disk was full",
        remedy: "See: mailprov check --only disk",
        over: Over::AtStart,
    },
    Kind {
        of: Postfix,
        signs: &[&["has reached its process limit"], &["all server ports busy"]],
        is: "all processes of a service were busy",
        remedy: "See which clients connect: ss -tn 'sport = :25'",
        over: Over::AtStart,
    },
    Kind {
        of: Postfix,
        signs: &[&["process", "exit status"], &["killed by signal"], &["throttling"]],
        is: "a process of Postfix failed",
        remedy: "See its last words: journalctl -u 'postfix*'",
        over: Over::AtDovecotsStart,
    },
    Kind {
        of: Postfix,
        signs: &[&["not owned by"], &["writable by"], &["not set-gid"]],
        is: "a file or folder of Postfix has the wrong owner or mode",
        remedy: "postfix set-permissions",
        over: Over::AtStart,
    },
    Kind {
        of: Postfix,
        signs: &[&["unused parameter"], &["undefined parameter"], &["bad numerical configuration"]],
        is: "a setting has no effect",
        remedy: "Look at `extra` in mail.yml.",
        over: Over::AtStart,
    },
    Kind {
        of: Dovecot,
        signs: &[
            &["Permission denied"],
            &["EACCES"],
            &["we're not in group"],
            &["missing +w perm"],
            &["missing +x perm"],
        ],
        is: "Dovecot may not read or write a mailbox or file",
        remedy: "Everything below /var/vmail must belong to vmail: find /var/vmail ! -user vmail",
        over: Over::OnceOwned,
    },
    Kind {
        of: Dovecot,
        signs: &[&["No space left on device"], &["Disk quota exceeded"], &["EDQUOT"], &["ENOSPC"]],
        is: "the disk was full",
        remedy: "See: mailprov check --only disk",
        over: Over::AtStart,
    },
    Kind {
        of: Dovecot,
        signs: &[&["client_limit"], &["process_limit"], &["client connections are being dropped"]],
        is: "all connections of a service were taken",
        remedy: "See which clients connect: doveadm who; ss -tn 'sport = :993'",
        over: Over::AtStart,
    },
    Kind {
        of: Dovecot,
        signs: &[&["Can't load", "ertificate"], &["ssl_cert"], &["ssl_server_cert"], &["ssl_key"]],
        is: "the certificate or its key could not be read",
        remedy: "See: mailprov check --only tls",
        over: Over::AtStart,
    },
    Kind {
        of: Dovecot,
        signs: &[&["ime moved"], &["ime just moved"]],
        is: "the clock was set",
        remedy: "See: mailprov check --only clock",
        over: Over::ByItself,
    },
    Kind {
        of: Dovecot,
        signs: &[&["orrupted"], &["Rebuilding index"], &["Fixed index file"]],
        is: "an index of a mailbox was damaged; Dovecot makes a new one",
        remedy: "It comes of a crash or a full disk; no mail is lost.",
        over: Over::ByItself,
    },
    Kind {
        of: Dovecot,
        signs: &[&["illed with signal"], &["ut of memory"], &["returned error"], &["respawn"]],
        is: "a process of Dovecot failed",
        remedy: "See its last words: journalctl -u dovecot",
        over: Over::AtStart,
    },
];

/// Patterns of lines that strangers cause, of which every public server has
/// many, and of lines about normal operation. A client's address in brackets,
/// as Postfix writes it, is another such pattern:
/// [`super::Line::names_a_peer`].
pub(super) const NO_COMPLAINTS: [&str; 16] = [
    "authentication failed",
    "does not resolve to address",
    "hostname verification failed",
    "TLS library problem",
    "non-SMTP command",
    "numeric hostname",
    "numeric domain name",
    "malformed domain name",
    "valid_hostname",
    "valid_ipv4_hostaddr",
    "valid_ipv6_hostaddr",
    "llegal address",
    "unable to look up host",
    "rip=",
    // Dovecot's message about a normal stop or reload.
    "Killed with signal 15",
    "SIGHUP received - reloading",
];

/// The end of Pigeonhole's line after the one that says why a mail could not be
/// stored.
pub(super) const FOLLOWS: &str = "was aborted due to temporary failure";

/// Patterns of lines that mailprov's own checks cause.
pub(super) const OURS: [&str; 3] = ["/run/mailprov-check", "mailprov.invalid", "(mailprov-"];
