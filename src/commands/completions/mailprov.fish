# Fish completes the command lines of mailprov with this; mailprov itself knows how.

function __mailprov_offers
    set -l typed (commandline --cut-at-cursor --current-token)
    set -l words (commandline --cut-at-cursor --current-process --tokenize) "$typed"
    MAILPROV_COMPLETE=1 mailprov -- $words 2>/dev/null
end

complete -c mailprov --no-files --keep-order --arguments '(__mailprov_offers)'
