//! Caches a value derived from a file until the file changes.

use std::cell::RefCell;
use std::rc::Rc;

use super::{FileStamp, Result};

/// The cached value and the stamp of its file.
#[derive(Debug)]
pub(super) struct StampCache<T>(RefCell<Option<(FileStamp, Rc<T>)>>);

impl<T> Default for StampCache<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T> StampCache<T> {
    /// Returns the cached value for a file with this stamp, else the result of `learn`.
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
