use super::*;

const NEW_MAIN: &str = "myhostname = mail.example.org\nmyorigin = $myhostname\n\
    mydestination = $myhostname, localhost\n\
    mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128\n\
    virtual_mailbox_domains = example.org, example.net\n\
    virtual_transport = lmtp:unix:private/dovecot-lmtp\nrecipient_delimiter = +\n\
    message_size_limit = 134217728\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth\n\
    smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n";

fn file(path: &str, text: &str) -> File {
    File { path: path.into(), step: String::new(), text: text.into() }
}

fn losses_with(old: Old<'_>) -> Vec<Loss> {
    let old = Old { host_name: "box".into(), ..old };
    losses(
        &old,
        &[
            file("/etc/postfix/main.cf", NEW_MAIN),
            file("/etc/postfix/master.cf", "smtp inet n - y - - smtpd\n"),
            file("/etc/postfix/mailboxes", "anna@example.org mailbox\n"),
            file("/etc/postfix/virtual", "info@example.org anna@example.org\n"),
            file("/etc/aliases", "root: anna@example.org\nabuse: root\n"),
        ],
    )
}

#[track_caller]
fn lost_of(main_cf: &str) -> Vec<Loss> {
    losses_with(Old { main_cf: Some(main_cf.into()), ..Old::default() })
}

/// Asserts that one line in main.cf leads to one loss with this remedy.
#[track_caller]
fn assert_lost(line: &str, what: &str, keep: &str) {
    let lost = lost_of(line);
    let [loss] = &lost[..] else { panic!("{line}: {lost:#?}") };
    assert!(loss.what.contains(what), "{line}: {loss:#?}");
    assert!(loss.keep.contains(keep), "{line}: {loss:#?}");
}

/// The main.cf of Debian 12 and 13, as installed for a server and without answers.
const USUAL: [&str; 4] = [
    "smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)\nbiff = no\n\
     append_dot_mydomain = no\nreadme_directory = no\ncompatibility_level = 3.6\n\
     smtpd_tls_cert_file=/etc/ssl/certs/ssl-cert-snakeoil.pem\n\
     smtpd_tls_key_file=/etc/ssl/private/ssl-cert-snakeoil.key\n\
     smtpd_tls_security_level=may\nsmtp_tls_CApath=/etc/ssl/certs\n\
     smtp_tls_security_level=may\n\
     smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache\n\
     smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated \
     defer_unauth_destination\nmyhostname = box.lan.example\nalias_maps = hash:/etc/aliases\n\
     alias_database = hash:/etc/aliases\nmyorigin = /etc/mailname\n\
     mydestination = $myhostname, box.lan.example, localhost.lan.example, , localhost\n\
     relayhost = \nmynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128\n\
     mailbox_size_limit = 0\nrecipient_delimiter = +\ninet_interfaces = all\n\
     inet_protocols = all\n",
    "smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)\nbiff = no\n\
     append_dot_mydomain = no\nreadme_directory = no\ncompatibility_level = 3.6\n",
    "compatibility_level = 3.9\nmyorigin = /etc/mailname\n\
     smtpd_banner = $myhostname ESMTP $mail_name (Debian)\ninet_protocols = all\n\
     mynetworks_style = host\nmynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128\n\
     mydestination = $myhostname, box.lan.example, localhost, localhost.localdomain, localhost\n\
     mailbox_size_limit = 0\nmailbox_command = \nalias_maps = hash:/etc/aliases\n\
     alias_database = hash:/etc/aliases\nbiff = no\nrecipient_delimiter = +\nrelayhost = \n\
     cyrus_sasl_config_path = /etc/postfix/sasl\n\
     smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt\nmyhostname = box.UNKNOWN\n\
     inet_interfaces = all\n",
    "compatibility_level = 3.9\nmyorigin = $myhostname\nmynetworks_style = host\n\
     mynetworks = 127.0.0.0/8\nmydestination = $myhostname, localhost.$mydomain, localhost\n\
     mailbox_size_limit = 51200000\nmailbox_command =\n\
     alias_maps = $alias_database, nis:mail.aliases\nalias_database = hash:/etc/aliases\n\
     recipient_delimiter =\nrelayhost =\ncyrus_sasl_config_path = /etc/postfix/sasl\n",
];

