#!/usr/bin/env bash
# Loads models of many shapes as LightGBM 4.7 trains them, and as 3.3 does where it can be installed: each is proved
# against LightGBM's own scores and contributions. usage: shapes.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
out=build/shapes
export PYTHONPATH=models/src
mkdir -p "$out"
if [ ! -x build/venv/bin/python ]; then
  echo "skipped: shapes of models: there is no build/venv (make test-python makes it)"
  exit 0
fi
[ -e "$out/4.7/single-leaf/manifest.json" ] || build/venv/bin/python -m sentinela_models.shapes --out "$out/4.7"
if [ ! -e build/venv-3.3/.ready ]; then
  if python3 -m venv build/venv-3.3 && build/venv-3.3/bin/python -m pip install --quiet --require-hashes -r models/requirements-3.3.txt; then
    touch build/venv-3.3/.ready
  else
    echo "skipped: LightGBM 3.3.5 could not be installed; the committed fixture v3 stands for it"
  fi
fi
if [ -e build/venv-3.3/.ready ] && [ ! -e "$out/3.3/single-leaf/manifest.json" ]; then
  build/venv-3.3/bin/python -W ignore -m sentinela_models.shapes --out "$out/3.3"
fi
SENTINELA_SHAPES=$(realpath "$out") go test -count 1 -run '^TestShapes$' -v ./shared/scoring | grep -E 'loaded in|^(ok|FAIL|---|panic)'
