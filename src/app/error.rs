//! Maps the errors of lower rooms to those of commands.

use crate::command_error::{CommandError, ErrorKind};
use crate::engine::{LockError, PlanError};
use crate::host::{self, Host};

impl From<host::Error> for CommandError {
    fn from(error: host::Error) -> Self {
        if error.is_permission_denied() && !Host::is_root() {
            return Self::of(ErrorKind::NeedsRoot, error).hinted("Run it with sudo.");
        }
        Self::of(ErrorKind::Failed, error)
    }
}

impl From<PlanError> for CommandError {
    fn from(error: PlanError) -> Self {
        Self::of(ErrorKind::Failed, error)
    }
}

impl From<LockError> for CommandError {
    fn from(error: LockError) -> Self {
        let kind = match error {
            LockError::Held(_) => ErrorKind::Busy,
            LockError::Host(_) => ErrorKind::Failed,
        };
        Self::of(kind, error)
    }
}
