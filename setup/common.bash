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
# when it fails.
took() {
    local work=$1 began log
    shift
    log=$(mktemp)
    began=$(date +%s)
    printf '%s' "setup: $* … " >&2
    # A subshell with -e of its own: a function called in a condition would otherwise run on after an error.
    set +e
    (set -e; "$work") >"$log" 2>&1
    local status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        printf '%s s\n' "$(($(date +%s) - began))" >&2
        rm -f "$log"
    else
        printf 'failed after %s s\n' "$(($(date +%s) - began))" >&2
        tail -n 40 "$log" >&2
        rm -f "$log"
        return "$status"
    fi
}

# made_whole PLACE VERSION FUNCTION WORDS…: unless PLACE (a folder of the cache) is there in this VERSION, runs
# FUNCTION with $new as an empty folder beside it and renames $new to PLACE when it succeeded. A killed run leaves
# nothing half-made; two runs at once wait for each other.
made_whole() {
    local place=$1 version=$2 work=$3
    shift 3
    mkdir -p "$(dirname "$place")"
    exec {lock}>"$place.lock"
    flock "$lock"
    if [ "$(cat "$place/.version" 2>/dev/null || true)" != "$version" ]; then
        new="$place.new"
        rm -rf "$new"
        mkdir -p "$new"
        export new
        took "$work" "$@"
        printf '%s\n' "$version" >"$new/.version"
        rm -rf "$place"
        mv "$new" "$place"
    fi
    exec {lock}>&-
}
