#!/usr/bin/env bash
# The benchmarks of the hot path of this checkout beside those of another commit: both binaries of a package run in turns on
# the same machine, and benchstat says which differences are more than noise. usage: bench-compare.sh COMMIT BUILD [ROUNDS]
set -euo pipefail
base=$1 build=$(realpath "$2") rounds=${3:-6}
packages=(shared/feature shared/scoring shared/policy shared/event shared/engine)
tree=$build/compare/tree
commit=$(git rev-parse --verify --quiet "$base^{commit}") || { echo "bench-compare: there is no commit $base here; fetch it"; exit 2; }
mkdir -p "$build/compare" "$build/tools"
git worktree remove --force "$tree" 2>/dev/null || true
git worktree add --quiet --detach "$tree" "$commit"
trap 'git worktree remove --force "$tree"' EXIT
go build -modfile=scripts/tools/bench/go.mod -o "$build/tools/benchstat" golang.org/x/perf/cmd/benchstat
: >"$build/compare/before.txt"; : >"$build/compare/after.txt"
for package in "${packages[@]}"; do
  [ -d "$tree/$package" ] || { echo "skipped: $package is not in $base"; continue; }
  before=$build/compare/before.test after=$build/compare/after.test
  (cd "$tree" && go test -c -o "$before" "./$package")
  go test -c -o "$after" "./$package"
  for round in $(seq "$rounds"); do
    echo "$package: round $round of $rounds" >&2
    (cd "$tree/$package" && "$before" -test.run '^$' -test.bench . -test.benchtime 0.1s -test.benchmem) >>"$build/compare/before.txt"
    (cd "$package" && "$after" -test.run '^$' -test.bench . -test.benchtime 0.1s -test.benchmem) >>"$build/compare/after.txt"
  done
done
"$build/tools/benchstat" "before=$build/compare/before.txt" "after=$build/compare/after.txt" | tee "$build/compare/report.txt"
