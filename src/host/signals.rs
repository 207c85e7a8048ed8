//! Being told to stop: by Ctrl-C, by `kill`, by a terminal that is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::{Error, Result};

/// Hears signals that would otherwise end the program at once.
#[derive(Debug, Clone, Default)]
pub struct Interruption(Arc<AtomicBool>);

impl Interruption {
    /// From now on, notes SIGINT, SIGTERM and SIGHUP instead of ending.
    ///
    /// # Errors
    ///
    /// Fails where the system does not let us.
    pub fn listen() -> Result<Self> {
        let interruption = Self::default();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&interruption.0))
                .map_err(|error| Error::Other(format!("could not listen to signals: {error}")))?;
        }
        Ok(interruption)
    }

    /// Tells whether we were told to stop.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
