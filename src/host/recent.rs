//! A cache for a moment. A plan asks for the same few folders and names
//! hundreds of times within milliseconds. An answer is valid for that long, and
//! only until this process changes something or runs a program.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time for which an answer is valid.
const MOMENT: Duration = Duration::from_millis(20);

/// The limit of cached answers. Each can be an open folder.
const MOST: usize = 128;

/// The number of changes that this process has made to its host.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// Invalidates all answers.
pub(super) fn forget() {
    CHANGES.fetch_add(1, Ordering::Relaxed);
}

#[derive(Debug)]
pub(super) struct Recent<K, V> {
    answers: RefCell<HashMap<K, V>>,
    since: RefCell<Option<(Instant, u64)>>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { answers: RefCell::default(), since: RefCell::default() }
    }
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, question: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (since, changes) = (*self.since.borrow())?;
        let counts = since.elapsed() < MOMENT && changes == CHANGES.load(Ordering::Relaxed);
        counts.then(|| self.answers.borrow().get(question).cloned()).flatten()
    }

    pub(super) fn put(&self, question: K, answer: V) {
        let mut answers = self.answers.borrow_mut();
        let mut since = self.since.borrow_mut();
        let changes = CHANGES.load(Ordering::Relaxed);
        let counts = since.is_some_and(|(since, then)| since.elapsed() < MOMENT && then == changes);
        if !counts || answers.len() >= MOST {
            answers.clear();
            *since = Some((Instant::now(), changes));
        }
        answers.insert(question, answer);
    }

    /// Returns the cached answer to a question, else the result of `ask`.
    pub(super) fn of<E>(&self, question: K, ask: impl FnOnce(&K) -> Result<V, E>) -> Result<V, E> {
        if let Some(answer) = self.get(&question) {
            return Ok(answer);
        }
        let answer = ask(&question)?;
        self.put(question, answer.clone());
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_for_a_moment_and_until_a_change() {
        let recent = Recent::default();
        recent.put("a", 1);
        // Another test may make a change between these two calls.
        assert!((0..100).any(|_| {
            recent.put("a", 1);
            recent.get("a") == Some(1)
        }));
        assert_eq!(recent.get("b"), None);
        forget();
        assert_eq!(recent.get("a"), None);
        recent.put("a", 2);
        std::thread::sleep(MOMENT);
        assert_eq!(recent.get("a"), None);
    }
}
