# Commands that runbooks name. What they need is said by `--help` of what they call.

# Arguments reach the script as they were given: `{{ARGS}}` would take quoted words apart.
set positional-arguments

# Checks the candidate of a release: database, Redis and replicas (docs/gates.md).
release-gates-surreal *ARGS:
    @scripts/release-gates-surreal.sh "$@"
