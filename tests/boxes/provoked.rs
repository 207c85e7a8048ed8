//! A mail server with mail in it, two states to bring it into, and faults on the
//! way from one to the other.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::rollback::assert_same;
use crate::support::{
    Debian, Imap, Output, Smtp, Snapshot, Suite, Tls, sha512_crypt, wait_at_most, wait_for,
};

/// Thomas's password in both states.
pub const PASSWORD: &str = "as ever";

/// A `mail.yml`.
pub static ONE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "hostname: mail.example.org\ndomains: [example.org]\naccounts:\n  thomas:\n    password: \
         \"{}\"\ntls: {{self_signed: true}}\nrelay: {{host: \"[127.0.0.1]:2525\", username: one, \
         password_file: relay.secret}}\nban: false\nspam: false\n",
        sha512_crypt(PASSWORD)
    )
});

/// Another one: between the two nearly every file differs.
pub static OTHER: LazyLock<String> = LazyLock::new(|| {
    let text = ONE.replace("[example.org]", "[example.org, example.net]");
    let anna = format!("  anna: {{password: \"{}\", aliases: [info]}}\ntls:", sha512_crypt("a"));
    text.replace("tls:", &anna).replace("username: one", "username: other")
        + "catch_all: thomas\nsystem_mail: anna\nmessage_size: 64MiB\nservices: {pop3: false}\nwatch: daily\n"
});

/// Returns the box whose `mail.yml` [`ONE`] was applied, and that then got a
/// mail.
pub fn converged(suite: Suite) -> Debian {
    Debian::prepared("with mail in it", suite, |debian| {
        debian.write("/etc/mailprov/relay.secret", "relay password\n", 0o600);
        let debian = debian.mail_yml(&ONE).apply();
        let mut smtp = Smtp::connect(debian.connect(25).unwrap()).unwrap();
        smtp.ehlo().unwrap();
        let reply = smtp.send("bob@example.org", &["thomas@example.org"], b"Kept.\r\n");
        reply.unwrap().expect_code(250);
        wait_for("the mail to be delivered", || (mails(&debian) == Ok(1)).then_some(()));
        debian
    })
}

/// Returns a box with Debian's packages as they come, and [`ONE`] to be applied.
pub fn with_packages(suite: Suite) -> Debian {
    let debian = Debian::with_mail_packages(suite);
    debian.write("/etc/mailprov/relay.secret", "relay password\n", 0o600);
    debian.mail_yml(&ONE)
}

/// Runs `mailprov apply` with a fault, such as `kill journal 7`.
pub fn apply_with(debian: &Debian, fault: &str) -> Output {
    let fault = format!("MAILPROV_FAULT={fault}");
    debian.run(&["env", &fault, "mailprov", "apply", "--yes", "--no-check"])
}

/// What a process is ended with that is killed: 128 and the signal's number.
pub const KILLED: i32 = 137;

/// Returns how many mails Thomas has, if he gets in.
fn mails(debian: &Debian) -> Result<u32, String> {
    let ask = || {
        let tls = Tls::unverified("mail.example.org");
        let mut imap = Imap::connect_tls(debian.connect(993)?, &tls)?;
        imap.login("thomas", PASSWORD)?.ok()?;
        imap.select("INBOX")
    };
    ask().map_err(|error: std::io::Error| error.to_string())
}

/// Asserts that mail is taken in and that Thomas finds `expected` ones: right
/// away, since a run is over only when the services answer.
#[track_caller]
pub fn assert_serves(debian: &Debian, expected: u32) {
    assert_eq!(mails(debian), Ok(expected));
    let smtp = Smtp::connect(debian.connect(25).unwrap()).unwrap();
    assert!(smtp.greeting().text().contains("ESMTP"), "{:?}", smtp.greeting());
    let submission = Smtp::connect(debian.connect(587).unwrap()).unwrap();
    assert!(submission.greeting().text().contains("ESMTP"), "{:?}", submission.greeting());
}

/// Waits for the services that a boot starts.
#[track_caller]
pub fn wait_until_up(debian: &Debian, expected: u32) {
    let up = wait_at_most(crate::support::PATIENCE, || {
        (mails(debian) == Ok(expected) && debian.connect(25).is_ok()).then_some(())
    });
    assert!(up.is_some(), "the services do not come up by themselves: {:?}", mails(debian));
}

