#!/usr/bin/env bash
# Trains both models from a simulated world, measures them on a later one, and writes docs/model-card.md.
# usage: model.sh PIXCTL PYTHON
#
# Results go to build/models/<role>/<version>: a shipped version never changes, so shipping one is a copy to models/.
# The training world has far more fraud than there is; the evaluation world has a little more, so that a small world
# holds enough of it. Sampling weights put both right.
set -euo pipefail
pixctl=$1 python=$2
version=${VERSION:-$(($(ls models/payer | sort -n | tail -1) + 1))}
work=${WORK:-build/training} out=${OUT:-build/models} card=${CARD:-docs/model-card.md}
warmup=7 # days
# seed, accounts, days, first day, boost
training=(${TRAINING:-1 60000 60 2026-01-05 120})
evaluation=(${EVALUATION:-3 40000 35 2026-03-20 20})
export PYTHONPATH=models/src

step() { printf '\n== %s (%d s so far)\n' "$*" "$SECONDS"; }

# world NAME SEED ACCOUNTS DAYS START BOOST: simulates and replays one world, and says what it held.
world() {
  local dir=$work/$1
  mkdir -p "$dir"
  step "simulate the $1 world: $3 accounts, $4 days, fraud boosted $6-fold"
  "$pixctl" simulate -seed "$2" -accounts "$3" -days "$4" -start "$5" -fraud-boost "$6" -out "$dir" -json >"$dir/simulate.json"
  step "replay the $1 world"
  "$pixctl" vectors -events "$dir/events.jsonl" -labels "$dir/labels.jsonl" -statuses "$dir/statuses.jsonl" \
    -weights "$dir/truth.jsonl" -out "$dir/vectors.parquet"
  "$python" - "$dir" "$@" <<'PY'
import json, pathlib, sys
dir, _, seed, accounts, days, start, boost = sys.argv[1:]
told = json.loads(pathlib.Path(dir, "simulate.json").read_text())
facts = {"seed": int(seed), "accounts": int(accounts), "days": int(days), "start": start, "boost": float(boost)}
facts |= {name: told[name] for name in ("events", "frauds", "labels")} | {"per_100k": told["fraud_per_100k_unboosted"]}
pathlib.Path(dir, "world.json").write_text(json.dumps(facts))
PY
}

# judge ROLE: scores the evaluation world, writes the baselines, measures everything in Go and in Python.
judge() {
  local dir=$work/$1 later=$work/evaluation
  local measure=(-truth "$later/truth.jsonl" -from "$from")
  mkdir -p "$dir"
  step "score the evaluation world with $1/$version"
  "$pixctl" score -model "$out/$1/$version" -in "$later/vectors.parquet" -out "$dir/model.parquet" -contributions alerts
  step "baselines of the $1 model"
  "$python" -m sentinela_models.baselines --vectors "$work/training/vectors.parquet" --evaluation "$later/vectors.parquet" \
    --scores "$dir/model.parquet" --role "$1" --contract models/contract/features.json --out "$dir"
  step "measure the $1 model"
  local beside=(-beside "$dir/rules.parquet" -beside "$dir/logistic.parquet")
  "$pixctl" evaluate -scores "$dir/model.parquet" "${measure[@]}" -beside "$dir/model+rules.parquet" "${beside[@]}" \
    -plots "$(dirname "$card")/model-card"
  "$pixctl" evaluate -scores "$dir/model.parquet" "${measure[@]}" -json >"$dir/model.json"
  "$pixctl" evaluate -scores "$dir/model+rules.parquet" "${measure[@]}" -beside "$dir/model.parquet" "${beside[@]}" -json \
    >"$dir/together.json"
  "$python" -m sentinela_models.evaluate --scores "$dir/model.parquet" --truth "$later/truth.jsonl" --from "$from" \
    --against "$dir/model.json"
}

rm -rf "${out:?}"/{payer,receiver}/"$version"
world training "${training[@]}"
world evaluation "${evaluation[@]}"
from=$(date -u -d "${evaluation[3]} 03:00 UTC + $warmup days" +%Y-%m-%dT%H:%M:%SZ)
printf '{"version": "%s", "warmup_days": %d, "training_world": %s, "evaluation_world": %s}\n' \
  "$version" "$warmup" "$(cat "$work/training/world.json")" "$(cat "$work/evaluation/world.json")" >"$work/run.json"
for role in payer receiver; do
  step "train $role/$version"
  "$python" -m sentinela_models.train --vectors "$work/training/vectors.parquet" --role "$role" --out "$out/$role/$version" \
    --evaluation "$work/evaluation/vectors.parquet" --truth "$work/evaluation/truth.jsonl" --warmup-days "$warmup" \
    --contract models/contract/features.json
  "$pixctl" model verify "$out/$role/$version"
  judge "$role"
done
"$python" -m sentinela_models.card --run "$work" --models "$out" --shipped models --out "$card"
step "done; $card says what came of it; to ship the models: cp -r $out/{payer,receiver} models/"
