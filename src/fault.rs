//! Injects faults, in test builds only (`--features faults`), to prove that the
//! program may die at any moment, and any operation may fail.
//!
//! `MAILPROV_FAULT="kill journal 7"` kills the process, as the kernel or a
//! power cut would, when it passes the seventh point of kind `journal`. With
//! `fail` instead of `kill` that point returns an error, and with `stop` the
//! process stops there until it gets SIGCONT. Without the feature the points do
//! nothing, and the variable is not read.

#[cfg(all(feature = "faults", not(debug_assertions)))]
compile_error!("faults are for tests: a release build must not contain them");

use std::io;

/// A kind of point at which a fault can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// An entry of the journal is on disk.
    Journal,
    /// A file is complete, but not renamed yet.
    File,
    /// The changes of a step are made, but not recorded yet.
    Change,
}

/// Passes a point.
#[cfg(not(feature = "faults"))]
#[expect(clippy::unnecessary_wraps, reason = "as in a build for tests")]
pub(crate) fn pass(_: Point) -> io::Result<()> {
    Ok(())
}

#[cfg(feature = "faults")]
pub(crate) use on_purpose::pass;

#[cfg(feature = "faults")]
mod on_purpose {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use nix::sys::signal::{Signal, raise};

    use super::{Point, io};

    enum Deed {
        Kill,
        Fail,
        Stop,
    }

    /// An action at a point.
    struct Fault {
        deed: Deed,
        kind: Point,
        number: usize,
    }

    static FAULT: LazyLock<Option<Fault>> = LazyLock::new(|| {
        let text = std::env::var("MAILPROV_FAULT").ok()?;
        let fault = Fault::parse(&text);
        assert!(fault.is_some(), "MAILPROV_FAULT is not like `kill journal 7`: {text}");
        fault
    });

    /// The number of points of the fault's kind that were passed.
    static PASSED: AtomicUsize = AtomicUsize::new(0);

    impl Fault {
        fn parse(text: &str) -> Option<Self> {
            let mut words = text.split(' ');
            let deed = match words.next()? {
                "kill" => Deed::Kill,
                "fail" => Deed::Fail,
                "stop" => Deed::Stop,
                _ => return None,
            };
            let kind = match words.next()? {
                "journal" => Point::Journal,
                "file" => Point::File,
                "change" => Point::Change,
                _ => return None,
            };
            Some(Self { deed, kind, number: words.next()?.parse().ok()? })
        }
    }

    /// Passes a point.
    pub(crate) fn pass(point: Point) -> io::Result<()> {
        let Some(fault) = FAULT.as_ref().filter(|fault| fault.kind == point) else { return Ok(()) };
        if PASSED.fetch_add(1, Ordering::Relaxed) + 1 != fault.number {
            return Ok(());
        }
        match fault.deed {
            // The code after this never runs.
            Deed::Kill => raise(Signal::SIGKILL)?,
            Deed::Stop => return Ok(raise(Signal::SIGSTOP)?),
            Deed::Fail => {}
        }
        Err(io::Error::other(format!("a fault on purpose, {point:?} {}", fault.number)))
    }
}