/// What services are, and whether they run.
fn services(debian: &Debian) -> String {
    let show = "systemctl show --property=Id,ActiveState,UnitFileState dovecot postfix \
                'postfix@*' 'keeper*'";
    debian.shell(show).success().stdout()
}

/// The whole of a converged box, to be found again after a run that was undone.
#[derive(Debug)]
pub struct Whole {
    disk: Snapshot,
    services: String,
}

impl Whole {
    /// Looks at a box.
    pub fn of(debian: &Debian) -> Self {
        Self { disk: debian.snapshot(), services: services(debian) }
    }

    /// Asserts that a box is as it was, with [`ONE`] for its `mail.yml` again, and
    /// that it works.
    #[track_caller]
    pub fn assert_again(&self, debian: Debian) -> Debian {
        let debian = debian.mail_yml(&ONE);
        assert_same(&self.disk, &debian.snapshot());
        assert_eq!(services(&debian), self.services);
        assert_tidy(&debian);
        assert_converged(&debian);
        assert_serves(&debian, 1);
        debian
    }
}

/// Each file that is managed, with owner, mode and digest.
pub type Managed = BTreeMap<String, String>;

/// Looks at the managed files.
pub fn managed(debian: &Debian) -> Managed {
    // A table's bytes are others each time it is compiled: what it says is compared.
    let look = r#"
        files=$(find /etc/aliases* /etc/postfix /etc/dovecot /etc/mailprov -type f \
            ! -name '.*.mailprov-new' ! -name mail.yml 2> /dev/null)
        stat -c '%A %U:%G  %n' $files
        sha256sum $(echo "$files" | grep -v '\.db$')
        for table in $(echo "$files" | grep '\.db$'); do
            says=$(postmap -s "hash:${table%.db}" | grep -v ^YP_ | sort | sha256sum)
            echo "${says%% *}  $table"
        done"#;
    let text = debian.shell(look).success().stdout();
    let mut managed = Managed::new();
    for line in text.lines() {
        let (state, path) = line.split_once("  /").unwrap();
        *managed.entry(format!("/{path}")).or_default() += &format!("{state} ");
    }
    managed
}

/// Asserts that files are as they should be.
#[track_caller]
pub fn assert_managed(found: &Managed, expected: &Managed) {
    let different = differences(found, &[expected]);
    assert!(different.is_empty(), "not as they should be: {different:#?}");
}

/// Asserts that each file is wholly as it was in one state or in the other.
#[track_caller]
pub fn assert_whole(found: &Managed, states: &[&Managed]) {
    let torn = differences(found, states);
    assert!(torn.is_empty(), "neither old nor new: {torn:#?}");
}

/// Returns the files that are as in none of the states.
fn differences(found: &Managed, states: &[&Managed]) -> Vec<String> {
    let mut paths: Vec<_> = states.iter().flat_map(|state| state.keys()).collect();
    paths.extend(found.keys());
    paths.sort();
    paths.dedup();
    let is_odd =
        |path: &&&String| !states.iter().any(|state| state.get(**path) == found.get(**path));
    paths.iter().filter(is_odd).map(|path| format!("{path}: {:?}", found.get(*path))).collect()
}

/// Tells whether the last run has no end.
pub fn is_unfinished(debian: &Debian) -> bool {
    let history = debian.mailprov(&["history"]).success().stdout();
    history.lines().next().is_some_and(|line| line.ends_with("interrupted"))
}

/// Asserts that nothing half made is left behind.
#[track_caller]
pub fn assert_tidy(debian: &Debian) {
    let stray = "find / -xdev -name '*mailprov-new*' -o -path '/run/mailprov/stage-*' \
                 -o -path /var/lib/mailprov/compiling -o -path /var/lib/mailprov/certificate \
                 -o -path '/usr/sbin/policy-rc.d*'; find /run/mailprov -path '*stage*'";
    assert_eq!(debian.shell(stray).stdout(), "", "left behind");
}

/// Asserts that nothing is left to be done.
#[track_caller]
pub fn assert_converged(debian: &Debian) {
    let _ = debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
}
