//! A plan as its reader meets it: short, in a pager where it is long, and looked
//! at before it is agreed to. A tree that a test makes is the host.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "support/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "a toolbox, not all of it in use")]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use support::Terminal;
use tempfile::TempDir;

/// A folder with a tree, and a playbook that writes `count` files into it.
struct Desk(TempDir);

impl Desk {
    fn new(count: usize) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for folder in ["tree/etc", "tree/run", "tree/var/lib", "bin"] {
            fs::create_dir_all(desk.path(folder)).unwrap();
        }
        fs::set_permissions(desk.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
        desk.write("tree/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        desk.write("tree/etc/group", "root:x:0:\n");
        let step = |number| {
            format!(
                "- name: Write note {number}\n  file: {{path: /note{number}, content: \
                 \"one\\nhello\\nthree\\n\"}}\n"
            )
        };
        desk.write("playbook.yml", &(0..count).map(step).collect::<String>());
        // A pager that keeps what it is given.
        let pager = "#!/bin/sh\necho \"secure=$LESSSECURE\" >paged\ncat >>paged\n";
        for name in ["bin/less", "bin/other"] {
            desk.write(name, pager);
            fs::set_permissions(desk.path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    /// The words of a command on the tree.
    fn line(words: &str) -> String {
        format!("{} {words} --root tree --playbook playbook.yml", env!("CARGO_BIN_EXE_mailprov"))
    }

    /// Runs a command away from any terminal, and returns its standard output.
    fn run(&self, words: &str) -> String {
        let line = Self::line(words);
        let mut words = line.split(' ');
        let mut command = Command::new(words.next().unwrap());
        let output = command.args(words).current_dir(self.0.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command in a terminal of 80 columns and 20 lines.
    fn terminal(&self, environment: &str, words: &str) -> Terminal {
        let path = format!("PATH={}:$PATH", self.path("bin").display());
        // The shell around it goes on after Ctrl-C.
        let line = format!("trap : INT; {path} {environment} {}", Self::line(words));
        Terminal::sized(self.0.path(), &line, (80, 20))
    }

    /// Returns what a pager was given since the last time.
    fn paged(&self) -> Option<String> {
        let text = fs::read_to_string(self.path("paged")).ok()?;
        fs::remove_file(self.path("paged")).unwrap();
        Some(text)
    }
}

#[test]
fn of_new_files_the_size_is_shown_and_of_others_how_they_differ() {
    let desk = Desk::new(2);
    let plan = desk.run("plan");
    assert_eq!(
        plan,
        "Changes, in order\n  + file:/note0  3 lines; root:root 0644  Write note 0\n  + \
         file:/note1  3 lines; root:root 0644  Write note 1\n\n2 changes for this host with the \
         playbook playbook.yml: 2 to create.\n"
    );
    let whole = desk.run("plan -v");
    assert_eq!(whole.matches("    + hello\n").count(), 2, "{whole}");
    assert!(whole.contains("Write note 0\n  + file:/note0  3 lines"), "{whole}");
    desk.run("apply --yes");
    desk.write("tree/note1", "one\nhi\nthree\n");
    let plan = desk.run("plan");
    let expected = "  ~ file:/note1  +1 −1; changed by hand since run 1  Write note 1\n    @@ -1,3 \
                    +1,3 @@\n      one\n    - hi\n    + hello\n      three\n";
    assert!(plan.contains(expected), "{plan}");
    let put_back = "  ~ 1 file put back: /note1; changed on the host since run 1\n";
    assert!(plan.contains(put_back), "{plan}");
    // For programs the same, as events.
    let events = desk.run("plan --json");
    let find = |name: &str| -> serde_json::Value {
        let line = events.lines().find(|line| line.contains(&format!("\"event\":\"{name}\"")));
        serde_json::from_str(line.unwrap()).unwrap()
    };
    let intent = find("intent");
    assert_eq!(intent["text"], "1 file put back: /note1; changed on the host since run 1");
    assert_eq!(
        (&intent["action"], &intent["subject"], &intent["names"][0]),
        (&"update".into(), &"file".into(), &"/note1".into())
    );
    let change = find("change");
    assert_eq!((&change["lines_added"], &change["lines_removed"]), (&1.into(), &1.into()));
    // A saved plan keeps it.
    desk.run("plan --out saved.plan");
    assert!(desk.run("plan --show saved.plan").contains(put_back));
}

#[test]
fn a_long_plan_is_read_in_a_pager_on_a_terminal() {
    let long = Desk::new(30);
    let short = Desk::new(2);
    let ends = |desk: &Desk, environment: &str, words: &str| {
        let screen = desk.terminal(environment, words).shows("exit 0");
        (screen, desk.paged())
    };
    let (screen, paged) = ends(&long, "MAILPROV_PAGER=other PAGER=cat", "plan");
    let paged = paged.unwrap();
    assert!(paged.contains("file:/note0") && paged.contains("30 changes"), "{paged}");
    assert!(paged.starts_with("secure=\n"), "{paged}");
    assert!(!screen.contains("file:/note29"), "{screen}");
    assert_eq!(ends(&short, "PAGER=other", "plan").1, None);
    for (environment, words) in [
        ("PAGER=other", "plan --no-pager"),
        ("PAGER=cat", "plan"),
        ("PAGER=", "plan"),
        ("TERM=dumb", "plan"),
        ("PAGER=./no-such-pager", "plan"),
        ("PAGER=other", "plan --json"),
    ] {
        let (screen, paged) = ends(&long, environment, words);
        assert_eq!(paged, None, "{environment}");
        assert!(screen.contains("30 changes"), "{environment}: {screen}");
    }
    // Who became root may not be allowed what a pager could do as root.
    let (_, paged) = ends(&long, "SUDO_UID=1000 PAGER=other LESSSECURE=0", "plan");
    assert!(paged.unwrap().starts_with("secure=1\n"));
    // A line for a shell is not run by one.
    assert!(ends(&long, "PAGER='other;touch ran'", "plan").1.is_some());
    assert!(!long.path("ran").exists());
}

#[test]
fn a_plan_is_looked_at_before_it_is_agreed_to() {
    let desk = Desk::new(9);
    let question = "Make these changes? [y/N/d/?]";
    let terminal = desk.terminal("PAGER=other", "apply");
    terminal.asks(question);
    terminal.types("?");
    terminal.shows("d  show each step with the text of its files, then ask again");
    terminal.asks(question);
    assert_eq!(desk.paged(), None);
    terminal.types("d");
    support::wait_for("the pager", || {
        let text = fs::read_to_string(desk.path("paged")).unwrap_or_default();
        text.contains("hello").then_some(())
    });
    terminal.asks(question);
    terminal.types("n");
    let screen = terminal.shows("exit 1");
    assert!(screen.contains("not confirmed"), "{screen}");
    assert!(!desk.path("tree/note0").exists());
    drop(terminal);
    // With less, it is seen and left.
    fs::remove_file(desk.path("bin/less")).unwrap();
    let terminal = desk.terminal("", "apply");
    terminal.asks(question);
    terminal.types("d");
    // less's prompt: a key that comes before it is not less's.
    terminal.asks("\n:");
    // Ctrl-C is less's own, and ends nothing.
    terminal.presses("C-c");
    // less drops a key that comes while it is still interrupted.
    let is_asked = || terminal.screen().trim_end().ends_with(question).then_some(());
    let left = (0..5).any(|_| {
        terminal.presses("q");
        support::wait_at_most(Duration::from_secs(5), is_asked).is_some()
    });
    assert!(left, "{}", terminal.screen());
    terminal.types("y");
    terminal.shows("exit 0");
    assert!(desk.path("tree/note8").exists());
}

#[test]
fn ctrl_c_ends_the_question_also_after_a_look() {
    let desk = Desk::new(9);
    let terminal = desk.terminal("PAGER=other", "apply");
    terminal.asks("[y/N/d/?]");
    terminal.types("d");
    support::wait_for("the pager", || desk.path("paged").exists().then_some(()));
    terminal.asks("[y/N/d/?]");
    terminal.presses("C-c");
    terminal.shows("exit 130");
    assert!(!desk.path("tree/note0").exists());
}

#[test]
fn words_wrap_at_the_width_of_the_terminal() {
    let desk = Desk::new(1);
    let line = Desk::line("apply");
    // Standard input is no terminal: there is nobody to ask.
    let terminal = Terminal::sized(desk.0.path(), &format!("{line} </dev/null"), (50, 20));
    let screen = terminal.shows("exit 64");
    let words: Vec<_> = screen.lines().take_while(|line| !line.contains("exit")).collect();
    assert!(words.len() > 3 && words[0].starts_with("error: "), "{screen}");
    // A command line stays whole, to be copied.
    let command = "(mailprov plan --playbook playbook.yml --root tree),";
    assert!(words.contains(&command), "{screen}");
    let is_narrow = |line: &&&str| line.chars().count() <= 50 || **line == command;
    assert_eq!(words.iter().filter(is_narrow).count(), words.len(), "{screen}");
}
