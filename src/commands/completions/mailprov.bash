# Bash completes the command lines of mailprov with this; mailprov itself knows how.

_mailprov() {
    COMPREPLY=()
    if [[ $2 == [~\$]* ]]; then
        # Bash knows what these stand for.
        compopt -o default 2>/dev/null
        return
    fi
    local at part last=$2 offer raw words=()
    # Bash breaks words at these three, mailprov does not.
    for ((at = 0; at <= COMP_CWORD; at++)); do
        part=${COMP_WORDS[at]}
        if ((at == COMP_CWORD)) && [[ ! $part =~ ^[@:=]+$ ]]; then
            part=$last
        fi
        if ((at > 1)) && [[ ${COMP_WORDS[at]} =~ ^[@:=]+$ || ${COMP_WORDS[at - 1]} =~ ^[@:=]+$ ]]; then
            words[-1]+=$part
        else
            words+=("$part")
        fi
    done
    if [[ $last =~ ^[@:=]+$ ]]; then
        last=
    fi
    local kept=${words[-1]%"$last"}

    while IFS=$'\t' read -r offer _; do
        offer=${offer#"$kept"}
        # Quoted as a word has to be; what is in quotes is so already.
        if [[ $offer =~ [^[:alnum:]_./,:=@%+-] && ${COMP_WORDS[COMP_CWORD]} != [\"\']* ]]; then
            printf -v raw %q "$offer"
            offer=$raw
        fi
        COMPREPLY+=("$offer")
    done < <(MAILPROV_COMPLETE=1 mailprov -- "${words[@]}" 2>/dev/null)

    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

complete -o nosort -F _mailprov mailprov
