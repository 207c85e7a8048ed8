# To be sourced: nothing to do, on a host with every service that runs unasked: DKIM,
# spam filter, bans, send limit, SRS. The peers do none of that; the C program is
# the measure, and looks at all that the plan of a bare host names.

. $here/no-op.sh

services_rounds=25

measure_services() {
    local name=$boxes-f side round
    prepare "$name" "$image"
    sed '/^# The other sides/,$d' $here/small.yml >"$work/services.yml"
    provision "$name" "$work/services.yml"
    for side in plan apply; do
        must_change_nothing "$name" $side
    done
    begin services services-facts
    fact services-facts 'packages, files, tables and units' "$(wc -l <"$work/$name/list")"
    for ((round = 1; round <= services_rounds; round++)); do
        for side in bare plan apply; do
            # shellcheck disable=SC2046
            sample services $side "$name" $(side $side)
            must_say "$(contented $side)" $side
        done
    done
    box_remove "$name"
}
