//! A run that is told to stop finishes its step and undoes what it did, whoever
//! tells it and however often.

use nix::sys::signal::Signal;

use crate::provoked::{ONE, OTHER, Whole, assert_converged, assert_serves, assert_tidy, converged};
use crate::support::{Debian, Process, Suite, wait_for};

/// Starts a run, which stands still in the middle of its changes.
fn run_of(debian: &Debian, argv: &[&str]) -> Process {
    let _ = debian.shell("rm -rf /var/lib/mailprov/runs").success();
    // Under nohup(1), a shell in the box would ignore SIGHUP, too.
    let fault = ["env", "--default-signal=HUP", "MAILPROV_FAULT=stop change 3"];
    let run = debian.spawn(&[&fault[..], argv].concat());
    wait_for("a run in the middle", || {
        let state = debian.shell("ps -o stat= -C mailprov").stdout();
        state.starts_with('T').then_some(())
    });
    run
}

/// Has a run interrupted in its middle, and asserts that nothing is left of it.
#[track_caller]
fn is_undone(debian: Debian, interrupt: impl Fn(&Debian)) -> Debian {
    let before = Whole::of(&debian);
    let debian = debian.mail_yml(&OTHER);
    interrupt(&debian);
    before.assert_again(debian)
}

#[test]
fn an_interrupted_run_is_undone_and_a_second_signal_does_no_harm() {
    for (suite, signals) in [
        (Suite::Bookworm, &[Signal::SIGINT, Signal::SIGHUP][..]),
        (Suite::Trixie, &[Signal::SIGTERM]),
    ] {
        let mut debian = converged(suite);
        for &signal in signals {
            debian = is_undone(debian, |debian| {
                let mut run = run_of(debian, &["mailprov", "apply", "--yes"]);
                run.signal(signal);
                run.signal(signal);
                run.go_on();
                wait_for("the way back to begin", || {
                    let undoing = "grep -l undoing /var/lib/mailprov/runs/*/journal";
                    debian.shell(undoing).is_success().then_some(())
                });
                run.signal(signal);
                let output = run.wait().exits(1);
                assert!(output.stderr().contains("told to stop"), "{output}");
                assert!(output.stderr().contains("as it was before this run"), "{output}");
            });
        }
    }
}

#[test]
fn a_run_whose_terminal_is_gone_is_undone() {
    // A terminal does not depend on the release.
    let _ = is_undone(converged(Suite::Trixie), |debian| {
        let terminal = ["script", "--quiet", "--command", "mailprov apply --yes", "/dev/null"];
        let _ = run_of(debian, &terminal).kill();
        // With the terminal's end the kernel sends SIGHUP, and then SIGCONT. A run that goes
        // on before that could come to its end.
        wait_for("the terminal to be gone", || {
            (!debian.run(&["pkill", "-KILL", "-x", "script"]).is_success()).then_some(())
        });
        wait_for("the run to end", || {
            (!debian.run(&["pgrep", "-x", "mailprov"]).is_success()).then_some(())
        });
        let history = debian.mailprov(&["history"]).success().stdout();
        assert!(history.contains("failed, undone"), "{history}");
    });
}

/// Starts a first run and waits until apt installs packages.
fn first_run(suite: Suite) -> (Debian, Process) {
    let debian = Debian::fresh(suite).mail_yml(&ONE);
    debian.write("/etc/mailprov/relay.secret", "relay password\n", 0o600);
    let run = debian.spawn(&["mailprov", "apply", "--yes"]);
    wait_for("apt to unpack", || {
        debian.shell("grep -q ' unpacked ' /var/log/dpkg.log").is_success().then_some(())
    });
    (debian, run)
}

#[test]
fn told_to_stop_while_apt_runs_a_run_lets_it_end() {
    let (debian, mut run) = first_run(Suite::Bookworm);
    run.signal(Signal::SIGINT);
    let output = run.wait().exits(1);
    assert!(output.stderr().contains("told to stop"), "{output}");
    assert!(output.stderr().contains("what was installed stays: package:dovecot-core"), "{output}");
    assert_eq!(debian.run(&["dpkg", "--audit"]).stdout(), "");
    assert_tidy(&debian);
    let debian = debian.apply();
    assert_converged(&debian);
    assert_serves(&debian, 0);
}

#[test]
fn killed_or_without_power_while_apt_runs_the_next_run_ends_well() {
    let (debian, run) = first_run(Suite::Trixie);
    let _ = run.kill();
    let debian = debian.apply();
    assert_tidy(&debian);
    assert_converged(&debian);
    assert_serves(&debian, 0);

    let (mut debian, _run) = first_run(Suite::Bookworm);
    debian.power_cut();
    debian.boot();
    let debian = debian.apply();
    assert_tidy(&debian);
    assert_converged(&debian);
    assert_serves(&debian, 0);
}
