//! All or back, whichever step fails: the whole host and its services are then
//! as they were.

use crate::provoked::{
    ONE, OTHER, apply_with, assert_converged, assert_serves, assert_tidy, converged, services,
};
use crate::rollback::assert_same;
use crate::support::{Debian, Output, Suite};

/// Has a run fail that is to bring [`OTHER`] about or another `mail.yml`, and
/// asserts that nothing of it is left.
#[track_caller]
fn fails_and_is_undone(debian: Debian, text: &str, run: impl Fn(&Debian) -> Output) -> Debian {
    let before = (debian.snapshot(), services(&debian));
    let debian = debian.mail_yml(text);
    let output = run(&debian).exits(1);
    assert!(output.stderr().contains("the host is as it was before this run"), "{output}");
    let debian = debian.mail_yml(&ONE);
    assert_same(&before.0, &debian.snapshot());
    assert_eq!(services(&debian), before.1);
    assert_tidy(&debian);
    assert_converged(&debian);
    assert_serves(&debian, 1);
    let history = debian.mailprov(&["history"]).success().stdout();
    assert!(history.lines().next().unwrap().contains("failed, undone"), "{history}");
    debian
}

/// Returns how many steps a run to [`OTHER`] has.
fn steps(debian: &Debian) -> usize {
    let plan = debian.mailprov(&["plan"]).success().stdout();
    plan.lines().filter(|line| line.starts_with(|c: char| c.is_alphabetic())).count() - 1
}

#[test]
fn whichever_step_fails_after_it_was_made_all_are_undone() {
    for (index, suite) in Suite::ALL.into_iter().enumerate() {
        let mut debian = converged(suite).mail_yml(&OTHER);
        let steps = steps(&debian);
        assert!(steps > 10, "only {steps} steps");
        debian = debian.mail_yml(&ONE);
        // Every step on one of the releases, the first and the last on both.
        let is_due = |step: &usize| step % 2 == index || [1, steps].contains(step);
        for step in (1..=steps).filter(is_due) {
            let fault = format!("fail change {step}");
            debian = fails_and_is_undone(debian, &OTHER, |debian| apply_with(debian, &fault));
        }
    }
}

#[test]
fn a_step_that_cannot_be_made_or_noted_is_undone_with_those_before() {
    for suite in Suite::ALL {
        let mut debian = converged(suite);
        for fault in ["fail journal 2", "fail journal 13", "fail journal 18", "fail file 20"] {
            debian = fails_and_is_undone(debian, &OTHER, |debian| apply_with(debian, fault));
        }
    }
}

#[test]
fn a_service_that_does_not_answer_takes_all_back() {
    let silent = [
        ("postfix: {smtpd_relay_restrictions: permit}", "port 25 does not answer"),
        ("dovecot: \"service auth {\\n  vsz_limit = 1M\\n}\\n\"", "does not answer"),
    ];
    for suite in Suite::ALL {
        let mut debian = converged(suite);
        for (setting, message) in silent {
            let text = OTHER.to_owned() + &format!("extra: {{{setting}}}\n");
            debian = fails_and_is_undone(debian, &text, |debian| {
                let output = debian.mailprov(&["apply", "--yes"]);
                assert!(output.stderr().contains(message), "{output}");
                output
            });
        }
    }
}
