//! Keeps the box running for the user to look around.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::app::demo::Demo;
use crate::report::Report;
use crate::sandbox::DemoServer;

/// How often to look for the end.
const TICK: Duration = Duration::from_millis(100);

/// Describes how to use the box, and waits for Enter or a signal. Without a
/// terminal only a signal ends it.
pub(super) fn until_told(
    server: &DemoServer,
    demo: &Demo,
    stop: &dyn Fn() -> bool,
    report: &mut Report,
) {
    let access = server.access();
    let address = server.address();
    let options: Vec<_> = access.options().iter().map(|option| format!(" -o {option}")).collect();
    report.narrate(&format!(
        "The box runs on. Log in to it:\n\n    ssh -i {}{} root@{address}\n\nMail programs on this \
         machine reach it at {address}: user {}, password {}\n",
        access.identity.display(),
        options.concat(),
        demo.reader.login,
        // The account exists only in this box.
        demo.reader.password.expose(),
    ));
    let answered = Arc::new(AtomicBool::new(false));
    if report.can_ask() {
        report.narrate("Press Enter to throw the box away.");
        let answered = Arc::clone(&answered);
        // The thread may wait for ever; it ends with the program.
        thread::spawn(move || {
            let _ = io::stdin().read_line(&mut String::new());
            answered.store(true, Ordering::Relaxed);
        });
    } else {
        report.narrate("Press Ctrl-C to throw the box away.");
    }
    while !stop() && !answered.load(Ordering::Relaxed) {
        thread::sleep(TICK);
    }
}
