#!/usr/bin/env bash
# Runs the long-running scorer, the real binary in a memory cgroup of 256 MiB, against everything that can be sent to it and
# everything that can be away. The in-process cloud stands outside the cgroup. The memory's peak is printed for each.
# SCORE_POISONS names those that are wanted.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/conformance/lib/memory.bash
work=$(mktemp -d)
cleanup() {
  [[ -z $cgroup ]] || rmdir "$cgroup" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
go build -o "$work/score" ./functions/score/server
export SCORE_BINARY=$work/score
limit_memory scorer $((256 << 20))
export SCORE_CGROUP=$cgroup
go test -count=1 -timeout 20m -run "^TestMemory$/${SCORE_POISONS:-}" -v ./functions/score/server | grep --line-buffered -vE '^=== (RUN|PAUSE|CONT)'
