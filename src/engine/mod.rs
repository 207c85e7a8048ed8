//! Plan and apply, journal and undo. Knows keys, states and changes, and names
//! no kind of resource.

mod apply;
mod bad_pair;
mod change;
mod cleanup;
mod complaint;
mod content_store;
mod event;
mod journal;
mod last_known;
mod lock;
mod plan;
mod playbook_cache;
mod rollback_plan;
mod saved;
mod staged_check;
mod unreported;

pub use crate::resource::BadPair;
pub use apply::{Failure, apply};
pub use change::{Change, Drift, Origin};
pub use cleanup::cleanup;
pub use event::Event;
pub use journal::{Outcome, Record, Run, brought_by, last_run, runs};
pub use lock::{Lock, LockError};
pub use plan::{Note, Plan, PlanError, Unseen, plan};
pub use playbook_cache::{CacheKey, CachedPlaybook};
pub use rollback_plan::{RollbackPlan, rollback_plan};
pub use saved::{SavedPlan, SavedPlanError};
pub use unreported::{mark_unreported, take_unreported};

/// The folder of all files of mailprov's own.
const STATE_DIR: &str = "/var/lib/mailprov";
