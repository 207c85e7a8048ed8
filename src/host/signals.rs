//! Signals that stop the program: Ctrl-C, `kill`, and a closed terminal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::{Error, Result};

/// Records signals that would otherwise end the program at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interruption(Arc<AtomicBool>);

impl Interruption {
    /// Records SIGINT, SIGTERM and SIGHUP from now on instead of ending, and
    /// calls `heard` at the first one.
    ///
    /// # Errors
    ///
    /// Fails if the handlers cannot be installed.
    pub(crate) fn listen(heard: impl Fn() + Send + 'static) -> Result<Self> {
        CtrlC::leave();
        let interruption = Self::default();
        let all = [SIGINT, SIGTERM, SIGHUP];
        // By the handler itself: on a busy host a thread may come too late for a short run.
        for signal in all {
            signal_hook::flag::register(signal, Arc::clone(&interruption.0)).map_err(deaf)?;
        }
        let mut signals = Signals::new(all).map_err(deaf)?;
        // The thread lives as long as the program.
        std::thread::spawn(move || {
            if signals.forever().next().is_some() {
                heard();
            }
            // Later ones are received, and change nothing.
            signals.forever().for_each(drop);
        });
        Ok(interruption)
    }

    /// Records SIGINT and SIGTERM from now on instead of ending. A closed
    /// terminal or connection does not stop the program.
    ///
    /// # Errors
    ///
    /// Fails if the handlers cannot be installed.
    pub(crate) fn listen_on_behalf() -> Result<Self> {
        let interruption = Self::default();
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&interruption.0)).map_err(deaf)?;
        }
        // A handled signal does not end the program.
        signal_hook::flag::register(SIGHUP, Arc::default()).map_err(deaf)?;
        Ok(interruption)
    }

    pub(crate) fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns whether the program was requested to stop.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Suspends the effect of Ctrl-C while another program has the terminal.
pub(super) struct CtrlC;

impl CtrlC {
    /// Whether Ctrl-C ends the program, once it was suspended.
    fn ends() -> &'static OnceLock<Arc<AtomicBool>> {
        static ENDS: OnceLock<Arc<AtomicBool>> = OnceLock::new();
        &ENDS
    }

    /// Suspends Ctrl-C until the returned value is dropped.
    pub(super) fn hold() -> Self {
        let ends = Self::ends().get_or_init(|| {
            let ends = Arc::default();
            // If this fails, Ctrl-C ends the program as usual.
            let _ = signal_hook::flag::register_conditional_default(SIGINT, Arc::clone(&ends));
            ends
        });
        ends.store(false, Ordering::SeqCst);
        Self
    }

    /// Leaves Ctrl-C to the handlers that are installed from now on.
    fn leave() {
        if let Some(ends) = Self::ends().get() {
            ends.store(false, Ordering::SeqCst);
        }
    }
}

impl Drop for CtrlC {
    fn drop(&mut self) {
        if let Some(ends) = Self::ends().get() {
            ends.store(true, Ordering::SeqCst);
        }
    }
}

fn deaf(error: std::io::Error) -> Error {
    Error::system("listen to signals", error)
}
