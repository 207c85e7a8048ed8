<?php
// Written by mailprov from mail.yml. Do not edit: the next `mailprov apply` puts it
// back.
//
// All other settings are as in /etc/roundcube/defaults.inc.php, which describes each.

$config = [];

// People's contacts and settings, and sessions. Made anew where there is none.
$config['db_dsnw'] = 'sqlite:////var/lib/mailprov-webmail/roundcube.sqlite?mode=0600';
$config['temp_dir'] = '/var/lib/mailprov-webmail/temp';
$config['log_driver'] = 'syslog';
$config['log_logins'] = true;

// Encrypts the password while a session lasts.
$config['des_key'] = trim(file_get_contents('/etc/mailprov-webmail/des_key'));
$config['cipher_method'] = 'AES-256-CBC';


// Dovecot and Postfix, on this host: there is no wire to listen at, and only root can
// take a port below 1024, so nothing has to be proven by the certificate.
$own_host = ['ssl' => ['verify_peer' => false, 'verify_peer_name' => false]];
$config['imap_host'] = 'ssl://127.0.0.1:993';
// Dovecot takes the word of this address, and of no other, for where a person comes from.
$config['imap_conn_options'] = $own_host + ['socket' => ['bindto' => '127.0.0.25:0']];
$config['smtp_host'] = 'ssl://127.0.0.1:465';
$config['smtp_conn_options'] = $own_host;
// Each person sends as the account that is logged in.
$config['smtp_user'] = '%u';
$config['smtp_pass'] = '%p';


// However the login is spelled, it is one person with one set of contacts.
$config['login_lc'] = 2;
$config['mail_domain'] = '{{ mail.domains | first }}';
$config['username_domain'] = '{{ mail.domains | first }}';
{% if mail.mailboxes == "shared" %}
// A name is one mailbox in all domains.
$config['username_domain_forced'] = true;
{% endif %}
// A session is for HTTPS only.
$config['use_https'] = true;
$config['session_samesite'] = 'Lax';


// The folders as Dovecot has them.
$config['drafts_mbox'] = 'Drafts';
$config['sent_mbox'] = 'Sent';
$config['junk_mbox'] = 'Junk';
$config['trash_mbox'] = 'Trash';
$config['archive_mbox'] = 'Archive';

$config['max_message_size'] = '{{ mail.message_size }}';

$config['plugins'] = ['archive', 'mailprov', 'markasjunk'{{ ", 'managesieve'" if mail.sieve else "" }}{{ ", 'password'" if mail.self_service else "" }}];
{% if mail.sieve %}

// Filters and absence notes.
$config['managesieve_host'] = 'tls://127.0.0.1:4190';
$config['managesieve_conn_options'] = $own_host;
// Absence notes have a page of their own, which begins with all addresses of the person:
// Dovecot answers only mail to those that a note names.
$config['managesieve_vacation'] = 1;
$config['managesieve_vacation_addresses_init'] = true;
$config['managesieve_vacation_from_init'] = true;
{% endif %}
{% if mail.self_service %}

// The program behind this socket checks the current password, and changes it.
$config['password_driver'] = 'poppassd';
$config['password_pop_host'] = 'unix:///run/mailprov-password.sock';
$config['password_pop_port'] = 0;
$config['password_confirm_current'] = true;
$config['password_minimum_length'] = 8;
{% endif %}


$config['product_name'] = '{{ mail.hostname }}';
$config['support_url'] = '';
// It would send what people write to a service elsewhere; browsers check spelling, too.
$config['enable_spellcheck'] = false;