#[test]
fn of_what_debian_installs_nothing_is_said() {
    for main_cf in USUAL {
        assert_eq!(lost_of(main_cf), [], "{main_cf}");
    }
    let aliases = "# See man 5 aliases for format\npostmaster:    root\nabuse: postmaster\n";
    let old = Old { aliases: Some(aliases.into()), ..Old::default() };
    assert_eq!(losses_with(old), []);
    let master_cf = "smtp      inet  n       -       y       -       -       smtpd\n\
        relay     unix  -       -       y       -       -       smtp\n        \
        -o syslog_name=postfix/$service_name\n\
        mailman   unix  -       n       n       -       -       pipe\n  flags=FRX user=list\n\
        submission inet n       -       y       -       -       smtpd\n  \
        -o syslog_name=postfix/submission\n  -o smtpd_tls_security_level=encrypt\n  \
        -o smtpd_sasl_auth_enable=yes\n  -o smtpd_client_restrictions=$mua_client_restrictions\n";
    let old = Old { master_cf: Some(master_cf.into()), ..Old::default() };
    assert_eq!(losses_with(old), []);
    for dovecot in [
        "# 2.3.19.1\nmail_location = mbox:~/mail:INBOX=/var/mail/%u\n\
         mail_privileged_group = mail\nnamespace inbox {\n  inbox = yes\n  mailbox Drafts {\n    \
         special_use = \\Drafts\n  }\n}\npassdb {\n  driver = pam\n}\n\
         protocols = \" imap lmtp pop3\"\nssl_cert = </etc/dovecot/private/dovecot.pem\n\
         userdb {\n  driver = passwd\n}\n",
        "# 2.4.1-4\ndovecot_config_version = 2.4.0\nfts_autoindex = yes\nmail_driver = mbox\n\
         mail_home = /home/%{user | username}\nmail_inbox_path = /var/mail/%{user}\n\
         mail_path = %{home}/mail\nprotocols {\n  imap = yes\n  lmtp = yes\n}\npassdb pam {\n}\n\
         userdb passwd {\n}\nservice auth {\n  unix_listener auth-userdb {\n  }\n}\n\
         protocol lmtp {\n  auth_username_format = %{user | username | lower}\n}\n",
    ] {
        let old = Old { dovecot: Some(dovecot.into()), ..Old::default() };
        assert_eq!(losses_with(old), []);
    }
}

#[test]
fn each_feature_of_the_old_postfix_comes_with_the_line_that_keeps_it() {
    for (line, what, keep) in [
        (
            "smtpd_milters = inet:localhost:8891\nnon_smtpd_milters = inet:localhost:8891\n\
             milter_default_action = accept\n",
            "a milter, which signs",
            "non_smtpd_milters: \"inet:localhost:8891\"",
        ),
        ("content_filter = smtp-amavis:[127.0.0.1]:10024\n", "filtered", "content_filter: "),
        ("header_checks = pcre:/etc/postfix/checks\n", "filtered", "header_checks: "),
        (
            "mydestination = $myhostname, old.example, localhost\n",
            "takes mail for old.example (mydestination)",
            "`domains:` old.example",
        ),
        ("virtual_mailbox_domains = example.org old.example\n", "old.example", "`domains:`"),
        ("virtual_mailbox_domains = mysql:/etc/postfix/d.cf\n", "mysql:", "`domains:`"),
        ("relay_domains = branch.example\n", "passes on", "relay_domains: \"branch.example\""),
        (
            "mynetworks = 127.0.0.0/8 192.168.1.0/24\n",
            "without a password for 192.168.1.0/24",
            "[::1]/128 192.168.1.0/24",
        ),
        ("mynetworks_style = subnet\n", "in its subnet", "mynetworks"),
        ("transport_maps = hash:/etc/postfix/transport\n", "another way", "transport_maps: "),
        (
            "relayhost = [smtp.provider.example]:587\n",
            "[smtp.provider.example]:587",
            "relay: {host",
        ),
        ("home_mailbox = Maildir/\n", "another place", "home_mailbox: \"Maildir/\""),
        ("sender_canonical_maps = hash:/etc/postfix/c\n", "rewrites", "sender_canonical_maps"),
        ("always_bcc = archive@example.org\n", "copies", "always_bcc"),
        ("recipient_delimiter = -\n", "anna-shop@", "recipient_delimiter: \"-\""),
        ("message_size_limit = 536870912\n", "536870912", "message_size: 512MiB"),
        (
            "smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, \
             reject_rbl_client zen.example, check_policy_service inet:127.0.0.1:10023\n",
            "reject_rbl_client zen.example; check_policy_service inet:127.0.0.1:10023",
            "smtpd_client_restrictions: ",
        ),
        ("maximal_queue_lifetime = 10d\n", "otherwise", "maximal_queue_lifetime: \"10d\""),
        ("virtual_alias_maps = ldap:/etc/postfix/a.cf\n", "leads mail", "`forwards:`"),
        ("alias_maps = hash:/etc/aliases, hash:/etc/mail/lists\n", "/etc/mail/lists", "`aliases:`"),
    ] {
        assert_lost(line, what, keep);
    }
}

