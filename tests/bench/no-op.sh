# To be sourced: nothing to do, for three accounts. Who is measured must first
# show that it does the job: that it mends what is not as it should be.

# How often each side takes its turn; the slow ones in fewer of the rounds.
rounds=25
slow_rounds=5

# The sides, as commands in the box.
side() {
    case $1 in
    plan) echo mailprov plan ;;
    apply) echo mailprov apply --yes ;;
    bare) echo /opt/bench/bare /opt/bench/wanted ;;
    sha256sum) echo sha256sum "${files[@]}" "${tables[@]}" ;;
    by-hand) echo sh /opt/bench/peers/by-hand.sh ;;
    ansible-playbook)
        echo /opt/peers/bin/ansible-playbook --inventory localhost, /opt/bench/peers/ansible.yml
        ;;
    pyinfra) echo /opt/peers/bin/pyinfra --yes @local /opt/bench/peers/pyinfra.py ;;
    cf-agent) echo cf-agent --no-lock --file /opt/bench/peers/cfengine.cf ;;
    rash) echo /opt/peers/bin/rash /opt/bench/peers/rash.yml ;;
    esac
}

# What a side says that changed nothing; the others say nothing about it, or
# nothing that can be told from the rest.
contented() {
    case $1 in
    plan | apply) echo 'Nothing to do' ;;
    by-hand) echo 'changed=0' ;;
    ansible-playbook) echo 'changed=0 .* failed=0' ;;
    *) echo '' ;;
    esac
}

# All that a tree says about its files, but for those of running services.
traces() {
    box "$1" find / -xdev \
        \( -path /opt/bench -o -path /var/log -o -path /var/lib/cfengine3 -o -path /var/lib/rspamd -o -path /var/lib/fail2ban -o -path /root \
        -o -path /var/cache/apt -o -path /tmp -o -path /var/tmp \) -prune \
        -o ! -type d -printf '%p %i %s %m %U:%G %T@ %C@\n' | sort
}

# must_change_nothing BOX SIDE
must_change_nothing() {
    traces "$1" >"$work/before"
    # shellcheck disable=SC2046
    box "$1" $(side "$2") >"$work/said" 2>&1 || { cat "$work/said" >&2; return 1; }
    must_say "$(contented "$2")" "$2"
    traces "$1" >"$work/after"
    if ! diff "$work/before" "$work/after" >&2; then
        echo "$2 changed these although nothing was to be done" >&2
        return 1
    fi
}

# must_mend BOX SIDE: it mends a changed text and compiles its table, it sets an
# owner and a mode right, and it starts a service.
must_mend() {
    local name=$1
    box "$name" sh -c 'sleep 1.1; echo "x@example.org thomas" >>/etc/postfix/virtual
        chown vmail /etc/postfix/senders; chmod 600 /etc/postfix/main.cf
        chown root /var/vmail; systemctl stop dovecot'
    # shellcheck disable=SC2046
    box "$name" $(side "$2") >"$work/said" 2>&1 || { cat "$work/said" >&2; return 1; }
    if ! box "$name" sh -c 'cmp /etc/postfix/virtual /opt/bench/wanted/etc/postfix/virtual &&
        ! [ /etc/postfix/virtual -nt /etc/postfix/virtual.db ] &&
        [ "$(postmap -q x@example.org hash:/etc/postfix/virtual)" = "" ] &&
        [ "$(stat -c "%U %a" /etc/postfix/senders /etc/postfix/main.cf /var/vmail | xargs)" \
            = "root 644 root 644 vmail 700" ] &&
        systemctl is-active dovecot >/dev/null' >&2; then
        echo "$2 does not do the job:" >&2
        cat "$work/said" >&2
        return 1
    fi
    # Whatever else that side left, such as a newer table.
    box "$name" mailprov apply --yes >/dev/null
    copy_wanted "$name"
}

measure_no_op() {
    local name=$boxes-a side round
    local peers_of_ours=(by-hand rash cf-agent pyinfra ansible-playbook)
    prepare "$name" "$peers" "$image"
    provision "$name" $here/small.yml

    echo 'Each does the job, and changes nothing where nothing is to be done'
    for side in apply "${peers_of_ours[@]}"; do
        must_mend "$name" "$side"
        must_change_nothing "$name" "$side"
        echo "$side: it does"
    done
    must_change_nothing "$name" plan
    box_remove "$name"

    # A fresh one: who reloads a service from elsewhere gives those who look
    # after it more to find out.
    prepare "$name" "$peers" "$image"
    provision "$name" $here/small.yml
    begin no-op start strace
    for ((round = 1; round <= rounds; round++)); do
        for side in bare plan apply sha256sum by-hand rash cf-agent; do
            # shellcheck disable=SC2046
            sample no-op $side "$name" $(side $side)
            must_say "$(contented $side)" $side
        done
        sample start version "$name" mailprov --version
        if ((round % (rounds / slow_rounds) == 0)); then
            for side in pyinfra ansible-playbook; do
                # shellcheck disable=SC2046
                sample no-op $side "$name" $(side $side)
                must_say "$(contented $side)" $side
            done
            echo "round $round of $rounds"
        fi
    done

    show_system_calls "$name" plan
    show_system_calls "$name" apply
    box_remove "$name"
}

# show_system_calls BOX SIDE: processes, and what is opened for writing.
show_system_calls() {
    local name=$1
    # shellcheck disable=SC2046
    box "$name" strace --follow-forks --output=/run/strace \
        --trace='process,%file,ftruncate,fchmod,fchown' $(side "$2") >/dev/null
    cp "$(box_root "$name")/run/strace" "$work/strace"
    # The first one is mailprov itself. Threads are no processes.
    fact strace "$2: programs started" \
        $(($(grep --count ' execve(.* = 0$' "$work/strace") - 1))
    fact strace "$2: threads started" \
        "$(grep --count 'clone3\?(.*CLONE_THREAD.* = [0-9]' "$work/strace" || true)"
    grep --extended-regexp \
        'open(at)?2?\(.*O_(WRONLY|RDWR|CREAT|TRUNC)|(unlink|rename|mkdir|rmdir|link|mknod|chmod|chown|truncate|setxattr|utime)[a-z0-9]*\(' \
        "$work/strace" | grep --invert-match --extended-regexp ' = -1 |/dev/(null|tty)|readlink' \
        >"$work/writes" || true
    # Two runs at a time would be in each other's way. The lock lies in /run,
    # which is memory.
    fact strace "$2: calls for the lock in /run" "$(grep --count '"lock"\|ftruncate' "$work/writes" || true)"
    sed -i '/"lock"\|ftruncate/d' "$work/writes"
    cat "$work/writes"
    fact strace "$2: files opened for writing, made, moved or removed" "$(wc -l <"$work/writes")"
}
