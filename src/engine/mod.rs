//! Plan and apply, journal and undo. Knows keys, states and changes; names no
//! kind of resource.

mod applied;
mod apply;
mod check;
mod complaint;
mod event;
mod journal;
mod lock;
mod pair;
mod plan;
mod resolved;
mod saved;
mod store;
mod tidy;
mod undo;
mod unheard;

pub use applied::Drift;
/// Where all that is ours lies.
const OURS: &str = "/var/lib/mailprov";

pub use apply::{Failure, apply};
pub use event::Event;
pub use journal::{Outcome, Record, Run, brought_by, last_run, runs};
pub use lock::{Lock, LockError};
pub use pair::BadPair;
pub use plan::{Affected, Change, Note, Origin, Plan, PlanError, Unseen, plan};
pub use resolved::{Inputs, Resolved};
pub use saved::{SavedPlan, SavedPlanError};
pub use tidy::tidy;
pub use undo::{WayBack, way_back};
pub use unheard::{note_unheard, take_unheard};
