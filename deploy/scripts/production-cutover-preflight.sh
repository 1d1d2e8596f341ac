#!/usr/bin/env bash
# Looks whether a checkout, or the machine of production, is ready for a cutover. It only looks: nothing
# is written, started, stopped or fetched, and no value of `.env` is shown.
set -euo pipefail

usage() {
    cat <<'TEXT'
Looks whether everything that a cutover needs is there. It changes nothing.

    deploy/scripts/production-cutover-preflight.sh [OPTIONS]

Example: deploy/scripts/production-cutover-preflight.sh --environment production

Each check is PASS, FAIL or SKIP, with what to do. In a checkout SKIP is what only production has, or a
program that is not here; in production everything has to be there, and SKIP counts as not reachable.

  --environment NAME  checkout (default) or production
  --compose-file FILE default: deploy/docker-compose.yml; `.env` lies beside it
  --disk-mb N         how much room there has to be (default: 1024; in production 8192)
  --json              prints for machines
  PREFLIGHT_TIDEGATE  the program `tidegate` (default: that of the path, or of target/)

It ends with 0 where all is ready, 1 where a check fails, 64 where the arguments make no sense, and
69 where none fails and one could not be made in production.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
environment=checkout compose_file=$root/deploy/docker-compose.yml disk_mb='' is_json=false
runbook=runbooks/step22-production-cutover.run.md
names=() verdicts=() seen=() advice=()

refuse() {
    echo "preflight: $1; see --help" >&2
    exit 64
}

read_arguments() {
    while (($# > 0)); do
        case $1 in
            --help | -h) usage && exit 0 ;;
            --json) is_json=true ;;
            --environment | --compose-file | --disk-mb)
                (($# >= 2)) || refuse "$1 needs a value"
                case $1 in
                    --environment) environment=$2 ;;
                    --compose-file) compose_file=$2 ;;
                    --disk-mb) disk_mb=$2 ;;
                esac
                shift
                ;;
            *) refuse "there is no argument $1" ;;
        esac
        shift
    done
    [[ $environment == checkout || $environment == production ]] ||
        refuse "--environment is checkout or production, not $environment"
    [[ -f $compose_file ]] || refuse "there is no compose file $compose_file"
    compose_file=$(cd "$(dirname "$compose_file")" && pwd)/$(basename "$compose_file")
    deploy=$(dirname "$compose_file") env_file=$(dirname "$compose_file")/.env
    if [[ -z $disk_mb ]]; then
        [[ $environment == production ]] && disk_mb=8192 || disk_mb=1024
    fi
    [[ $disk_mb =~ ^[0-9]{1,9}$ ]] || refuse "--disk-mb is a whole number"
}

# Notes a check: its name, its verdict, what was seen, and what to do about it.
check() {
    names+=("$1") verdicts+=("$2") seen+=("$3") advice+=("${4:-}")
    if ! "$is_json"; then
        printf '%s  %-16s %s\n' "$2" "$1" "$3"
        [[ -z ${4:-} || $2 == PASS ]] || printf '      %-16s to do: %s\n' '' "$4"
    fi
}

is_there() {
    command -v "$1" > /dev/null
}

