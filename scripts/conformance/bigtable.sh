#!/usr/bin/env bash
# Runs the store's suites against Google's Bigtable emulator, in a process of its own: the one BIGTABLE_EMULATOR_HOST names,
# or cbtemulator, from PATH or where gcloud keeps it. Without either it says so and skips.
set -euo pipefail
suite() { go test -count=1 -run 'ConformanceOfEmulator$' ./shared/store; }
if [[ -n ${BIGTABLE_EMULATOR_HOST:-} ]]; then
  echo "bigtable: the suites run against $BIGTABLE_EMULATOR_HOST"
  suite
  exit
fi
emulator=$(command -v cbtemulator || true)
if [[ -z $emulator ]] && command -v gcloud >/dev/null; then
  emulator=$(gcloud info --format='value(installation.sdk_root)' 2>/dev/null)/platform/bigtable-emulator/cbtemulator
fi
if [[ ! -x $emulator ]]; then
  echo "bigtable: SKIPPED, no second implementation here (gcloud components install bigtable, or cbtemulator on PATH)"
  exit
fi
log=$(mktemp)
"$emulator" -host 127.0.0.1 -port 0 >"$log" 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null || true; rm -f "$log"' EXIT
for _ in {1..100}; do
  BIGTABLE_EMULATOR_HOST=$(grep -oE '127\.0\.0\.1:[0-9]+' "$log" | head -1 || true)
  [[ -n $BIGTABLE_EMULATOR_HOST ]] && break
  kill -0 "$pid" || { cat "$log" >&2; exit 1; }
  sleep 0.1
done
[[ -n $BIGTABLE_EMULATOR_HOST ]] || { echo "bigtable: the emulator does not say where it listens" >&2; exit 1; }
export BIGTABLE_EMULATOR_HOST
echo "bigtable: the suites run against $emulator on $BIGTABLE_EMULATOR_HOST"
suite
