//! Boxes that were prepared once, to be copied by many tests.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use mailprov::sandbox::{Lease, Suite};

type Key = (String, Suite);
type Templates = Mutex<HashMap<Key, Arc<OnceLock<Arc<Lease>>>>>;

static TEMPLATES: LazyLock<Templates> = LazyLock::new(Mutex::default);

/// Returns the disk of this name, made by the first test that asks while the
/// others wait for it. The next run of the tests removes it.
pub fn disk(name: &str, suite: Suite, make: impl FnOnce() -> Arc<Lease>) -> Arc<Lease> {
    let cell = {
        let mut templates = TEMPLATES.lock().unwrap();
        Arc::clone(templates.entry((name.to_owned(), suite)).or_default())
    };
    Arc::clone(cell.get_or_init(make))
}
