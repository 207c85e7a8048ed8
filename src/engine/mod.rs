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

pub(crate) use crate::resource::BadPair;
pub use apply::{Failure, apply};
pub(crate) use change::{Change, Drift, Origin};
pub(crate) use cleanup::cleanup;
pub(crate) use event::Event;
pub use journal::{Outcome, Record, Run, runs};
pub(crate) use journal::{brought_by, last_run};
pub(crate) use last_known::{has_brought, note_change};
pub(crate) use lock::{Lock, LockError};
pub use plan::{Note, Plan, PlanError, Unseen, plan};
pub(crate) use playbook_cache::{CacheKey, CachedPlaybook, OwnPlaybook};
pub(crate) use rollback_plan::{RollbackPlan, rollback_plan};
pub(crate) use saved::SavedPlan;
pub(crate) use unreported::{mark_unreported, take_unreported};

/// The folder of all files of mailprov's own.
const STATE_DIR: &str = "/var/lib/mailprov";
