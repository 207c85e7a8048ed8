# To be sourced: a provisioned box, and taking samples in it.

# The files of the job; also in each of peers/.
files=(
    /etc/ssl/certs/mailprov.pem /etc/ssl/private/mailprov.key
    /etc/dovecot/dovecot.conf /etc/dovecot/users /etc/dovecot/sieve/before.sieve
    /etc/postfix/main.cf /etc/postfix/master.cf
    /etc/postfix/mailboxes /etc/postfix/virtual /etc/postfix/senders /etc/aliases
)
# What is compiled of them. mailprov hashes these as well: a table may have been
# made by another program.
tables=(
    /etc/postfix/mailboxes.db /etc/postfix/virtual.db /etc/postfix/senders.db /etc/aliases.db
    /etc/dovecot/sieve/before.svbin
)
packages=(
    postfix dovecot-core dovecot-lmtpd dovecot-imapd dovecot-pop3d dovecot-sieve dovecot-managesieved
    ca-certificates openssl
)

# box_root NAME: the tree of a box as it sees it.
box_root() {
    echo "/proc/$(cat "$work/$1/leader")/root"
}

# prepare NAME TREE...: a box that is switched on, with our programs in it.
prepare() {
    local root=$work/$1/root
    box_make "$@"
    install "$program" "$root/usr/local/bin/mailprov"
    install -D "$results/measure" "$root/opt/bench/measure"
    install "$results/bare" "$root/opt/bench/bare"
    cp -r $here/peers "$root/opt/bench/peers"
    box_boot "$1"
}

# provision NAME MAIL_YML: has mailprov bring a box into that state, and copies
# the files that come of it for those that only copy.
provision() {
    local root
    root=$(box_root "$1")
    install -D --mode 600 "$2" "$root/etc/mailprov/mail.yml"
    # Of a bare host, the plan names all there is to look at.
    if ! [ -e "$work/$1/list" ]; then
        box "$1" mailprov plan --json | python3 $here/wanted.py >"$work/$1/list"
    fi
    if ! box "$1" mailprov apply --yes >"$work/apply.log" 2>&1; then
        cat "$work/apply.log" >&2
        return 1
    fi
    tail -1 "$work/apply.log"
    copy_wanted "$1"
}

# copy_wanted NAME: what bare.c reads.
copy_wanted() {
    local root
    root=$(box_root "$1")
    box "$1" sh -c 'rm -rf /opt/bench/wanted; mkdir /opt/bench/wanted'
    cp "$work/$1/list" "$root/opt/bench/wanted/keys"
    box "$1" sh -c 'cd /opt/bench/wanted
        while read -r kind name; do
            case $kind in
            file | path) stat --format "$kind %U %G %f %n" "$name" ;;
            *) echo "$kind $name" ;;
            esac
            [ "$kind" != file ] || [ -d "$name" ] || cp --archive --parents "$name" .
        done <keys >list'
}

# sample TABLE SIDE BOX COMMAND...: runs a command in a box and appends what it
# took to a table; it must end well. What it said is then in $work/said.
sample() {
    local table=$data/$1.tsv side=$2 name=$3 line
    shift 3
    line=$(box "$name" /opt/bench/measure /run/said "$@")
    cp "$(box_root "$name")/run/said" "$work/said"
    if [ "${line##*$'\t'}" != 0 ]; then
        echo "$side: exit code ${line##*$'\t'}" >&2
        cat "$work/said" >&2
        return 1
    fi
    printf '%s\t%s\n' "$side" "$line" >>"$table"
}

# begin TABLE...: an empty table each.
begin() {
    local table
    for table; do
        : >"$data/$table.tsv"
    done
}

# fact TABLE NAME VALUE: a single figure.
fact() {
    printf '%s\t%s\n' "$2" "$3" >>"$data/$1.tsv"
    printf '%s: %s\n' "$2" "$3"
}

# must_say WORDS SIDE: ends the benchmark where a side did not say that.
must_say() {
    if [ -n "$1" ] && ! grep --quiet -- "$1" "$work/said"; then
        echo "$2 did not say \`$1\`:" >&2
        cat "$work/said" >&2
        return 1
    fi
}

# note_part PART: when, and of which program. Parts may be of several runs.
note_part() {
    local commit
    commit=$(git describe --always --dirty --exclude '*')${BENCH_PROGRAM:+ (the program was built elsewhere)}
    printf '%s\t%s\n' date "$(date --utc '+%Y-%m-%d %H:%M UTC')" commit "$commit" \
        load "$(cut -d ' ' -f 1-3 /proc/loadavg)" >"$data/part-$1.tsv"
}

# note_machine PEERS: where, and what is measured.
note_machine() {
    local tree=$1
    printf 'processor\t%s × %s\n' "$(nproc)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
    printf 'memory\t%s MB\n' "$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)"
    printf 'kernel\t%s\n' "$(uname -r)"
    printf 'rustc\t%s\n' "$(rustc --version | cut -d ' ' -f 2)"
    printf 'bytes\t%s\n' "$(stat --format %s "$program")"
    printf 'mailprov\t%s\n' "$($program --version | cut -d ' ' -f 2)"
    printf 'ansible-playbook\t%s\n' "ansible-core $ansible"
    printf 'pyinfra\t%s\n' "$pyinfra"
    printf 'rash\t%s\n' "$rash"
    printf 'cf-agent\t%s\n' "$(sed -n '/^Package: cfengine3$/,/^$/s/^Version: //p' "$tree/var/lib/dpkg/status")"
}
