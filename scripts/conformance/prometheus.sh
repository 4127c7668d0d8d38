#!/usr/bin/env bash
# A real Prometheus over the rules and a running system: every rule is taken and evaluated, every dashboard's query answers, and an
# alert fires when the store goes away and ends when it is back, at the rules' own times. Without Prometheus it says so and skips.
set -euo pipefail
cd "$(dirname "$0")/../.."
prometheus=$(command -v "${PROMETHEUS:-prometheus}") || { echo "prometheus: SKIPPED, there is none (Debian: apt-get install prometheus)"; exit 0; }
if promtool=$(command -v promtool || command -v "$(dirname "$prometheus")/promtool"); then
  "$promtool" check rules dashboards/prometheus/rules.yaml
  (cd scripts/tools/mixin && PROMTOOL=$promtool go test -count 1 -run Promtool -v ./alert)
fi
PROMETHEUS=$prometheus RULES_AS_THEY_ARE=1 go test -timeout 30m -count 1 -run TestARealPrometheus -v ./scripts/pixctl/internal/stack