check_tools() {
    local tool missing=()
    for tool in git curl jq flock sha256sum timeout docker; do
        is_there "$tool" || missing+=("$tool")
    done
    find_compose || missing+=('docker compose or docker-compose')
    if ((${#missing[@]} > 0)); then
        check tools SKIP "not here: $(join "${missing[@]}")" "install them where the cutover is run"
    else
        check tools PASS "git, curl, jq, flock, sha256sum, timeout, docker, ${compose[*]}"
    fi
}

join() {
    local IFS=,
    echo "${*//,/ }" | sed 's/,/, /g'
}

find_compose() {
    if timeout 30 docker compose version > /dev/null 2>&1; then
        compose=(docker compose)
    elif is_there docker-compose; then
        compose=(docker-compose)
    else
        compose=()
        return 1
    fi
}

check_engine() {
    if [[ $environment == checkout ]]; then
        check engine SKIP 'a checkout needs no Docker engine'
    elif timeout 30 docker info > /dev/null 2>&1; then
        check engine PASS 'the Docker engine answers'
    else
        check engine SKIP 'no Docker engine answers' 'start it, or run this where it is'
    fi
}

# The files that the cutover's runbook names, but for reports, which a run makes.
check_files() {
    local path missing=() reports=()
    while read -r path; do
        if [[ -e $root/$path ]]; then
            continue
        elif [[ $path == docs/acceptance/* ]]; then
            # The last one is written when the cutover is over.
            [[ $path == *-closeout.md ]] || reports+=("$path")
        else
            missing+=("$path")
        fi
    done < <(grep -oE '`[^`]+`' "$root/$runbook" | grep -oE '(deploy|docs|scripts|\.github)/[A-Za-z0-9_./-]+' | sort -u)
    if ((${#missing[@]} > 0)); then
        check files FAIL "$runbook names what is not there: $(join "${missing[@]}")" "bring the files back: git status"
    else
        check files PASS "what $runbook names is there"
    fi
    if ((${#reports[@]} == 0)); then
        check reports PASS 'the reports of earlier steps are there'
    elif [[ $environment == production ]]; then
        check reports FAIL "not there: $(join "${reports[@]}")" 'rehearse, and keep the reports of the rehearsals'
    else
        check reports SKIP "not there yet: $(join "${reports[@]}")" 'rehearsals make them'
    fi
}

check_scripts() {
    local file wrong=()
    while read -r file; do
        [[ -x $file ]] || wrong+=("${file#"$root"/} has no run bit")
        bash -n "$file" 2> /dev/null || wrong+=("${file#"$root"/} is no valid bash")
    done < <(find "$root/deploy/scripts" "$root/scripts" -name '*.sh' -type f | sort)
    if ((${#wrong[@]} > 0)); then
        check scripts FAIL "$(join "${wrong[@]}")" 'chmod +x, or bring the file back'
    else
        check scripts PASS 'every script can be run'
    fi
}

# The names of what has to be set; those of the example without a `#`.
needed() {
    sed -n 's/^\([A-Z][A-Z0-9_]*\)=.*/\1/p' "$deploy/example.env"
}

# Compose reads the file as it is; where there is no `.env` its values are made up.
check_compose() {
    local given=() name
    if ((${#compose[@]} == 0)); then
        check compose-file SKIP 'there is no compose to read it' 'install Docker Compose 1.29 or newer'
        return
    fi
    if [[ -f $env_file ]]; then
        timeout 60 "${compose[@]}" --env-file "$env_file" -f "$compose_file" config --quiet > /dev/null 2>&1 &&
            check compose-file PASS 'compose takes it with .env' && return
    else
        while read -r name; do
            given+=("$name=made-up")
        done < <(needed)
        timeout 60 env "${given[@]}" "${compose[@]}" -f "$compose_file" config --quiet > /dev/null 2>&1 &&
            check compose-file PASS 'compose takes it; values were made up, since there is no .env' && return
    fi
    # What compose says may have a value in it.
    check compose-file FAIL "compose refuses ${compose_file#"$root"/}" \
        "see why: ${compose[*]} -f ${compose_file#"$root"/} config --quiet"
}

# Lets HAProxy read its file, that of this machine or the one that runs.
run_haproxy() {
    local container
    if is_there haproxy; then
        # Names that only the network of the containers knows.
        REPLICA_1=127.0.0.1:3000 REPLICA_2=127.0.0.1:3000 timeout 30 haproxy -c -f "$deploy/haproxy.cfg"
        return
    fi
    container=$(timeout 30 docker ps --quiet --filter label=com.docker.compose.service=haproxy | head -n 1) || return 69
    [[ -n $container ]] || return 69
    timeout 30 docker exec --interactive "$container" haproxy -c -f /dev/stdin < "$deploy/haproxy.cfg"
}

check_router() {
    local out code=0
    out=$(run_haproxy 2>&1) || code=$?
    if ((code == 69)); then
        check router-file SKIP 'there is no haproxy here to read it' 'install haproxy, or run this where it runs'
    elif ((code == 0)); then
        check router-file PASS 'HAProxy takes haproxy.cfg'
    else
        check router-file FAIL "HAProxy refuses haproxy.cfg: $(grep -m 1 ALERT <<< "$out" || true)" \
            'see why: haproxy -c -f deploy/haproxy.cfg'
    fi
}

# Returns why a value of `.env` can't be the one of production, without the value.
fault_of() {
    local name=$1 value=$2
    case ${value,,} in
        '') echo "$name is empty" ;;
        *'<'*'>'* | *changeme* | *change-me* | *example* | *placeholder* | todo | xxx* | *made-up* | password | secret)
            echo "$name is a placeholder"
            ;;
        *)
            if [[ $name == *PASS* ]] && { ((${#value} < 16)) || [[ $value == *[!A-Za-z0-9]* ]]; }; then
                echo "$name has fewer than 16 characters, or others than letters and digits"
            fi
            ;;
    esac
}

check_env() {
    local name value fault faults=() known
    if [[ ! -f $env_file ]]; then
        if [[ $environment == production ]]; then
            check env FAIL "there is no ${env_file#"$root"/}" 'copy deploy/example.env there and fill it in'
        else
            check env SKIP 'a checkout has no .env, on purpose' 'production needs one: deploy/example.env'
        fi
        return
    fi
    while read -r name; do
        value=$(sed -n "s/^$name=//p" "$env_file" | tail -n 1 | tr -d '\r"'\''')
        fault=$(fault_of "$name" "$value")
        [[ -z $fault ]] || faults+=("$fault")
    done < <(needed)
    known=$(sed -n 's/^#\{0,1\}\([A-Z][A-Z0-9_]*\)=.*/\1/p' "$deploy/example.env")
    while read -r name; do
        grep -qx "$name" <<< "$known" || faults+=("$name is not known")
    done < <(sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p' "$env_file")
    [[ $(stat -c %a "$env_file") == ?00 ]] || faults+=('others can read it: chmod 600')
    if is_there git && git -C "$root" ls-files --error-unmatch "$env_file" > /dev/null 2>&1; then
        faults+=('git keeps it, with its secrets')
    fi
    if ((${#faults[@]} > 0)); then
        check env FAIL "$(join "${faults[@]}")" "mend ${env_file#"$root"/}; deploy/example.env says how"
    else
        check env PASS 'every variable is set, and none is a placeholder'
    fi
}

find_tidegate() {
    local place
    for place in "${PREFLIGHT_TIDEGATE:-tidegate}" "$root/target/release/tidegate" "$root/target/debug/tidegate"; do
        if is_there "$place"; then
            echo "$place"
            return
        fi
    done
    return 1
}

check_runbooks() {
    local program out code=0
    if ! program=$(find_tidegate); then
        check runbooks SKIP 'there is no tidegate here to read them' 'cargo build --release, or name it in PREFLIGHT_TIDEGATE'
        return
    fi
    out=$(cd "$root" && timeout 60 "$program" runbook lint runbooks/*.run.md 2>&1 < /dev/null) || code=$?
    case $code in
        0) check runbooks PASS "tidegate runbook lint: $(tail -n 1 <<< "$out")" ;;
        1) check runbooks FAIL "$(grep -m 1 'line ' <<< "$out" || tail -n 1 <<< "$out")" \
            'see all: tidegate runbook lint runbooks/*.run.md' ;;
        *) check runbooks FAIL "tidegate runbook lint ended with $code" "look at $program" ;;
    esac
}

check_commit() {
    local changed
    if ! is_there git || ! git -C "$root" rev-parse --verify --quiet HEAD > /dev/null; then
        check commit SKIP 'this is no checkout of git' 'release from a clone, so that it is known what runs'
        return
    fi
    # Without the lock git does not write its index anew.
    changed=$(git --no-optional-locks -C "$root" status --porcelain | wc -l)
    if ((changed > 0)); then
        check commit FAIL "$changed files differ from the commit" 'commit them or take them back: git status'
    else
        check commit PASS "$(git -C "$root" rev-parse HEAD), and nothing differs from it"
    fi
}

check_disk() {
    local free
    free=$(($(df -Pk "$root" | awk 'NR == 2 {print $4}') / 1024))
    if ((free < disk_mb)); then
        check disk FAIL "$free MB are free, $disk_mb are needed" 'make room, or say another --disk-mb'
    else
        check disk PASS "$free MB are free"
    fi
}

# A clock that is off makes leases, deadlines and evidence wrong.
check_clock() {
    local last state=
    last=$(git -C "$root" log -1 --format=%ct 2> /dev/null) || last=0
    if (($(date +%s) + 300 < last)); then
        check clock FAIL "it is $(date -u +%FT%TZ), before the last commit" 'set the clock'
        return
    fi
    if is_there timedatectl; then
        state=$(timeout 10 timedatectl show --property NTPSynchronized --value 2> /dev/null) || state=
    fi
    if [[ -z $state ]] && is_there chronyc; then
        timeout 10 chronyc waitsync 1 > /dev/null 2>&1 && state=yes || state=no
    fi
    case $state in
        yes) check clock PASS "$(date -u +%FT%TZ), synchronised" ;;
        no) check clock FAIL 'it is not synchronised' 'start chrony or systemd-timesyncd' ;;
        *) check clock SKIP "$(date -u +%FT%TZ); nobody here says whether it is synchronised" \
            'install chrony, or let systemd-timesyncd run' ;;
    esac
}

# The verdict over all checks, and its exit code.
judge() {
    verdict=PASS code=0
    if [[ " ${verdicts[*]} " == *' FAIL '* ]]; then
        verdict=FAIL code=1
    elif [[ $environment == production && " ${verdicts[*]} " == *' SKIP '* ]]; then
        verdict=ERROR code=69
    fi
}

quoted() {
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    printf '"%s"' "$(tr -d '\000-\010\013-\037' <<< "${text//$'\n'/\\n}" | sed 's/\t/\\t/g')"
}

print_json() {
    local at comma=
    printf '{"verdict":"%s","environment":"%s","checks":[' "$verdict" "$environment"
    for at in "${!names[@]}"; do
        printf '%s{"name":"%s","verdict":"%s","seen":%s,"advice":%s}' "$comma" "${names[at]}" \
            "${verdicts[at]}" "$(quoted "${seen[at]}")" "$(quoted "${advice[at]}")"
        comma=,
    done
    printf ']}\n'
}

count() {
    printf '%s\n' "${verdicts[@]}" | grep -c "^$1\$" || true
}

read_arguments "$@"
check_tools
check_engine
check_files
check_scripts
check_compose
check_router
check_env
check_runbooks
check_commit
check_disk
check_clock
judge
if "$is_json"; then
    print_json
else
    echo "$verdict  $environment: $(count PASS) passed, $(count FAIL) failed, $(count SKIP) not looked at"
fi
exit "$code"
