#!/usr/bin/env bash
# Whether the feed of chains has become slower: release builds of the committed baseline's commit and of
# this tree, run in turn over one made-up feed. The arithmetic is scripts/perf_verdict.py's.
set -euo pipefail

usage() {
    cat <<'TEXT'
Measures whether the way of a transaction, from the feed over the journal to its readers, became slower.

    scripts/perf_tx_pipeline_baseline.sh [OPTIONS]

Example: scripts/perf_tx_pipeline_baseline.sh --runs 20 --out /tmp/result.json

It builds viz-api twice for release, of the commit that perf/tx_pipeline_baseline.json names (in a git
worktree that is removed again) and of this tree, and runs them in turn, in the order ABBA, over one
made-up feed, as fast as they go, with the journal on. What counts is transactions per CPU-second of the
server until the last one can be read; transactions per second are told as well. It ends only what it
started. Once built it takes 5 minutes on two cores.

  --runs N               runs of each build; default 30, and fewer than 10 tell nothing
  --transactions N       of the made-up feed; default 200000
  --feed FILE            a recorded feed without gzip instead of a made-up one
  --against COMMIT       the baseline's commit, instead of the one in perf/tx_pipeline_baseline.json
  --baseline BINARY      a built viz-api instead of the baseline's; with --candidate
  --candidate BINARY     a built viz-api instead of this tree's; with --baseline
  --limit PERCENT        the loss that is allowed; default 5
  --within SECONDS       how long the runs may take together; default 540
  --out FILE             where the result goes; default perf/tx_pipeline.json in Cargo's target folder
  --build-only           builds both and the feed's writer, and measures nothing
  --accept               where it passes: names this tree's commit in perf/tx_pipeline_baseline.json; the
                         tree has to be as it was committed
  --json                 prints the result for machines

It ends with 0 where the loss is within the limit (PASS), 1 where it is above it (FAIL), both at 95 %
confidence, 2 where the runs scatter too much to tell (INSUFFICIENT), 64 where the arguments make no sense,
and 69 where nothing can be measured: a tool, a commit or a build is missing, or a server ends too early.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cargo=${CARGO:-cargo}
folder=${CARGO_TARGET_DIR:-$root/target}/perf
baseline_file=$root/perf/tx_pipeline_baseline.json
runs=30 transactions=200000 limit=5 within=540
feed='' commit='' baseline='' candidate='' out=$folder/tx_pipeline.json
is_build_only=false is_accepted=false flags=()
work='' child=''

say() {
    echo "perf_tx_pipeline: $1" >&2
}

refuse() {
    say "$1; see --help"
    exit 64
}

give_up() {
    say "$1"
    exit 69
}

read_arguments() {
    while (($# > 0)); do
        case $1 in
            --help | -h) usage && exit 0 ;;
            --json) flags+=(--json) ;;
            --build-only) is_build_only=true ;;
            --accept) is_accepted=true ;;
            --runs | --transactions | --feed | --against | --baseline | --candidate | --limit | --within | --out)
                (($# >= 2)) || refuse "$1 needs a value"
                take "$1" "$2"
                shift
                ;;
            *) refuse "there is no argument $1" ;;
        esac
        shift
    done
}

take() {
    case $1 in
        --runs) runs=$2 ;;
        --transactions) transactions=$2 ;;
        --feed) feed=$2 ;;
        --against) commit=$2 ;;
        --baseline) baseline=$2 ;;
        --candidate) candidate=$2 ;;
        --limit) limit=$2 ;;
        --within) within=$2 ;;
        --out) out=$2 ;;
    esac
}

check_arguments() {
    local name
    for name in runs transactions within; do
        [[ ${!name} =~ ^[1-9][0-9]{0,8}$ ]] || refuse "--$name takes a number from 1, and not '${!name}'"
    done
    [[ $limit =~ ^[0-9]{1,2}(\.[0-9]+)?$ ]] || refuse "--limit takes a percentage below 100, and not '$limit'"
    [[ (-n $baseline && -n $candidate) || -z $baseline$candidate ]] || refuse "--baseline and --candidate go together"
    if [[ -n $baseline ]]; then
        [[ -z $commit ]] || refuse "--against names a commit to build, and --baseline is built"
        ! $is_accepted || refuse "--accept takes a commit that was built here, and no --candidate"
        ! $is_build_only || refuse "--build-only has nothing to build where --baseline is built"
    fi
    for name in "$baseline" "$candidate" "$feed"; do
        [[ -z $name || -f $name ]] || refuse "there is no file $name"
    done
    for name in "$baseline" "$candidate"; do
        [[ -z $name || -x $name ]] || refuse "$name can't be run"
    done
}

