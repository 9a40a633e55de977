# Shared by the scripts of this folder: where things are kept, how work is announced, and how a folder is made whole
# or not at all. Sourced, never run.
# shellcheck shell=bash
set -euo pipefail

cache=${NIGHTBELL_CACHE:-${XDG_CACHE_HOME:-${HOME:?neither NIGHTBELL_CACHE nor HOME is set}/.cache}/nightbell}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

# say WORDS…: one line of progress, on standard error so that a script's standard output stays its answer.
say() { printf '%s\n' "setup: $*" >&2; }

# die WORDS…: what is wrong and what to do, then stop.
die() { printf '%s\n' "setup: $*" >&2; exit 1; }

# took FUNCTION WORDS…: runs FUNCTION, saying what is being done and how long it took; its output is shown only
# when it fails. (Bash lets a called function see its caller's locals: hence names that no script would use.)
took() {
    local took_what=$1 took_from took_log took_status
    shift
    took_log=$(mktemp)
    took_from=$(date +%s)
    printf '%s' "setup: $* … " >&2
    # A subshell with -e of its own: a function called in a condition would otherwise run on after an error.
    set +e
    (set -e; "$took_what") >"$took_log" 2>&1
    took_status=$?
    set -e
    if [ "$took_status" -eq 0 ]; then
        printf '%s s\n' "$(($(date +%s) - took_from))" >&2
        rm -f "$took_log"
    else
        printf 'failed after %s s\n' "$(($(date +%s) - took_from))" >&2
        tail -n 40 "$took_log" >&2
        rm -f "$took_log"
        return "$took_status"
    fi
}

# made_whole PLACE VERSION FUNCTION WORDS…: unless PLACE (a folder of the cache) is there in this VERSION, runs
# FUNCTION with $new as an empty folder beside it and renames $new to PLACE when it succeeded. A killed run leaves
# nothing half-made; two runs at once wait for each other.
made_whole() {
    local whole_place=$1 whole_version=$2 whole_what=$3
    shift 3
    mkdir -p "$(dirname "$whole_place")"
    exec {whole_lock}>"$whole_place.lock"
    flock "$whole_lock"
    if [ "$(cat "$whole_place/.version" 2>/dev/null || true)" != "$whole_version" ]; then
        new="$whole_place.new"
        rm -rf "$new"
        mkdir -p "$new"
        export new
        took "$whole_what" "$@"
        printf '%s\n' "$whole_version" >"$new/.version"
        rm -rf "$whole_place"
        mv "$new" "$whole_place"
    fi
    exec {whole_lock}>&-
}
