#!/usr/bin/env bash
# Runs every fuzz target of the repository for a while, one after the other; what breaks one stays in its testdata.
# usage: fuzz.sh TIME, as 20s, or 100x for a number of inputs
set -euo pipefail
time=$1 failed=()
mapfile -t targets < <(git grep -oE '^func Fuzz[A-Za-z0-9]+' -- '*_test.go' | sed 's/:func /:/')
[ ${#targets[@]} -gt 0 ] || { echo "fuzz: no target is found" >&2; exit 1; }
n=0
for at in "${targets[@]}"; do
  n=$((n + 1)) package=./$(dirname "${at%%:*}") target=${at##*:}
  echo "fuzz $n of ${#targets[@]}: $package $target, $time"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package" || failed+=("$package $target")
done
[ ${#failed[@]} -eq 0 ] || { printf 'failed: %s\n' "${failed[@]}"; exit 1; }
