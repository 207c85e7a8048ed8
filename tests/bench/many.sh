# To be sourced: nothing to do for 10,000 accounts with 20,000 aliases, one more
# account, and 100,000 of them.

many_rounds=11

# states BOX: what changes when a service is restarted or reloaded.
states() {
    box "$1" systemctl show postfix dovecot --property \
        Id,MainPID,ActiveEnterTimestampMonotonic,StateChangeTimestampMonotonic,NRestarts,ExecReload
}

# with_comment BOX: a mail.yml that says the same and was never applied: read,
# rendered and compared whole, where otherwise it is seen to be the one applied.
with_comment() {
    box "$1" sh -c '(cat /etc/mailprov/mail.yml; echo "# The same.") >/root/same.yml'
}

# measure_crowd TABLE BOX ROUNDS
measure_crowd() {
    local table=$1 name=$2 round
    with_comment "$name"
    begin "$table"
    for ((round = 1; round <= $3; round++)); do
        sample "$table" plan "$name" mailprov plan
        must_say 'Nothing to do' plan
        sample "$table" apply "$name" mailprov apply --yes
        must_say 'Nothing to do' apply
        sample "$table" 'plan of an edited mail.yml' "$name" mailprov plan /root/same.yml
        must_say 'Nothing to do' plan
        sample "$table" sha256sum "$name" sha256sum /etc/mailprov/mail.yml "${files[@]}" \
            "${tables[@]}"
        sample "$table" bare "$name" /opt/bench/bare /opt/bench/wanted
        sample "$table" by-hand "$name" sh /opt/bench/peers/by-hand.sh
        must_say 'changed=0' by-hand
    done
}

measure_many() {
    local name=$boxes-e round
    prepare "$name" "$peers" "$image"
    python3 $here/accounts.py 10000 >"$work/many.yml"
    provision "$name" "$work/many.yml"
    measure_crowd many "$name" $many_rounds
    for round in 1 2 3; do
        sample many rash "$name" /opt/peers/bin/rash /opt/bench/peers/rash.yml
        sample many cf-agent "$name" cf-agent --no-lock --file /opt/bench/peers/cfengine.cf
    done
    sample many ansible-playbook "$name" /opt/peers/bin/ansible-playbook \
        --inventory localhost, /opt/bench/peers/ansible.yml
    must_say 'changed=0 .* failed=0' ansible-playbook

    echo 'One account more'
    python3 $here/accounts.py 10001 >"$work/more.yml"
    install --mode 600 "$work/more.yml" "$(box_root "$name")/etc/mailprov/mail.yml"
    begin one-more
    states "$name" >"$work/states-before"
    traces_of_texts "$name" >"$work/before"
    sample one-more apply "$name" mailprov apply --yes
    cp "$work/said" "$work/shown"
    states "$name" >"$work/states-after"
    traces_of_texts "$name" >"$work/after"
    begin one-more-facts
    fact one-more-facts 'lines shown' "$(wc -l <"$work/shown")"
    fact one-more-facts 'lines of the diff that begin with + or -' \
        "$(grep --count --extended-regexp '^ *[+-]' "$work/shown" || true)"
    fact one-more-facts 'files changed' \
        "$(diff "$work/before" "$work/after" | sed -n 's/^> \([^ ]*\) .*/\1/p' | xargs)"
    if diff "$work/states-before" "$work/states-after" >&2; then
        fact one-more-facts 'services restarted or reloaded' none
    else
        fact one-more-facts 'services restarted or reloaded' \
            "$(diff "$work/states-before" "$work/states-after" | grep --count '^>')"
    fi
    box "$name" postmap -q user010000@example.org hash:/etc/postfix/mailboxes
    cp "$work/shown" "$data/one-more.txt"

    echo 'A hundred thousand'
    python3 $here/accounts.py 100000 >"$work/huge.yml"
    install --mode 600 "$work/huge.yml" "$(box_root "$name")/etc/mailprov/mail.yml"
    begin huge-first
    sample huge-first apply "$name" mailprov apply --yes
    copy_wanted "$name"
    measure_crowd huge "$name" 3
    box_remove "$name"
}

traces_of_texts() {
    box "$1" find /etc /var/vmail -xdev -type f -printf '%p %i %s %m %U:%G %T@\n' | sort
}
