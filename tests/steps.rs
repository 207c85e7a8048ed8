//! Playbooks of a person's own, on a tree: what goes away again, what is included,
//! variables, and the small kinds that change in part what is others'.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use mailprov::diagnostic::Source;
use mailprov::host::{Facts, Host};
use mailprov::mail::Files;
use mailprov::playbook::{Context, Playbook};
use mailprov::services;
use mailprov::services::self_service::OwnPasswords;
use tempfile::TempDir;

/// A tree and the folder of a playbook.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for folder in ["tree/etc", "tree/run", "tree/var/lib", "tree/srv"] {
            fs::create_dir_all(desk.0.path().join(folder)).unwrap();
        }
        fs::set_permissions(desk.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
        desk.write("tree/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        desk.write("tree/etc/group", "root:x:0:\n");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn exists(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailprov"));
        command.args(arguments).current_dir(self.path(".")).env_remove("SUDO_UID");
        command.args(["--root", "tree", "--playbook", "play"]).output().unwrap()
    }

    /// Applies the playbook, and finds that a second plan is empty. Returns the names
    /// and keys of the changes, in order.
    #[track_caller]
    fn apply(&self) -> Vec<String> {
        let changes = self.plan();
        let output = self.run(&["apply", "--yes"]);
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(self.plan(), Vec::<String>::new(), "a second plan");
        changes
    }

    #[track_caller]
    fn plan(&self) -> Vec<String> {
        let output = self.run(&["plan", "--json"]);
        assert!(output.status.success(), "{}", said(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let change = |line: serde_json::Value| {
            let is_change = line["event"] == "change";
            is_change.then(|| {
                format!("{} {}", line["action"].as_str().unwrap(), line["key"].as_str().unwrap())
            })
        };
        lines.filter_map(change).collect()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// A feature of all kinds that can go again.
const FEATURE: &str = "\
- name: Create its directory
  present: IS_ON
  directory: {path: /srv/feature}
- name: Write its file
  present: IS_ON
  file: {path: /srv/feature/file, content: \"{{ 'of use' if IS_ON else none }}\"}
- name: Store its password
  present: IS_ON
  file: {path: /srv/password, content: hunter2, secret: true}
- name: Lead to its file
  present: IS_ON
  link: {path: /srv/link, target: feature/file}
- name: Write what stays
  file: {path: /srv/stays, content: x}
";

fn switched(desk: &Desk, is_on: bool) {
    desk.write("play/playbook.yml", &FEATURE.replace("IS_ON", &is_on.to_string()));
}

#[test]
fn items_no_longer_present_go_secrets_first_and_backwards() {
    let desk = Desk::new();
    switched(&desk, false);
    assert_eq!(desk.apply(), ["create file:/srv/stays"]);
    switched(&desk, true);
    assert_eq!(desk.apply().len(), 4);
    // It goes although it was changed by hand: a rollback brings it back.
    desk.write("tree/srv/feature/file", "mine\n");
    switched(&desk, false);
    let output = desk.run(&["plan"]);
    let text = said(&output);
    assert!(text.contains("Undo: Write its file\n"), "{text}");
    assert!(
        text.contains("- file:/srv/feature/file  1 line; now a file; changed by hand since run 2"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(
        desk.apply(),
        [
            "delete file:/srv/password",
            "delete file:/srv/link",
            "delete file:/srv/feature/file",
            "delete file:/srv/feature",
        ]
    );
    for path in ["feature", "password", "link"] {
        assert!(!desk.exists(&format!("tree/srv/{path}")), "{path}");
    }
    assert!(desk.exists("tree/srv/stays"));

    assert!(desk.run(&["rollback", "--yes"]).status.success());
    assert_eq!(desk.read("tree/srv/feature/file"), "mine\n");
    assert_eq!(desk.read("tree/srv/password"), "hunter2");
    // What a rollback brought back goes as well.
    assert_eq!(desk.apply().len(), 4);
    assert!(!desk.exists("tree/srv/password") && !desk.exists("tree/srv/feature"));
}

#[test]
fn items_that_no_run_made_are_left_alone_and_unread() {
    let desk = Desk::new();
    desk.write("tree/srv/password", "somebody else's");
    // At a link that anybody planted a look would fail.
    symlink("/tmp", desk.path("tree/srv/feature")).unwrap();
    lchown(desk.path("tree/srv/feature"), Some(65534), None).unwrap();
    switched(&desk, false);
    assert_eq!(desk.apply(), ["create file:/srv/stays"]);
    assert_eq!(desk.read("tree/srv/password"), "somebody else's");
}

#[test]
fn a_directory_in_which_something_is_left_stays() {
    let desk = Desk::new();
    switched(&desk, true);
    desk.apply();
    desk.write("tree/srv/feature/more", "mine");
    switched(&desk, false);
    let changes = desk.apply();
    assert!(!changes.contains(&"delete file:/srv/feature".into()), "{changes:?}");
    assert_eq!(desk.read("tree/srv/feature/more"), "mine");
}

#[test]
fn of_two_steps_for_one_path_the_one_that_is_present_counts() {
    let desk = Desk::new();
    let play = |is_on: bool| {
        let steps = "\
- {name: One, present: IS_ON, file: {path: /srv/x, content: one}}
- {name: Other, present: not IS_ON, file: {path: /srv/x, content: other}}
";
        desk.write("play/playbook.yml", &steps.replace("IS_ON", &is_on.to_string()));
    };
    play(true);
    assert_eq!(desk.apply(), ["create file:/srv/x"]);
    play(false);
    assert_eq!(desk.apply(), ["update file:/srv/x"]);
    assert_eq!(desk.read("tree/srv/x"), "other");
}

#[test]
fn a_line_of_a_file_is_set_mended_and_put_back_and_the_rest_is_kept_and_not_shown() {
    let desk = Desk::new();
    let before = "# \u{fc}\r\n#PermitRootLogin yes\nPassword hunter2\nPermitRootLogin yes";
    desk.write("tree/etc/sshd", before);
    fs::set_permissions(desk.path("tree/etc/sshd"), fs::Permissions::from_mode(0o644)).unwrap();
    let line = "line: {path: /etc/sshd, match: '^#?PermitRootLogin ', line: PermitRootLogin no}";
    desk.write("play/playbook.yml", &format!("- name: Forbid it\n  {line}\n"));
    let plan = said(&desk.run(&["plan"]));
    assert!(
        plan.contains("- PermitRootLogin yes") && plan.contains("+ PermitRootLogin no"),
        "{plan}"
    );
    assert!(!plan.contains("hunter2"), "{plan}");
    assert_eq!(desk.apply(), ["update line:/etc/sshd: ^#?PermitRootLogin "]);
    assert_eq!(desk.read("tree/etc/sshd"), "# \u{fc}\r\nPermitRootLogin no\nPassword hunter2\n");
    let mode = fs::metadata(desk.path("tree/etc/sshd")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);

    let output = desk.run(&["rollback", "--yes"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(desk.read("tree/etc/sshd"), before);

    desk.write("tree/etc/sshd", "of others\n");
    assert_eq!(desk.apply(), ["update line:/etc/sshd: ^#?PermitRootLogin "]);
    assert_eq!(desk.read("tree/etc/sshd"), "of others\nPermitRootLogin no\n");
    desk.write("play/playbook.yml", &format!("- name: Forbid it\n  present: false\n  {line}\n"));
    desk.apply();
    assert_eq!(desk.read("tree/etc/sshd"), "of others\n");
}

#[test]
fn a_line_needs_a_file_and_follows_no_link() {
    let desk = Desk::new();
    let step = |fields: &str| {
        desk.write("play/playbook.yml", &format!("- name: Set it\n  line: {{{fields}}}\n"));
        said(&desk.run(&["plan"]))
    };
    let plan = step("path: /etc/none, line: x");
    assert!(plan.contains("/etc/none is not there") && plan.contains("create: true"), "{plan}");
    desk.write("tree/etc/real", "secret\n");
    symlink("real", desk.path("tree/etc/link")).unwrap();
    let plan = step("path: /etc/link, line: x");
    assert!(plan.contains("/etc/link is a link to real; name the file itself"), "{plan}");
    let plan = step("path: /etc/real, line: x, match: '('");
    assert!(plan.contains("this is not a regular expression"), "{plan}");
    assert!(plan.contains("playbook.yml:2:"), "{plan}");
    let plan = step("path: /etc/real, line: x, secret: true");
    assert!(plan.contains("add `match`"), "{plan}");
    let plan = step("path: /etc/real, line: hunter2, match: '^secret', secret: true");
    assert!(plan.contains("a secret line") && !plan.contains("hunter2"), "{plan}");
    step("path: /etc/none, line: x, create: true");
    desk.apply();
    assert_eq!(desk.read("tree/etc/none"), "x\n");
}

#[test]
fn an_entry_of_cron_is_written_whole_and_judged_before() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("tree/etc/cron.d")).unwrap();
    let step = |fields: &str| {
        desk.write("play/playbook.yml", &format!("- name: Run it\n  cron: {{{fields}}}\n"));
        said(&desk.run(&["plan"]))
    };
    step("name: tidy, schedule: '*/5 3 * jan-mar sun', argv: [/bin/echo, it's, 5%]");
    assert_eq!(desk.apply(), ["create file:/etc/cron.d/tidy"]);
    let text = desk.read("tree/etc/cron.d/tidy");
    let line = r"*/5 3 * jan-mar sun root /bin/echo 'it'\''s' '5''\%'''";
    assert_eq!(text.lines().last(), Some(line));
    for (fields, words) in [
        ("name: a.b, schedule: '@daily', argv: [x]", "this is not a name of an entry"),
        ("name: a, schedule: '* * *', argv: [x]", "a schedule of cron has five parts"),
        ("name: a, schedule: '0 24 * * *', argv: [x]", "`24` does not fit as the hour"),
        ("name: a, schedule: '@daily', argv: x", "a command is a list of arguments"),
    ] {
        let plan = step(fields);
        assert!(plan.contains(words) && plan.contains("playbook.yml:2:"), "{plan}");
    }
    let plan = step("name: a, schedule: '@daily', argv: [x], user: nobody-here");
    assert!(plan.contains("nobody-here"), "{plan}");
    step("name: tidy, absent: true");
    assert_eq!(desk.apply(), ["delete file:/etc/cron.d/tidy"]);
}

#[test]
fn a_source_of_apt_is_one_file_with_its_key_and_what_it_brings_is_known_later() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("tree/etc/apt/sources.list.d")).unwrap();
    let key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n";
    desk.write("play/files/example.asc", key);
    let step = |fields: &str| {
        let text = format!(
            "- name: Know it\n  apt_source: {{{fields}}}\n- name: Install\n  package: example\n"
        );
        desk.write("play/playbook.yml", &text);
        said(&desk.run(&["plan", "-v"]))
    };
    let plan = step("name: example, uris: https://deb.example.org, suites: x, key: example.asc");
    for words in [
        "URIs: https://deb.example.org",
        "Components: main",
        "fetch its package lists",
        "version known once apt's lists are fetched",
    ] {
        assert!(plan.contains(words), "{words}: {plan}");
    }
    for (fields, words) in [
        ("name: e, uris: ftp://x, suites: x, key: example.asc", "nothing that apt knows"),
        ("name: e, uris: 'https://x y', suites: x, key: example.asc", "nothing that apt knows"),
        ("name: e, uris: https://x, suites: x, key: none.asc", "none.asc"),
        ("name: e, uris: https://x, suites: x", "key"),
        ("name: e/f, uris: https://x, suites: x, key: example.asc", "not a name of a source"),
    ] {
        let plan = step(fields);
        assert!(plan.contains(words) && plan.contains("playbook.yml:2:"), "{words}: {plan}");
    }
}

#[test]
fn a_user_is_put_into_groups_that_are_there() {
    let desk = Desk::new();
    desk.write("tree/etc/group", "root:x:0:\nadm:x:4:syslog,runner\nbackups:x:50:\n");
    let users = "root:x:0:0::/root:/bin/sh\nrunner:x:99:50::/nonexistent:/usr/sbin/nologin\n";
    desk.write("tree/etc/passwd", users);
    let step = |groups: &str| {
        let text = format!("- name: Know it\n  user: {{name: runner, groups: [{groups}]}}\n");
        desk.write("play/playbook.yml", &text);
    };
    step("adm");
    assert_eq!(desk.plan(), Vec::<String>::new());
    step("adm, backups");
    assert_eq!(desk.plan(), ["create member:runner of backups"]);
    step("adm, wheel");
    let plan = said(&desk.run(&["plan"]));
    assert!(plan.contains("wheel"), "{plan}");
}

/// Writes files of the playbook's folder.
fn play(desk: &Desk, files: &[(&str, &str)]) {
    for (name, text) in files {
        desk.write(&format!("play/{name}"), text);
    }
}

#[test]
fn a_folder_is_included_with_its_templates_and_variables() {
    let desk = Desk::new();
    play(
        &desk,
        &[
            (
                "playbook.yml",
                "vars: {base: /srv, greet: 'Hello from {{ facts.distribution }}'}\n\
                 steps:\n\
                 - {name: First, file: {path: /srv/first, content: \"{{ vars.greet }}\"}}\n\
                 - include: web\n  vars: {root: '{{ vars.base }}/web', tags: [a, b]}\n\
                 - include: web\n  vars: {root: /srv/other}\n\
                 - {include: never, when: 'false'}\n\
                 - {name: Last, file: {path: /srv/last, content: '{{ vars.base }}'}}\n",
            ),
            (
                "web/steps.yml",
                "vars: {root: /nowhere, tags: [], mode: '0750', debug: false}\n\
                 steps:\n\
                 - {name: Make it, directory: {path: '{{ vars.root }}', mode: '{{ vars.mode }}'}}\n\
                 - {name: Write its page, file: {path: '{{ vars.root }}/page', template: etc/page}}\n\
                 - {name: Copy its dot, file: {path: '{{ vars.root }}/dot', copy: dot}}\n\
                 - include: web/inner\n",
            ),
            (
                "web/etc/page",
                "{{ vars.root }}{% for tag in vars.tags %} {{ tag }}{% endfor %}{% if vars.debug %}!{% endif %}\n",
            ),
            ("web/files/dot", "{{ not a template }}"),
            ("web/inner/steps.yml", "- {name: Inner, file: {path: /srv/inner, template: x}}\n"),
            ("web/inner/templates/x", "inner {{ vars | length }}"),
            ("never/steps.yml", "- {name: Never, file: {path: /srv/never, content: x}}\n"),
        ],
    );
    let changes = desk.apply();
    assert_eq!(changes.len(), 9, "{changes:?}");
    assert!(changes[0].ends_with("/srv/first") && changes[8].ends_with("/srv/last"), "{changes:?}");
    assert_eq!(desk.read("tree/srv/web/page"), "/srv/web a b");
    assert_eq!(desk.read("tree/srv/other/page"), "/srv/other");
    assert_eq!(desk.read("tree/srv/web/dot"), "{{ not a template }}");
    assert!(desk.read("tree/srv/first").starts_with("Hello from "));
    assert!(desk.exists("tree/srv/inner") && !desk.exists("tree/srv/never"));
}

#[test]
fn present_of_an_include_holds_for_all_its_steps() {
    let desk = Desk::new();
    let switch = |is_on: bool| {
        let value = if is_on { "{name: web}" } else { "none" };
        let text = format!(
            "vars: {{site: '{{{{ {value} }}}}'}}\nsteps:\n- include: web\n  present: vars.site\n  \
             vars: {{name: '{{{{ vars.site.name }}}}'}}\n"
        )
        .replace("{name: web}", "dict(name=\"web\")");
        desk.write("play/playbook.yml", &text);
    };
    play(
        &desk,
        &[(
            "web/steps.yml",
            "vars: {name: x}\nsteps:\n\
             - {name: Make it, directory: {path: /srv/web}}\n\
             - {name: Write it, when: 'true', file: {path: /srv/web/page, content: '{{ vars.name }}'}}\n",
        )],
    );
    switch(true);
    desk.apply();
    assert_eq!(desk.read("tree/srv/web/page"), "web");
    switch(false);
    assert_eq!(desk.apply(), ["delete file:/srv/web/page", "delete file:/srv/web"]);
}

#[test]
fn a_step_counts_once_for_each_item_in_order() {
    let desk = Desk::new();
    let steps = "\
vars: {names: [zoe, adam]}
steps:
- name: Make {{ item }}
  for_each: vars.names
  when: item != 'nobody'
  directory: {path: \"/srv/{{ item }}\"}
- name: Write the port of {{ item.key }}
  for_each: {smtp: 25, imap: 143}
  file: {path: \"/srv/{{ item.key }}\", content: \"{{ item.value }}\"}
- name: Write {{ item.path }}
  for_each: [{path: /srv/zoe/x, text: one}, {path: /srv/adam/x, text: two}]
  present: item.text == 'one'
  file: {path: \"{{ item.path }}\", content: \"{{ item.text }}\"}
";
    desk.write("play/playbook.yml", steps);
    let output = said(&desk.run(&["plan"]));
    assert!(output.contains("Write the port of smtp\n"), "{output}");
    assert_eq!(
        desk.apply(),
        [
            "create file:/srv/zoe",
            "create file:/srv/adam",
            "create file:/srv/smtp",
            "create file:/srv/imap",
            "create file:/srv/zoe/x"
        ]
    );
    assert_eq!(desk.read("tree/srv/imap"), "143");
}

#[test]
fn a_folder_adds_to_a_template_of_another_one() {
    let desk = Desk::new();
    play(
        &desk,
        &[
            (
                "playbook.yml",
                "[{include: main}, {include: more}, {include: off, present: 'false'}]",
            ),
            ("main/steps.yml", "- {name: One, file: {path: /srv/main.cf, template: main.cf}}\n"),
            ("main/main.cf", "main\n{{ parts['main.cf'] }}{{ parts['x@2.4.1'] }}{{ parts.none }}"),
            ("more/steps.yml", "vars: {it: more}\nsteps: []\n"),
            ("more/main.cf.part", "{{ vars.it }}\n"),
            ("more/x.part@2.3", "old"),
            ("more/x.part@2.4", "new"),
            ("more/x.part@2.5", "too new"),
            ("off/steps.yml", "[]\n"),
            ("off/main.cf.part", "off\n"),
            ("main.cf.part", "own\n"),
        ],
    );
    desk.apply();
    assert_eq!(desk.read("tree/srv/main.cf"), "main\nown\nmore\nnew");
}

#[test]
fn folders_that_include_each_other_are_refused_at_their_place() {
    let desk = Desk::new();
    play(
        &desk,
        &[
            ("playbook.yml", "- include: a\n"),
            ("a/steps.yml", "- include: b\n"),
            ("b/steps.yml", "- {name: One, file: {path: /x}}\n- include: a\n"),
        ],
    );
    let output = desk.run(&["plan"]);
    assert_eq!(output.status.code(), Some(65));
    let text = said(&output);
    assert!(text.contains("play/b/steps.yml:2:12"), "{text}");
    assert!(text.contains("this includes play/a/steps.yml again"), "{text}");
    // A mistake in an included file is shown there.
    play(&desk, &[("b/steps.yml", "- {name: One, file: {path: x}}\n- {name: Two}\n")]);
    let text = said(&desk.run(&["plan"]));
    assert!(text.contains("play/b/steps.yml:2:3"), "{text}");
    play(&desk, &[("b/steps.yml", "- {name: One, file: {path: x}}\n")]);
    let text = said(&desk.run(&["plan"]));
    assert!(text.contains("play/b/steps.yml:1:28"), "{text}");
}

fn declared(playbook: &Playbook, facts: &Facts) -> Vec<serde_json::Value> {
    let text = "hostname: mail.example.org\ndomains: [example.org]\naccounts:\n  thomas: {password: \
                \"{SHA512-CRYPT}$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/\"}\n\
                tls: {self_signed: true}\n";
    let source = Arc::new(Source { name: "mail.yml".into(), text: text.into() });
    let spec = Arc::new(services::load(&source, &Files::beside(Path::new(""))).unwrap());
    let mail = Some(spec.context(facts, &OwnPasswords::default()));
    let declared = playbook.resolve(&Context { mail, facts }).unwrap();
    declared.iter().map(|it| serde_json::to_value(it).unwrap()).collect()
}

#[test]
fn postmaster_is_included_between_steps_of_ones_own() {
    let desk = Desk::new();
    let facts = services::facts(&Host::open(&desk.path("tree")).unwrap()).unwrap();
    let usual = declared(&Playbook::embedded("postmaster").unwrap(), &facts);
    // All packages come by one call of apt, after the originals were kept.
    let of = |kind: &str| usual.iter().filter(|it| it["resource"].get(kind).is_some()).count();
    assert_eq!(of("Package"), 1);
    assert_eq!(usual[of("Backup")]["step"], "Install the packages");
    play(
        &desk,
        &[
            (
                "playbook.yml",
                "- {name: Before, file: {path: /before, content: x}}\n\
                 - include: {playbook: postmaster}\n\
                 - {name: After, file: {path: /after, content: x}, notify: postfix}\n",
            ),
            ("main.cf.part", "disable_vrfy_command = no\n"),
        ],
    );
    let playbook = Playbook::load(&desk.path("play")).unwrap();
    assert!(playbook.has("postmaster") && !playbook.is_embedded("postmaster"));
    let own = declared(&playbook, &facts);
    // Where in its service a step that is undone comes, is for the service to know.
    let names = |all: &[serde_json::Value]| -> Vec<String> {
        let kept = all.iter().filter(|it| it.get("withdrawn").is_none());
        kept.map(|it| it["step"].as_str().unwrap().to_owned()).collect()
    };
    let expected = [&["Before".into()][..], &names(&usual), &["After".into()]].concat();
    assert_eq!(names(&own)[..expected.len()], expected);
    let postfix = own.iter().find(|it| it["step"] == "Run Postfix").unwrap();
    assert!(postfix.to_string().contains("/after"), "{postfix}");

    // A copy does the same.
    let eject = Command::new(env!("CARGO_BIN_EXE_mailprov"))
        .args(["playbook", "eject"])
        .arg(desk.path("copy"))
        .output()
        .unwrap();
    assert!(eject.status.success(), "{}", said(&eject));
    assert_eq!(declared(&Playbook::load(&desk.path("copy")).unwrap(), &facts), usual);
    assert!(desk.exists("copy/postfix/etc/postfix/main.cf"));
}

const MAIL_YML: &str = "hostname: mail.example.org\ndomains: [example.org]\naccounts:\n  thomas: \
    {password: \"{SHA512-CRYPT}$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/\"}\n\
    tls: {self_signed: true}\n";

/// What a playbook comes to is noted, and whatever it is made of counts.
#[test]
fn a_playbook_is_rendered_anew_when_a_file_of_it_changes() {
    const NOTE: &str = "tree/var/lib/mailprov/resolved.json";
    let desk = Desk::new();
    desk.write("mail.yml", MAIL_YML);
    play(
        &desk,
        &[
            (
                "playbook.yml",
                "vars: {greeting: hello}\nsteps:\n- include: part\n\
                 - {name: One, file: {path: /srv/one, template: one}}\n\
                 - {name: Two, file: {path: /srv/two, template: \"two@2.{{ 2 + 2 }}\"}}\n\
                 - {name: Three, file: {path: /srv/three, copy: three}}\n\
                 - {name: Four, file: {path: /srv/four, content: \"{{ vars.greeting }}\"}}\n",
            ),
            ("part/steps.yml", "- {name: Five, file: {path: /srv/five, content: five}}\n"),
            ("one", "{{ mail.hostname }}{{ parts['one'] }}\n"),
            ("two@2.3", "2.3\n"),
            ("three", "3\n"),
        ],
    );
    let run = |arguments: &[&str], playbook: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailprov"));
        command.args(arguments).current_dir(desk.path(".")).env_remove("SUDO_UID");
        let output = command.args(["--root", "tree", "mail.yml", "--playbook", playbook]);
        let output = output.output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let planned = |playbook: &str| {
        let text = run(&["plan", "--json"], playbook);
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let changes = lines.filter(|line: &serde_json::Value| line["event"] == "change");
        changes.map(|line| line["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    run(&["apply", "--yes"], "play");
    assert_eq!(planned("play"), [""; 0]);
    assert_eq!(desk.read("tree/srv/one"), "mail.example.org\n");

    // It is the note that says so.
    let note = desk.read(NOTE);
    let subject = |playbook: &str| run(&["plan"], playbook).contains("noted.example.org");
    desk.write(NOTE, &note.replace("\"mail.example.org\"", "\"noted.example.org\""));
    assert!(subject("play") && subject("play/playbook.yml") && subject("./play/"));
    assert!(subject(&desk.path("play").display().to_string()));
    // Not of another playbook.
    assert!(
        Command::new("cp")
            .args(["-r", "play", "copy"])
            .current_dir(desk.path("."))
            .status()
            .unwrap()
            .success()
    );
    assert!(!subject("copy"));
    desk.write(NOTE, &note);

    for (file, text, seen) in [
        ("one", "{{ mail.domains[0] }}\n", "/srv/one"),
        ("three", "4\n", "/srv/three"),
        ("part/steps.yml", "- {name: Five, file: {path: /srv/five, content: six}}\n", "/srv/five"),
        // Files beside those that were read, and before them.
        ("two@2.4", "2.4\n", "/srv/two"),
        ("part/one.part", "x", "/srv/one"),
        ("templates/one", "y\n", "/srv/one"),
        ("files/three", "5\n", "/srv/three"),
    ] {
        let before =
            desk.exists(&format!("play/{file}")).then(|| desk.read(&format!("play/{file}")));
        play(&desk, &[(file, text)]);
        assert_eq!(planned("play"), [format!("file:{seen}")], "{file}");
        match before {
            Some(before) => play(&desk, &[(file, before.as_str())]),
            None => fs::remove_file(desk.path(&format!("play/{file}"))).unwrap(),
        }
        assert_eq!(planned("play"), [""; 0], "{file}");
    }
    let text = desk.read("play/playbook.yml").replace("hello", "hi");
    play(&desk, &[("playbook.yml", text.as_str())]);
    assert_eq!(planned("play"), ["file:/srv/four"]);
    run(&["apply", "--yes"], "play");
    desk.write("mail.yml", &MAIL_YML.replace("mail.example.org", "mx.example.org"));
    assert_eq!(planned("play"), ["file:/srv/one"]);
    // A change of the host is seen as well.
    run(&["apply", "--yes"], "play");
    desk.write("tree/srv/two", "other\n");
    assert_eq!(planned("play"), ["file:/srv/two"]);
    // And the playbook of the program is another one.
    let mut usual = Command::new(env!("CARGO_BIN_EXE_mailprov"));
    usual.args(["plan", "--root", "tree", "mail.yml"]).current_dir(desk.path("."));
    let usual = said(&usual.output().unwrap());
    assert!(usual.contains("Install the packages"), "{usual}");
}
