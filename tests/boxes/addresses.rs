//! Addresses as companies have them, and none that is more than an address.

use crate::common::{Letter, ONLY_THOMAS, REFUSING, Spec, mail_yml, servers};

const COMPANY: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org, example.net]
accounts:
  thomas: {password: HASH-thomas}
  anna: {password: HASH-anna, aliases: [\"o'brien\", smith&sons, \"a=b#c$d*e/f?g^h`i{k|l}m~n\"]}
forwards:
  \"r&d@example.org\": [\"o'brien\", thomas]
system_mail: \"O'Brien@example.org\"
",
    logins: &["thomas", "anna"],
};

#[test]
fn addresses_with_signs_receive_and_send() {
    for server in servers(REFUSING) {
        let server = server.change(COMPANY);
        for to in ["o'brien@example.org", "O'Brien+x&y@example.net", "smith&sons@example.org"] {
            assert_eq!(server.reached_by(to), ["anna"], "{to}");
        }
        assert_eq!(server.reached_by("a=b#c$d*e/f?g^h`i{k|l}m~n@example.net"), ["anna"]);
        assert_eq!(server.reached_by("r&d@example.org"), ["thomas", "anna"]);
        assert_eq!(server.reached_by("postmaster@example.org"), ["anna"]);
        for from in ["o'brien@example.org", "smith&sons+x@example.net", "r&d@example.org"] {
            let reply = server.answer_to_submission("anna", from, "bob@elsewhere.example");
            assert!(reply.is_positive(), "{from}: {reply}");
        }
        for from in ["o'brien@example.org", "smith&sons@example.net"] {
            let reply = server.answer_to_submission("thomas", from, "bob@elsewhere.example");
            reply.expect_code(553);
        }
        let _ = server.debian.mailprov(&["plan", "--detailed-exitcode"]).success();
    }
}

#[test]
fn mail_is_never_written_to_a_file_nor_handed_to_a_program() {
    for server in servers(REFUSING) {
        let debian = &server.debian;
        for target in ["/var/tmp/x", "/var/tmp/x@elsewhere.example", "~x@elsewhere.example", "|sh"]
        {
            let yaml = format!("{}system_mail: \"{target}\"\n", ONLY_THOMAS.yaml);
            debian.write("/root/order.yml", mail_yml(&yaml), 0o600);
            let said = debian.mailprov(&["plan", "/root/order.yml"]).exits(65).stderr();
            assert!(said.contains("begins with"), "{target}: {said}");
        }
        // Even if root himself writes such lines, after all: Postfix has them read by local(8).
        let lines = "file: /var/tmp/written\nprogram: \"|touch /var/tmp/run\"\n";
        let _ = debian.run_with_input(&["tee", "-a", "/etc/aliases"], lines.as_bytes()).success();
        let _ = debian.run(&["postalias", "/etc/aliases"]).success();
        for name in ["file", "program"] {
            let letter: Letter = server.write_from_host(name);
            assert!(server.readers(&letter).is_empty());
        }
        assert!(!debian.exists("/var/tmp/written") && !debian.exists("/var/tmp/run"));
    }
}
