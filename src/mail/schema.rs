//! The keys of `mail.yml` that belong to no single service: names, addresses and accounts.

use super::send_limit::SEND_LIMIT;
use crate::yaml::{KeySpec, Section, ValueType};

/// The keys, in the order of the reference.
pub(crate) const KEYS: &[KeySpec] = &[
    KeySpec::new(
        "hostname",
        ValueType::Text,
        "The server's full name, the one that the MX records point to. It may itself be one \
         of the domains.",
    ),
    KeySpec::new(
        "domains",
        ValueType::NonEmptyList(&ValueType::Text),
        "The domains whose mail is kept here, each once. Names outside ASCII may be written \
         as they are (`münchen.example`) or as `xn--…`.",
    ),
    KeySpec::new(
        "accounts",
        ValueType::NonEmptyMap(&ValueType::Section(&ACCOUNT)),
        "The people, by name; at least one. A name has the letters a to z, digits, `.`, `_` \
         and `-`.",
    ),
    KeySpec::new(
        "catch_all",
        ValueType::Either(&[ValueType::Text, ValueType::Map(&ValueType::Text)]),
        "The account that gets mail for unknown addresses, in all domains: `thomas`. \
         Or by domain: `{example.org: thomas, example.net: anna}`. It takes no mail from an \
         account, an alias, a forward or a `+tag`. Without it unknown addresses are refused \
         while the sender's server waits, so there is no bounce.",
    )
    .or("none"),
    KeySpec::new(
        "forwards",
        ValueType::Map(&ValueType::Either(&[
            ValueType::Text,
            ValueType::NonEmptyList(&ValueType::Text),
        ])),
        "Addresses whose mail goes on: `source: target` or `source: [targets]`. A source is a \
         name (in every domain) or an address of yours; a target is an account, an alias, \
         another forward or any address elsewhere.",
    )
    .or("none"),
    KeySpec::new(
        "mailboxes",
        ValueType::OneOf(&["shared", "per-domain"]),
        "`shared`: a name is one mailbox, with an address in every domain. `per-domain`: a \
         name is a mailbox of its own in each domain, and the login is the whole address; an \
         account may then also be a whole address, `anna@example.net`, and exists in that \
         domain only.",
    )
    .or("`shared`"),
    KeySpec::new(
        "system_mail",
        ValueType::Text,
        "The receiver of mail for `root`, `postmaster`, `abuse`, `hostmaster`, `webmaster`, \
         `security`, `noc` and `mailer-daemon` in every domain (unless you give such a name \
         to an account), and of the mail of cron jobs. An account, an address of yours, or \
         an address elsewhere.",
    )
    .or("the catch-all of the first domain, else the first account"),
];

pub(crate) const REQUIRED: &[&str] = &["hostname", "domains", "accounts"];

/// A size in bytes.
pub(crate) const SIZE: ValueType = ValueType::Pattern("^[0-9]+ *([KkMmGgTt]([Ii]?[Bb])?|[Bb])?$");

/// A hash with its scheme.
const HASH: ValueType = ValueType::Pattern("^\\{[A-Za-z0-9._-]+\\}.");

pub(super) const ACCOUNT: Section = Section {
    keys: &[
        KeySpec::new(
            "password",
            HASH,
            "The hash of the password with its scheme, in double quotes: \
             `\"{ARGON2ID}$argon2id$…\"`. `mailprov account passwd NAME` writes it, `mailprov \
             passwd-hash` prints one.",
        ),
        KeySpec::new(
            "password_file",
            ValueType::Text,
            "Instead of `password`: a file with the hash on its only line. A relative path begins \
             at the folder of `mail.yml`.",
        ),
        KeySpec::new(
            "app_passwords",
            ValueType::Map(&HASH),
            "Further passwords, one a device, each by the name of the device: `{phone: \
             \"{SSHA512}…\"}`. They open IMAP, POP3, SMTP and ManageSieve, but change no \
             password. `mailprov account app-password add NAME DEVICE` makes one and writes its \
             hash here; without the line it opens nothing any more.",
        )
        .or("none"),
        KeySpec::new(
            "aliases",
            ValueType::List(&ValueType::Text),
            "Further names. `info` is an address in every domain (of an account in one domain: \
             in that one), `sales@example.net` is that address alone. Beside letters, digits, `.`, \
             `_` and `-` such a name may have signs, as `o'brien` and `smith&sons` do.",
        )
        .or("none"),
        KeySpec::new(
            "quota",
            SIZE,
            "How much mail the account may have, 1 MiB or more, such as `5G`. A full mailbox is \
             refused while the sender's server waits.",
        )
        .or("none"),
        KeySpec::new(
            "send_limit",
            SEND_LIMIT,
            "To how many recipients the account may send, such as `2000/day`; `none` for no \
             limit.",
        )
        .or("the `send_limit` of all"),
    ],
    required: &[],
    one_of: &["password", "password_file"],
    together: &[],
};