#[test]
fn addresses_of_tables_that_mail_yml_lacks_are_named() {
    let table = |path: &str| {
        (path == "/etc/postfix/virtual")
            .then(|| "# old\nanna@example.org x\nold@example.org anna\nold.example x\n".to_owned())
    };
    let old = Old {
        main_cf: Some("virtual_alias_maps = hash:/etc/postfix/virtual\n".into()),
        table: Some(&table),
        ..Old::default()
    };
    let lost = losses_with(old);
    let [loss] = &lost[..] else { panic!("{lost:#?}") };
    assert!(loss.what.contains("for old@example.org ("), "{loss:#?}");
}

#[test]
fn features_that_extra_keeps_are_not_called_lost() {
    let old =
        Old { main_cf: Some("smtpd_milters = inet:localhost:8891\n".into()), ..Old::default() };
    let new = file("/etc/postfix/main.cf", "smtpd_milters = inet:localhost:8891\n");
    assert_eq!(losses(&old, &[new]), []);
}

#[test]
fn services_aliases_and_places_of_mail_are_told_of() {
    let old = Old {
        master_cf: Some(
            "smtp inet n - y - - smtpd\n  -o content_filter=spam:dummy\n\
             policyd-spf unix - n n - 0 spawn user=p argv=/usr/bin/policyd-spf\n"
                .into(),
        ),
        aliases: Some("root: me@elsewhere.example\nlist: \"|/usr/bin/list\"\nsales: anna, bob\n".into()),
        spool: vec![("anna".into(), 2000)],
        dovecot: Some(
            "mail_location = maildir:~/Maildir\nmail_plugins = \" quota\"\npassdb {\n  \
             args = /etc/dovecot/sql.conf\n  driver = sql\n}\nplugin {\n  sieve = ~/.dovecot.sieve\n}\n\
             protocols = imap sieve submission\n"
                .into(),
        ),
        ..Old::default()
    };
    let lost = losses_with(old);
    let all: Vec<String> = lost.iter().map(|it| format!("{} {}", it.what, it.keep)).collect();
    for words in [
        "content_filter=spam:dummy",
        "policyd-spf unix (spawn)",
        "system_mail: \"me@elsewhere.example\"",
        "`list` on this machine",
        "forwards: {sales@example.org: [anna, bob]}",
        "anna (2 KiB)",
        "maildir:~/Maildir",
        "accounts from sql (passdb)",
        "plugin/sieve = ~/.dovecot.sieve",
        "protocols = submission",
    ] {
        assert!(all.iter().any(|it| it.contains(words)), "{words}: {all:#?}");
    }
}

#[test]
fn filters_are_lost_only_where_the_new_server_has_none() {
    let lost = |dovecot: &str, new: &str| {
        let old = Old { dovecot: Some(dovecot.into()), ..Old::default() };
        let lost = losses(&old, &[file("/etc/dovecot/dovecot.conf", new)]);
        lost.into_iter().map(|loss| loss.keep).collect::<Vec<_>>()
    };
    let (old, older) =
        ("protocols {\n  imap = yes\n  sieve = yes\n}\n", "protocols = \" imap sieve\"\n");
    for (old, none) in
        [(old, "protocols {\n  imap = yes\n  sieve = no\n}\n"), (older, "protocols = imap\n")]
    {
        assert_eq!(lost(old, "# sieve\nprotocols = imap sieve lmtp\n"), [""; 0]);
        assert_eq!(lost(old, "# sieve\nprotocols = imap lmtp\n"), ["sieve: true"]);
        assert_eq!(lost(none, "protocols = imap lmtp\n"), [""; 0]);
    }
}

#[test]
fn settings_of_exim_are_not_forgotten() {
    let told = |exim: &str| losses_with(Old { exim: Some(exim.into()), ..Old::default() });
    let usual = "# doc\ndc_eximconfig_configtype='local'\ndc_other_hostnames='box.lan.example'\n\
                 dc_local_interfaces='127.0.0.1 ; ::1'\ndc_readhost=''\ndc_relay_domains=''\n\
                 dc_minimaldns='false'\ndc_relay_nets=''\ndc_smarthost=''\n\
                 dc_localdelivery='mail_spool'\n";
    assert_eq!(told(usual), []);
    let own = "dc_eximconfig_configtype='smarthost'\n\
               dc_other_hostnames='box.lan.example:example.org:old.example'\n\
               dc_relay_domains='branch.example'\ndc_relay_nets='192.168.1.0/24'\n\
               dc_smarthost='smtp.provider.example::587'\ndc_localdelivery='maildir_home'\n";
    let lost = told(own);
    let all: Vec<String> = lost.iter().map(|it| format!("{} {}", it.what, it.keep)).collect();
    for words in [
        "takes mail for old.example (",
        "relay_domains: \"branch.example\"",
        "[::1]/128 192.168.1.0/24",
        "relay: {host: \"[smtp.provider.example]:587\"}",
        "~/Maildir",
    ] {
        assert!(all.iter().any(|it| it.contains(words)), "{words}: {all:#?}");
    }
}
