//! An authority in the box that issues certificates by ACME as Let's Encrypt does, for the
//! box has no way to that one: Debian's `pebble`, made for tests, which only the box trusts.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use super::failed;
use crate::command_error::CommandError;
use crate::probe::{self, Tls};
use crate::resource::self_signed;
use crate::sandbox::{DemoServer, Suite, wait_at_most};
use crate::services::{Spec, web};

/// Where it takes orders.
pub(crate) const DIRECTORY: &str = "https://acme.test:14000/dir";

/// The name of its pages.
const HOST: &str = "acme.test";

/// Where it shows the root of its certificates, new at each start.
const MANAGEMENT: u16 = 15000;

/// Where its name server is told records.
const NAMES: u16 = 8055;

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Its settings. It asks for the proof of a name where Let's Encrypt does.
const CONFIG: &str = r#"{"pebble": {
  "listenAddress": ":14000", "managementListenAddress": ":15000",
  "certificate": "/etc/pebble/cert.pem", "privateKey": "/etc/pebble/key.pem",
  "httpPort": 80, "tlsPort": 443, "certificateValidityPeriod": 7776000
}}
"#;

const UNIT: &str = "\
[Unit]
Description=Authority for certificates in the box of mailprov try
[Service]
Environment=PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0
ExecStart=/usr/bin/pebble -config /etc/pebble/config.json -dnsserver 127.0.0.1:53
";

/// Starts the authority in a box, with a name server that leads the names of a mail.yml to
/// the box. Returns the root of its certificates (PEM), which the box trusts from now on.
pub(crate) fn start(
    server: &DemoServer,
    suite: Suite,
    spec: &Spec,
    stop: &dyn Fn() -> bool,
) -> Result<String, CommandError> {
    server.install("pebble")?;
    let pages = self_signed(HOST, None);
    let (key, certificate) = pages.map_err(|error| failed("").because(error))?;
    server.write("/etc/pebble/cert.pem", &certificate)?;
    server.write("/etc/pebble/key.pem", &key)?;
    server.write("/etc/pebble/config.json", CONFIG)?;
    server.write("/etc/systemd/system/pebble.service", UNIT)?;
    server.write("/etc/systemd/system/pebble-names.service", &name_server(suite))?;
    server.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")?;
    server.run(&["systemctl", "start", "pebble-names.service", "pebble.service"])?;
    let address = server.address();
    let tls = Tls::trusting(certificate.as_bytes(), HOST)?;
    let pages = SocketAddr::new(address, MANAGEMENT);
    let root = wait_for(stop, || probe::fetch(pages, &tls, HOST, "/roots/0")?.text())?;
    let of_web = web::names(spec).into_iter().map(|it| it.name);
    for name in of_web.chain([HOST.to_owned(), spec.hostname.value.to_string()]) {
        let record = json!({"host": name, "addresses": [address]}).to_string();
        let names = SocketAddr::new(address, NAMES);
        wait_for(stop, || probe::post(names, "/add-a", &record))?;
    }
    let folder = "/usr/local/share/ca-certificates";
    server.write(&format!("{folder}/pebble-pages.crt"), &certificate)?;
    server.write(&format!("{folder}/pebble-root.crt"), &root)?;
    server.run(&["update-ca-certificates"])?;
    Ok(root)
}

/// Returns the unit of the name server, which knows no name yet.
fn name_server(suite: Suite) -> String {
    // The older release has no such option, and the newer one needs it.
    let doh = if suite == Suite::Bookworm { "" } else { " -doh \"\"" };
    format!(
        "[Unit]\nDescription=Names in the box of mailprov try\n[Service]\n\
         ExecStart=/usr/bin/pebble-challtestsrv -defaultIPv4 \"\" -defaultIPv6 \"\" \
         -dns01 127.0.0.1:53 -http01 \"\" -https01 \"\" -tlsalpn01 \"\"{doh} \
         -management :{NAMES}\n"
    )
}

/// Asks a server that has just been started, until it answers.
fn wait_for<T>(
    stop: &dyn Fn() -> bool,
    ask: impl Fn() -> probe::Result<T>,
) -> Result<T, CommandError> {
    let mut last = Err(probe::Error::Stopped);
    wait_at_most(PATIENCE, || {
        last = ask();
        (last.is_ok() || stop()).then_some(())
    });
    Ok(last?)
}
