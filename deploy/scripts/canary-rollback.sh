#!/usr/bin/env bash
# Goes back to the last known good: the canary out of traffic and ended, the stable replicas at the
# image that was recorded. It says that it is done only where it has seen so.
set -euo pipefail

usage() {
    cat <<'TEXT'
Goes back to the last known good that canary-deploy.sh recorded.

    deploy/scripts/canary-rollback.sh [OPTIONS]

Example: deploy/scripts/canary-rollback.sh --remove-volumes 0

The canary's weight becomes 0, the canary drains and ends. Then each stable replica that does not run
the recorded image, or is not ready, is made anew from it, one after the other. At the end it is looked
whether what runs is what was recorded: images, readiness, health, migrations, and clients' way in.
Without a record that can be trusted the canary is ended all the same, where a stable replica serves,
and nothing else is touched; that is a failure. What was done is written to deploy/state/rollback-TIME.json.

  --remove-volumes 0|1  1: removes the canary's volume too, unless events wait in it (default: 0)
  --compose-file FILE   default: deploy/docker-compose.yml; `.env` lies beside it
  --deadline SECONDS    how long each replica may take until it is ready (default: 180)
  --json                prints the evidence as JSON

It ends with 0 where the last known good runs, 1 where that was not seen, 64 where the arguments or
settings make no sense, and 69 where Docker can't be reached.
TEXT
}

source "$(dirname "${BASH_SOURCE[0]}")/stack.sh"

read_arguments() {
    compose_path=$root/deploy/docker-compose.yml deadline=180 remove_volumes=0
    while (($# > 0)); do
        case $1 in
            --help | -h) usage && exit 0 ;;
            --json) is_json=true ;;
            --compose-file) compose_path=$(value "$@") && shift ;;
            --deadline) deadline=$(value "$@") && shift ;;
            --remove-volumes) remove_volumes=$(value "$@") && shift ;;
            *) give_up "$EXIT_USAGE" "there is no argument $1" "see --help" ;;
        esac
        shift
    done
    is_number "$deadline" || give_up "$EXIT_USAGE" "--deadline is a number of seconds" "see --help"
    [[ $remove_volumes == [01] ]] ||
        give_up "$EXIT_USAGE" "--remove-volumes is 0 or 1, not $remove_volumes" "see --help"
}

# Ends the run as one that failed, with its evidence.
fail() {
    step "$1" failed "$2"
    [[ -z ${3:-} ]] || note "to do: $3"
    write_evidence rollback failed "$(about)" || true
    note 'NOT rolled back: what runs is not known to be the last known good'
    exit "$EXIT_FAILED"
}

# The images of what runs.
running() {
    local service
    for service in "${stable[@]}" canary; do
        jq -cn --arg service "$service" \
            --arg image "$(inspect "$(container "$service")" '{{.Image}}' || true)" '{($service): $image}'
    done | jq -cs 'add | map_values(select(. != ""))'
}

about() {
    jq -cn --argjson before "$before" --argjson after "$(running)" --arg weight "$(weight)" \
        --arg standing "$(standing)" --arg volumes "$volumes" \
        --argjson recorded "$(the_record)" \
        '{before: $before, after: $after, weight: $weight, router: $standing, canary_volume: $volumes,
          recorded: $recorded}'
}

# How many events wait in the canary for Redis; `unknown` where it can't be asked.
look_at_spool() {
    spool=unknown
    if [[ -z $(container canary) ]]; then
        return
    fi
    ask canary /metrics && [[ $answer_status == 200 ]] || return 0
    spool=$(awk '$1 == "tidegate_spool_events" {print $2}' <<< "$answer_body")
    spool=${spool:-unknown}
}

serves_without_canary() {
    local service
    for service in "${stable[@]}"; do
        if ask "$service" /ready && [[ $answer_status == 200 ]]; then
            return 0
        fi
    done
    return 1
}

end_canary() {
    # With no record to restore from, a canary that alone serves is better than nothing.
    if [[ -n $fault ]] && ! serves_without_canary; then
        fail record "$fault; and no stable replica is ready, so the canary was left alone" "$advice"
    fi
    if canary_out; then
        step router ok "weight $(weight), $(standing)"
    else
        # It is ended all the same, after which no router can send anything there.
        step router failed "$why"
    fi
    look_at_spool
    canary_down || fail canary "the canary can't be ended: $why" "docker rm --force $(container canary)"
    step canary ok 'it has no container any more'
}

