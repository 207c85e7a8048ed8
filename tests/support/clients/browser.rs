//! A real browser: Chromium without a screen, driven by WebDriver (W3C), whose own server
//! is chromedriver.

use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Wire;
use crate::support::daemon::Daemon;
use crate::support::network::Network;
use crate::support::{PATIENCE, wait_at_most, wait_for};

/// The port of chromedriver, in the network of a test.
const PORT: u16 = 9515;

/// The member that holds an element's name (WebDriver, 11).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser in a test's network; gone when dropped.
pub struct Browser<'n> {
    network: &'n Network,
    session: String,
    /// What it keeps.
    folder: TempDir,
    _driver: Daemon,
}

impl<'n> Browser<'n> {
    /// Starts one, to which `name` leads to an address, and which takes any certificate.
    pub fn start(network: &'n Network, name: &str, address: IpAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = format!("--port={PORT}");
        let argv = ["chromedriver", &port].map(OsStr::new);
        // Chromium writes into it.
        let home = [("HOME", folder.path().as_os_str())];
        let driver = Daemon::start(network, &folder.path().join("log"), argv, &home);
        let mut browser = Self { network, session: String::new(), folder, _driver: driver };
        wait_for("chromedriver", || {
            browser.call("GET", "/status", None).ok()?["ready"].as_bool()?.then_some(())
        });
        let address = match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        let rules = format!("--host-resolver-rules=MAP {name} {address}");
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "acceptInsecureCerts": true,
            "unhandledPromptBehavior": "accept",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--window-size=1200,900", rules,
            ]},
        }}});
        let session = browser.call("POST", "/session", Some(&wanted)).unwrap();
        session["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        browser
    }

    /// Goes to a page, and waits until it is there.
    #[track_caller]
    pub fn go(&self, url: &str) {
        let _ = self.ask("POST", "url", Some(&json!({"url": url})));
    }

    /// Runs a script in the page, and returns what it returns.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        self.ask("POST", "execute/sync", Some(&json!({"script": script, "args": []})))
    }

    /// Waits until an expression in the page is something, and returns that; panics with the
    /// page if it stays nothing.
    #[track_caller]
    pub fn wait(&self, expression: &str) -> Value {
        let script = format!("return {expression}");
        let value = wait_at_most(PATIENCE, || {
            let value = self.run(&script);
            let is_nothing = matches!(&value, Value::Null | Value::Bool(false))
                || value == ""
                || value.as_u64() == Some(0);
            (!is_nothing).then_some(value)
        });
        value.unwrap_or_else(|| {
            let address = self.run("return location.href");
            panic!("{address} never came to {expression}: {}\n{:?}", self.text(), self.errors())
        })
    }

    /// Types into a field, or names files for it.
    #[track_caller]
    pub fn type_into(&self, selector: &str, text: &str) {
        let path = format!("element/{}/value", self.element(selector));
        let _ = self.ask("POST", &path, Some(&json!({"text": text})));
    }

    /// Clicks on something.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        let path = format!("element/{}/click", self.element(selector));
        let _ = self.ask("POST", &path, Some(&json!({})));
    }

    #[track_caller]
    fn element(&self, selector: &str) -> String {
        let wanted = json!({"using": "css selector", "value": selector});
        let found = self.ask("POST", "element", Some(&wanted));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Returns the cookies of the page.
    #[track_caller]
    pub fn cookies(&self) -> Vec<Value> {
        self.ask("GET", "cookie", None).as_array().unwrap().clone()
    }

    /// Forgets the cookies of the page.
    #[track_caller]
    pub fn forget(&self) {
        let _ = self.ask("DELETE", "cookie", None);
    }

    /// Returns what is written in the page.
    #[track_caller]
    pub fn text(&self) -> String {
        self.run("return document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// Returns the errors in the browser's console since the last time.
    #[track_caller]
    pub fn errors(&self) -> Vec<String> {
        let lines = self.ask("POST", "se/log", Some(&json!({"type": "browser"})));
        let lines = lines.as_array().unwrap().iter();
        let severe = lines.filter(|line| line["level"] == "SEVERE");
        severe.filter_map(|line| Some(line["message"].as_str()?.to_owned())).collect()
    }

    /// Keeps a picture of the page (PNG) in a folder, if the tests are told of one.
    #[track_caller]
    pub fn picture(&self, name: &str) {
        if let Some(folder) = std::env::var_os("MAILPROV_PICTURES") {
            let picture = self.ask("GET", "screenshot", None);
            let picture = Base64::decode_vec(picture.as_str().unwrap()).unwrap();
            std::fs::write(Path::new(&folder).join(format!("{name}.png")), picture).unwrap();
        }
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let path = format!("/session/{}/{path}", self.session);
        self.call(method, &path, body).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Value> {
        let mut wire = Wire::plain(self.network.connect(Ipv4Addr::LOCALHOST, PORT)?)?;
        let body = body.map_or_else(String::new, Value::to_string);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        wire.write(format!("{head}{body}").as_bytes())?;
        let first = wire.read_line()?;
        let mut length = 0;
        while let Some((name, value)) = wire.read_line()?.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut answer: Value = serde_json::from_slice(&wire.read_exact(length)?)?;
        match first.contains(" 200 ") {
            true => Ok(answer["value"].take()),
            false => Err(io::Error::other(answer.to_string())),
        }
    }

    /// Returns its folder, in which a test may put files to upload.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Browser<'_> {
    fn drop(&mut self) {
        let _ = self.call("DELETE", &format!("/session/{}", self.session), None);
    }
}
