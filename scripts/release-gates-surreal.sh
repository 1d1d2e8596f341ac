#!/usr/bin/env bash
# Checks the candidate of a release by `tidegate store gates`. It holds no password: all comes from
# the environment, or from a file of settings.
set -euo pipefail

usage() {
    cat <<'TEXT'
Checks the candidate of a release: its SurrealDB, its Redis and its replicas, as they run.
docs/gates.md says what is checked.

    just release-gates-surreal [--help | ARGUMENTS OF tidegate store gates]
    scripts/release-gates-surreal.sh [--help | ARGUMENTS OF tidegate store gates]

The candidate comes from the settings of the server (docs/settings.md), by the environment or the
file that GATES_CONFIG names: SURREAL_ENDPOINT, SURREAL_NS, SURREAL_DB, SURREAL_USER, SURREAL_PASS,
REDIS_URL, CHAT_REALTIME_CHANNEL_PREFIX; DATA_BACKEND and CHAT_REALTIME_TRANSPORT default to
surreal and redis here. TIDEGATE_KEY has the key or token of a synthetic user.

  GATES_REPLICAS     the replicas' addresses, with commas (default: TIDEGATE_URL)
  GATES_KEY_FILE     a file with the key, in place of TIDEGATE_KEY
  GATES_PRODUCTION   1: the storage engine has to be TiKV
  GATES_ENGINE       what the operator knows the storage engine to be
  GATES_CHECKSUM     the migration checksum of the release artefact
  GATES_OUT          where evidence goes; a new folder
  GATES_SIGN_KEY     the private key that signs it
  GATES_CONFIG       a TOML file of settings
  GATES_TIDEGATE     the program (default: tidegate of the path)

It ends with 0 where all pass, 1 where one fails, 64 where settings make no sense, and 69 where none
fails and one could not be carried out.
TEXT
}

for argument in "$@"; do
    if [[ $argument == --help || $argument == -h ]]; then
        usage
        exit 0
    fi
done

program=${GATES_TIDEGATE:-tidegate}
if ! command -v "$program" > /dev/null; then
    echo "release-gates-surreal: \`$program\` is not there: install it, or name it in GATES_TIDEGATE" >&2
    exit 69
fi

arguments=()
add() {
    if [[ -n $2 ]]; then
        arguments+=("$1" "$2")
    fi
}

IFS=, read -r -a replicas <<< "${GATES_REPLICAS:-}"
for replica in "${replicas[@]}"; do
    add --replica "${replica// /}"
done
add --key-file "${GATES_KEY_FILE:-}"
add --engine "${GATES_ENGINE:-}"
add --checksum "${GATES_CHECKSUM:-}"
add --out "${GATES_OUT:-}"
add --sign-key "${GATES_SIGN_KEY:-}"
add --config "${GATES_CONFIG:-}"
case ${GATES_PRODUCTION:-0} in
    1 | true | yes | on) arguments+=(--production) ;;
    0 | false | no | off) ;;
    *)
        echo "release-gates-surreal: GATES_PRODUCTION is 1 or 0" >&2
        exit 64
        ;;
esac

# A file of settings would lose against the environment.
if [[ -z ${GATES_CONFIG:-} ]]; then
    export DATA_BACKEND=${DATA_BACKEND:-surreal}
    export CHAT_REALTIME_TRANSPORT=${CHAT_REALTIME_TRANSPORT:-redis}
fi
exec "$program" store gates "${arguments[@]}" "$@"
