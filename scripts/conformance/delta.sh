#!/usr/bin/env bash
# Has Spark (delta-spark) and delta-rs read what shared/lake writes, and shared/lake judge what they write: rows, versions
# and statistics of a table with every type and edge value, through checkpoints and with its first entries removed; and
# tables with raised protocols, deletion vectors and column mapping.
# LAKE_PYTHON names a Python with pyspark, delta-spark, deltalake and pyarrow. Without it, or without Java, it says so and
# skips.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${LAKE_PYTHON:-$PWD/build/venv-lake/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skip() { echo "delta: SKIPPED, $1"; exit 0; }

[[ -x $python ]] || skip "no Python with Spark at $python"
"$python" -c 'import pyspark, delta, deltalake, pyarrow' 2>/dev/null || skip "pyspark, delta-spark, deltalake or pyarrow is missing in $python"
command -v java >/dev/null || skip "no Java"

check() {
  if ! (cd "$work" && "$python" "$OLDPWD/scripts/conformance/lib/delta_check.py" "$@") 2>"$work/spark.log"; then
    tail -n 20 "$work/spark.log" >&2
    exit 1
  fi
}

ours() { go test -count=1 -run "$1" ./shared/lake >"$work/go.log" 2>&1 || { cat "$work/go.log" >&2; exit 1; }; }

mkdir "$work/ours" "$work/foreign"
LAKE_OUT=$work/ours ours '^TestConformanceTable$'
check read "$work/ours"
echo "delta: Spark and delta-rs read every row, version and statistic as written"

rm "$work"/ours/types/_delta_log/0000000000000000000[0-8].json # readers must go by the checkpoint
touch "$work/ours/cut"
check read "$work/ours"
echo "delta: and from a checkpoint, without the entries before it"

check foreign "$work/foreign"
LAKE_FOREIGN=$work/foreign ours '^TestForeignTables$'
check appended "$work/foreign"
echo "delta: what they write is appended to, or refused by name"
