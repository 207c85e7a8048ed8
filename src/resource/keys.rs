//! The fields of each kind of resource: what the decoder knows and what the
//! schema tells.

use crate::yaml::{KeySpec, Section, ValueType};

const ABSENT: KeySpec =
    KeySpec::new("absent", ValueType::Boolean, "`true`: it is removed.").or("`false`");
const PATH: KeySpec = KeySpec::new("path", ValueType::Text, "The absolute path.");
const OWNER: KeySpec =
    KeySpec::new("owner", ValueType::Text, "The user it belongs to.").or("`root` for a new one");
const GROUP_OF: KeySpec =
    KeySpec::new("group", ValueType::Text, "The group it belongs to.").or("`root` for a new one");
const MODE: KeySpec =
    KeySpec::new("mode", ValueType::Text, "Who may do what, in octal and in quotes.");
const TEXTS: ValueType = ValueType::List(&ValueType::Text);
const ARGV: ValueType = ValueType::NonEmptyList(&ValueType::Text);

const fn section(keys: &'static [KeySpec], required: &'static [&'static str]) -> Section {
    Section { keys, required, one_of: &[], together: &[] }
}

pub(super) const BACKUP: Section =
    section(&[KeySpec::new("paths", TEXTS, "The paths whose originals are kept.")], &["paths"]);

pub(super) const PACKAGE: Section = Section {
    keys: &[
        KeySpec::new("name", ValueType::Text, "One Debian package."),
        KeySpec::new("names", TEXTS, "Several Debian packages."),
        KeySpec::new("absent", ValueType::Boolean, "`true`: removed, its configuration kept.")
            .or("`false`"),
    ],
    required: &[],
    one_of: &["name", "names"],
    together: &[],
};

pub(super) const GROUP: Section = section(
    &[
        KeySpec::new("name", ValueType::Text, "The group's name."),
        KeySpec::new("gid", ValueType::Number, "Its number.").or("the system's choice"),
        ABSENT,
    ],
    &["name"],
);

pub(super) const USER: Section = section(
    &[
        KeySpec::new("name", ValueType::Text, "The user's name."),
        KeySpec::new("uid", ValueType::Number, "Its number.").or("the system's choice"),
        KeySpec::new("group", ValueType::Text, "The main group.").or("one of the same name"),
        KeySpec::new(
            "home",
            ValueType::Text,
            "The home folder. It is not made; a `directory` step does that.",
        )
        .or("`/nonexistent`"),
        KeySpec::new("shell", ValueType::Text, "The login shell.").or("`/usr/sbin/nologin`"),
        ABSENT,
    ],
    &["name"],
);

pub(super) const DIRECTORY: Section = section(
    &[
        PATH,
        OWNER,
        GROUP_OF,
        MODE.or("`\"0755\"` for a new one"),
        KeySpec::new("absent", ValueType::Boolean, "`true`: it is removed, if it is empty.")
            .or("`false`"),
    ],
    &["path"],
);

pub(super) const FILE: Section = section(
    &[
        PATH,
        KeySpec::new("content", ValueType::Text, "The text itself.").or("it stays as it is"),
        KeySpec::new(
            "template",
            ValueType::Text,
            "Or: a Jinja template, in `templates/` beside the playbook.",
        ),
        KeySpec::new(
            "copy",
            ValueType::Text,
            "Or: a file to copy as it is, in `files/` beside the playbook.",
        ),
        OWNER,
        GROUP_OF,
        MODE.or("`\"0644\"` for a new one, of a secret `\"0600\"`"),
        KeySpec::new("secret", ValueType::Boolean, "`true`: the content is never shown.")
            .or("`false`"),
        KeySpec::new(
            "polled",
            ValueType::Boolean,
            "`true`: its reader looks once a second whether it changed, and what follows waits \
             until it has.",
        )
        .or("`false`"),
        ABSENT,
    ],
    &["path"],
);

pub(super) const LINK: Section = section(
    &[PATH, KeySpec::new("target", ValueType::Text, "Where it leads, as it is written."), ABSENT],
    &["path"],
);

pub(super) const TABLE: Section = section(
    &[
        KeySpec::new("path", ValueType::Text, "The source of the table."),
        KeySpec::new("type", ValueType::Text, "As in `postconf -m`.")
            .or("the host's own, `facts.postfix.table_type`"),
        KeySpec::new("program", ValueType::Text, "`postmap` or `postalias`.").or("`postmap`"),
        KeySpec::new("absent", ValueType::Boolean, "`true`: the compiled table is removed.")
            .or("`false`"),
    ],
    &["path"],
);

pub(super) const CERTIFICATE: Section = section(
    &[
        KeySpec::new("certificate", ValueType::Text, "The path of the certificate."),
        KeySpec::new("key", ValueType::Text, "The path of the key."),
        KeySpec::new("hostname", ValueType::Text, "The name that it is for."),
    ],
    &["certificate", "key", "hostname"],
);

pub(super) const SERVICE: Section = section(
    &[
        KeySpec::new(
            "name",
            ValueType::Text,
            "The unit: a service without `.service`, or another that can be enabled, such as \
             `backup.timer` or `spool.path`.",
        ),
        KeySpec::new(
            "pid_file",
            ValueType::Text,
            "The file with the number of the daemon's process.",
        )
        .or("systemd is asked"),
        KeySpec::new(
            "reload",
            ValueType::Boolean,
            "`true`: a reload is enough for changed files; where it does not do, the service is \
             restarted.",
        )
        .or("`false`"),
        KeySpec::new(
            "config",
            TEXTS,
            "Files that it loads, besides those of steps that notify it.",
        )
        .or("none"),
        KeySpec::new(
            "check",
            ValueType::List(&ValueType::Either(&[ARGV, ValueType::Section(&CHECK)])),
            "Programs, each a list of arguments, that judge the new files before any of them is \
             put in place. `{stage}` in an argument is a folder in which they lie under their \
             usual paths. An exit code other than 0 is a no. They run while planning, too.",
        )
        .or("none"),
        KeySpec::new(
            "answers",
            ValueType::List(&ValueType::Section(&ANSWER)),
            "Where it must answer as long as it runs. Where nothing listens it is restarted.",
        )
        .or("none"),
        KeySpec::new(
            "needs",
            TEXTS,
            "Services of other steps that it cannot work without. Once one of them was started it \
             catches up, and is reloaded or restarted where it does not answer.",
        )
        .or("none"),
        KeySpec::new(
            "catches_up",
            ValueType::List(&ARGV),
            "Programs, each a list of arguments, by which it makes up for what it could not do: \
             run after it was started, and after what it `needs` was.",
        )
        .or("none"),
        KeySpec::new("absent", ValueType::Boolean, "`true`: it is stopped and disabled.")
            .or("`false`"),
    ],
    &["name"],
);

pub(super) const CHECK: Section = section(
    &[
        KeySpec::new("argv", ARGV, "The program and its arguments."),
        KeySpec::new(
            "strict",
            ValueType::Boolean,
            "`true`: any word on standard error is a no as well, and of what it says only file, \
             line and the words of the files are shown: it may quote what only root may read.",
        )
        .or("`false`"),
    ],
    &["argv"],
);

pub(super) const ANSWER: Section = section(
    &[
        KeySpec::new(
            "port",
            ValueType::Text,
            "A port on this host. Where it is empty, nothing is asked.",
        ),
        KeySpec::new("socket", ValueType::Text, "Or the path of a socket."),
        KeySpec::new("begins", ValueType::Text, "How what it says begins."),
        KeySpec::new("tls", ValueType::Boolean, "`true`: TLS comes first, and must work.")
            .or("`false`"),
        KeySpec::new(
            "starttls",
            ValueType::Text,
            "`smtp`, `imap` or `pop3`: the protocol in which TLS is asked for, and must work.",
        )
        .or("TLS is not asked for"),
    ],
    &[],
);

pub(super) const COMMAND: Section = Section {
    keys: &[
        KeySpec::new("argv", ARGV, "The program and its arguments. No shell reads it."),
        KeySpec::new("creates", ValueType::Text, "A path: it runs only if nothing is there."),
        KeySpec::new("unless", ARGV, "A program: it runs only if this one does not exit with 0."),
    ],
    required: &["argv"],
    one_of: &[],
    together: &[],
};

/// The kinds, each under its name in a step.
pub const KINDS: &[KeySpec] = &[
    KeySpec::new(
        "backup",
        ValueType::Either(&[TEXTS, ValueType::Section(&BACKUP)]),
        "The originals of these paths are kept, once and for good.",
    ),
    KeySpec::new(
        "package",
        ValueType::Either(&[ValueType::Text, TEXTS, ValueType::Section(&PACKAGE)]),
        "Debian packages are installed.",
    ),
    KeySpec::new(
        "group",
        ValueType::Either(&[ValueType::Text, ValueType::Section(&GROUP)]),
        "A group exists.",
    ),
    KeySpec::new("user", ValueType::Section(&USER), "A system user exists that cannot log in."),
    KeySpec::new("directory", ValueType::Section(&DIRECTORY), "A folder is there."),
    KeySpec::new("file", ValueType::Section(&FILE), "A file is there, replaced as a whole."),
    KeySpec::new("link", ValueType::Section(&LINK), "A symbolic link is there."),
    KeySpec::new("table", ValueType::Section(&TABLE), "A Postfix lookup table is compiled."),
    KeySpec::new(
        "certificate",
        ValueType::Section(&CERTIFICATE),
        "A self-signed certificate is there.",
    ),
    KeySpec::new(
        "service",
        ValueType::Either(&[ValueType::Text, ValueType::Section(&SERVICE)]),
        "A service is enabled and runs with the configuration that is on disk.",
    ),
    KeySpec::new(
        "command",
        ValueType::Section(&COMMAND),
        "A program has been run; it needs `creates` or `unless`.",
    ),
];
