# To be sourced: bootstrap of a host that is already as it should be, over a wire
# on which a round takes a second. What takes longer than on one without delay is
# waiting; that of `ssh HOST true` is ssh's own.

ssh_rounds=3
round_trip=1000

measure_ssh() {
    local name=$boxes-f root key=$work/key round delay table options logins
    prepare "$name" "$image"
    provision "$name" $here/small.yml
    root=$(box_root "$name")
    ssh-keygen -q -t ed25519 -N '' -f "$key"
    install -D --mode 600 "$key.pub" "$root/root/.ssh/authorized_keys"
    chmod 700 "$root/root/.ssh"
    chown -R 0:0 "$root/root/.ssh"
    box "$name" systemctl start ssh

    begin ssh ssh-facts
    : >"$work/connections"
    for ((round = 0; round <= ssh_rounds; round++)); do
        for delay in 0 $((round_trip / 2)); do
            options=(
                StrictHostKeyChecking=accept-new "UserKnownHostsFile=$work/known_hosts"
                IdentitiesOnly=yes
                "ProxyCommand=ip netns exec $name python3 $PWD/$here/relay.py $delay $work/connections"
            )
            sample_here "true, $delay ms" ssh -F none -i "$key" "${options[@]/#/-o}" root@server true
            logins=$(accepted "$name")
            : >"$work/connections"
            sample_here "bootstrap, $delay ms" "$program" bootstrap root@server $here/small.yml --yes \
                --identity "$key" "${options[@]/#/--ssh-option=}"
            must_say 'Nothing to do' bootstrap
        done
        # The first round is to warm up.
        [ $round = 0 ] && begin ssh
    done
    fact ssh-facts 'connections that sshd took' $(($(accepted "$name") - logins))
    fact ssh-facts 'connections that ssh made' "$(wc -l <"$work/connections")"
    fact ssh-facts 'round trip in ms' $round_trip
    box_remove "$name"
}

# accepted BOX: how many logins sshd let in so far.
accepted() {
    box "$1" journalctl --quiet --no-pager --output=cat --unit=ssh | grep --count '^Accepted'
}

# sample_here SIDE COMMAND...: as `sample`, on this machine.
sample_here() {
    local side=$1 line
    shift
    line=$("$results/measure" "$work/said" "$@")
    if [ "${line##*$'\t'}" != 0 ]; then
        cat "$work/said" >&2
        return 1
    fi
    printf '%s\t%s\n' "$side" "$line" >>"$data/ssh.tsv"
}
