//! Being told to stop: by Ctrl-C, by `kill`, by a terminal that is gone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::{Error, Result};

/// Hears signals that would otherwise end the program at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interruption(Arc<AtomicBool>);

impl Interruption {
    /// From now on, notes SIGINT, SIGTERM and SIGHUP instead of ending, and
    /// calls `heard` at the first one.
    ///
    /// # Errors
    ///
    /// Fails where the system does not let us.
    pub(crate) fn listen(heard: impl Fn() + Send + 'static) -> Result<Self> {
        CtrlC::leave();
        let interruption = Self::default();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(deaf)?;
        let asked = Arc::clone(&interruption.0);
        // Lives as long as the program: there is nothing to wait for.
        std::thread::spawn(move || {
            for _ in signals.forever() {
                if !asked.swap(true, Ordering::Relaxed) {
                    heard();
                }
            }
        });
        Ok(interruption)
    }

    /// From now on, notes SIGINT and SIGTERM instead of ending; a terminal or a
    /// connection that is gone is no reason to stop.
    ///
    /// # Errors
    ///
    /// Fails where the system does not let us.
    pub(crate) fn listen_on_behalf() -> Result<Self> {
        let interruption = Self::default();
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&interruption.0)).map_err(deaf)?;
        }
        // Who hears it does not die of it.
        signal_hook::flag::register(SIGHUP, Arc::default()).map_err(deaf)?;
        Ok(interruption)
    }

    /// Tells to stop.
    pub(crate) fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Tells whether we were told to stop.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Ctrl-C while a program that we wait for has the terminal: it is that one's.
pub(super) struct CtrlC;

impl CtrlC {
    /// Whether it ends us, once it was held off.
    fn ends() -> &'static OnceLock<Arc<AtomicBool>> {
        static ENDS: OnceLock<Arc<AtomicBool>> = OnceLock::new();
        &ENDS
    }

    /// Holds it off until what is returned is dropped.
    pub(super) fn hold() -> Self {
        let ends = Self::ends().get_or_init(|| {
            let ends = Arc::default();
            // Where this fails it ends us, as ever.
            let _ = signal_hook::flag::register_conditional_default(SIGINT, Arc::clone(&ends));
            ends
        });
        ends.store(false, Ordering::SeqCst);
        Self
    }

    /// Leaves it to who listens from now on.
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
    Error::Other(format!("could not listen to signals: {error}"))
}