# The files have to be those that were recorded, or other replicas would be made from them.
look_at_files() {
    local name file changed=()
    while read -r name; do
        file=$deploy/$name
        if [[ ! -f $file || $(sha256 < "$file") != "$(jq -r --arg name "$name" '.files[$name]' "$record")" ]]; then
            changed+=("$name")
            note "to do: cp $state/files/$(jq -r --arg name "$name" '.files[$name]' "$record") $file"
        fi
    done < <(jq -r '.files | keys[]' "$record")
    if [[ $(env_digest) != "$(jq -r .env_sha256 "$record")" ]]; then
        changed+=(.env)
        note "to do: give $env_file back the settings of $(jq -r .at "$record")"
    fi
    ((${#changed[@]} == 0)) ||
        fail files "changed since they were recorded: ${changed[*]}" "then run this again"
    step files ok 'as recorded'
}

# The recorded image has to be here under its name.
look_at_image() {
    image=$(jq -r '[.services[].image] | unique | if length == 1 then .[0] else "" end' "$record")
    keep=$(jq -r .kept_image "$record")
    [[ $image =~ ^sha256:[0-9a-f]{64}$ ]] ||
        fail image 'the record names no one image' "$advice"
    [[ $(image_id "$image") == "$image" ]] ||
        fail image "$image is not here any more" "bring it back: docker load, or docker pull"
    timeout "$ANSWER_SECONDS" docker tag "$image" "$keep" || fail image "$image can't be named $keep"
    step image ok "$keep is $image"
}

restore() {
    local service force
    for service in "${recorded[@]}"; do
        if is_well "$service" "$image"; then
            step "$service" ok 'it runs the recorded image'
            continue
        fi
        note "$service is made anew: $why"
        force=()
        [[ $(inspect "$(container "$service")" '{{.Image}}' || true) != "$image" ]] || force=(--force-recreate)
        TIDEGATE_IMAGE=$keep compose up --detach --no-deps --no-build "${force[@]}" "$service" > /dev/null 2>&1 ||
            fail "$service" 'compose can not start it' "TIDEGATE_IMAGE=$keep ${compose_program[*]} up $service"
        wait_for "$service" "$image" "$deadline" || {
            timeout "$ANSWER_SECONDS" docker logs --tail 5 "$(container "$service")" >&2 2>&1 || true
            fail "$service" "$why" "look at its log above; a newer migration needs the backup: docs/deploy.md"
        }
        step "$service" ok 'it was made anew from the recorded image'
    done
}

# A router that has gone is started: nobody could be served, nor could replicas be asked.
start_router() {
    if [[ $(inspect "$haproxy" '{{.State.Status}}' || true) != running ]]; then
        compose up --detach --no-deps --no-build haproxy > /dev/null 2>&1 || true
        haproxy=$(container haproxy)
        step router ok 'HAProxy did not run and was started'
    fi
}

verify() {
    local service
    for service in "${recorded[@]}"; do
        is_well "$service" "$image" || fail verify "$why" "run this again, then look at $service"
        [[ $checksum == "$(jq -r .migration_checksum "$record")" ]] ||
            fail verify "$service has the migration checksum $checksum, not the recorded one" \
                "what was migrated stays: the way back is the backup of the database, docs/deploy.md"
        [[ $prefix == "$(jq -r .channel_prefix_sha256 "$record")" ]] ||
            fail verify "$service has another channel prefix than was recorded" "look at its settings"
    done
    [[ -z $(container canary) ]] || fail verify 'the canary is there again' 'find out who started it'
    is_served || fail verify "$why" "look at haproxy: ${compose_program[*]} ps"
    step verify ok 'images, readiness, health, migrations and prefix are as recorded; clients are served'
}

# The volume holds what the canary took and could not merge; a lost volume is lost events.
remove_volume() {
    [[ $remove_volumes == 1 ]] || return 0
    if ! timeout "$ANSWER_SECONDS" docker volume inspect "${project}_canary" > /dev/null 2>&1; then
        volumes='not there'
        return
    fi
    [[ $spool == 0 ]] || {
        volumes="kept, with events in it: $spool"
        fail volume "the canary's volume was kept; events that wait in it: $spool" \
            "start the canary again until tidegate_spool_events is 0, or: docker volume rm ${project}_canary"
    }
    timeout "$ANSWER_SECONDS" docker volume rm "${project}_canary" > /dev/null 2>&1 ||
        fail volume "the volume ${project}_canary can't be removed" "docker volume rm ${project}_canary"
    volumes=removed
    step volume ok removed
}

# What would bring the other image back at the next start.
warn_of_settings() {
    local named
    named=$(in_env TIDEGATE_IMAGE)
    [[ $(image_id "${named:-tidegate:local}") == "$image" ]] ||
        note "to do: set TIDEGATE_IMAGE=$keep in $env_file; the next \`up\` would start ${named:-tidegate:local}"
}

read_arguments "$@"
begun=$(now) volumes=kept
open_stack "$compose_path"
lock_state
start_router
check_record
before=$(running)
end_canary
[[ -z $fault ]] || fail record "$fault" "$advice"
mapfile -t recorded < <(jq -r '.services | keys[]' "$record")
step record ok "of $(jq -r .at "$record")"
look_at_files
look_at_image
restore
verify
remove_volume
warn_of_settings
write_evidence rollback done "$(about)" ||
    give_up "$EXIT_FAILED" 'the last known good runs, and the evidence of it is lost' "make room in $state"
note "completed: the last known good of $(jq -r .at "$record") runs"
