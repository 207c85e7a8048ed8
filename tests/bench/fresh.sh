# To be sourced: a bare Debian becomes a mail server, and what apt alone takes
# for the same packages, each time on a box of its own. The packages lie in its
# cache, so that the network is not what is measured.

fresh_rounds=3

measure_fresh() {
    local round
    begin fresh
    for ((round = 1; round <= fresh_rounds; round++)); do
        prepare "$boxes-c" "$image"
        # Both need the packages that apt installs.
        sample fresh apt-get "$boxes-c" env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes \
            --no-install-recommends install "${packages[@]}"
        box_remove "$boxes-c"
        prepare "$boxes-d" "$image"
        install -D --mode 600 $here/small.yml "$(box_root "$boxes-d")/etc/mailprov/mail.yml"
        sample fresh apply "$boxes-d" mailprov apply --yes
        must_say '^Done' apply
        box "$boxes-d" mailprov plan >"$work/said"
        must_say 'Nothing to do' plan
        box_remove "$boxes-d"
        echo "round $round of $fresh_rounds"
    done
}
