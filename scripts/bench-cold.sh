#!/usr/bin/env bash
# What a newcomer waits for: the build of what shows the first decisions and then of the whole, from an empty compile cache.
# Modules are taken from where they are; their download is not counted. Prints wall and processor seconds and the machine.
# usage: make bench-cold
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOCACHE=$work/cache
export LC_ALL=C TIMEFORMAT='%R %U %S'
row() { printf '%-34s %7.0f s %10.0f s of processor\n' "$@"; }

# timed WHAT COMMAND... prints a row, or what the command said when it fails.
timed() {
  local what=$1 wall user sys
  shift
  { time "$@" >"$work/log" 2>&1; } 2>"$work/time" || { cat "$work/log" >&2; exit 1; }
  read -r wall user sys <"$work/time"
  row "$what" "$wall" "$(awk "BEGIN { print $user + $sys }")"
}

echo "$(nproc) CPUs, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(go version | cut -d' ' -f3), load $(cut -d' ' -f1 /proc/loadavg)"
timed "build what decides first" go build -o "$work/first" ./scripts/pixctl/first
timed "run it to its first 400 decisions" "$work/first"
timed "build the rest" go build -o "$work/pixctl" ./scripts/pixctl
times >"$work/time"
row "all, until the whole demo starts" "$SECONDS" "$(awk -F'[ms ]' 'NR == 2 { print 60 * $1 + $2 + 60 * $4 + $5 }' "$work/time")"
