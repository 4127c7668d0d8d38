#!/usr/bin/env bash
# Shows the first decisions where the BigQuery emulator's SQL engine is not compiled yet: what decides compiles without it,
# in less than half the time. Everything it compiles serves the whole demo too. Where the engine is compiled it does nothing.
# usage: first.sh OUTPUT
set -euo pipefail
[[ $(go list -f '{{.Stale}}' github.com/goccy/go-googlesql) == true ]] || exit 0
echo "step 1 of 3: compile what decides payments, and show its first decisions; no SQL engine yet"
scripts/build.sh "$1" ./scripts/pixctl/first
"$1"
echo
echo "step 2 of 3: compile the rest, the warehouse's SQL engine: two huge packages, a minute or more each"
echo "step 3 of 3 will be the whole demo, with the warehouse"
