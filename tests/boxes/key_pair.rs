//! A private key is made once, is nobody else's, and stays; what needs its public
//! key is planned before there is one.

use super::agent::changes;
use crate::support::{Debian, Output, Suite};

const PLAYBOOK: &str = "/root/keys.yml";

const STEPS: &str = r#"name: keys
steps:
  - name: Install OpenSSL
    package: openssl
  - name: Make the folder of the keys
    directory: {path: /etc/keys, mode: "0755"}
  - name: Make the RSA key
    key_pair: {path: /etc/keys/rsa, public: /etc/keys/rsa.pub, owner: mail, group: mail}
  - name: Make the Ed25519 key
    key_pair: {path: /etc/keys/ed, algorithm: ed25519, mode: "0640"}
  - name: Write the records
    file:
      path: /etc/keys/records
      content: |
        rsa._domainkey TXT "v=DKIM1; k=rsa; p={{ public_key('/etc/keys/rsa') }}"
        ed._domainkey TXT "v=DKIM1; k=ed25519; p={{ public_key('/etc/keys/ed') }}"
"#;

fn mailprov(debian: &Debian, arguments: &[&str]) -> Output {
    debian.mailprov(&[arguments, &["--playbook", PLAYBOOK]].concat())
}

fn keys(debian: &Debian) -> Vec<String> {
    let plan = changes(&mailprov(debian, &["plan", "--json"]).success());
    plan.into_iter().map(|change| change.key).collect()
}

/// Says in OpenSSL's words what the records are to be.
fn records(debian: &Debian) -> String {
    let encoded = |key, bytes| {
        let line = format!(
            "openssl pkey -in /etc/keys/{key} -pubout -outform DER | tail -c {bytes} | base64 -w0"
        );
        debian.shell(&line).success().stdout()
    };
    format!(
        "rsa._domainkey TXT \"v=DKIM1; k=rsa; p={}\"\n\
         ed._domainkey TXT \"v=DKIM1; k=ed25519; p={}\"\n",
        encoded("rsa", 294),
        encoded("ed", 32)
    )
}

#[test]
fn a_key_is_made_once_and_its_public_key_is_known_after_apply() {
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite);
        debian.write(PLAYBOOK, STEPS, 0o600);
        let output = mailprov(&debian, &["plan", "--out", "/root/plan", "-v"]).success();
        assert!(output.to_string().contains("p=(known after apply)\""), "{output}");
        let planned = changes(&mailprov(&debian, &["plan", "--json"]).success());
        let of = |key: &str| planned.iter().find(|change| change.key == key).unwrap();
        assert_eq!(of("key_pair:/etc/keys/rsa").after["public_key"], serde_json::Value::Null);
        let file = &of("file:/etc/keys/records").after;
        assert_eq!(file["known_after_apply"], true);
        assert!(file["content"].as_str().unwrap().contains("k=rsa; p=(known after apply)\""));

        // A saved plan knows no more, and is applied all the same.
        let output = mailprov(&debian, &["apply", "--plan", "/root/plan", "--yes"]).success();
        assert!(!output.to_string().contains("PRIVATE KEY"), "{output}");
        assert_eq!(debian.read_text("/etc/keys/records"), records(&debian));
        let ownership = debian.shell("cd /etc/keys; stat -c '%n %U:%G %a' rsa rsa.pub ed").stdout();
        assert_eq!(ownership, "rsa mail:mail 600\nrsa.pub mail:mail 644\ned root:root 640\n");
        let _ = debian
            .shell("openssl pkey -in /etc/keys/rsa -pubout | cmp - /etc/keys/rsa.pub")
            .success();
        let text = debian.shell("openssl pkey -in /etc/keys/rsa -noout -text | head -1").stdout();
        assert!(text.contains("2048 bit"), "{text}");
        assert!(keys(&debian).is_empty());
        assert!(!debian.exists("/var/lib/mailprov/key_pair"));

        // Owner, mode and the public key are put right, the key stays.
        let made = debian.read("/etc/keys/rsa");
        let _ = debian.shell("cd /etc/keys; chmod 644 rsa; rm rsa.pub").success();
        assert_eq!(keys(&debian), ["key_pair:/etc/keys/rsa"]);
        let _ = mailprov(&debian, &["apply", "--yes"]).success();
        assert!(keys(&debian).is_empty());
        assert_eq!(debian.read("/etc/keys/rsa"), made);

        // What takes a run back leaves keys, so the next one has the same.
        let _ = debian.mailprov(&["rollback", "1", "--yes"]).success();
        assert!(!debian.exists("/etc/keys/records"));
        assert_eq!(debian.read("/etc/keys/rsa"), made);
        let _ = mailprov(&debian, &["apply", "--yes"]).success();
        assert_eq!(debian.read("/etc/keys/rsa"), made);
        assert_eq!(debian.read_text("/etc/keys/records"), records(&debian));

        // Another key than was asked for, or none, is never replaced.
        let _ = debian.shell("cp /etc/keys/ed /etc/keys/rsa").success();
        let output = mailprov(&debian, &["apply", "--yes"]).exits(1);
        let said =
            "/etc/keys/rsa holds another key (Ed25519) than this step asks for (RSA, 2048 bits)";
        assert!(output.stderr().contains(said), "{output}");
        debian.write("/etc/keys/rsa", "no key", 0o600);
        let output = mailprov(&debian, &["apply", "--yes"]).exits(1);
        assert!(output.stderr().contains("/etc/keys/rsa holds no private key"), "{output}");
        assert_eq!(debian.read_text("/etc/keys/rsa"), "no key");
        let _ = debian.shell("rm /etc/keys/rsa").success();
        let again = ["key_pair:/etc/keys/rsa", "file:/etc/keys/records"];
        assert_eq!(keys(&debian), again);
        let _ = mailprov(&debian, &["apply", "--yes"]).success();
        assert_ne!(debian.read("/etc/keys/rsa"), made);
        assert_eq!(debian.read_text("/etc/keys/records"), records(&debian));
    }
}
