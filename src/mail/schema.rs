//! The keys of `mail.yml`: what the decoder knows and what the schema tells.

use crate::yaml::{KeySpec, Section, ValueType};

/// The whole file.
pub const MAIL: Section = Section {
    keys: &[
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
            "The account that gets mail for addresses that nobody has, in all domains: `thomas`. \
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
            "Who gets mail for `root`, `postmaster`, `abuse`, `hostmaster`, `webmaster`, \
             `security`, `noc` and `mailer-daemon` in every domain (unless you give such a name \
             to somebody else), and the mail of cron jobs. An account, an address of yours, or \
             an address elsewhere.",
        )
        .or("the catch-all of the first domain, else the first account"),
        KeySpec::new(
            "tls",
            ValueType::Section(&TLS),
            "The certificate that is shown on every port.",
        )
        .or("certbot's for `hostname`"),
        KeySpec::new(
            "message_size",
            SIZE,
            "The largest mail, 1 MiB to 2047 MiB. Attachments grow by a third on their way. \
             Strangers' mail is put off while a reserve on the disk would be touched: an eighth \
             of it, at least six and at most 54 times this size.",
        )
        .or("`128MiB`"),
        KeySpec::new(
            "services",
            ValueType::Section(&SERVICES),
            "The protocols to read mail by. At least one must be `true`.",
        )
        .or("`{imap: true, pop3: true}`"),
        KeySpec::new("relay", ValueType::Section(&RELAY), "A server that takes all outgoing mail.")
            .or("none"),
        KeySpec::new(
            "watch",
            ValueType::OneOf(&super::watch::WORDS),
            "`daily` (or `hourly`, `weekly`): so often the server is looked at as by `mailprov \
             plan` and `mailprov check`, and `system_mail` gets a mail if something is off. If \
             all is well there is none.",
        )
        .or("never"),
        KeySpec::new(
            "extra",
            ValueType::Section(&EXTRA),
            "Settings that this file has no word for; checked by Postfix and Dovecot before they \
             are put in place.",
        )
        .or("none"),
    ],
    required: &["hostname", "domains", "accounts"],
    one_of: &[],
    together: &[],
};

/// A number of bytes.
const SIZE: ValueType = ValueType::Pattern("^[0-9]+ *([KkMmGgTt]([Ii]?[Bb])?|[Bb])?$");

/// One account.
pub(super) const ACCOUNT: Section = Section {
    keys: &[
        KeySpec::new(
            "password",
            ValueType::Pattern("^\\{[A-Za-z0-9._-]+\\}."),
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
    ],
    required: &[],
    one_of: &["password", "password_file"],
    together: &[],
};

/// Certificate and key.
pub(super) const TLS: Section = Section {
    keys: &[
        KeySpec::new(
            "certificate",
            ValueType::Pattern("^/"),
            "The absolute path of the certificate with its whole chain, in PEM.",
        ),
        KeySpec::new(
            "key",
            ValueType::Pattern("^/"),
            "The absolute path of the key, in PEM and without a passphrase.",
        ),
        KeySpec::new(
            "self_signed",
            ValueType::Boolean,
            "`true`: mailprov makes `/etc/ssl/certs/mailprov.pem` and \
             `/etc/ssl/private/mailprov.key` itself, and makes them anew a month before they \
             expire or when `hostname` changes. Mail programs warn about it.",
        )
        .or("`false`"),
    ],
    required: &[],
    one_of: &["certificate", "self_signed"],
    together: &["certificate", "key"],
};

/// Protocols to read mail by.
pub(super) const SERVICES: Section = Section {
    keys: &[
        KeySpec::new("imap", ValueType::Boolean, "IMAP, on ports 993 and 143.").or("`true`"),
        KeySpec::new("pop3", ValueType::Boolean, "POP3, on ports 995 and 110.").or("`true`"),
    ],
    required: &[],
    one_of: &[],
    together: &[],
};

/// A smarthost.
pub(super) const RELAY: Section = Section {
    keys: &[
        KeySpec::new(
            "host",
            ValueType::Text,
            "`\"[smtp.provider.example]:587\"`. In brackets it is that host; without, its MX \
             records are looked up. The port is 587 unless given; on 465 TLS begins at once. TLS \
             is required in any case.",
        ),
        KeySpec::new(
            "tls",
            ValueType::OneOf(&super::relay::CERTAINTIES),
            "`secure`: it gets mail and password only with a certificate that verifies and is for \
             the name in `host` (without brackets: for that domain or a host in it). `encrypt`: \
             any certificate will do, so anyone on the way may pose as it. An address fits no \
             certificate.",
        )
        .or("`secure` with `username`, else `encrypt`"),
        KeySpec::new(
            "username",
            ValueType::Text,
            "What to log in as; together with `password_file`.",
        )
        .or("none"),
        KeySpec::new(
            "password_file",
            ValueType::Text,
            "A file with the password in the clear on its only line. A relative path begins at \
             the folder of `mail.yml`.",
        )
        .or("none"),
    ],
    required: &["host"],
    one_of: &[],
    together: &["username", "password_file"],
};

/// What is handed on as it is.
pub(super) const EXTRA: Section = Section {
    keys: &[
        KeySpec::new(
            "postfix",
            ValueType::Map(&ValueType::Text),
            "Parameters of `main.cf` and their values. One that mailprov sets itself is replaced.",
        )
        .or("none"),
        KeySpec::new(
            "postfix_master",
            ValueType::List(&ValueType::Text),
            "Services of Postfix, each a line of `master.cf` with its options (`-o name=value`) \
             behind it. One that mailprov sets itself is replaced.",
        )
        .or("none"),
        KeySpec::new("dovecot", ValueType::Text, "Text for the end of `dovecot.conf`.").or("none"),
    ],
    required: &[],
    one_of: &[],
    together: &[],
};
