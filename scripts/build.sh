#!/usr/bin/env bash
# Builds a command with progress: a cold build of the BigQuery emulator takes minutes, and a silent one looks stuck.
# usage: build.sh OUTPUT PACKAGE [go build flags]
set -euo pipefail
out=$1 pkg=$2
shift 2
start=$SECONDS
go build "$@" -o "$out" "$pkg" &
pid=$!
trap 'kill "$pid" 2>/dev/null || true' INT TERM
while kill -0 "$pid" 2>/dev/null; do
  sleep 0.2
  elapsed=$((SECONDS - start))
  if ((elapsed >= 5 && elapsed % 10 == 0)) && [[ ${last:-0} != "$elapsed" ]]; then
    last=$elapsed
    echo "building $out: ${elapsed} s (the first build compiles a SQL engine and takes minutes on 2 cores)" >&2
  fi
done
wait "$pid"
