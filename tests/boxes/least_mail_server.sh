set -eu
useradd --system --uid 5000 --user-group --home-dir /var/vmail --create-home vmail
cat >/etc/dovecot/dovecot.conf <<'END'
dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
protocols = imap pop3 lmtp
ssl = required
ssl_server_cert_file = /etc/mail-chain.pem
ssl_server_key_file = /etc/mail-key.pem
auth_mechanisms = plain login
auth_username_format = %{user | username | lower}
mail_driver = maildir
mail_home = /var/vmail/%{user}
mail_path = ~/mail
passdb passwd-file {
  passwd_file_path = /etc/dovecot/users
}
userdb static {
  fields {
    uid = vmail
    gid = vmail
    home = /var/vmail/%{user}
  }
}
namespace inbox {
  inbox = yes
}
service lmtp {
  unix_listener /var/spool/postfix/private/dovecot-lmtp {
    user = postfix
    mode = 0600
  }
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    user = postfix
    mode = 0600
  }
}
END
cat >/etc/postfix/main.cf <<'END'
compatibility_level = 3.6
myhostname = mail.example.org
mydestination =
virtual_mailbox_domains = example.org
virtual_mailbox_maps = inline:{thomas@example.org=x}
virtual_transport = lmtp:unix:private/dovecot-lmtp
smtpd_tls_chain_files = /etc/mail-key.pem, /etc/mail-chain.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
END
systemctl restart dovecot postfix
