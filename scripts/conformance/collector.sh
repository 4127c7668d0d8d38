#!/usr/bin/env bash
# Reads our spans with OpenTelemetry's own collector, which chooses by docs/examples/collector.yaml. The collector is built
# from the Go proxy; where that has not all of it, it says so and skips. COLLECTOR_BINARY names one that is there already.
set -euo pipefail
cd "$(dirname "$0")/../.."

mkdir -p build/tools
if [[ -z ${COLLECTOR_BINARY:-} ]]; then
  export COLLECTOR_BINARY=$PWD/build/tools/collector
  if ! (cd scripts/tools/collector && go build -trimpath -o "$COLLECTOR_BINARY" .) 2>build/collector.log; then
    echo "collector: SKIPPED, it does not build here: $(tail -1 build/collector.log)"
    [[ -z ${CI:-} ]] || exit 1 # in CI what is skipped would pass for judged
    exit 0
  fi
fi
"$COLLECTOR_BINARY" validate --config docs/examples/collector.yaml
echo "collector: docs/examples/collector.yaml is valid"
go test -count=1 -timeout 10m -run '^TestCollectorKeepsTheWhole$' -v ./scripts/pixctl/internal/stack | grep -vE '^=== (RUN|PAUSE|CONT)'
