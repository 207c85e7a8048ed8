//! Certificates of a test's own authority: good ones, and each kind of bad.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::ToSpan;

use super::host;

/// The least configuration that `openssl req` is content with.
const CONFIGURATION: &str = "[req]\ndistinguished_name = name\n[name]\n";

/// The algorithm of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with 2048 bits.
    Rsa,
    /// ECDSA on P-256.
    Ec,
}

/// A certificate authority with a root and an intermediate certificate, as the
/// public ones have.
#[derive(Debug)]
pub struct Authority {
    folder: tempfile::TempDir,
}

/// The files of one issued certificate.
#[derive(Debug)]
pub struct Issued {
    /// The certificate and the intermediate one, as certbot's `fullchain.pem`.
    pub chain: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Issued {
    /// Reads the chain.
    pub fn chain_pem(&self) -> String {
        fs::read_to_string(&self.chain).unwrap()
    }

    /// Reads the key.
    pub fn key_pem(&self) -> String {
        fs::read_to_string(&self.key).unwrap()
    }
}

impl Authority {
    /// Makes an authority that no machine trusts yet.
    pub fn new() -> Self {
        let authority = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(authority.path("openssl.cnf"), CONFIGURATION).unwrap();
        authority.request(
            "root",
            "Test root",
            Algorithm::Ec,
            &["basicConstraints=critical,CA:TRUE"],
        );
        authority.sign("root", None, 3650);
        authority.request(
            "intermediate",
            "Test intermediate",
            Algorithm::Ec,
            &["basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=critical,keyCertSign"],
        );
        authority.sign("intermediate", Some("root"), 3650);
        authority
    }

    /// Returns the root certificate, to be trusted by clients.
    pub fn root_pem(&self) -> String {
        fs::read_to_string(self.path("root.pem")).unwrap()
    }

    /// Issues a certificate for some host names that is valid for 90 days.
    pub fn issue(&self, names: &[&str], algorithm: Algorithm) -> Issued {
        self.issue_for_days(names, algorithm, 90)
    }

    /// Issues a certificate whose last day is over.
    pub fn issue_expired(&self, names: &[&str]) -> Issued {
        self.issue_for_days(names, Algorithm::Ec, -1)
    }

    /// Issues a certificate with 90 days, of which so many are left.
    pub fn issue_for_days(&self, names: &[&str], algorithm: Algorithm, days: i32) -> Issued {
        let serial = fs::read_dir(self.folder.path()).unwrap().count();
        let file = format!("issued-{serial}");
        let alternatives: Vec<_> = names.iter().map(|name| format!("DNS:{name}")).collect();
        let alternatives = format!("subjectAltName={}", alternatives.join(","));
        let extensions =
            ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth", &alternatives];
        self.request(&file, names[0], algorithm, &extensions);
        self.certify(&file, days);

        let own = fs::read_to_string(self.path(&format!("{file}.pem"))).unwrap();
        let intermediate = fs::read_to_string(self.path("intermediate.pem")).unwrap();
        let chain = self.path(&format!("{file}-chain.pem"));
        fs::write(&chain, own + &intermediate).unwrap();
        Issued { chain, key: self.path(&format!("{file}.key")) }
    }

    /// Makes a key and a request to certify it, with these extensions.
    fn request(&self, file: &str, name: &str, algorithm: Algorithm, extensions: &[&str]) {
        let (configuration, key, request) = (
            self.text("openssl.cnf"),
            self.text(&format!("{file}.key")),
            self.text(&format!("{file}.csr")),
        );
        let subject = format!("/CN={name}");
        let mut argv = vec!["openssl", "req", "-config", &configuration, "-new", "-noenc"];
        argv.extend(["-keyout", &key, "-out", &request, "-subj", &subject]);
        argv.extend(match algorithm {
            Algorithm::Rsa => ["-newkey", "rsa:2048"].as_slice(),
            Algorithm::Ec => &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        });
        extensions.iter().for_each(|extension| argv.extend(["-addext", *extension]));
        host::run(&argv);
    }

    /// Certifies a request by the intermediate certificate.
    fn certify(&self, file: &str, days: i32) {
        let at = |days: i32| {
            let moment = jiff::Timestamp::now() + (i64::from(days) * 24).hours();
            moment.strftime("%Y%m%d%H%M%SZ").to_string()
        };
        let (from, to) = (at(days - 90), at(days));
        let folder = self.folder.path().display();
        let configuration = self.text("ca.cnf");
        fs::write(
            &configuration,
            format!(
                "[ca]\ndefault_ca = own\n[own]\ndatabase = {folder}/index\n\
                 new_certs_dir = {folder}\nserial = {folder}/serial\ndefault_md = sha256\n\
                 unique_subject = no\npolicy = any\ncopy_extensions = copyall\n\
                 [any]\ncommonName = optional\n"
            ),
        )
        .unwrap();
        fs::OpenOptions::new().create(true).append(true).open(self.path("index")).unwrap();
        if !self.path("serial").exists() {
            fs::write(self.path("serial"), "1000\n").unwrap();
        }
        let (request, certificate) =
            (self.text(&format!("{file}.csr")), self.text(&format!("{file}.pem")));
        let (by, key) = (self.text("intermediate.pem"), self.text("intermediate.key"));
        let mut argv = vec!["openssl", "ca", "-batch", "-notext", "-config", &configuration];
        argv.extend(["-cert", &by, "-keyfile", &key, "-in", &request, "-out", &certificate]);
        argv.extend(["-startdate", &from, "-enddate", &to]);
        host::run(&argv);
    }

    /// Certifies a request by another certificate's key, or by its own.
    fn sign(&self, file: &str, by: Option<&str>, days: i32) {
        let (request, certificate) =
            (self.text(&format!("{file}.csr")), self.text(&format!("{file}.pem")));
        let by_certificate = by.map(|by| self.text(&format!("{by}.pem")));
        let by_key = self.text(&format!("{}.key", by.unwrap_or(file)));
        let days = days.to_string();
        let mut argv = vec!["openssl", "x509", "-req", "-in", &request, "-out", &certificate];
        argv.extend(["-days", &days, "-copy_extensions", "copyall"]);
        match &by_certificate {
            Some(by) => argv.extend(["-CA", by, "-CAkey", &by_key]),
            None => argv.extend(["-key", &by_key]),
        }
        host::run(&argv);
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn text(&self, file: &str) -> String {
        Path::to_str(&self.path(file)).unwrap().to_owned()
    }
}
