# To be sourced: one line of main.cf is not what it should be. What is measured
# is all from there to the service that runs on the right file: looking, putting
# the file back, reload, and what a side does to see that the service is well.

drift_rounds=5

measure_drift() {
    local name=$boxes-b round side
    local no_check=()
    [[ $($program apply --help) = *--no-check* ]] && no_check=(--no-check)
    prepare "$name" "$peers" "$image"
    provision "$name" $here/small.yml
    begin drift
    for ((round = 0; round <= drift_rounds; round++)); do
        for side in apply no-check ansible-playbook; do
            [ "$side" = no-check ] && [ ${#no_check[@]} = 0 ] && continue
            box "$name" sh -c 'sed -i "s/^smtpd_helo_required = yes/smtpd_helo_required = no/" \
                /etc/postfix/main.cf; ! cmp --quiet /etc/postfix/main.cf /opt/bench/wanted/etc/postfix/main.cf; sleep 3'
            case $side in
            apply) sample drift apply "$name" mailprov apply --yes ;;
            no-check) sample drift 'apply --no-check' "$name" mailprov apply --yes "${no_check[@]}" ;;
            ansible-playbook)
                sample drift ansible-playbook "$name" /opt/peers/bin/ansible-playbook \
                    --inventory localhost, /opt/bench/peers/ansible.yml
                must_say 'changed=2 .* failed=0' $side
                ;;
            esac
            box "$name" cmp /etc/postfix/main.cf /opt/bench/wanted/etc/postfix/main.cf
            # The next one begins with a host that mailprov finds as it left it.
            box "$name" mailprov apply --yes >/dev/null
        done
        # The first round is to warm up.
        [ $round = 0 ] && begin drift
    done
    box_remove "$name"
}
