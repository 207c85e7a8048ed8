//! Plan and apply. Knows keys, states and changes; names no kind of resource.

mod applied;
mod apply;
mod check;
mod event;
mod lock;
mod plan;

pub use apply::{Failure, apply};
pub use event::Event;
pub use lock::{Lock, LockError};
pub use plan::{Change, Plan, PlanError, Unseen, plan};
