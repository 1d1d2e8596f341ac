#!/usr/bin/env bash
# Starts a release as a canary beside the stable replicas, without a share of traffic, after it has
# recorded what runs now. It never touches a stable replica.
set -euo pipefail

usage() {
    cat <<'TEXT'
Starts a release as a canary beside the stable replicas. Its weight in HAProxy is and stays 0.

    deploy/scripts/canary-deploy.sh [OPTIONS] IMAGE_OR_TAG
    deploy/scripts/canary-deploy.sh [OPTIONS] --status

Example: deploy/scripts/canary-deploy.sh tidegate:1.3.0

First it looks whether all that runs is well, and records it as the last known good, in
deploy/state/last-known-good.json: what canary-rollback.sh goes back to. A release that brings a
migration is refused: it could not be taken back. Where anything fails the canary is taken down again.
Run again with the same image, it looks again and changes nothing.

  IMAGE_OR_TAG         an image, such as registry/tidegate:1.3.0; a word without `:` or `/` is a tag of
                       the image that runs
  --status             says what was recorded and what runs, and changes nothing
  --compose-file FILE  default: deploy/docker-compose.yml; `.env` lies beside it
  --deadline SECONDS   how long the canary may take until it is ready (default: 180)
  --json               prints the evidence as JSON

It ends with 0 where the canary stands by, 1 where something is not as it has to be, 64 where the
arguments or settings make no sense, and 69 where Docker or an image can't be reached.
TEXT
}

source "$(dirname "${BASH_SOURCE[0]}")/stack.sh"

read_arguments() {
    compose_path=$root/deploy/docker-compose.yml deadline=180 wanted='' only_status=false
    local only_words=false
    while (($# > 0)); do
        if "$only_words" || [[ $1 != -* ]]; then
            [[ -z $wanted ]] || give_up "$EXIT_USAGE" "one image at a time, not $1 too" "see --help"
            wanted=$1 && shift
            continue
        fi
        case $1 in
            --help | -h) usage && exit 0 ;;
            --json) is_json=true ;;
            --status) only_status=true ;;
            --compose-file) compose_path=$(value "$@") && shift ;;
            --deadline) deadline=$(value "$@") && shift ;;
            --) only_words=true ;;
            *) give_up "$EXIT_USAGE" "there is no option $1" "see --help" ;;
        esac
        shift
    done
    is_number "$deadline" || give_up "$EXIT_USAGE" "--deadline is a number of seconds" "see --help"
    if ! "$only_status" && [[ ! $wanted =~ ^[A-Za-z0-9][A-Za-z0-9._:/@-]*$ ]]; then
        give_up "$EXIT_USAGE" "which image? \`$wanted\` is none" "see --help"
    fi
}

# Looks at every stable replica, which all have to be well and of one image; fills `known` with them.
look_at_stable() {
    local service id checksums=() images=()
    known='{}'
    for service in "${stable[@]}"; do
        is_well "$service" '' ||
            give_up "$EXIT_FAILED" "the stack is not well: $why" \
                "mend it first; there is no good state to come back to now"
        id=$(container "$service")
        images+=("$(inspect "$id" '{{.Image}}')") checksums+=("$checksum $prefix")
        known=$(jq -c --arg service "$service" --arg image "$(inspect "$id" '{{.Image}}')" \
            --arg name "$(inspect "$id" '{{.Config.Image}}')" '.[$service] = {image: $image, name: $name}' <<< "$known")
    done
    is_served || give_up "$EXIT_FAILED" "the stack is not well: $why" "mend it first"
    [[ $(printf '%s\n' "${images[@]}" | sort -u | wc -l) == 1 ]] ||
        give_up "$EXIT_FAILED" "stable replicas run different images" "end the upgrade that is under way"
    [[ $(printf '%s\n' "${checksums[@]}" | sort -u | wc -l) == 1 ]] ||
        give_up "$EXIT_FAILED" "stable replicas differ in migrations or prefix" "see docs/gates.md"
    stable_image=${images[0]} stable_checksum=$checksum stable_prefix=$prefix
    stable_name=$(jq -r '.[].name' <<< "$known" | head -n 1)
    step stable ok "${#stable[@]} replicas are well: $stable_image"
}

