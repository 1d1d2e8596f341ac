#!/usr/bin/env bash
# What a release of the chain feed and of the node's runtime needs: form, lints and tests of their
# crates, and the tests that runbooks name, each of which has to run once.
set -euo pipefail

usage() {
    cat <<'TEXT'
Checks what a release of the chain feed and of the node's runtime needs.

    scripts/verify_phase_checks.sh [OPTIONS]

Example: scripts/verify_phase_checks.sh --json

Every step runs, also after one has failed. A named test that did not run exactly once is a failure: a
name that nothing has ends `cargo test` with 0.

  --only NAME   one step alone; may stand several times
  --list        prints the steps, and runs none
  --json        prints for machines; what the steps write goes to a folder that is named

It ends with 0 where all pass, 1 where a step fails, 64 where the arguments make no sense, and 69 where
`cargo` is not there.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cargo=${CARGO:-cargo}
crates=(-p chain -p journal -p projection -p node-runtime -p viz-api)
is_json=false
only=()
steps=(format lints tests runtime-builder-contract default-state-is-pure)
names=() verdicts=() seconds=() seen=()

refuse() {
    echo "verify_phase_checks: $1; see --help" >&2
    exit 64
}

read_arguments() {
    while (($# > 0)); do
        case $1 in
            --help | -h) usage && exit 0 ;;
            --json) is_json=true ;;
            --list) printf '%s\n' "${steps[@]}" && exit 0 ;;
            --only)
                (($# >= 2)) || refuse "$1 needs a value"
                [[ " ${steps[*]} " == *" $2 "* ]] || refuse "there is no step $2"
                only+=("$2")
                shift
                ;;
            *) refuse "there is no argument $1" ;;
        esac
        shift
    done
}

# The tests start real nodes and a real Redis, which the test command of the repository gets.
command_of() {
    case $1 in
        format) echo "$cargo fmt --all --check" ;;
        lints) echo "$cargo clippy ${crates[*]} --all-targets -- -D warnings" ;;
        tests) echo "$cargo xtask test --only phase" ;;
        runtime-builder-contract)
            echo "$cargo test -p viz-api binary_bootstrap_uses_runtime_builder_contract -- --exact"
            ;;
        default-state-is-pure)
            echo "$cargo test -p viz-api default_state_is_pure_and_does_not_spawn_ingest -- --exact"
            ;;
    esac
}

# A named test passes where exactly one ran and passed in all binaries together.
is_one_test() {
    local ran
    ran=$(awk '/^running [0-9]+ tests?$/ { sum += $2 } END { print sum + 0 }' "$1")
    [[ $ran == 1 ]] && [[ $(grep -c '^test .* \.\.\. ok$' "$1") == 1 ]]
}

run_step() {
    local name=$1 log=$2/$1.log began=$SECONDS verdict=PASS what='' command
    command=$(command_of "$name")
    # shellcheck disable=SC2086 # The words of a command.
    if ! (cd "$root" && $command) >"$log" 2>&1; then
        verdict=FAIL what="\`$command\` failed; see $log"
    elif [[ $command == *--exact ]] && ! is_one_test "$log"; then
        verdict=FAIL what="\`$command\` did not run exactly one test; see $log"
    fi
    names+=("$name") verdicts+=("$verdict") seconds+=($((SECONDS - began))) seen+=("$what")
    if ! $is_json; then
        printf '%-4s  %-26s %5s s  %s\n' "$verdict" "$name" "${seconds[-1]}" "$what"
        [[ $verdict == PASS ]] || tail -n 30 "$log" >&2
    fi
}

print_json() {
    local rows=() at
    for at in "${!names[@]}"; do
        rows+=("$(printf '{"name":"%s","verdict":"%s","seconds":%s}' \
            "${names[$at]}" "${verdicts[$at]}" "${seconds[$at]}")")
    done
    printf '{"verdict":"%s","logs":"%s","checks":[%s]}\n' "$1" "$2" "$(IFS=, && echo "${rows[*]}")"
}

main() {
    read_arguments "$@"
    command -v "$cargo" >/dev/null || {
        echo "verify_phase_checks: there is no \`$cargo\`; install Rust, or name it in CARGO" >&2
        exit 69
    }
    local logs name verdict=PASS
    logs=$(mktemp -d "${TMPDIR:-/tmp}/verify-phase-checks.XXXXXX")
    ((${#only[@]} > 0)) && steps=("${only[@]}")
    for name in "${steps[@]}"; do
        run_step "$name" "$logs"
    done
    [[ " ${verdicts[*]} " == *" FAIL "* ]] && verdict=FAIL
    if $is_json; then
        print_json "$verdict" "$logs"
    else
        printf '%-4s  %s of %s steps pass; logs: %s\n' "$verdict" \
            "$(printf '%s\n' "${verdicts[@]}" | grep -c PASS)" "${#names[@]}" "$logs"
    fi
    [[ $verdict == PASS ]]
}

main "$@"
