#!/usr/bin/env bash
# One model of 300 trees, 31 leaves and 80 features, one thread, the same rows: this scorer, leaves, LightGBM and, where
# it can be installed, lleaves. Prints Go benchmark lines, then ratios against the budgets. usage: bench-models.sh PYTHON BUILD
set -euo pipefail
python=$1 build=$2
model=$build/bench/payer-bench lines=$build/bench/models.txt venv=$build/bench-venv
mkdir -p "$build/bench"
if [ ! -e "$venv/.ready" ]; then
  if python3 -m venv "$venv" && "$venv/bin/python" -m pip install --quiet --require-hashes -r models/requirements-bench.txt; then
    touch "$venv/.ready"
  else
    echo "skipped: models/requirements-bench.txt could not be installed; there is no lleaves to compare with"
  fi
fi
[ ! -e "$venv/.ready" ] || python=$venv/bin/python
export PYTHONPATH=models/src
[ -e "$model/manifest.json" ] || "$python" -m sentinela_models.bench artefact --out "$model"
SENTINELA_BENCH=$(realpath "$model") go test -run '^$' -bench . -skip Shapes -benchmem -count 3 ./shared/scoring | tee "$lines"
"$python" -m sentinela_models.bench time --model "$model" | tee -a "$lines"
"$python" -m sentinela_models.bench ratios "$lines"