# Keeps a file's bytes under their digest, and prints its entry of the record.
keep_file() {
    local digest
    digest=$(sha256 < "$1")
    [[ -f $state/files/$digest ]] || write_whole "$state/files/$digest" < "$1"
    jq -cn --arg name "$(basename "$1")" --arg sha256 "$digest" '{($name): $sha256}'
}

# Records what runs, before anything changes. A record of the same state stays as it is.
record_stable() {
    local files commit document file
    files=$(for file in "$compose_file" "$deploy/haproxy.cfg" "$deploy/redis.conf"; do
        [[ ! -f $file ]] || keep_file "$file"
    done | jq -cs add)
    commit=$(git -C "$root" rev-parse HEAD 2> /dev/null) || commit=unknown
    keep=tidegate:last-known-good-${stable_image:7:12}
    document=$(jq -cn --arg format "$RECORD_FORMAT" --arg project "$project" --arg engine "$engine" \
        --arg commit "$commit" --arg env "$(env_digest)" --arg keep "$keep" \
        --arg checksum "$stable_checksum" --arg prefix "$stable_prefix" \
        --argjson files "$files" --argjson services "$known" \
        '{format: $format, project: $project, engine: $engine, commit: $commit, files: $files,
          env_sha256: $env, kept_image: $keep, migration_checksum: $checksum,
          channel_prefix_sha256: $prefix, services: $services}')
    check_record
    if [[ -z $fault && $(jq -cS 'del(.digest, .at)' "$record") == "$(jq -cS . <<< "$document")" ]]; then
        step record ok "as recorded at $(jq -r .at "$record")"
    else
        [[ ! -f $record ]] || mv -f "$record" "$state/previous-known-good.json"
        document=$(jq -c --arg at "$(now)" '. + {at: $at}' <<< "$document")
        jq --arg digest "$(record_digest <<< "$document")" '. + {digest: $digest}' <<< "$document" |
            write_whole "$record" ||
            give_up "$EXIT_FAILED" "the last known good can't be recorded" "make room in $state"
        step record ok "$record"
    fi
    # So that nobody's clean-up takes the image away.
    timeout "$ANSWER_SECONDS" docker tag "$stable_image" "$keep" ||
        give_up "$EXIT_FAILED" "$stable_image can't be kept as $keep" "look at the engine"
}

# Finds the image of the canary; fills `canary_name` and `canary_image`.
find_image() {
    canary_name=$wanted
    if [[ $wanted != *[:/@]* ]]; then
        # The tag of a name stands behind its last `/`.
        local last=${stable_name##*/}
        canary_name=${stable_name%"$last"}${last%%[:@]*}:$wanted
    fi
    if ! canary_image=$(image_id "$canary_name"); then
        timeout 900 docker pull --quiet "$canary_name" > /dev/null 2>&1 && canary_image=$(image_id "$canary_name") ||
            give_up "$EXIT_UNREACHABLE" "there is no image $canary_name, and it can't be pulled" \
                "build it (docker compose build), or name one that is there"
    fi
    export TIDEGATE_CANARY_IMAGE=$canary_name
    step image ok "$canary_name is $canary_image"
}

# Refuses a release that brings a migration: the database would not be what the stable replicas know.
look_at_migrations() {
    local said code=0
    said=$(timeout 120 "${compose_program[@]}" --project-name "$project" --project-directory "$deploy" \
        --env-file "$env_file" --profile canary --file "$compose_file" run --rm --no-deps -T \
        --entrypoint /usr/local/bin/tidegate canary store status --json 2> /dev/null) || code=$?
    case $code in
        0) ;;
        1) give_up "$EXIT_FAILED" "the release and the database do not agree on migrations: $(jq -r '.reason // "refused"' \
            <<< "$said" 2> /dev/null || echo refused)" "migrate in a change of its own, with a backup: docs/deploy.md" ;;
        *) give_up "$EXIT_UNREACHABLE" "the release can't look at the database (exit code $code)" \
            "run \`tidegate store status\` with that image" ;;
    esac
    said=$(jq -r .migration_checksum <<< "$said")
    [[ $said == "$stable_checksum" ]] ||
        give_up "$EXIT_FAILED" "the release has the migration checksum $said, the stable replicas $stable_checksum" \
            "release what has the same migrations"
    step migrations ok "$said"
}

