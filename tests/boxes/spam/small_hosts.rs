//! A host of 512 MB signs its mail, and one of 1 GB filters it, too: what runs unasked
//! fits into the memory that is there. `tests/throughput` has both under load, and
//! prints the figures.

use std::thread;
use std::time::Duration;

use super::{FILTERED, WORDS, from, world};
use crate::common::{Server, Spec, certify, mail_yml};
use crate::support::{Debian, Suite};

/// Mails that come in at each of so many connections.
const MAILS: usize = 6;
/// See [`MAILS`].
const AT_ONCE: usize = 4;

/// The units that mailprov sets up.
const UNITS: &str = "postfix|dovecot|opendkim|rspamd|fail2ban";

/// A server whose mail.yml says nothing of the services that run unasked.
fn plain() -> Spec {
    let of_filter = |line: &&str| !line.starts_with("spam:");
    let lines = FILTERED.yaml.lines().filter(of_filter).map(|line| format!("{line}\n"));
    Spec { yaml: Box::leak(lines.collect::<String>().into_boxed_str()), ..FILTERED }
}

/// Returns the memory of all services together, in MiB; what they share counts once.
fn memory(debian: &Debian) -> u64 {
    let line = format!(
        "grep -lE '/({UNITS})[^/]*\\.(service|slice)' /proc/[0-9]*/cgroup 2>/dev/null \
         | sed 's/cgroup$/smaps_rollup/' | xargs cat 2>/dev/null \
         | awk '/^Pss:/ {{ sum += $2 }} END {{ print int(sum / 1024) }}'"
    );
    debian.shell(&line).stdout().trim().parse().unwrap()
}

/// Mails with attachments come in while people write. Returns the most memory that
/// the services took.
fn most_memory_under_load(server: &Server) -> u64 {
    let attachment =
        "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2\r\n".repeat(8000);
    let work = || {
        let mut smtp = server.good_server();
        for _ in 0..MAILS {
            let letter = from("ida@good.test", "", &format!("{WORDS}{attachment}"));
            let sent = smtp.send("ida@good.test", &["thomas@example.org"], letter.bytes());
            sent.unwrap().expect_code(250);
        }
    };
    thread::scope(|scope| {
        let at_work: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let mut most = 0;
        while at_work.iter().any(|it| !it.is_finished()) {
            most = most.max(memory(&server.debian));
            thread::sleep(Duration::from_millis(500));
        }
        most
    })
}

#[test]
#[expect(clippy::print_stderr, reason = "the figures are what it is run for")]
fn services_on_by_default_fit_into_the_memory() {
    const FILTER: &str = "spam filter added: rspamd; it takes about 120 MB of memory";
    const NONE: &str = "This host has less than 700 MB of memory, so it gets no spam filter.";
    let sizes = [(512, 70), (1024, 200)];
    // With the filter, and under load, it takes minutes.
    let sizes = if cfg!(feature = "throughput") { &sizes[..] } else { &sizes[..1] };
    for (suite, &(mebibytes, bound)) in
        Suite::ALL.into_iter().flat_map(|suite| sizes.iter().map(move |size| (suite, size)))
    {
        let debian = Debian::with_mail_packages(suite);
        debian.limit_memory(mebibytes);
        certify(&debian);
        let text = mail_yml(plain().yaml).replace("ban: false\nspam: false\n", "");
        let debian = debian.mail_yml(&text);
        let plan = debian.mailprov(&["plan"]).success();
        let is_filtered = mebibytes > 700;
        let told = format!("{}{}", plan.stdout(), plan.stderr());
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(told.contains(FILTER), is_filtered, "{told}");
        assert_eq!(told.contains(NONE), !is_filtered, "{told}");
        let server = Server::of(debian.apply(), plain());
        let idle = memory(&server.debian);
        let _dns = world(&server).serve(server.debian.network(), &[&server.debian]);
        let units: &[&str] = if is_filtered { &["postfix", "rspamd"] } else { &["postfix"] };
        let restart = [&["systemctl", "restart"], units].concat();
        let _ = server.debian.run(&restart).success();
        if is_filtered {
            server.wait_for_filter();
        }
        let letter = from("thomas@example.org", "", WORDS);
        let sent = server.submission("thomas").send(
            "thomas@example.org",
            &["anna@example.org"],
            letter.bytes(),
        );
        sent.unwrap().expect_code(250);
        let load = cfg!(feature = "throughput").then(|| most_memory_under_load(&server));
        server.settle();
        let mail = server.copies("anna", &letter).concat();
        assert!(String::from_utf8_lossy(&mail).contains("DKIM-Signature:"), "{suite:?}");
        eprintln!("{suite:?} with {mebibytes} MiB: {idle} MiB idle, {load:?} under load");
        assert!(idle <= bound, "{suite:?} with {mebibytes} MiB: {idle} MiB idle");
        // The kernel counts the processes that it killed for want of memory.
        let killed = "cat /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events";
        let killed = server.debian.shell(&format!("{killed} 2>/dev/null")).stdout();
        assert!(killed.contains("oom_kill 0"), "{suite:?} with {mebibytes} MiB: {killed}");
    }
}
