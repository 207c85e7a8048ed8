//! What a feature put on a host goes once mail.yml does not ask for it any more.

use super::agent::{changes, converged, mail_yml, nothing_to_do};
use crate::support::{Debian, Suite};

const FEATURES: &str = "\
watch: daily
relay:
  host: \"[smtp.provider.example]:587\"
  username: me
  password_file: /root/relay.secret
";

/// Where it is noted what runs left on the host.
const NOTE: &str = "/var/lib/mailprov/applied.json";

const TIMER: &str = "mailprov-watch.timer";

/// Brings the note into the form of earlier versions, which noted paths alone.
fn as_before(debian: &Debian) {
    let noted: serde_json::Value = serde_json::from_str(&debian.read_text(NOTE)).unwrap();
    let keys = noted["keys"].as_object().unwrap().iter();
    let paths = keys.filter(|(key, _)| key.starts_with("file:"));
    let paths: serde_json::Map<_, _> =
        paths.map(|(key, left)| (key.clone(), left.clone())).collect();
    assert!(!paths.is_empty());
    debian.write(NOTE, serde_json::to_vec(&paths).unwrap(), 0o600);
}

#[test]
fn it_goes_secrets_first_whichever_version_put_it_there() {
    for suite in Suite::ALL {
        let plain = mail_yml();
        let debian = converged(suite).mail_yml(&plain).apply();
        for is_old in [false, true] {
            debian.write("/root/relay.secret", "hunter2hunter2\n", 0o600);
            debian.write("/etc/mailprov/mail.yml", plain.clone() + FEATURES, 0o600);
            let _ = debian.mailprov(&["apply", "--yes"]).success();
            nothing_to_do(&debian, "with the features");
            let _ = debian.run(&["systemctl", "is-active", TIMER]).success();
            if is_old {
                as_before(&debian);
                nothing_to_do(&debian, "as an earlier version noted it");
            }
            debian.write("/etc/mailprov/mail.yml", plain.clone(), 0o600);
            let output = debian.mailprov(&["apply", "--yes", "--json"]).success();
            let keys: Vec<_> = changes(&output).into_iter().map(|change| change.key).collect();
            assert_eq!(
                keys,
                [
                    "file:/etc/postfix/main.cf",
                    "service:postfix",
                    "table:/etc/postfix/relay_password",
                    "file:/etc/postfix/relay_password",
                    "service:mailprov-watch.timer",
                    "file:/etc/systemd/system/mailprov-watch.timer",
                    "file:/etc/systemd/system/mailprov-watch.service",
                ],
                "{suite:?}, old: {is_old}"
            );
            let left = debian.shell("ls -d /etc/postfix/relay* /etc/systemd/system/*mailprov-w*");
            assert_eq!(left.stdout(), "");
            let units = debian.shell("systemctl list-units --all --no-legend 'mailprov-watch*'");
            assert_eq!(units.stdout(), "");
            assert!(!debian.read_text(NOTE).contains("table:/etc/postfix/relay_password"));
            nothing_to_do(&debian, "without the features");
        }
    }
}
