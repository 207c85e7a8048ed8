//! Ends a guest from another thread.

use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::signal::Signal;

use super::signal;

/// Switches a guest off from another thread.
#[derive(Debug, Clone, Default)]
pub struct KillSwitch(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The guest's first process while it is switched on.
    leader: Option<u32>,
    triggered: bool,
}

impl KillSwitch {
    /// Ends the guest at once if it is switched on, and keeps it off.
    pub fn trigger(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.triggered = true;
        end(&state);
    }

    /// Records that the guest is on, by its first process, or off.
    pub(super) fn note(&self, leader: Option<u32>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.leader = leader;
        if state.triggered {
            end(&state);
        }
    }
}

fn end(state: &State) {
    if let Some(leader) = state.leader {
        signal(leader, Signal::SIGKILL);
    }
}
