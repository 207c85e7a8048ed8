//! All or back, whichever step or health check fails: the whole host and its
//! services are then as they were.

use crate::provoked::{ONE, OTHER, Whole, apply_with, converged};
use crate::support::{Debian, Output, Suite};

/// A box on which one run after the other fails.
struct Victim {
    debian: Debian,
    before: Whole,
}

impl Victim {
    fn new(debian: Debian) -> Self {
        Self { before: Whole::of(&debian), debian }
    }

    /// Has a run fail that is to bring a `mail.yml` about, and asserts that it
    /// says why and that nothing of it is left.
    #[track_caller]
    fn fails(self, text: &str, message: &str, run: impl Fn(&Debian) -> Output) -> Self {
        let debian = self.debian.mail_yml(text);
        let output = run(&debian).exits(1);
        let said = output.stderr();
        assert!(said.contains(message), "no `{message}`: {output}");
        assert!(said.contains("the host is as it was before this run"), "{output}");
        let debian = self.before.assert_again(debian);
        let history = debian.mailprov(&["history"]).success().stdout();
        assert!(history.lines().next().unwrap().contains("failed, undone"), "{history}");
        Self { debian, ..self }
    }
}

/// Returns how many steps a run to [`OTHER`] has.
fn steps(debian: &Debian) -> usize {
    let steps = |line: &&str| line.starts_with(|c: char| c.is_alphabetic());
    let plan = debian.mailprov(&["plan", "-v"]).success().stdout();
    let (_, changes) = plan.split_once("\n\n").unwrap();
    changes.lines().filter(steps).count()
}

#[test]
fn whichever_step_fails_after_it_was_made_all_are_undone() {
    for (index, suite) in Suite::ALL.into_iter().enumerate() {
        let debian = converged(suite).mail_yml(&OTHER);
        let steps = steps(&debian);
        assert!(steps > 10, "only {steps} steps");
        let victim = Victim::new(debian.mail_yml(&ONE));
        // The first run makes a key, which is kept: those after it have a step less.
        let fails = |victim: Victim, step: usize| {
            let fault = format!("fail change {step}");
            victim.fails(&OTHER, "a fault on purpose", |debian| apply_with(debian, &fault))
        };
        let mut victim = fails(victim, steps);
        let steps = steps - 1;
        // Every step on one of the releases, the first and the last on both.
        let is_due = |step: &usize| step % 2 == index || [1, steps].contains(step);
        for step in (1..=steps).filter(is_due) {
            victim = fails(victim, step);
        }
    }
}

#[test]
fn a_step_that_cannot_be_made_or_noted_is_undone_with_those_before() {
    for suite in Suite::ALL {
        let mut victim = Victim::new(converged(suite));
        for fault in ["fail journal 2", "fail journal 13", "fail journal 18", "fail file 20"] {
            victim = victim.fails(&OTHER, "a fault on purpose", |debian| apply_with(debian, fault));
        }
    }
}

/// What silences each place in which the mail services must answer, as `extra`
/// in a `mail.yml`, and what is then said of it.
const SILENCED: [(&str, &str); 9] = [
    ("dovecot: \"service auth {vsz_limit = 1M}\"", "private/auth does not answer"),
    ("dovecot: \"service lmtp {executable = /bin/false}\"", "dovecot-lmtp does not answer"),
    ("dovecot: \"service imap-login {executable = /bin/false}\"", "port 143 does not"),
    ("dovecot: \"service imap-login {inet_listener imaps {ssl = no}}\"", "port 993 does not"),
    ("dovecot: \"service pop3-login {executable = /bin/false}\"", "port 110 does not"),
    ("dovecot: \"service pop3-login {inet_listener pop3s {ssl = no}}\"", "port 995 does not"),
    ("postfix: {smtpd_relay_restrictions: permit}", "port 25 does not answer"),
    ("postfix: {master_service_disable: submission.inet}", "port 587 does not answer"),
    ("postfix: {master_service_disable: submissions.inet}", "port 465 does not answer"),
];

fn each_place_that_is_silent_takes_all_back(suite: Suite) {
    let mut victim = Victim::new(converged(suite));
    for (extra, message) in SILENCED {
        // A brace of Dovecot's begins and ends a line.
        let extra = match extra.starts_with("dovecot") {
            true => extra.replace('{', "{\\n").replace('}', "\\n}\\n"),
            false => extra.to_owned(),
        };
        let text = ONE.to_owned() + "catch_all: thomas\nmessage_size: 64MiB\n";
        let text = text + &format!("extra: {{{extra}}}\n");
        victim = victim.fails(&text, message, |debian| debian.mailprov(&["apply", "--yes"]));
    }
}

// Most of their time is waiting for an answer that does not come, so they wait side by side.

#[test]
fn a_place_in_which_a_service_does_not_answer_takes_all_back_on_bookworm() {
    each_place_that_is_silent_takes_all_back(Suite::Bookworm);
}

#[test]
fn a_place_in_which_a_service_does_not_answer_takes_all_back_on_trixie() {
    each_place_that_is_silent_takes_all_back(Suite::Trixie);
}

/// A service of a person's own, which answers nobody.
const KEEPER: &str = "\
- name: The unit
  file:
    path: /etc/systemd/system/keeper.service
    content: |
      [Service]
      RUNS
      [Install]
      WantedBy=multi-user.target
  notify: keeper
- name: Keeper runs
  service: {name: keeper}
";

/// Lines of a unit that is not well, and what is said of it.
const UNWELL: [(&str, &str); 5] = [
    ("ExecStartPre=/bin/false\n      ExecStart=/bin/sleep infinity", "systemctl restart keeper"),
    ("ExecStart=/bin/true", "keeper ended right after its start"),
    ("ExecStart=/bin/sleep 0.3", "keeper ended right after its start"),
    (
        "ExecStart=/bin/sleep 0.3\n      Restart=always\n      RestartSec=0\n      \
      StartLimitBurst=99",
        "keeper ends and is started again and again",
    ),
    ("ExecStart=/bin/sleep 0.3\n      Restart=always\n      RestartSec=5", "keeper ended right"),
];

#[test]
fn a_service_that_does_not_start_or_stay_takes_all_back() {
    for suite in Suite::ALL {
        let apply = |debian: &Debian, runs: &str| {
            debian.write("/tmp/keeper.yml", KEEPER.replace("RUNS", runs), 0o644);
            debian.mailprov(&["apply", "--yes", "--playbook", "/tmp/keeper.yml"])
        };
        let debian = converged(suite);
        let _ = apply(&debian, "ExecStart=/bin/sleep infinity").success();
        let mut victim = Victim::new(debian);
        for (runs, message) in UNWELL {
            victim = victim.fails(&ONE, message, |debian| apply(debian, runs));
        }
        let state = victim.debian.run(&["systemctl", "is-active", "keeper"]);
        assert_eq!(state.stdout(), "active\n");
    }
}
