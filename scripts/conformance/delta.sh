#!/usr/bin/env bash
# Has Spark, delta-rs and Delta Kernel for Java read what shared/lake writes, and shared/lake judge what they write: rows,
# versions and statistics of a table with every type and edge value, through checkpoints and with its first entries removed; a
# table of 10,000 commits with a foreign one in between and racing exporters at its end; tables with raised protocols, deletion
# vectors and column mapping. Prints how much longer the newest version takes to read after 10,000 commits than after 100.
# LAKE_PYTHON names a Python with models/requirements-lake.txt, SENTINELA_JARS a directory with the jars of
# scripts/jars/spark.sha256, DELTA_CHECKS the parts that are wanted: types aged foreign. Without Python, the jars or a JDK it
# says so and skips.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/jars/java.bash
. scripts/jars/verify.bash
python=${LAKE_PYTHON:-$PWD/build/venv-lake/bin/python}
checks=" ${DELTA_CHECKS:-types aged foreign} "
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skip() { echo "delta: SKIPPED, $1"; exit 0; }

[[ -x $python ]] || skip "no Python with Spark at $python (make test-lake makes it)"
"$python" -c 'import pyspark, delta, deltalake, pyarrow' 2>/dev/null || skip "pyspark, delta-spark, deltalake or pyarrow is missing in $python"
(($(java_version) >= 17)) && java --list-modules | grep -q '^jdk.compiler' || skip "no JDK of 17 or later (Debian: openjdk-17-jdk-headless)"
if [[ -z ${SENTINELA_JARS:-} ]]; then
  code=0
  scripts/spark-jars.sh "$python" || code=$?
  ((code <= 1)) || exit "$code"
  ((code == 0)) || skip "without the lake's jars"
  SENTINELA_JARS=$PWD/build/spark/jars
fi
verify_jars spark "$SENTINELA_JARS"
export SENTINELA_JARS PYTHONPATH=$PWD/models/src

check() {
  if ! (cd "$work" && "$python" "$OLDPWD/scripts/conformance/lib/delta_check.py" "$@") 2>"$work/spark.log"; then
    tail -n 20 "$work/spark.log" >&2
    exit 1
  fi
}

ours() { go test -count=1 -v -timeout 30m -run "$1" ./shared/lake >"$work/go.log" 2>&1 || { cat "$work/go.log" >&2; exit 1; }; }

mkdir "$work/ours" "$work/foreign"

if [[ $checks == *' types '* ]]; then
  LAKE_OUT=$work/ours ours '^TestConformanceTable$'
  check read "$work/ours"
  echo "delta: Spark, delta-rs and Delta Kernel read every row, version and statistic as written"
  rm "$work"/ours/types/_delta_log/0000000000000000000[0-8].json # readers must go by the checkpoint
  touch "$work/ours/cut"
  check read "$work/ours"
  echo "delta: and from a checkpoint, without the entries before it"
fi

if [[ $checks == *' aged '* ]]; then
  LAKE_AGED=$work/ours ours '^TestAgedTable$'
  sed -n 's/^snapshot read/delta: &/p' "$work/go.log"
  ratio=$(sed -n 's/.*, ratio //p' "$work/go.log")
  awk -v ratio="$ratio" 'BEGIN { exit !(ratio != "" && ratio <= 1.2) }' || { echo "delta: a ratio above 1.2" >&2; exit 1; }
  check aged "$work/ours"
  echo "delta: all three read 10,000 commits, a foreign one and those of racing exporters: $(cat "$work/ours/aged.json")"
fi

if [[ $checks == *' foreign '* ]]; then
  check foreign "$work/foreign"
  LAKE_FOREIGN=$work/foreign ours '^TestForeignTables$'
  check appended "$work/foreign"
  echo "delta: what they write is appended to, or refused by name"
fi
