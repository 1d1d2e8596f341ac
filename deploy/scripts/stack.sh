#!/usr/bin/env bash
# What the scripts of the canary share: how the stack is found and asked, and how records are kept.
# It is sourced. By itself it changes nothing but `deploy/state`, and it shows nothing of `.env`: that
# file is compared by its digest.
set -euo pipefail

readonly EXIT_FAILED=1 EXIT_USAGE=64 EXIT_UNREACHABLE=69
readonly RECORD_FORMAT=tidegate.last-known-good.v1
readonly ROUTER_SOCKET=/var/lib/haproxy/admin.sock
readonly ROUTER_CANARY=tidegate/canary
# No command of docker but a pull or a start takes so long.
readonly ANSWER_SECONDS=30

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
me=$(basename "$0" .sh)
is_json=false
steps=()

# Says something to a person; results alone go to standard output.
note() {
    printf '%s: %s\n' "$me" "$*" >&2
}

# Notes a step for the evidence, and says it: what, `ok` or `failed`, and what was seen.
step() {
    steps+=("$(jq -cn --arg at "$(now)" --arg what "$1" --arg result "$2" --arg seen "$3" \
        '{at: $at, what: $what, result: $result, seen: $seen}')")
    note "$(printf '%-6s  %s: %s' "$2" "$1" "$3")"
}

# Ends with a code, what is wrong, and what to do.
give_up() {
    note "$2"
    [[ -z ${3:-} ]] || note "to do: $3"
    exit "$1"
}

