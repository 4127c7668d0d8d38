#!/usr/bin/env bash
# Trains both models from a simulated world and loads them as the scorer would. usage: model.sh PIXCTL PYTHON
#
# Results go to build/models/<role>/<version>: a shipped version never changes, so shipping one is a copy to models/.
set -euo pipefail
pixctl=$1 python=$2
version=${VERSION:-1} accounts=${ACCOUNTS:-8000} days=${DAYS:-45} seed=${SEED:-1}
work=${WORK:-build/training} out=${OUT:-build/models}
mkdir -p "$work"
rm -rf "${out:?}"/{payer,receiver}/"$version"
"$pixctl" simulate -accounts "$accounts" -days "$days" -seed "$seed" -fraud-boost 200 -out "$work"
"$pixctl" vectors -events "$work/events.jsonl" -labels "$work/labels.jsonl" -statuses "$work/statuses.jsonl" -weights "$work/truth.jsonl" -out "$work/vectors.parquet"
for role in payer receiver; do
  PYTHONPATH=models/src "$python" -m sentinela_models.train --vectors "$work/vectors.parquet" --role "$role" \
    --out "$out/$role/$version" --contract models/contract/features.json
  "$pixctl" model verify "$out/$role/$version"
done
echo "to ship them: cp -r $out/{payer,receiver} models/"
