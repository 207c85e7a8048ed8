//! The fields of each kind of resource: what the decoder knows and what the
//! schema tells.

use crate::yaml::{Known, Section, Shape};

const ABSENT: Known =
    Known::new("absent", Shape::Boolean, "`true`: it is removed. Default: false.");
const PATH: Known = Known::new("path", Shape::Text, "The absolute path.");
const OWNER: Known = Known::new("owner", Shape::Text, "The user it belongs to. Default: root.");
const GROUP_OF: Known = Known::new("group", Shape::Text, "The group. Default: root.");
const MODE: Known = Known::new("mode", Shape::Text, "Who may do what, in octal: \"0644\".");
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
        ABSENT,
    ],
    required: &[],
    one_of: &["name", "names"],
    together: &[],
};

pub(super) const GROUP: Section = section(
    &[
        Known::new("name", Shape::Text, "The group's name."),
        Known::new("gid", Shape::Number, "Its number. Default: the system's choice."),
        ABSENT,
    ],
    &["name"],
);

pub(super) const USER: Section = section(
    &[
        Known::new("name", Shape::Text, "The user's name."),
        Known::new("uid", Shape::Number, "The number. Default: the system's choice."),
        Known::new("group", Shape::Text, "The main group. Default: one of the same name."),
        Known::new(
            "home",
            Shape::Text,
            "The home folder, which is not made. Default: /nonexistent.",
        ),
        Known::new("shell", Shape::Text, "Default: /usr/sbin/nologin."),
        ABSENT,
    ],
    &["name"],
);

pub(super) const DIRECTORY: Section = section(&[PATH, OWNER, GROUP_OF, MODE, ABSENT], &["path"]);

pub(super) const FILE: Section = section(
    &[
        PATH,
        Known::new("content", Shape::Text, "The text itself."),
        Known::new(
            "template",
            Shape::Text,
            "A Jinja template, in `templates/` beside the playbook.",
        ),
        Known::new("copy", Shape::Text, "A file to copy, in `files/` beside the playbook."),
        OWNER,
        GROUP_OF,
        MODE,
        Known::new("secret", Shape::Boolean, "`true`: the content is never shown."),
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
        Known::new("type", Shape::Text, "As in `postconf -m`. Default: the host's own."),
        Known::new("program", Shape::Text, "postmap (the default) or postalias."),
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
            "The unit: a service without `.service`, or such as `backup.timer`.",
        ),
        Known::new("pid_file", Shape::Text, "The file with the daemon's process number."),
        Known::new("reload", Shape::Boolean, "`true`: a reload is enough for changed files."),
        Known::new("config", TEXTS, "Files that it loads, besides those that notify it."),
        Known::new(
            "check",
            Shape::List(&ARGV),
            "Programs, each a list, that judge the new files before one of them is put in place. \
             `{stage}` is the folder in which they lie.",
        ),
        Known::new(
            "answers",
            Shape::List(&Shape::Section(&ANSWER)),
            "Where it must answer once it runs.",
        ),
        ABSENT,
    ],
    &["name"],
);

pub(super) const ANSWER: Section = section(
    &[
        Known::new("port", Shape::Text, "A port on this host; left out where it is empty."),
        Known::new("socket", Shape::Text, "Or the path of a socket."),
        Known::new("begins", Shape::Text, "How what it says begins."),
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
