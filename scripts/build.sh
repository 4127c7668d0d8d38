#!/usr/bin/env bash
# Builds a command with progress: a cold build of the BigQuery emulator takes minutes, and a silent one looks stuck.
# usage: build.sh OUTPUT PACKAGE [go build flags]
set -euo pipefail
out=$1 pkg=$2
shift 2
start=$SECONDS
log=$(mktemp)
trap 'rm -f "$log"' EXIT
name='^[^ :#]+$' # of a package that go begins to compile; any other line is a message
go build -v "$@" -o "$out" "$pkg" 2> >(tee "$log" | { grep --line-buffered -vE "$name" >&2 || true; }) &
pid=$!
trap 'kill "$pid" 2>/dev/null || true' INT TERM
while kill -0 "$pid" 2>/dev/null; do
  sleep 0.2
  elapsed=$((SECONDS - start))
  if ((elapsed >= 5 && elapsed % 10 == 0)) && [[ ${last:-0} != "$elapsed" ]]; then
    last=$elapsed begun=$(grep -cE "$name" "$log" || true)
    # Asked late, since most builds are short: what go has compiled and what it has still to.
    : "${total:=$((begun + $(go list -deps -f '{{if .Stale}}x{{end}}' "$@" "$pkg" | grep -c x || true)))}"
    echo "building $out: ${elapsed} s, $begun of about $total packages" >&2
  fi
done
wait "$pid"
