//! Something learned from a file, kept until the file changes.

use std::cell::RefCell;
use std::rc::Rc;

use super::{FileStamp, Result};

/// What was last learned, and from which state of the file.
#[derive(Debug)]
pub(super) struct StampCache<T>(RefCell<Option<(FileStamp, Rc<T>)>>);

impl<T> Default for StampCache<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T> StampCache<T> {
    /// Returns what is kept of the file that has this stamp, learned anew where
    /// it is of another.
    pub(super) fn of(&self, stamp: FileStamp, learn: impl FnOnce() -> Result<T>) -> Result<Rc<T>> {
        if let Some((seen, kept)) = &*self.0.borrow()
            && *seen == stamp
        {
            return Ok(Rc::clone(kept));
        }
        let learned = Rc::new(learn()?);
        *self.0.borrow_mut() = Some((stamp, Rc::clone(&learned)));
        Ok(learned)
    }
}
