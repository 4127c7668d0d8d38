#!/usr/bin/env bash
# The demo of this checkout beside that of another commit, in turns on the same machine: payments a second from Kafka to a
# decision, and what the whole run took of the processor. usage: bench-demo.sh COMMIT BUILD [PAIRS] [PAYMENTS]
set -euo pipefail
base=$1 build=$(realpath "$2") pairs=${3:-3} payments=${4:-5000}
tree=$build/compare/demo-tree
commit=$(git rev-parse --verify --quiet "$base^{commit}") || { echo "bench-demo: there is no commit $base here; fetch it"; exit 2; }
mkdir -p "$build/compare"
git worktree remove --force "$tree" 2>/dev/null || true
git worktree add --quiet --detach "$tree" "$commit"
trap 'git worktree remove --force "$tree"' EXIT
(cd "$tree" && go build -o "$build/compare/before" ./scripts/pixctl)
go build -o "$build/compare/after" ./scripts/pixctl
: >"$build/compare/demo.txt"
TIMEFORMAT='%U %S'
for pair in $(seq "$pairs"); do
  order="before after"
  [ $((pair % 2)) = 1 ] || order="after before"
  for version in $order; do
    spent=$({ time "$build/compare/$version" demo -json -payments "$payments" >"$build/compare/summary" 2>"$build/compare/said"; } 2>&1) ||
      { tail -n 20 "$build/compare/said"; exit 1; }
    rate=$(sed -n 's/.*"payments_per_second":\([0-9.]*\).*/\1/p' "$build/compare/summary")
    [ -n "$rate" ] || { echo "bench-demo: the demo of $version told no payments_per_second" >&2; exit 1; }
    echo "$version $rate $spent" | awk -v n="$payments" -v pair="$pair" \
      '{printf "pair %d  %-6s  %6.0f payments/s  %5.2f ms of processor a payment\n", pair, $1, $2, ($3 + $4) * 1000 / n}' | tee -a "$build/compare/demo.txt"
  done
done
awk '{rate[$3, ++n[$3]] = $4; spent[$3, n[$3]] = $6}
  function middle(a, v,   i, j, k) { # the value with as many below as above
    for (i = 1; i <= n[v]; i++) { k = 0; for (j = 1; j <= n[v]; j++) k += a[v, j] < a[v, i] || a[v, j] == a[v, i] && j < i; if (k == int((n[v] - 1) / 2)) return a[v, i] }
  }
  END {printf "medians: %.2f x the payments a second, %.2f x the processor a payment\n",
    middle(rate, "after") / middle(rate, "before"), middle(spent, "after") / middle(spent, "before")}' "$build/compare/demo.txt"