now() {
    date -u +%Y-%m-%dT%H:%M:%SZ
}

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" > /dev/null || give_up "$EXIT_UNREACHABLE" "\`$tool\` is not there" "install it"
    done
}

sha256() {
    sha256sum | cut -d ' ' -f 1
}

# Returns the value of the option that comes first.
value() {
    (($# >= 2)) || give_up "$EXIT_USAGE" "$1 needs a value" "see --help"
    printf '%s' "$2"
}

# Whether a word is a whole number, 1 to 5 digits.
is_number() {
    [[ $1 =~ ^[0-9]{1,5}$ ]]
}

# Returns what a variable of `.env` is.
in_env() {
    sed -n "s/^$1=//p" "$env_file" | tail -n 1 | sed 's/^"\(.*\)"$/\1/'
}

# The digest of `.env` without its images, which a release changes.
env_digest() {
    grep -v -E '^(TIDEGATE_IMAGE|TIDEGATE_CANARY_IMAGE)=' "$env_file" | sha256
}

# Finds the stack that a compose file describes: the file, its settings, its project and the engine.
open_stack() {
    need docker jq curl flock sha256sum timeout
    [[ -f $1 ]] || give_up "$EXIT_USAGE" "there is no compose file $1" "name it with --compose-file"
    compose_file=$(realpath "$1")
    deploy=$(dirname "$compose_file")
    env_file=$deploy/.env
    [[ -f $env_file ]] ||
        give_up "$EXIT_USAGE" "there is no $env_file" "copy example.env there and fill it in"
    project=${COMPOSE_PROJECT_NAME:-$(in_env COMPOSE_PROJECT_NAME)}
    project=${project:-$(basename "$deploy")}
    if timeout "$ANSWER_SECONDS" docker compose version > /dev/null 2>&1; then
        compose_program=(docker compose)
    elif command -v docker-compose > /dev/null; then
        compose_program=(docker-compose)
    else
        give_up "$EXIT_UNREACHABLE" "there is no compose" "install Docker Compose 1.29 or newer"
    fi
    engine=$(timeout "$ANSWER_SECONDS" docker info --format '{{.ID}}' 2> /dev/null) && [[ -n $engine ]] ||
        give_up "$EXIT_UNREACHABLE" "no Docker engine answers" "start it, or run this where it is"
    mapfile -t stable < <(compose config --services | grep -E '^replica-[0-9]+$' | sort)
    ((${#stable[@]} > 0)) ||
        give_up "$EXIT_USAGE" "$1 has no service replica-N, or compose refuses it" \
            "look with: ${compose_program[*]} -f $1 config"
    haproxy=$(container haproxy)
    state=$root/deploy/state
    record=$state/last-known-good.json
}

compose() {
    "${compose_program[@]}" --project-name "$project" --project-directory "$deploy" \
        --env-file "$env_file" --profile canary --file "$compose_file" "$@"
}

# Takes the state folder for this process alone.
lock_state() {
    umask 077
    mkdir -p "$state/files" || give_up "$EXIT_FAILED" "$state can't be made" "look at its permissions"
    exec 9> "$state/lock"
    flock --nonblock 9 ||
        give_up "$EXIT_FAILED" "another deploy or rollback is under way" "wait for it, or end it"
}

# Returns the container of a service, whether it runs or not.
container() {
    timeout "$ANSWER_SECONDS" docker ps --all --quiet --no-trunc \
        --filter "label=com.docker.compose.project=$project" \
        --filter "label=com.docker.compose.service=$1" \
        --filter label=com.docker.compose.oneoff=False
}

# Returns a field of a container or an image by a template.
inspect() {
    timeout "$ANSWER_SECONDS" docker inspect --format "$2" "$1" 2> /dev/null
}

image_id() {
    timeout "$ANSWER_SECONDS" docker image inspect --format '{{.Id}}' "$1" 2> /dev/null
}

# Asks a replica from inside, where alone it can be reached; fills `answer_status` and `answer_body`.
ask() {
    local answer
    answer_status=0 answer_body=
    [[ -n $haproxy ]] || return 1
    # shellcheck disable=SC2016 # The shell in the container expands it.
    answer=$(timeout "$ANSWER_SECONDS" docker exec "$haproxy" timeout 5 bash -c \
        'exec 3<> "/dev/tcp/$1/$2" && printf "GET %s HTTP/1.0\r\nHost: tidegate\r\n\r\n" "$3" >&3 && cat <&3' \
        ask "$1" 3000 "$2" 2> /dev/null) || return 1
    [[ $answer =~ ^HTTP/1\.[01]\ ([0-9]{3}) ]] || return 1
    answer_status=${BASH_REMATCH[1]}
    answer_body=${answer#*$'\r\n\r\n'}
}

# Carries a command of HAProxy's runtime socket out. Its image has Perl, and no socat.
router() {
    [[ -n $haproxy ]] || return 1
    # shellcheck disable=SC2016 # Perl expands it.
    timeout "$ANSWER_SECONDS" docker exec "$haproxy" timeout 5 perl -MIO::Socket::UNIX -e \
        '$s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or exit 1; print $s "$ARGV[1]\n"; $s->flush; print <$s>' \
        "$ROUTER_SOCKET" "$1" 2> /dev/null
}

# Returns the canary's weight as the router has it; nothing where it can't be known.
weight() {
    local said
    said=$(router "get weight $ROUTER_CANARY") || return 0
    [[ $said =~ ^([0-9]+)\ \(initial ]] && echo "${BASH_REMATCH[1]}" || true
}

# Returns how the router sees the canary: `UP`, `DOWN`, `MAINT`, …; nothing where it can't be known.
standing() {
    router 'show stat' | awk -F, '$1 == "tidegate" && $2 == "canary" {print $18}' || true
}

# Tells whether a service runs the image with this id, is well, ready and healthy; says in `why` if not.
# Fills `checksum` and `prefix` with what it tells of its migrations and its channel prefix.
is_well() {
    local id seen
    checksum='' prefix='' why=''
    id=$(container "$1")
    [[ -n $id ]] || { why="there is no container of $1"; return 1; }
    seen=$(inspect "$id" '{{.Image}}') || seen=unknown
    [[ -z $2 || $seen == "$2" ]] || { why="$1 runs $seen, not $2"; return 1; }
    seen=$(inspect "$id" '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}') || seen=unknown
    [[ $seen == 'running healthy' ]] || { why="$1 is $seen"; return 1; }
    ask "$1" /ready || { why="$1 does not answer"; return 1; }
    [[ $answer_status == 200 ]] || { why="$1 is not ready: $(reason)"; return 1; }
    ask "$1" /api/health || { why="$1 does not answer"; return 1; }
    [[ $answer_status == 200 ]] || { why="$1 is not healthy: $(reason)"; return 1; }
    checksum=$(jq -r '.checks.database.migration_checksum // empty' <<< "$answer_body") || checksum=
    prefix=$(jq -r '.checks.database.log_place.prefix_sha256 // empty' <<< "$answer_body") || prefix=
    [[ -n $checksum && -n $prefix ]] ||
        { why="$1 does not tell its migration checksum and its channel prefix"; return 1; }
}

# What a health answer complains of.
reason() {
    jq -r '[.reason, (.checks[]?.reason)] | map(select(. != null)) | unique | join("; ")' \
        <<< "$answer_body" 2> /dev/null || echo "status $answer_status"
}

# Waits until a service is well; ends early where its container ends.
wait_for() {
    local until=$((SECONDS + $3))
    while ! is_well "$1" "$2"; do
        if ((SECONDS >= until)); then
            why="$why (looked for $3 s)"
            return 1
        fi
        if [[ $(inspect "$(container "$1")" '{{.State.Status}}') == exited ]]; then
            why="$1 ended: exit code $(inspect "$(container "$1")" '{{.State.ExitCode}}')"
            return 1
        fi
        sleep 0.5
    done
}

# Tells whether clients are served: asked as a client, at the port that HAProxy publishes.
is_served() {
    local place
    [[ -n $haproxy ]] || { why="there is no container of haproxy"; return 1; }
    place=$(timeout "$ANSWER_SECONDS" docker port "$haproxy" 8080/tcp 2> /dev/null | head -n 1) || place=
    place=${place/#0.0.0.0:/127.0.0.1:}
    [[ -n $place ]] || { why="haproxy publishes no port"; return 1; }
    curl --silent --fail --max-time 5 --output /dev/null --noproxy '*' "http://$place/ready" ||
        { why="http://$place/ready is not 200"; return 1; }
}

# Takes the canary out of traffic, and reads that back; `why` says why not.
canary_out() {
    local seen
    router "set server $ROUTER_CANARY weight 0" > /dev/null || { why="HAProxy does not answer"; return 1; }
    router "set server $ROUTER_CANARY state maint" > /dev/null || { why="HAProxy does not answer"; return 1; }
    seen="weight $(weight), $(standing)"
    [[ $seen == 'weight 0, MAINT'* ]] || { why="HAProxy says: $seen"; return 1; }
}

# Ends the canary and removes its container; `why` says why not. It drains by itself.
canary_down() {
    compose stop --timeout 60 canary > /dev/null 2>&1 || true
    compose rm --force --stop canary > /dev/null 2>&1 || true
    [[ -z $(container canary) ]] || { why="its container $(container canary) is still there"; return 1; }
}

# Writes what comes in as a file, whole or not at all; nothing is no file.
write_whole() {
    local beside
    beside=$(mktemp "$(dirname "$1")/.new-XXXXXX") || return 1
    if cat > "$beside" && [[ -s $beside ]] && sync "$beside" && mv -f "$beside" "$1"; then
        sync "$(dirname "$1")"
    else
        rm -f "$beside"
        return 1
    fi
}

# The digest of a record: over all of it but itself.
record_digest() {
    jq -cS 'del(.digest)' | sha256
}

# Prints the record as it stands, or `null` where it is not one JSON object.
the_record() {
    local said
    said=$(jq -cs 'if length == 1 and (.[0] | type == "object") then .[0] else null end' "$record" 2> /dev/null) ||
        said=null
    echo "$said"
}

# Checks the record; `fault` and `advice` say what is wrong with it, and are empty where nothing is.
check_record() {
    fault='' advice="name the images by hand: docs/operations/incident-and-rollback-playbook.md"
    if [[ ! -f $record ]]; then
        fault="there is no $record: no canary was deployed from here, or the folder was lost"
    elif [[ $(the_record) == null ]]; then
        fault="$record is torn: it is no JSON document"
    elif [[ $(jq -r .format "$record") != "$RECORD_FORMAT" ]]; then
        fault="$record has another format than $RECORD_FORMAT"
    elif [[ $(jq -r .digest "$record") != "$(record_digest < "$record")" ]]; then
        fault="$record was changed: its digest is another"
    elif [[ $(jq -r '.project + " " + .engine' "$record") != "$project $engine" ]]; then
        fault="$record is foreign: it is of another project or another Docker engine"
    else
        advice=
    fi
}

# Writes the evidence of a run; the last argument is more JSON for it.
write_evidence() {
    local file=$state/$1-$(date -u +%Y%m%dT%H%M%SZ).json
    [[ ! -e $file ]] || file=${file%.json}-$$.json
    printf '%s\n' "${steps[@]}" | jq -s --arg kind "$1" --arg result "$2" --arg begun "$begun" \
        --arg ended "$(now)" --arg project "$project" --argjson more "$3" \
        '{kind: $kind, result: $result, begun: $begun, ended: $ended, project: $project} + $more + {steps: .}' |
        write_whole "$file" || { note "the evidence $file can't be written"; return 1; }
    if "$is_json"; then
        cat "$file"
    fi
    note "evidence: $file"
}
