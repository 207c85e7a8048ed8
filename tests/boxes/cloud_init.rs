//! `mailprov cloud-init`: what it prints is what cloud-init understands, and at
//! the first boot it does what it says.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::support::{Debian, Suite, sha512_crypt, tree};

const URL: &str = "https://files.example/mailprov?v=1&x=$y";

/// Prints user-data for a mail.yml.
fn cloud_init(mail_yml: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mail.yml"), mail_yml).unwrap();
    fs::write(folder.path().join("me.hash"), sha512_crypt("secret") + "\n").unwrap();
    fs::write(folder.path().join("relay"), "hunter2\n").unwrap();
    Command::new(env!("CARGO_BIN_EXE_mailprov"))
        .args(["cloud-init", "mail.yml", "--url", URL])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn mail_yml(more: &str) -> String {
    format!(
        "hostname: mail.example.org\ndomains: [example.org]\n\
         accounts:\n  me: {{password_file: me.hash}}\nban: false\nspam: false\n{more}"
    )
}

fn user_data() -> String {
    let output = cloud_init(&mail_yml("tls: {self_signed: true}\n"));
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns a tree with Debian's cloud-init. To install that on this machine
/// would have it provisioned at its next boot.
fn tree_with_cloud_init() -> PathBuf {
    tree("cloud-init", Suite::Trixie, "cloud-init")
}

/// Asks cloud-init whether it understands some user-data.
fn schema(user_data: &str) -> Output {
    let tree = tree_with_cloud_init();
    let file = tempfile::NamedTempFile::new_in(tree.join("root")).unwrap();
    fs::write(file.path(), user_data).unwrap();
    let inside = PathBuf::from("/root").join(file.path().file_name().unwrap());
    Command::new("chroot")
        .arg(&tree)
        .args(["cloud-init", "schema", "--config-file"])
        .arg(inside)
        .output()
        .unwrap()
}

#[test]
fn cloud_init_understands_it() {
    let good = schema(&user_data());
    assert!(good.status.success(), "{good:?}");
    assert!(String::from_utf8_lossy(&good.stdout).contains("Valid schema"), "{good:?}");
    let bad = schema(&user_data().replace("runcmd", "run_commands"));
    assert!(!bad.status.success(), "the check sees nothing: {bad:?}");
}

#[test]
fn secrets_and_what_cannot_be_at_the_first_boot_are_refused() {
    for (more, wanted) in [
        (
            "relay: {host: a.example, username: me, password_file: relay}\n\
             tls: {self_signed: true}\n",
            "the password for the relay would stand in the user-data",
        ),
        (
            "tls: {certificate: /etc/ssl/a.pem, key: /etc/ssl/a.key}\n",
            "these files are not there yet when a host boots for the first time",
        ),
    ] {
        let output = cloud_init(&mail_yml(more));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(65), "{said}");
        assert!(output.stdout.is_empty(), "{output:?}");
        assert!(said.contains(wanted) && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn at_the_first_boot_the_program_is_judged_before_it_runs() {
    let (_, config) =
        user_data().split_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    let debian = Debian::fresh(Suite::Trixie);
    let program = debian.read("/usr/local/bin/mailprov");
    let _ = debian.shell("mv /usr/local/bin/mailprov /root/mailprov").success();
    for file in config["write_files"].as_array().unwrap() {
        assert_eq!(file["owner"], "root:root");
        let mode = u32::from_str_radix(file["permissions"].as_str().unwrap(), 8).unwrap();
        assert_eq!(mode & 0o077, 0, "{file}");
        let content = file["content"].as_str().unwrap();
        let decoded = debian.run_with_input(&["base64", "-d"], content.as_bytes()).success();
        debian.write(file["path"].as_str().unwrap(), decoded.stdout_bytes(), mode);
    }
    // In the place of the world outside: it has this at that address.
    let curl = "#!/bin/sh\nfor last; do :; done\n[ \"$last\" = 'URL' ] || exit 22\n\
                while [ \"$1\" != --output ]; do shift; done\ncp /root/there \"$2\"\n";
    debian.write("/usr/local/bin/curl", curl.replace("URL", URL), 0o755);
    let line = config["runcmd"][0].as_array().unwrap();
    let line: Vec<_> = line.iter().map(|word| word.as_str().unwrap()).collect();

    debian.write("/root/there", b"#!/bin/sh\ntouch /root/ran\n", 0o755);
    assert_ne!(debian.run(&line).code(), 0);
    assert!(!debian.exists("/usr/local/bin/mailprov") && !debian.exists("/root/ran"));

    debian.write("/root/there", program, 0o644);
    let _ = debian.run(&line).success();
    assert!(!debian.exists("/var/lib/mailprov-first-boot"));
    let _ = debian.mailprov(&["plan", "--detailed-exitcode"]).success();
    let _ = debian.run(&["doveadm", "auth", "test", "me", "secret"]).success();
}
