//! TLS as it should be, on every port.

use std::io;

use crate::common::{CERTIFICATE, KEY, ONLY_THOMAS, REFUSING, Server, servers};
use crate::renewal::put_off;
use crate::support::{Algorithm, Authority, Imap, Output, Pop3, Smtp, Tls, wait_for};

/// Ports with what `openssl s_client` calls the way into TLS.
const PORTS: [(u16, Option<&str>); 7] = [
    (25, Some("smtp")),
    (587, Some("smtp")),
    (465, None),
    (143, Some("imap")),
    (993, None),
    (110, Some("pop3")),
    (995, None),
];

/// Shakes hands as OpenSSL does, which can still be made to speak anything.
fn handshake(server: &Server, port: (u16, Option<&str>), options: &[&str]) -> Output {
    let address = format!("{}:{}", server.debian.addresses().v4, port.0);
    let mut argv = vec!["openssl", "s_client", "-connect", &address];
    if let Some(protocol) = port.1 {
        argv.extend(["-starttls", protocol]);
    }
    argv.extend(options);
    server.debian.network().run(&argv)
}

#[track_caller]
fn assert_refused(output: &Output) {
    let text = output.stdout();
    assert!(text.contains("Cipher is (NONE)"), "{output}");
    // It was the server, by words or by hanging up, and not our side.
    let errors = output.stderr();
    assert!(errors.contains(" alert ") || errors.contains("unexpected eof"), "{output}");
}

#[test]
fn every_port_speaks_tls_1_2_and_1_3_and_nothing_older() {
    for server in servers(REFUSING) {
        for port in PORTS {
            let anything = "ALL:@SECLEVEL=0";
            for version in ["-tls1", "-tls1_1"] {
                assert_refused(&handshake(&server, port, &[version, "-cipher", anything]));
            }
            for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
                let output = handshake(&server, port, &[version]);
                assert!(output.stdout().contains(&format!("New, {name}, Cipher")), "{output}");
            }
        }
    }
}

#[test]
fn ciphers_that_are_anonymous_weak_or_without_forward_secrecy_are_refused() {
    for server in servers(REFUSING) {
        for port in PORTS {
            let try_cipher =
                |cipher: &str| handshake(&server, port, &["-tls1_2", "-cipher", cipher]);
            for cipher in ["aNULL:@SECLEVEL=0", "kRSA:@SECLEVEL=0", "eNULL:@SECLEVEL=0"] {
                assert_refused(&try_cipher(cipher));
            }
            let cbc = try_cipher("ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA384");
            if port.0 == 25 {
                // For a server whose alternative is no TLS at all.
                assert!(!cbc.stdout().contains("Cipher is (NONE)"), "{cbc}");
            } else {
                assert_refused(&cbc);
            }
            for cipher in ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"] {
                let output = try_cipher(cipher);
                assert!(output.stdout().contains(&format!("Cipher is {cipher}")), "{output}");
            }
        }
    }
}

/// Returns the certificate that each port shows to who trusts as `tls` says.
pub(crate) fn shown(server: &Server, tls: &Tls) -> io::Result<Vec<Vec<u8>>> {
    let connect = |port| server.debian.connect(port);
    let chains = [
        Smtp::connect_starttls(connect(25)?, tls)?.wire().peer_chain(),
        Smtp::connect_starttls(connect(587)?, tls)?.wire().peer_chain(),
        Smtp::connect_tls(connect(465)?, tls)?.wire().peer_chain(),
        Imap::connect_starttls(connect(143)?, tls)?.wire().peer_chain(),
        Imap::connect_tls(connect(993)?, tls)?.wire().peer_chain(),
        Pop3::connect_stls(connect(110)?, tls)?.wire().peer_chain(),
        Pop3::connect_tls(connect(995)?, tls)?.wire().peer_chain(),
    ];
    Ok(chains.into_iter().map(|chain| chain[0].to_vec()).collect())
}

#[test]
fn every_port_shows_a_chain_that_verifies_with_nothing_but_the_root() {
    for server in servers(REFUSING) {
        let shown = shown(&server, &Server::tls()).unwrap();
        assert!(shown.iter().all(|certificate| *certificate == shown[0]));
        let stranger = Tls::trusting(&Authority::new().root_pem(), "mail.example.org");
        assert!(Imap::connect_tls(server.debian.connect(993).unwrap(), &stranger).is_err());
    }
}

#[test]
fn a_renewed_certificate_is_served_after_the_next_apply() {
    let authority = Authority::new();
    let renewed = authority.issue(&["mail.example.org"], Algorithm::Ec);
    let trusting = Tls::trusting(&authority.root_pem(), "mail.example.org");
    for server in servers(REFUSING) {
        assert!(shown(&server, &Server::tls()).is_ok());
        put_off(&server.debian);
        server.debian.write(CERTIFICATE, renewed.chain_pem(), 0o644);
        server.debian.write(KEY, renewed.key_pem(), 0o600);
        let _ = server.debian.mailprov(&["plan", "--detailed-exitcode"]).exits(2);
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        // Processes that wait for callers first finish what they began.
        wait_for("the renewed certificate on every port", || shown(&server, &trusting).ok());
        let _ = server.debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
    }
}

#[test]
fn a_self_signed_certificate_names_the_host() {
    for server in servers(REFUSING) {
        let server = server.change_with(ONLY_THOMAS, "tls: {self_signed: true}\n");
        let shown = shown(&server, &Tls::unverified("mail.example.org")).unwrap();
        assert!(shown.iter().all(|certificate| *certificate == shown[0]));
        for (name, verdict) in [
            ("mail.example.org", "(self-signed certificate)"),
            ("mail.example.net", "(hostname mismatch)"),
        ] {
            let output = handshake(&server, (993, None), &["-verify_hostname", name]);
            assert!(output.stdout().contains(verdict), "{output}");
        }
    }
}
