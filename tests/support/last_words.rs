//! The message of a test that failed, at the end of what it prints: the states of its
//! boxes are long, and of a long text often only the end is kept.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::thread;

thread_local! {
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Has each thread keep the message of its panic.
pub(super) fn keep() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            MESSAGE.replace(panic.to_string());
            usual(panic);
        }));
    });
}

/// Returns the message of this thread's panic.
pub(super) fn last_words() -> String {
    MESSAGE.with_borrow(String::clone)
}

/// Looks at several at once: most of the time is spent waiting. Panics with the
/// messages of those that failed.
#[track_caller]
pub fn on_each<T: Send>(all: impl IntoIterator<Item = T>, look: impl Fn(T) + Sync) {
    keep();
    let look = |one| catch_unwind(AssertUnwindSafe(|| look(one))).map_err(|_| last_words());
    let failed: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = all.into_iter().map(|one| scope.spawn(|| look(one))).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap().err()).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