# What a failure after this point leaves behind: nothing of the canary.
take_down() {
    local code=$?
    trap - EXIT INT TERM
    canary_out || note "the router: $why"
    if canary_down; then
        step canary failed 'it is down again; no stable replica was touched'
    else
        step canary failed "IT IS NOT DOWN: $why"
        note "to do: docker rm --force $(container canary)"
    fi
    write_evidence canary failed "$(about)" || true
    ((code != 0)) || code=$EXIT_FAILED
    exit "$code"
}

about() {
    jq -cn --arg name "$canary_name" --arg image "$canary_image" --arg stable "$stable_image" \
        --arg weight "$(weight)" '{canary: {name: $name, image: $image}, stable_image: $stable, weight: $weight}'
}

# The router has to know the canary, and to send nothing there.
look_at_router() {
    local seen
    seen=$(weight)
    [[ $seen == 0 ]] ||
        give_up "$EXIT_FAILED" "the canary's weight in HAProxy is \`${seen:-unknown}\`, not 0" \
            "take it back first (canary-rollback.sh); where it is unknown, HAProxy has to run this haproxy.cfg"
}

start_canary() {
    local id
    id=$(container canary)
    if [[ -n $id && $(inspect "$id" '{{.Image}}') != "$canary_image" ]]; then
        give_up "$EXIT_FAILED" "another canary is there: $(inspect "$id" '{{.Config.Image}}')" \
            "take it back first: deploy/scripts/canary-rollback.sh"
    fi
    look_at_router
    trap take_down EXIT
    trap 'exit "$EXIT_FAILED"' INT TERM
    compose up --detach --no-deps --no-build canary > /dev/null 2>&1 ||
        give_up "$EXIT_FAILED" "the canary can't be started" "look with: ${compose_program[*]} up canary"
    wait_for canary "$canary_image" "$deadline" || {
        timeout "$ANSWER_SECONDS" docker logs --tail 5 "$(container canary)" >&2 2>&1 || true
        give_up "$EXIT_FAILED" "the canary is not well: $why" "look at its log above"
    }
    [[ $checksum == "$stable_checksum" ]] ||
        give_up "$EXIT_FAILED" "the canary has the migration checksum $checksum" "release what has the same"
    [[ $prefix == "$stable_prefix" ]] ||
        give_up "$EXIT_FAILED" "the canary has another CHAT_REALTIME_CHANNEL_PREFIX" "look at its settings"
    router "set server $ROUTER_CANARY state ready" > /dev/null || true
    look_at_router
    trap - EXIT INT TERM
    step canary ok 'it is ready, has the same migrations and prefix, and the weight 0'
}

show_status() {
    local service
    check_record
    jq -n --arg fault "$fault" --argjson recorded "$(the_record)" \
        --arg weight "$(weight)" --arg standing "$(standing)" --argjson running "$(
            for service in "${stable[@]}" canary; do
                is_well "$service" '' && why=
                jq -cn --arg service "$service" --arg image "$(inspect "$(container "$service")" '{{.Image}}')" \
                    --arg why "$why" '{($service): {image: $image, well: ($why == ""), reason: $why}}'
            done | jq -cs add
        )" '{recorded: $recorded, fault: $fault, running: $running, canary: {weight: $weight, router: $standing}}'
    [[ -z $fault ]] || give_up "$EXIT_FAILED" "$fault" "$advice"
}

read_arguments "$@"
begun=$(now)
open_stack "$compose_path"
if "$only_status"; then
    show_status
    exit 0
fi
lock_state
look_at_stable
record_stable
find_image
look_at_migrations
start_canary
write_evidence canary done "$(about)"
note "next: give it traffic as your runbook says; docs/operations/incident-and-rollback-playbook.md says how it is taken back"
