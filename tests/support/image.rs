//! Where the tests keep images and boxes, and waiting for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use mailprov::sandbox::{Cache, Image, Lease, Result, Suite};

/// Returns the cache of images and running boxes: `$MAILPROV_BOX_CACHE`, or
/// `target/box-images`.
pub fn cache() -> Cache {
    let folder = std::env::var_os("MAILPROV_BOX_CACHE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/box-images"),
        PathBuf::from,
    );
    Cache::at(&folder).unwrap()
}

/// Returns the image of a release, building it if there is none yet.
pub fn ensure(suite: Suite) -> Image {
    Image::ensure(&cache(), suite, &patiently, &mut |_| {}).unwrap_or_else(|e| panic!("{e}"))
}

/// The number of inotify instances that a user may have, which is 128 by default. A box
/// takes some twenty, all of them root's; without one, a unit fails to start.
const INSTANCES: &str = "/proc/sys/fs/inotify/max_user_instances";

/// Lets this machine run a dozen boxes at once, until it is rebooted.
fn make_room() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let now: u32 = fs::read_to_string(INSTANCES).unwrap().trim().parse().unwrap();
        if now < 1024 {
            fs::write(INSTANCES, "1024").unwrap();
        }
    });
}

/// Claims a name.
pub fn lease() -> Lease {
    make_room();
    Lease::new(&cache(), &patiently).unwrap()
}

/// Returns the folder of images and running boxes.
pub fn box_cache() -> PathBuf {
    cache().folder().to_owned()
}

/// Removes the boxes of programs that were killed.
pub fn sweep_boxes() {
    drop(lease());
}

/// Sets no time limit: a test is stopped by killing it.
pub fn patiently() -> Result<()> {
    Ok(())
}
