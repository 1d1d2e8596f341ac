#!/usr/bin/env bash
# Publishes an event with curl, and reads it back: as a page of the window, and as a stream.
set -euo pipefail

url=${TIDEGATE_URL:-http://127.0.0.1:3000}
key="x-api-key: $TIDEGATE_KEY"

before=$(curl -fsS -H "$key" "$url/api/events?limit=500" | sed 's/.*"next":"\([^"]*\)".*/\1/')
curl -fsS -H "$key" -H 'content-type: application/json' -H "Idempotency-Key: curl-$$" \
  -d '{"event":"action.created","payload":{"by":"curl"}}' "$url/api/events"
echo
curl -fsS -H "$key" "$url/api/events?after=$before"
echo
# curl ends with 28 after --max-time, which is no failure of a stream.
curl -sS -N --max-time 2 -H "$key" -H "Last-Event-ID: $before" "$url/api/stream" || test $? = 28
