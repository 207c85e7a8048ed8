//! The fields of each kind of resource: what the decoder knows and what the
//! schema tells.

use crate::yaml::{Known, Section, Shape};

const ABSENT: Known = Known::new("absent", Shape::Boolean, "`true`: it is removed.").or("`false`");
const PATH: Known = Known::new("path", Shape::Text, "The absolute path.");
const OWNER: Known =
    Known::new("owner", Shape::Text, "The user it belongs to.").or("`root` for a new one");
const GROUP_OF: Known =
    Known::new("group", Shape::Text, "The group it belongs to.").or("`root` for a new one");
const MODE: Known = Known::new("mode", Shape::Text, "Who may do what, in octal and in quotes.");
const TEXTS: Shape = Shape::List(&Shape::Text);
const ARGV: Shape = Shape::Some(&Shape::Text);

const fn section(keys: &'static [Known], required: &'static [&'static str]) -> Section {
    Section { keys, required, one_of: &[], together: &[] }
}

pub(super) const BACKUP: Section =
    section(&[Known::new("paths", TEXTS, "The paths whose originals are kept.")], &["paths"]);

pub(super) const PACKAGE: Section = Section {
    keys: &[
        Known::new("name", Shape::Text, "One Debian package."),
        Known::new("names", TEXTS, "Several Debian packages."),
        Known::new("absent", Shape::Boolean, "`true`: removed, its configuration kept.")
            .or("`false`"),
    ],
    required: &[],
    one_of: &["name", "names"],
    together: &[],
};

pub(super) const GROUP: Section = section(
    &[
        Known::new("name", Shape::Text, "The group's name."),
        Known::new("gid", Shape::Number, "Its number.").or("the system's choice"),
        ABSENT,
    ],
    &["name"],
);

pub(super) const USER: Section = section(
    &[
        Known::new("name", Shape::Text, "The user's name."),
        Known::new("uid", Shape::Number, "Its number.").or("the system's choice"),
        Known::new("group", Shape::Text, "The main group.").or("one of the same name"),
        Known::new(
            "home",
            Shape::Text,
            "The home folder. It is not made; a `directory` step does that.",
        )
        .or("`/nonexistent`"),
        Known::new("shell", Shape::Text, "The login shell.").or("`/usr/sbin/nologin`"),
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
        Known::new("absent", Shape::Boolean, "`true`: it is removed, if it is empty.")
            .or("`false`"),
    ],
    &["path"],
);

pub(super) const FILE: Section = section(
    &[
        PATH,
        Known::new("content", Shape::Text, "The text itself.").or("it stays as it is"),
        Known::new(
            "template",
            Shape::Text,
            "Or: a Jinja template, in `templates/` beside the playbook.",
        ),
        Known::new(
            "copy",
            Shape::Text,
            "Or: a file to copy as it is, in `files/` beside the playbook.",
        ),
        OWNER,
        GROUP_OF,
        MODE.or("`\"0644\"` for a new one, of a secret `\"0600\"`"),
        Known::new("secret", Shape::Boolean, "`true`: the content is never shown.").or("`false`"),
        Known::new(
            "polled",
            Shape::Boolean,
            "`true`: its reader looks once a second whether it changed, and what follows waits \
             until it has.",
        )
        .or("`false`"),
        ABSENT,
    ],
    &["path"],
);

pub(super) const LINK: Section = section(
    &[PATH, Known::new("target", Shape::Text, "Where it leads, as it is written."), ABSENT],
    &["path"],
);

pub(super) const TABLE: Section = section(
    &[
        Known::new("path", Shape::Text, "The source of the table."),
        Known::new("type", Shape::Text, "As in `postconf -m`.")
            .or("the host's own, `facts.postfix.table_type`"),
        Known::new("program", Shape::Text, "`postmap` or `postalias`.").or("`postmap`"),
        Known::new("absent", Shape::Boolean, "`true`: the compiled table is removed.")
            .or("`false`"),
    ],
    &["path"],
);

pub(super) const CERTIFICATE: Section = section(
    &[
        Known::new("certificate", Shape::Text, "The path of the certificate."),
        Known::new("key", Shape::Text, "The path of the key."),
        Known::new("hostname", Shape::Text, "The name that it is for."),
    ],
    &["certificate", "key", "hostname"],
);

pub(super) const SERVICE: Section = section(
    &[
        Known::new(
            "name",
            Shape::Text,
            "The unit: a service without `.service`, or another that can be enabled, such as \
             `backup.timer` or `spool.path`.",
        ),
        Known::new("pid_file", Shape::Text, "The file with the number of the daemon's process.")
            .or("systemd is asked"),
        Known::new(
            "reload",
            Shape::Boolean,
            "`true`: a reload is enough for changed files; where it does not do, the service is \
             restarted.",
        )
        .or("`false`"),
        Known::new("config", TEXTS, "Files that it loads, besides those of steps that notify it.")
            .or("none"),
        Known::new(
            "check",
            Shape::List(&Shape::Either(&[ARGV, Shape::Section(&CHECK)])),
            "Programs, each a list of arguments, that judge the new files before any of them is \
             put in place. `{stage}` in an argument is a folder in which they lie under their \
             usual paths. An exit code other than 0 is a no. They run while planning, too.",
        )
        .or("none"),
        Known::new(
            "answers",
            Shape::List(&Shape::Section(&ANSWER)),
            "Where it must answer as long as it runs. Where nothing listens it is restarted.",
        )
        .or("none"),
        Known::new(
            "needs",
            TEXTS,
            "Services of other steps that it cannot work without. Once one of them was started it \
             catches up, and is reloaded or restarted where it does not answer.",
        )
        .or("none"),
        Known::new(
            "catches_up",
            Shape::List(&ARGV),
            "Programs, each a list of arguments, by which it makes up for what it could not do: \
             run after it was started, and after what it `needs` was.",
        )
        .or("none"),
        Known::new("absent", Shape::Boolean, "`true`: it is stopped and disabled.").or("`false`"),
    ],
    &["name"],
);

pub(super) const CHECK: Section = section(
    &[
        Known::new("argv", ARGV, "The program and its arguments."),
        Known::new(
            "strict",
            Shape::Boolean,
            "`true`: any word on standard error is a no as well, and of what it says only file, \
             line and the words of the files are shown: it may quote what only root may read.",
        )
        .or("`false`"),
    ],
    &["argv"],
);

pub(super) const ANSWER: Section = section(
    &[
        Known::new(
            "port",
            Shape::Text,
            "A port on this host. Where it is empty, nothing is asked.",
        ),
        Known::new("socket", Shape::Text, "Or the path of a socket."),
        Known::new("begins", Shape::Text, "How what it says begins."),
        Known::new("tls", Shape::Boolean, "`true`: TLS comes first, and must work.").or("`false`"),
        Known::new(
            "starttls",
            Shape::Text,
            "`smtp`, `imap` or `pop3`: the protocol in which TLS is asked for, and must work.",
        )
        .or("TLS is not asked for"),
    ],
    &[],
);

pub(super) const COMMAND: Section = Section {
    keys: &[
        Known::new("argv", ARGV, "The program and its arguments. No shell reads it."),
        Known::new("creates", Shape::Text, "A path: it runs only if nothing is there."),
        Known::new("unless", ARGV, "A program: it runs only if this one does not exit with 0."),
    ],
    required: &["argv"],
    one_of: &[],
    together: &[],
};

/// The kinds, each under its name in a step.
pub const KINDS: &[Known] = &[
    Known::new(
        "backup",
        Shape::Either(&[TEXTS, Shape::Section(&BACKUP)]),
        "The originals of these paths are kept, once and for good.",
    ),
    Known::new(
        "package",
        Shape::Either(&[Shape::Text, TEXTS, Shape::Section(&PACKAGE)]),
        "Debian packages are installed.",
    ),
    Known::new("group", Shape::Either(&[Shape::Text, Shape::Section(&GROUP)]), "A group exists."),
    Known::new("user", Shape::Section(&USER), "A system user exists that cannot log in."),
    Known::new("directory", Shape::Section(&DIRECTORY), "A folder is there."),
    Known::new("file", Shape::Section(&FILE), "A file is there, replaced as a whole."),
    Known::new("link", Shape::Section(&LINK), "A symbolic link is there."),
    Known::new("table", Shape::Section(&TABLE), "A Postfix lookup table is compiled."),
    Known::new("certificate", Shape::Section(&CERTIFICATE), "A self-signed certificate is there."),
    Known::new(
        "service",
        Shape::Either(&[Shape::Text, Shape::Section(&SERVICE)]),
        "A service is enabled and runs with the configuration that is on disk.",
    ),
    Known::new(
        "command",
        Shape::Section(&COMMAND),
        "A program has been run; it needs `creates` or `unless`.",
    ),
];
