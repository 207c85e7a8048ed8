<?php
// Written by mailprov. Do not edit: the next `mailprov apply` puts it back.
//
// Adds to Roundcube: Dovecot is told the address from which a person comes,
// and a person begins with the addresses of the account.

class mailprov extends rcube_plugin
{
    public function init()
    {
        $this->add_hook('storage_connect', [$this, 'tell_address']);
        $this->add_hook('user_create', [$this, 'offer_addresses']);
    }

    // Dovecot slows down an address from which passwords are guessed, and logs it for bans.
    // All people would share that of this host.
    public function tell_address($args)
    {
        $args['preauth_ident'] = ['x-originating-ip' => rcube_utils::remote_addr()];
        return $args;
    }

    public function offer_addresses($args)
    {
        $login = $args['user'];
{% if mail.mailboxes == "shared" %}
        // An account has no domain.
        $at = strrpos($login, '@');
        $login = $at === false ? $login : substr($login, 0, $at);
        $first = $login . '@{{ mail.domains | first }}';
{% else %}
        $first = $login;
{% endif %}
        $addresses = [];
        $lines = @file('/etc/mailprov-webmail/addresses', FILE_IGNORE_NEW_LINES) ?: [];
        foreach ($lines as $line) {
            $words = explode(' ', $line, 2);
            if (count($words) == 2 && $words[0] === $login) {
                $addresses[] = $words[1];
            }
        }
        // The address that the person is known by comes first.
        usort($addresses, function ($one, $other) use ($first) {
            return [$one !== $first, $one] <=> [$other !== $first, $other];
        });
        if ($addresses) {
            $args['email_list'] = $addresses;
            $args['user_email'] = $addresses[0];
        }
        return $args;
    }
}