# Runs a command that ends with this script, and gives its code.
attend() {
    "$@" &
    child=$!
    local code=0
    wait "$child" || code=$?
    child=''
    return "$code"
}

leave() {
    [[ -z $child ]] || { kill -TERM "$child" && wait "$child"; } 2>/dev/null || true
    if [[ -n $work ]]; then
        [[ ! -d $work/tree ]] || git -C "$root" worktree remove --force "$work/tree" >&2 || true
        rm -rf "$work"
    fi
}

# Builds a tree's server. Cargo reads settings of the folder that it is called in.
build() {
    cd "$1" || exit
    exec "$cargo" build --release --locked -p viz-api --bin viz-api --message-format=json-render-diagnostics \
        >"$work/build.json"
}

# Builds the server of a tree, and copies it: the next build may replace it.
build_server() {
    local built
    say "builds viz-api of $2"
    attend build "$1" || give_up "viz-api of $2 can't be built"
    built=$(sed -n 's/.*"executable":"\([^"]*\/viz-api\)".*/\1/p' "$work/build.json" | tail -n 1)
    [[ -f $built ]] || give_up "the build of $2 names no viz-api"
    cp "$built" "$3.new"
    mv "$3.new" "$3"
}

# The commit that the committed file names, unless another one was asked for.
find_commit() {
    if [[ -z $commit ]]; then
        [[ -f $baseline_file ]] || give_up "there is no $baseline_file; name a commit with --against"
        commit=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["commit"])' "$baseline_file") ||
            give_up "$baseline_file names no commit"
    fi
    local named=$commit
    commit=$(git -C "$root" rev-parse --verify --quiet "$named^{commit}") ||
        give_up "the baseline's commit $named is not in this clone; \`git fetch --unshallow\` may bring it"
}

# A server that was built of this commit by this compiler is taken again.
build_baseline() {
    local compiler
    compiler=$("${RUSTC:-rustc}" -vV | sha256sum | cut -c 1-12)
    baseline=$folder/viz-api-$commit-$compiler
    [[ ! -x $baseline ]] || { say "viz-api of $commit is built" && return; }
    git -C "$root" worktree add --quiet --detach "$work/tree" "$commit" >&2 ||
        give_up "there is no worktree of $commit"
    build_server "$work/tree" "$commit" "$baseline"
}

write_feed() {
    cd "$root" || exit
    exec "$cargo" run --release --locked -p chain --example synthetic_feed -- "$feed" "$transactions" >&2
}

make_feed() {
    feed=$work/feed.jsonl
    say "writes a feed of $transactions transactions"
    attend write_feed || give_up "the feed can't be written"
}

main() {
    read_arguments "$@"
    check_arguments
    local tool name=$candidate code=0
    for tool in python3 git "$cargo"; do
        [[ $tool == python3 || -z $baseline || ($tool == "$cargo" && -z $feed) ]] || continue
        command -v "$tool" >/dev/null || give_up "there is no \`$tool\`; install it"
    done
    trap leave EXIT
    trap 'exit 143' TERM
    trap 'exit 130' INT
    trap 'exit 129' HUP
    work=$(mktemp -d "${TMPDIR:-/tmp}/perf-tx-pipeline.XXXXXX")
    if [[ -z $baseline ]]; then
        mkdir -p "$folder"
        find_commit
        name=$(git -C "$root" rev-parse HEAD)
        if [[ -n $(git -C "$root" status --porcelain) ]]; then
            ! $is_accepted || refuse "--accept takes a tree as it was committed, and this one has changes"
            name="$name with changes"
        fi
        build_baseline
        candidate=$work/candidate
        build_server "$root" "this tree" "$candidate"
    else
        commit=$baseline
    fi
    [[ -n $feed ]] || make_feed
    $is_build_only && say "all is built" && exit 0
    $is_accepted && flags+=(--accept "$baseline_file")
    TMPDIR=$work attend python3 -B "$root/scripts/perf_tx_pipeline.py" \
        --baseline "$(realpath "$baseline")" --baseline-name "$commit" \
        --candidate "$(realpath "$candidate")" --candidate-name "$name" \
        --feed "$feed" --runs "$runs" --limit "$limit" --within "$within" --out "$out" "${flags[@]}" || code=$?
    exit "$code"
}

main "$@"
